/* The keyboard, wherever on the page the focus is, but where keys mean something else. */

export const HELP = [
  ["Space or K", "Play or pause"],
  ["← →", "5 seconds back, on"],
  ["J L", "10 seconds back, on"],
  ["↑ ↓", "Louder, quieter"],
  ["0 to 9", "To a tenth of the video"],
  ["M", "Mute"],
  ["C", "Subtitles on or off"],
  ["F", "Full screen"],
];

/** Listen until the signal is aborted. */
export function listen({ toggle, skip, jump, louder, mute, toggleTexts, fullScreen }, signal) {
  const keys = {
    " ": toggle,
    k: toggle,
    ArrowLeft: () => skip(-5),
    ArrowRight: () => skip(5),
    j: () => skip(-10),
    l: () => skip(10),
    ArrowUp: () => louder(1),
    ArrowDown: () => louder(-1),
    m: mute,
    c: toggleTexts,
    f: fullScreen,
    Home: () => jump(0),
    End: () => jump(1),
  };
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTakenElsewhere(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = /^\d$/.test(key) ? () => jump(Number(key) / 10) : keys[key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", pressed, { signal });
}

/** Text is typed, a button is pressed, a menu is walked, the page is scrolled by whoever is not at the player. */
function isTakenElsewhere({ key, target }) {
  if (target.closest("[role=menu], textarea, select, input:not([type=range])")) return true;
  if (target.matches(".loudness")) return key.startsWith("Arrow") || ["Home", "End"].includes(key);
  if (target.matches("button, a, summary")) return key === " " || key === "Enter";
  const isScrolling = ["ArrowUp", "ArrowDown", "Home", "End"].includes(key);
  return isScrolling && !target.closest(".player");
}
