/* The fields of one of several files: its title, its category, and its upload, which are sent with the form. */

import { make } from "./elements.js";
import { titleOf } from "./words.js";

let count = 0;

export class RowFields {
  constructor(item, form, { title, category, errors = [] }) {
    this.item = item;
    count += 1;
    this.title = make("input", { name: "row_title", maxlength: 200, class: "vf-input" });
    this.title.value = title ?? titleOf(item.name);
    this.category = make("select", { name: "row_category", class: "vf-input" });
    for (const { value, text } of form.elements.category.options) this.category.append(make("option", { value }, text));
    this.category.value = category ?? form.elements.category.value;
    this.upload = make("input", { type: "hidden", name: "row_upload" });
    this.errors = make("span", { class: "vf-error", id: `row_errors_${count}` }, errors.join(" "));
    if (errors.length) this.title.setAttribute("aria-invalid", "true");
    this.title.setAttribute("aria-describedby", this.errors.id);
    this.element = make("span", { class: "vf-row-fields" }, this.labelled("Title", this.title), this.labelled("Category", this.category), this.upload);
    item.row.append(this.element, this.errors);
    this.title.addEventListener("input", () => {
      this.title.removeAttribute("aria-invalid");
      this.errors.textContent = "";
    });
  }

  labelled(words, field) {
    field.setAttribute("aria-label", `${words} of ${this.item.name}`);
    return make("label", {}, make("span", { class: "vf-details" }, words), field);
  }

  get values() {
    return { title: this.title.value, category: this.category.value };
  }

  remove() {
    this.element.remove();
    this.errors.remove();
  }
}
