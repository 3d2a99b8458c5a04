/* Elements made by hand, since nothing inline is allowed. */

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}

/* A button whose name for screen readers says what it is about, too. */
export function button(label, about, onClick) {
  const element = make("button", { type: "button", class: "vf-button", "aria-label": about ? `${label} ${about}` : label }, label);
  element.addEventListener("click", onClick);
  return element;
}

export function relabel(element, label, about) {
  element.textContent = label;
  element.setAttribute("aria-label", `${label} ${about}`);
}

/* A row of the list of uploads. */
export function listRow(name, buttons, ...more) {
  const head = make("span", { class: "vf-item-head" }, make("strong", {}, name), make("span", { class: "vf-buttons" }, ...buttons));
  return make("li", { class: "vf-item" }, head, ...more);
}

/* Asks a question in a dialog. Resolves to whether it was answered with yes. */
export function ask(question, yes) {
  return new Promise((resolve) => {
    const dialog = make("dialog", { class: "vf-dialog", "aria-label": yes });
    const answer = (value) => () => dialog.close(value);
    const buttons = make("div", { class: "vf-buttons" }, button(yes, "", answer("yes")), button("Cancel", "", answer("")));
    dialog.append(make("p", {}, question), buttons);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
