// What programs see of refusals; run by Node.js: `client_refusals.js ADDRESS KEY OTHER_KEY`.
import { createVideo, listVideos, login, logout, withToken, type Detail, type FieldErrors } from "videoflix-client";

const [address = "", key = "", other = ""] = process.argv.slice(2);

function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

function said(error: Detail | FieldErrors | undefined, response: Response | undefined, status: number): string {
  check(response?.status === status, `${status}, and not ${response?.status}`);
  check(typeof error?.detail === "string", `a sentence: ${JSON.stringify(error)}`);
  const sentence: string = error.detail;
  return sentence;
}

const client = withToken(address, key);
const body = { title: "Twice", source_url: "https://media.example.com/harbour.mp4" };
const headers = { "Idempotency-Key": "typescript-2" };

const empty = await createVideo({ client, body: { title: "" } });
check(empty.response?.status === 400 && empty.error && !("detail" in empty.error), "fields are named");
check(empty.error["title"]?.[0]?.startsWith("String should have at least 1"), JSON.stringify(empty.error));

const first = await createVideo({ client, body, headers });
check(first.data, JSON.stringify(first.error));
const otherwise = await createVideo({ client, body: { ...body, title: "Otherwise" }, headers });
said(otherwise.error, otherwise.response, 409);

const unknown = await createVideo({ client: withToken(address, "vfk_999_0"), body });
said(unknown.error, unknown.response, 401);
const foreign = await listVideos({ client: withToken(address, other) });
said(foreign.error, foreign.response, 403);
const nobody = await logout({ client: withToken(address, "") });
said(nobody.error, nobody.response, 400);

const guess = { client: withToken(address, ""), body: { email: "typescript@example.com", password: "a guess" } };
let tried = await login(guess);
said(tried.error, tried.response, 401);
for (let tries = 0; tries < 10 && tried.response?.status === 401; tries++) tried = await login(guess);
said(tried.error, tried.response, 429);
check(Number(tried.response?.headers.get("Retry-After")) > 0, "it says when to come back");
