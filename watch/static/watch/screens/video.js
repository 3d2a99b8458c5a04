/* One video: the player, what it is, and what else there is of its kind. */

import { forget } from "../account.js";
import { SignedOut, call, keepFresh, local } from "../api.js";
import { grid } from "../cards.js";
import { categories, nameOf } from "../categories.js";
import { h, say, svg, tell } from "../dom.js";
import { busy } from "../forms.js";
import { BACK, CHECK, PLUS } from "../icons.js";
import { HELP } from "../player/keys.js";
import { player } from "../player/player.js";
import { named } from "../player/tracks.js";
import { again, to } from "../router.js";
import { isListed, putOnList, report, stoppedAt, takeOffList } from "../watching.js";
import { day, sentence, spoken } from "../words.js";

const LOOK_AGAIN_AFTER_MS = 5000;
const MORE = 6;
const MOST_RELOADS = 3;

export async function video({ parameters: [id], signal }) {
  const names = categories(signal).catch(() => null); // an extra, as the next two: the video plays without them
  const extras = [names, stoppedAt(id, signal).catch(() => 0), isListed(id, signal).catch(() => null)];
  const [{ body: detail }, , from, isOnList] = await Promise.all([call(`video/${id}/`, { signal }), ...extras]);
  const isShown = await isPlayable(detail, signal);
  const { element: stage, chapters } = isShown ? playing(detail, from, signal) : notReady(detail, signal);
  const more = h("section", { class: "more" });
  showMore(more, detail, signal);
  return { title: detail.title, content: [back(), stage, facts(detail, isOnList), chapters, more] };
}

export function videoLoading() {
  return [back(), h("div", { class: "player waiting" })];
}

/** What is being made has no renditions yet, and may play all the same, if this person may see it so early. */
async function isPlayable({ resolutions, hls_url: master }, signal) {
  if (resolutions.length > 0) return true;
  const answer = await fetch(local(master), { method: "HEAD", signal }).catch(() => null); // no connection
  return answer?.ok === true;
}

function playing(detail, from, signal) {
  keepFresh(signal);
  let isAsking = false;
  let reloads = 0;
  const shown = player({
    title: detail.title,
    master: local(detail.hls_url),
    poster: detail.thumbnail_url && local(detail.thumbnail_url),
    storyboard: detail.storyboard_url,
    resolutions: detail.resolutions,
    tracks: detail.tracks,
    chapters: detail.chapters,
    from,
    report: (told) => report(detail.id, told).catch((error) => hearOf(error, signal)),
    signal,
    async onTrouble(status) {
      if (isAsking || signal.aborted) return;
      isAsking = true;
      reloads += status === 401 ? 1 : 0;
      await explain(shown, detail.id, { status, mayReload: status === 401 && reloads <= MOST_RELOADS }, signal);
      isAsking = false;
    },
  });
  return shown;
}

/** What isn't told now is told ten seconds later, so nobody hears of any other failure. */
function hearOf(error, signal) {
  if (error instanceof SignedOut && !signal.aborted) forget();
}

/** The player was refused something, or lost it: the API says why, and who is still signed in plays on. */
async function explain(shown, id, { status, mayReload }, signal) {
  const retry = (...words) => {
    const goOn = () => {
      shown.tell();
      shown.reload();
    };
    shown.tell(h("p", {}, ...words), h("button", { class: "button", type: "button", on: { click: goOn } }, "Try again"));
  };
  try {
    const { body } = await call(`video/${id}/`, { signal });
    if (mayReload) shown.reload(); // the tokens were old, and are fresh now
    else if (!(await isPlayable(body, signal))) again();
    else retry(status ? "This part of the video can't be fetched." : "The connection was lost.");
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof SignedOut) forget();
    else if (error.status === 404) shown.tell(h("p", {}, "This video is gone."), h("a", { class: "button", href: to("/") }, "To the videos"));
    else retry(sentence(error));
  }
}

