/* Talks to the API: JSON, the cookies that the browser keeps, and one refresh for all requests that need it.

   1. An access cookie lives 30 minutes. A request that comes too late is answered with 401.
   2. Then the refresh cookie is exchanged, once, however many requests were refused at the same time.
   3. The request is sent once more. A second 401 means that nobody is signed in: SignedOut. */

const API = "/api/";
const REFRESHED_AT = "videoflix.refreshed-at"; // shared by all tabs
const FRESH_FOR_MS = 20 * 60_000;
const LOOK_EVERY_MS = 60_000;

/** The API said no: `body` is {detail} or {field: [sentences]}. */
export class Refused extends Error {
  constructor(status, body, retryAfterS) {
    super(`refused with ${status}`);
    Object.assign(this, { status, body, retryAfterS });
  }
}

export class SignedOut extends Refused {}

export class Unreachable extends Error {}

let refreshing = null;
let refreshes = 0;

/** What the API answers: {body, total}, where `total` is what X-Total-Count says of a list that was asked for in parts.

    With `isOpen` a 401 is an answer like any other: it is for requests that sign somebody in. With `keepalive` a request
    outlives the page. Raises Refused, SignedOut and Unreachable, and what fetch raises when `signal` gives up. */
export async function call(path, { isOpen = false, ...options } = {}) {
  const before = refreshes;
  let answer = await send(path, options);
  if (answer.status === 401 && !isOpen && (refreshes > before || (await refresh()))) answer = await send(path, options);
  const body = await read(answer);
  if (answer.ok) return { body, total: Number(answer.headers.get("X-Total-Count") ?? 0) };
  const Kind = answer.status === 401 && !isOpen ? SignedOut : Refused;
  throw new Kind(answer.status, body, Number(answer.headers.get("Retry-After") ?? 0));
}

/** Exchange the refresh cookie; whoever asks meanwhile gets the same answer. False where there is none that holds. */
export function refresh() {
  refreshing ??= exchange().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function exchange() {
  const answer = await send("token/refresh/", { method: "POST" });
  if (answer.ok) {
    refreshes += 1;
    noteFreshTokens();
  } else if (answer.status >= 500) {
    throw new Refused(answer.status, await read(answer), 0);
  }
  return answer.ok;
}

/** Signing in gives fresh tokens, too. */
export function noteFreshTokens() {
  localStorage.setItem(REFRESHED_AT, String(Date.now()));
}

/** Refresh ahead of time where the tokens are old: before something that takes long. A failure shows later. */
export async function freshen() {
  const age = Date.now() - Number(localStorage.getItem(REFRESHED_AT) ?? 0);
  if (age > FRESH_FOR_MS) await refresh().catch(() => false);
}

/** Freshen as long as the signal lasts, so that a session doesn't end during a long video. */
export function keepFresh(signal) {
  freshen();
  const timer = setInterval(freshen, LOOK_EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** The API's own addresses are absolute; the page asks the host that it came from. */
export function local(url) {
  const { pathname, search } = new URL(url, location.href);
  return `${pathname}${search}`;
}

async function send(path, { method = "GET", body, signal, keepalive = false } = {}) {
  const options = { method, signal, keepalive, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (method !== "GET" && csrfToken()) options.headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  try {
    return await fetch(`${API}${path}`, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable();
  }
}

/** Asked for where somebody is signed in to the admin alone; "" where there is none. Its name may have a prefix. */
function csrfToken() {
  return document.cookie.match(/(?:^|; )[^=;]*csrftoken=([^;]*)/)?.[1] ?? "";
}

async function read(answer) {
  try {
    return await answer.json();
  } catch {
    return null; // from a proxy, say, that knows no JSON
  }
}
