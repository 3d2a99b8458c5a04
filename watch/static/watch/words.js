/* Times, dates and errors in words. */

import { Refused, Unreachable } from "./api.js";

/** 75.4 as "1:15", 3675 as "1:01:15". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const parts = hours ? [hours, padded(minutes), padded(rest)] : [minutes, padded(rest)];
  return parts.join(":");
}

/** 75.4 as "1 minute 15 seconds". */
export function spoken(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const parts = [
    [Math.floor(whole / 3600), "hour"],
    [Math.floor(whole / 60) % 60, "minute"],
    [whole % 60, "second"],
  ].filter(([number]) => number > 0);
  return parts.map(([number, unit]) => counted(number, unit)).join(" ") || "0 seconds";
}

/** 75.4 as "2 minutes", 5400 as "1 hour 30 minutes": for what need not be told to the second. */
export function spokenShortly(seconds) {
  return seconds < 60 ? spoken(seconds) : spoken(60 * Math.ceil(seconds / 60));
}

/** "1 video", "12 videos". */
export function counted(number, unit) {
  return number === 1 ? `1 ${unit}` : `${number} ${unit}s`;
}

export function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "27 Nov 2026, 18:30", in the reader's own way and time zone. */
export function moment(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** "18:30", in the reader's own way and time zone. */
export function timeOfDay(iso) {
  return new Date(iso).toLocaleTimeString(undefined, { timeStyle: "short" });
}

/** "27 November 2026", in the reader's own way of writing dates. */
export function day(iso) {
  return new Date(iso).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
}

/** What went wrong, for people. Errors of the program itself are thrown on. */
export function sentence(error) {
  if (error instanceof Unreachable) return "The server can't be reached. Check your connection and try again.";
  if (!(error instanceof Refused)) throw error;
  if (error.status === 429) return `Too many attempts. Try again in ${wait(error.retryAfterS)}.`;
  return error.body?.detail ?? (ofFields(error.body) || "This didn't work. Please try again.");
}

/** What was said of fields that the form doesn't show. */
function ofFields(body) {
  return Object.values(body ?? {}).flat().join(" ");
}

function wait(seconds) {
  return seconds > 90 ? counted(Math.ceil(seconds / 60), "minute") : counted(Math.max(1, seconds), "second");
}

function padded(number) {
  return String(number).padStart(2, "0");
}
