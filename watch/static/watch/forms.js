/* Forms that say what is wrong beside the field that it is about, and once more for screen readers. */

import { Refused } from "./api.js";
import { h } from "./dom.js";
import { sentence } from "./words.js";

/** A form whose `send` gets the values by name, and whose errors are shown. A field: {name, label, type, ...attributes};
    with `options` ([value, label]) one of them is chosen, and with `isOptional` it may be empty. `prefix` tells the form's
    fields from those of others on the screen. */
export function form({ fields, action, send, after = [], prefix = "" }) {
  const alert = h("p", { class: "wrong", role: "alert", hidden: true, tabindex: "-1" });
  const rows = fields.map((field) => row(field, prefix));
  const button = h("button", { class: "button main", type: "submit" }, action);
  const element = h("form", { class: "form", novalidate: true }, alert, ...rows.map(({ element }) => element), button, ...after);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    alert.hidden = true;
    rows.forEach((field) => field.tell(field.input.value || field.isOptional ? "" : "Please fill this in."));
    if (!rows.some((field) => field.isWrong())) await busy(button, () => trySending(send, rows, alert));
    rows.find((field) => field.isWrong())?.input.focus();
  });
  return element;
}

async function trySending(send, rows, alert) {
  try {
    await send(Object.fromEntries(rows.map(({ input }) => [input.name, input.value])));
  } catch (error) {
    const told = error instanceof Refused && error.status === 400 ? rows.filter((field) => tellOf(field, error.body)) : [];
    if (told.length > 0) return;
    alert.textContent = sentence(error);
    alert.hidden = false;
    alert.focus();
  }
}

function tellOf(field, body) {
  const sentences = body?.[field.input.name];
  if (Array.isArray(sentences)) field.tell(sentences.join(" "));
  return Array.isArray(sentences);
}

/** Keep a button from being pressed twice. */
export async function busy(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

function row({ name, label, hint = "", type = "text", isOptional = false, options, value, ...attributes }, prefix) {
  const id = `${prefix}${name}`;
  const [hintId, wrongId] = [`${id}-hint`, `${id}-wrong`];
  const described = hint ? `${hintId} ${wrongId}` : wrongId;
  const common = { id, name, required: !isOptional, "aria-describedby": described, ...attributes };
  const input = options ? h("select", common, ...options.map(option)) : h("input", { type, ...common });
  if (value !== undefined) input.value = value;
  const wrong = h("span", { id: wrongId, class: "wrong" });
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    type === "password" ? h("span", { class: "secret" }, input, reveal(input)) : input,
    hint && h("span", { id: hintId, class: "hint" }, hint),
    wrong,
  );
  return {
    element,
    input,
    isOptional,
    isWrong: () => wrong.textContent !== "",
    tell(text) {
      wrong.textContent = text;
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

function option([value, label]) {
  return h("option", { value }, label);
}

function reveal(input) {
  const button = h("button", { type: "button", class: "reveal", "aria-pressed": "false", "aria-label": "Show the password" }, "Show");
  button.addEventListener("click", () => {
    const isHidden = input.type === "password";
    input.type = isHidden ? "text" : "password";
    button.textContent = isHidden ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(isHidden));
  });
  return button;
}
