/* A button that opens a list to choose one of: qualities, subtitles, sounds. */

import { h, svg } from "../dom.js";

let menus = 0;

/** `show({items: [{id, label, badge?}], chosen, summary})` says what there is; `onChoose` gets the id. Hidden without a choice. */
export function menu({ label, icon, onChoose }) {
  const listId = `menu-${(menus += 1)}`;
  const button = h(
    "button",
    { class: "control", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": listId },
    svg(icon),
  );
  const list = h("ul", { id: listId, role: "menu", "aria-label": label, hidden: true });
  const element = h("div", { class: "menu", hidden: true }, button, list);
  const items = () => [...list.querySelectorAll("[role=menuitemradio]")];

  function toggle(isOpen) {
    list.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) (items().find((item) => item.ariaChecked === "true") ?? items()[0])?.focus();
  }

  function move(event) {
    const all = items();
    const at = all.indexOf(document.activeElement);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 };
    if (event.key in moves) all[moves[event.key] % all.length].focus();
    else if (event.key === "Escape") leave();
    else if (event.key === "Tab") return toggle(false);
    else return undefined;
    event.preventDefault();
    event.stopPropagation();
    return undefined;
  }

  function leave() {
    toggle(false);
    button.focus();
  }

  button.addEventListener("click", () => toggle(list.hidden));
  list.addEventListener("keydown", move);
  element.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !element.contains(relatedTarget)) toggle(false);
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (!element.contains(target)) toggle(false);
  });

  function item({ id, label: text, badge }, chosen) {
    const attributes = { type: "button", role: "menuitemradio", "aria-checked": String(id === chosen), tabindex: "-1" };
    const choose = () => {
      leave();
      onChoose(id);
    };
    return h("li", { role: "none" }, h("button", { ...attributes, on: { click: choose } }, h("span", {}, text), badge && [" ", h("span", { class: "badge" }, badge)]));
  }

  return {
    element,
    isOpen: () => !list.hidden,
    show({ items: choices, chosen, summary }) {
      element.hidden = choices.length < 2;
      button.setAttribute("aria-label", `${label}: ${summary}`);
      button.title = `${label}: ${summary}`;
      const focused = items().indexOf(document.activeElement);
      list.replaceChildren(...choices.map((choice) => item(choice, chosen)));
      if (focused >= 0) items()[Math.min(focused, choices.length - 1)].focus();
    },
  };
}
