/* Times of chapters: h:mm:ss or h:mm:ss.mmm as people type them, and chapters as WebVTT and back. All in milliseconds. */

const TYPED = /^(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{1,3}))?$/;
const CUE = /^(?:(\d+):)?(\d\d):(\d\d)\.(\d{3}) --> .*$/;

/* The hours may be left out. Returns null for what is no time. */
export function parseTime(text) {
  const found = TYPED.exec(text.trim());
  if (!found) return null;
  const [, hours, minutes, seconds, fraction = ""] = found;
  if (Number(seconds) > 59 || (hours !== undefined && Number(minutes) > 59)) return null;
  return (Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000 + Number(fraction.padEnd(3, "0"));
}

const padded = (number, digits = 2) => String(number).padStart(digits, "0");

/* "0:05:12", or "0:05:12.500" where there is a fraction. */
export function timeText(ms) {
  const whole = Math.floor(ms / 1000);
  const clock = `${Math.floor(whole / 3600)}:${padded(Math.floor(whole / 60) % 60)}:${padded(whole % 60)}`;
  return ms % 1000 ? `${clock}.${padded(ms % 1000, 3)}` : clock;
}

const cueTime = (ms) => `${timeText(ms - (ms % 1000)).padStart(8, "0")}.${padded(ms % 1000, 3)}`;
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const plain = (text) => new DOMParser().parseFromString(text, "text/html").body.textContent;

/* Chapters in the order of their times; each lasts until the next one begins, the last one until the video's end. */
export function vttOf(chapters, endMs) {
  const cues = chapters.map(({ startMs, title }, index) => {
    const untilMs = chapters[index + 1]?.startMs ?? endMs;
    return `${cueTime(startMs)} --> ${cueTime(untilMs)}\n${escaped(title)}\n`;
  });
  return ["WEBVTT\n", ...cues].join("\n");
}

/* The chapters of WebVTT as the server writes it. */
export function chaptersOf(vtt) {
  const found = [];
  for (const block of vtt.split(/\n{2,}/)) {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => CUE.test(line));
    if (at < 0) continue;
    const [, hours = 0, minutes, seconds, ms] = CUE.exec(lines[at]);
    const startMs = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000 + Number(ms);
    found.push({ startMs, title: plain(lines.slice(at + 1).join(" ")).trim() });
  }
  return found;
}
