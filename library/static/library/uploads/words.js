/* What the upload field says: sizes, times, titles and errors in words. */

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];
const WORDS = {
  401: "You have been signed out. Sign in again in another window, then try again.",
  403: "You have been signed out. Sign in again in another window, then try again.",
  507: "There is not enough free space on the disk.",
};

/* In decimal units, as library.disk.size_text has it. */
export function sizeText(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} ${Math.round(bytes) === 1 ? "byte" : "bytes"}`;
  let size = bytes;
  let step = 0;
  for (; Number(size.toFixed(1)) >= 1000 && step < UNITS.length - 1; step += 1) size /= 1000;
  return `${size.toFixed(1)} ${UNITS[step]}`;
}

export function durationText(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/* A title from a file's name. */
export function titleOf(name) {
  const words = name.replace(/\.[^.]*$/, "").replace(/[._-]+/g, " ").replace(/\s+/g, " ").trim() || "Untitled";
  return (words[0].toUpperCase() + words.slice(1)).slice(0, 200);
}

export function sentenceOf(error) {
  const response = error.originalResponse;
  if (!response) return "The connection was lost.";
  if (WORDS[response.getStatus()]) return WORDS[response.getStatus()];
  try {
    const answer = JSON.parse(response.getBody());
    return answer.detail ?? Object.values(answer).flat().join(" ");
  } catch {
    return "The upload failed.";
  }
}

/* Whether the server refused the file itself: trying again would change nothing. */
export const isRefusal = (error) => [400, 413, 415].includes(error.originalResponse?.getStatus());
