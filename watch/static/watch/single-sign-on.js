/* Single sign-on: where its button leads, and what it says of who comes back without being signed in. */

import { call, local } from "./api.js";
import { to } from "./router.js";

/* By the code behind `?error=`. */
const REFUSALS = {
  unavailable: "Single sign-on can't be reached at the moment. Try again later.",
  cancelled: "You have cancelled the sign-in.",
  email_unverified: "Your single sign-on doesn't say that your e-mail is verified.",
  account_inactive: "Your account is deactivated.",
  password_needed: "Sign in to the admin with your password once. From then on single sign-on will do.",
  not_asked: "Your single sign-on didn't ask who you are. Sign out there first, then try again.",
  other_account: "You signed in to another account of your single sign-on. Nothing was changed.",
};

/** {name, address}, where `address` comes back to `next`, or to `back` with an error; null where there is none, or where
    it can't be asked for. With `again` the provider asks who it is, even where they are signed in. Both ways back are
    addresses of the page's own. */
export async function singleSignOn({ next, back, ...rest }) {
  const { name, url } = await call("single-sign-on/", { isOpen: true }).then(({ body }) => body, () => ({}));
  if (!url) return null;
  return { name, address: `${local(url)}?${new URLSearchParams({ ...rest, next: to(next), back: to(back) })}` };
}

export function refusal(code) {
  return REFUSALS[code] ?? "Single sign-on didn't work. Try again.";
}
