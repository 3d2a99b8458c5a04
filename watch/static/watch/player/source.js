/* What the <video> plays: hls.js wherever it runs, else the browser's own HLS (iPhones). Both can be told a quality.

   A source has `qualities` ([{id, label}], best first), `quality` (the id that was chosen, AUTO at first), `playing` (the
   label of what is seen, "" where that isn't known), choose(id), reload() and destroy(); `texts` and `sounds` as
   choices.js has them, the ids `text` (NONE where none is shown) and `sound`, chooseText(id) and chooseSound(id). */

import { HlsSource } from "./hls_source.js";
import { NativeSource } from "./native_source.js";

const HLS_JS = new URL("../../library/vendor/hls.js-1.7.4/hls.min.js", import.meta.url).href;

let loading = null;

/** It begins at `from` seconds. `onChange` is called when anything of it changes, `onTrouble` with the HTTP status that ended it, or 0. */
export async function open(video, { master, resolutions, tracks, from, onChange, onTrouble }) {
  const Hls = "MediaSource" in window || "ManagedMediaSource" in window ? await hlsJs() : null;
  if (Hls?.isSupported()) return new HlsSource(Hls, video, { master, from, onChange, onTrouble });
  return new NativeSource(video, { master, resolutions, tracks, from, onChange, onTrouble });
}

/** The vendored library, which has no module of its own: fetched when the first video is opened. */
function hlsJs() {
  loading ??= new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = HLS_JS;
    script.addEventListener("load", () => resolve(window.Hls));
    script.addEventListener("error", () => resolve(null));
    document.head.append(script);
  });
  return loading;
}
