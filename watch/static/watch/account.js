/* Who is signed in. The cookies can't be read by scripts, so the API is asked; other tabs are told of changes. */

import { SignedOut, call, noteFreshTokens } from "./api.js";

export const NEEDS_CODE = "second_factor_required";
const ASK_AGAIN_AFTER_MS = 60_000;

let person = null;
let askedAt = 0;
const listeners = new Set();
const tabs = new BroadcastChannel("videoflix");

/** {id, email, first_name, last_name, language, is_staff, …}, or null. */
export function whoIsSignedIn() {
  return person;
}

/** Call back with the person, the one before, and whether it was asked for on this page (or what to say of it):
    whenever that changes. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Ask the API. Raises what `call` does, but for SignedOut. */
export async function find({ isAskedFor = false } = {}) {
  askedAt = Date.now();
  try {
    become((await call("me/")).body, isAskedFor);
  } catch (error) {
    if (!(error instanceof SignedOut)) throw error;
    become(null, isAskedFor);
  }
  return person;
}

/** `otp` is the code of a second factor; a refusal with NEEDS_CODE asks for it. */
export async function signIn(email, password, otp = "") {
  await call("login/", { method: "POST", body: { email, password, otp }, isOpen: true });
  noteFreshTokens();
  tabs.postMessage("changed");
  return find({ isAskedFor: true });
}

/** Null afterwards, but for staff who are signed in to the admin, which is a session of its own. */
export async function signOut() {
  await call("logout/", { method: "POST", isOpen: true }).catch((error) => {
    if (error.status !== 400) throw error; // there was nothing to end
  });
  tabs.postMessage("changed");
  return find({ isAskedFor: true });
}

/** The account is gone, and every session with it. */
export async function remove(password) {
  await call("me/", { method: "DELETE", body: { password } });
  tabs.postMessage("changed");
  become(null, "Your account is deleted.");
}

/** What the API says of the person after a change. */
export function update(found) {
  person = found;
}

/** For whoever was told by a request that nobody is signed in. */
export function forget() {
  become(null, false);
}

function become(found, isAskedFor) {
  const before = person;
  person = found;
  if (before?.id !== found?.id) listeners.forEach((listener) => listener(found, before, isAskedFor));
}

function findQuietly() {
  find().catch(() => {}); // a server that can't be reached is told of by what the person does next
}

tabs.addEventListener("message", findQuietly);
document.addEventListener("visibilitychange", () => {
  const isOld = Date.now() - askedAt > ASK_AGAIN_AFTER_MS;
  if (document.visibilityState === "visible" && person && isOld) findQuietly();
});
