// The generated functions and types, and the two ways to say who is calling.
import { createClient, type Client } from "./generated/client/index.js";

export * from "./generated/index.js";
export type { Client };

const RENEW = "/api/token/refresh/";
const NEVER_RENEWED = [RENEW, "/api/login/", "/api/logout/"];

/** Playlists are text, as their types say. By their content type alone they would be read as a Blob. */
function readingPlaylists(client: Client): Client {
  client.interceptors.response.use((answer, _request, options) => {
    const isPlaylist = answer.headers.get("Content-Type")?.startsWith("application/vnd.apple.mpegurl");
    if (isPlaylist && options.parseAs === "auto") options.parseAs = "text";
    return answer;
  });
  return client;
}

/**
 * For browsers: the cookies that `login` sets are sent along. An answer 401 renews them, once for all requests that were
 * refused, and those are sent again; a second 401 means that nobody is signed in.
 */
export function withCookies(baseUrl: string): Client {
  let renewing: Promise<boolean> | undefined;

  function renewed(): Promise<boolean> {
    renewing ??= fetch(new URL(RENEW, baseUrl), { method: "POST", credentials: "include" })
      .then((answer) => answer.ok)
      .finally(() => (renewing = undefined));
    return renewing;
  }

  async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const again = request.clone();
    const answer = await fetch(request);
    const isRenewed = answer.status === 401 && !NEVER_RENEWED.includes(new URL(request.url).pathname);
    return isRenewed && (await renewed()) ? fetch(again) : answer;
  }

  return readingPlaylists(createClient({ baseUrl, credentials: "include", fetch: send }));
}

/** For apps and servers: an access token, or an API key (`vfk_…`); or a function that gives the present one. */
export function withToken(baseUrl: string, token: string | (() => string | Promise<string>)): Client {
  const present = typeof token === "string" ? () => token : token;
  const auth = (asked: { scheme?: string }) => (asked.scheme === "bearer" ? present() : undefined);
  return readingPlaylists(createClient({ baseUrl, auth }));
}
