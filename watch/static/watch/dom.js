/* Elements without a line of HTML in a string: nothing that the API says can become markup. */

const SVG = "http://www.w3.org/2000/svg";

/** h("a", { href: "/watch/", class: "back", on: { click } }, "All videos"); null and false children are left out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An icon of 24 × 24 that screen readers skip; `path` is its outline. */
export function svg(path) {
  const attributes = { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" };
  const shape = filled(document.createElementNS(SVG, "path"), { d: path }, []);
  return filled(document.createElementNS(SVG, "svg"), attributes, [shape]);
}

function filled(element, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Say something to screen readers, once, without moving the focus. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** Say something above the screen, to everybody; the next screen takes it away. */
export function tell(text) {
  document.getElementById("note").replaceChildren(...(text ? [h("p", {}, text)] : []));
}
