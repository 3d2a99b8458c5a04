/* What the categories are called, and in which order: editors change both, so the API is asked. */

import { call } from "./api.js";
import { capitalised } from "./words.js";

const NAMES_HOLD_MS = 60_000;

let told = { at: 0, categories: [] };

/** [{slug, name}] in the editors' order, hidden ones left out: the same array for a minute. Raises what `call` does. */
export async function categories(signal) {
  if (Date.now() - told.at > NAMES_HOLD_MS) {
    const { body } = await call("categories/", { signal });
    told = { at: Date.now(), categories: body };
  }
  return told.categories;
}

/** Its name as last told. Of one that nobody is told of, as of a hidden one, the slug with a capital letter. */
export function nameOf(slug) {
  return told.categories.find((category) => category.slug === slug)?.name ?? capitalised(slug);
}
