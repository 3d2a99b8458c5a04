/* Starts the tracks and the chapters on a video's page. Both are outside of the page's form, and don't touch it. */

import { ChapterTable } from "./chapters.js";
import { TrackList } from "./list.js";

const root = document.querySelector("[data-tracks-panel]");
if (root) {
  const list = new TrackList(root);
  const chapters = new ChapterTable(document.querySelector("[data-chapters-panel]"), list);
  list.follow((tracks) => chapters.follow(tracks));
  root.dataset.ready = "";
}
