/* Seeking pictures: WebVTT whose cues name a rectangle on a sheet of pictures, `storyboard_00.jpg?v=1#xywh=0,0,240,136`. */

import { local } from "../api.js";

const TIMES = /^(?:(\d+):)?(\d\d):(\d\d)\.(\d{3})\s+-->\s+(?:(\d+):)?(\d\d):(\d\d)\.(\d{3})/;
const PLACE = /^(.+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/;

/** The cues of a file that lies at `address`: [{start, end, sheet, x, y, width, height}], in seconds and pixels. */
export function parse(text, address) {
  const lines = text.split(/\r\n|\n|\r/);
  return lines.flatMap((line, number) => {
    const [times, place] = [TIMES.exec(line), PLACE.exec(lines[number + 1] ?? "")];
    if (!times || !place) return [];
    const [x, y, width, height] = place.slice(2).map(Number);
    const sheet = new URL(place[1], new URL(address, location.href)).href;
    return [{ start: seconds(times.slice(1, 5)), end: seconds(times.slice(5)), sheet, x, y, width, height }];
  });
}

/** The cue whose picture stands for a moment: the last that has begun. */
export function cueAt(cues, time) {
  return cues.findLast(({ start }) => start <= time) ?? cues[0] ?? null;
}

/** The cues at an address; none where there is no such file, since a video plays without them as well. */
export async function load(url, signal) {
  try {
    const answer = await fetch(local(url), { signal });
    return answer.ok ? parse(await answer.text(), local(url)) : [];
  } catch {
    return [];
  }
}

function seconds([hours = "0", minutes, whole, thousandths]) {
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(whole) + Number(thousandths) / 1000;
}
