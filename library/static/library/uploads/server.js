/* What the upload field asks the server, beside the uploads themselves (tus-js-client does those). */

export class Server {
  constructor({ endpoint, csrfCookie }) {
    Object.assign(this, { endpoint, csrfCookie });
  }

  /* Read each time: signing in to the admin in another tab changes the cookie. */
  get csrfToken() {
    return document.cookie.match(`(?:^|; )${this.csrfCookie}=([^;]*)`)?.[1] ?? "";
  }

  addressOf(id) {
    return `${this.endpoint}${id}/`;
  }

  /* The editor's uploads that no video has taken; null where the server can't be asked. */
  async unfinished() {
    const response = await fetch(this.endpoint, { headers: { Accept: "application/json" } }).catch(() => null);
    return response?.ok ? response.json() : null;
  }

  /* The id of the video that took the upload; null where none did. */
  async videoOf(id) {
    const response = await fetch(this.addressOf(id), { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } }).catch(() => null);
    return response?.headers.get("X-Video-ID") ?? null;
  }

  async end(id) {
    const headers = { "Tus-Resumable": "1.0.0", "X-CSRFToken": this.csrfToken };
    await fetch(this.addressOf(id), { method: "DELETE", headers }).catch(() => null);
  }
}

export const idOf = (url) => url?.match(/([0-9a-f-]{36})\/?$/)?.[1] ?? "";
