/* What the API keeps for whoever watches: where they stopped, and a list of their own. */

import { call } from "./api.js";

const OFFERED_FROM_S = 1;

/** Where to go on in a video, in seconds; 0 where it wasn't begun, or was watched to its end. */
export async function stoppedAt(id, signal) {
  const progress = await orNull(call(`me/progress/${id}/`, { signal }));
  return progress && !progress.is_finished && progress.position >= OFFERED_FROM_S ? progress.position : 0;
}

/** Tell where the player is. Raises what `call` does. */
export function report(id, { position, duration }) {
  const body = { position, ...(Number.isFinite(duration) && { duration }) };
  return call(`me/progress/${id}/`, { method: "PUT", body, keepalive: true });
}

/** {body, total}: at most `limit` of the videos that were begun, the newest first. */
export function begunVideos(limit, signal) {
  return call(`me/continue-watching/?${new URLSearchParams({ limit })}`, { signal });
}

export function forget(id) {
  return call(`me/progress/${id}/`, { method: "DELETE" });
}

export function listed({ limit, offset, signal }) {
  return call(`me/list/?${new URLSearchParams({ limit, offset })}`, { signal });
}

export async function isListed(id, signal) {
  return (await orNull(call(`me/list/${id}/`, { signal }))) !== null;
}

export function putOnList(id) {
  return call(`me/list/${id}/`, { method: "PUT" });
}

export function takeOffList(id) {
  return call(`me/list/${id}/`, { method: "DELETE" });
}

/** The body, or null for what isn't there. */
async function orNull(asked) {
  try {
    return (await asked).body;
  } catch (error) {
    if (error.status !== 404) throw error;
    return null;
  }
}
