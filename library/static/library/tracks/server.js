/* What the page asks the API about a video's tracks. Whatever goes wrong is a Refused, with sentences for people. */

import { Server } from "../uploads/server.js";

const LOST = "The connection was lost. Try again.";
const SIGNED_OUT = "You have been signed out. Sign in again in another window, then try again.";
const FAILED = "This did not work. Try again.";

export class Refused extends Error {
  /* `fields` has the names of the fields that are wrong. */
  constructor(sentences, fields = []) {
    super(sentences.join(" "));
    this.fields = fields;
  }
}

async function refusal(response) {
  if (response.status === 401) return new Refused([SIGNED_OUT]);
  const answer = await response.json().catch(() => ({}));
  if (answer.detail) return new Refused([answer.detail]);
  const sentences = Object.values(answer).flat().map(String);
  return new Refused(sentences.length ? sentences : [FAILED], Object.keys(answer));
}

/* Of this site, whatever the API takes its own name for behind a proxy. */
const pathOf = (url) => (url ? new URL(url, location.href).pathname : null);

/* With its fields in order, so that two can be compared. */
function local(track) {
  const fields = { ...track, url: pathOf(track.url), hls_url: pathOf(track.hls_url) };
  return Object.fromEntries(Object.entries(fields).sort());
}

/* The tracks that came with the page. */
export const tracksOf = (json) => JSON.parse(json).map(local);

export class TrackServer {
  constructor({ endpoint, csrfCookie }) {
    this.endpoint = endpoint;
    this.server = new Server({ endpoint, csrfCookie });
  }

  async ask(address, { method = "GET", headers = {}, body } = {}) {
    const sent = { Accept: "application/json", "X-CSRFToken": this.server.csrfToken, ...headers };
    const response = await fetch(address, { method, headers: sent, body, redirect: "error" }).catch(() => null);
    if (!response) throw new Refused([LOST]);
    if (!response.ok) throw await refusal(response);
    return response;
  }

  async list() {
    return (await (await this.ask(this.endpoint)).json()).map(local);
  }

  async put(file, fields) {
    const body = new FormData();
    Object.entries(fields).forEach(([name, value]) => body.append(name, value));
    body.append("file", file, file.name);
    return local(await (await this.ask(this.endpoint, { method: "PUT", body })).json());
  }

  async edit({ id }, changes) {
    const headers = { "Content-Type": "application/json" };
    await this.ask(this.server.addressOf(id), { method: "PATCH", headers, body: JSON.stringify(changes) });
  }

  async delete({ id }) {
    await this.ask(this.server.addressOf(id), { method: "DELETE" });
  }

  /* This revision of a track's text, as WebVTT. */
  async text({ url, revision }) {
    return (await this.ask(`${url}?r=${revision}`, { headers: { Accept: "text/vtt" } })).text();
  }
}
