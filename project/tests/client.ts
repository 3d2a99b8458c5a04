// What frontends and servers do with the client. It is compiled, and run by Node.js: `client.js ADDRESS EMAIL PASSWORD`.
import { createServer } from "node:http";
import { getMe, listVideos, login, register, withCookies, withToken } from "videoflix-client";

const [address = "", email = "", password = ""] = process.argv.slice(2);

function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const stranger = withToken(address, "");
const refused = await listVideos({ client: stranger });
check(refused.response?.status === 401 && refused.error, "a stranger is refused");

const headers = { "X-Token-Transport": "body" };
const { data: signedIn } = await login({ client: stranger, headers, body: { email, password } });
check(signedIn?.access, "an app gets tokens");
const access: string = signedIn.access;
const client = withToken(address, () => Promise.resolve(access));
const { data: videos } = await listVideos({ client, query: { limit: 20 } });
check(videos?.length === 0, "it lists videos");
const names: string[] = videos.map((video) => `${video.id} ${video.title} ${video.hls_url}`);
check(names.length === 0, "with their fields");
check((await getMe({ client })).data, "it says who is signed in");

// Cookies that have expired are renewed once for all requests that were refused
const seen: string[] = [];
const server = createServer((request, response) => {
  seen.push(`${request.method} ${request.url}`);
  const isRenewed = seen.includes("POST /api/token/refresh/");
  response.writeHead(isRenewed ? 200 : 401, { "Content-Type": "application/json" }).end("[]");
});
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
const place = server.address();
check(place && typeof place === "object", "it listens");
const browser = withCookies(`http://127.0.0.1:${place.port}`);
const answers = await Promise.all([listVideos({ client: browser }), listVideos({ client: browser })]);
check(answers.every((answer) => answer.data), "both are answered in the end");
check(seen.filter((line) => line.startsWith("POST")).length === 1, "and renewed once");
server.close();

export const wrong = () =>
  // @ts-expect-error a body without its password is no body
  register({ client, body: { email: "ada@example.com" } });
