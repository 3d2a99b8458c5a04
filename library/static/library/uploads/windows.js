/* Tells the admin's windows in this browser which uploads each of them has, so that none ends or continues another's.

   A window says what it has when that changes, when it is asked, and that it has nothing when it closes. */

const ANSWERS_WITHIN_MS = 250;

export class Windows {
  constructor(onChange) {
    this.onChange = onChange;
    this.name = Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-");
    this.mine = [];
    this.others = new Map();
    this.channel = new BroadcastChannel("videoflix-uploads");
    this.channel.addEventListener("message", ({ data }) => this.hear(data));
    window.addEventListener("pagehide", () => this.channel.postMessage({ from: this.name, ids: [] }));
    window.addEventListener("pageshow", ({ persisted }) => { if (persisted) this.tell(); });
  }

  hear({ from, ids, isQuestion }) {
    if (isQuestion) return this.tell();
    this.others.set(from, ids);
    this.onChange();
  }

  /* Say what this window has. */
  have(ids) {
    if (ids.join() === this.mine.join()) return;
    this.mine = ids;
    this.tell();
  }

  tell() {
    this.channel.postMessage({ from: this.name, ids: this.mine });
  }

  /* Ask the others, and wait as long as an open window needs to answer. */
  async ask() {
    this.channel.postMessage({ isQuestion: true });
    await new Promise((resolve) => { setTimeout(resolve, ANSWERS_WITHIN_MS); });
  }

  hasElsewhere(id) {
    return [...this.others.values()].some((ids) => ids.includes(id));
  }
}