/** Look again until it can be played, or until it is plain that it can't. */
function notReady({ id, status, thumbnail_url: poster }, signal) {
  const isOnItsWay = ["queued", "processing"].includes(status);
  const words = isOnItsWay
    ? ["This video isn't ready yet.", "It is being prepared and begins here as soon as it can be played."]
    : ["This video can't be played.", "Something went wrong while it was prepared."];
  const look = async () => {
    try {
      const { body } = await call(`video/${id}/`, { signal });
      const hasStopped = !["queued", "processing", "ready"].includes(body.status);
      if ((hasStopped || (await isPlayable(body, signal))) && !signal.aborted) again();
    } catch (error) {
      if (!signal.aborted && (error instanceof SignedOut || error.status === 404)) again(); // else: next time
    }
  };
  if (isOnItsWay) {
    const timer = setInterval(look, LOOK_AGAIN_AFTER_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }
  const element = h(
    "section",
    { class: "player", "aria-label": "Player" },
    poster && h("img", { class: "still", src: local(poster), alt: "" }),
    h("div", { class: "trouble", role: "status" }, h("p", {}, h("strong", {}, words[0])), h("p", {}, words[1])),
  );
  return { element, chapters: null };
}

function back() {
  return h("p", { class: "back" }, h("a", { href: to("/") }, svg(BACK), "All videos"));
}

function facts({ id, title, description, duration, category, created_at: addedAt, tracks }, isOnList) {
  const of = [
    h("a", { href: to(`/?${new URLSearchParams({ category })}`) }, nameOf(category)),
    duration !== null && h("span", {}, spoken(duration)),
    h("span", {}, "Added ", h("time", { datetime: addedAt }, day(addedAt))),
  ];
  const rows = HELP.flatMap(([keys, does]) => [h("dt", {}, keys), h("dd", {}, does)]);
  return h(
    "article",
    { class: "about" },
    h("h1", {}, title),
    h("p", { class: "facts" }, ...of),
    isOnList !== null && h("p", {}, listButton(id, isOnList)),
    tracks.some(isChosenFrom) && h("p", { class: "languages" }, languages(tracks.filter(isChosenFrom))),
    description && h("p", { class: "description" }, description),
    h("details", {}, h("summary", {}, "Keyboard"), h("dl", {}, ...rows)),
  );
}

/** Puts the video on the viewer's list, and takes it off again. */
function listButton(id, isOnList) {
  const button = h("button", { class: "button listing", type: "button" });
  const shape = () => {
    button.replaceChildren(svg(isOnList ? CHECK : PLUS), "My list");
    button.setAttribute("aria-pressed", String(isOnList));
  };
  const turn = async () => {
    try {
      await (isOnList ? takeOffList(id) : putOnList(id));
      isOnList = !isOnList;
      say(isOnList ? "On your list" : "No longer on your list");
      shape();
    } catch (error) {
      if (error instanceof SignedOut) forget();
      else tell(sentence(error));
    }
  };
  button.addEventListener("click", () => busy(button, turn));
  shape();
  return button;
}

/** Whether a player's menu has it. */
function isChosenFrom({ kind, is_forced: isForced }) {
  return kind !== "chapters" && !isForced;
}

/** "Subtitles: English, German. Sound: English, German." */
function languages(tracks) {
  const sentences = [
    ["Subtitles", tracks.filter(({ kind }) => kind !== "audio")],
    ["Sound", tracks.filter(({ kind }) => kind === "audio")],
  ].filter(([, found]) => found.length > 0);
  return sentences.map(([what, found]) => `${what}: ${listed(found.map(named))}.`).join(" ");
}

function listed(names) {
  return names.join(names.some((name) => name.includes(",")) ? "; " : ", ");
}

async function showMore(section, { id, category }, signal) {
  const query = new URLSearchParams({ category, limit: MORE + 1 });
  const found = await call(`video/?${query}`, { signal }).catch(() => null); // an extra: the video plays without it
  const others = (found?.body ?? []).filter((video) => video.id !== id).slice(0, MORE);
  if (others.length > 0 && !signal.aborted) section.append(h("h2", {}, `More in ${nameOf(category)}`), grid(others));
}
