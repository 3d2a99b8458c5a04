// A video's whole life in five calls, with an API key alone; run by Node.js: `client_life.js ADDRESS KEY SOURCE`.
import {
  createVideo,
  deleteVideo,
  editVideo,
  getMasterPlaylist,
  getTranscode,
  withToken,
  type Metadata,
  type TranscodeOut,
} from "videoflix-client";

const [address = "", key = "", source = ""] = process.argv.slice(2);

function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const client = withToken(address, key);
const body = { title: "Harbour at Dawn", source_url: source, external_id: "typescript", metadata: { season: 1 } };
const headers = { "Idempotency-Key": "typescript-1" };
const made = await createVideo({ client, body, headers });
check(made.data?.external_id === "typescript", `it is made: ${JSON.stringify(made.error)}`);
const path = { video_id: made.data.id };
const again = await createVideo({ client, body, headers });
check(again.data?.id === path.video_id, "the same request makes it once");

async function ended(): Promise<TranscodeOut> {
  for (;;) {
    const { data: transcode, error } = await getTranscode({ client, path });
    check(transcode, `it says how far it is: ${JSON.stringify(error)}`);
    if (transcode.state !== "queued" && transcode.state !== "processing") return transcode;
    await new Promise((later) => setTimeout(later, 200));
  }
}

const transcode = await ended();
check(transcode.state === "ready" && transcode.playable, `it can be played: ${transcode.error?.message}`);

const metadata: Metadata = { ...made.data.metadata, dusk: true };
const edited = await editVideo({ client, path, body: { title: "Harbour at Dusk", metadata } });
check(edited.data?.title === "Harbour at Dusk" && edited.data.status === "ready", "it is edited");
check(JSON.stringify(edited.data.metadata) === '{"season":1,"dusk":true}', "what a program keeps there stays");

const { data: playlist } = await getMasterPlaylist({ client, path });
check(playlist?.startsWith("#EXTM3U"), "it plays");

const gone = await deleteVideo({ client, path });
check(gone.response?.status === 204 && gone.error === undefined, "it is deleted");
const missing = await deleteVideo({ client, path });
check(missing.response?.status === 404 && missing.error, "and not there any more");
