/* Brings back which uploads a form had: those that the server names after an error in the form, or those of the draft
   after a reload. */

import { make } from "./elements.js";

export async function restoreUploads(zone, draft) {
  const [found] = await Promise.all([zone.server.unfinished(), zone.windows.ask()]);
  const wanted = wantedUploads(zone.root, draft.uploads);
  const isMany = wanted.some(({ row }) => row);
  if (isMany) zone.becomeMany();
  let restored = 0;
  for (const upload of wanted) {
    if (zone.windows.hasElsewhere(upload.id) || (!isMany && zone.items.length)) continue;
    const known = await knownOf(zone, upload, found);
    if (!known) continue;
    zone.put(known, upload.row);
    restored += 1;
  }
  if (isMany && !restored) zone.becomeOne();
  zone.unfinished.uploads = found ?? [];
  zone.changed();
  return restored > 0;
}

/* The server's answer counts; only the draft knows the name of a file whose upload has expired. */
function wantedUploads({ dataset }, drafted) {
  const named = JSON.parse(dataset.uploads);
  if (!named.length) return drafted;
  return named.map((upload) => ({ ...drafted.find(({ id }) => id === upload.id), ...upload }));
}

async function knownOf(zone, { id, name, size, lastModified }, found) {
  const upload = found?.find((one) => one.id === id);
  if (upload) return { id, name: upload.name, size: upload.length, lastModified, offset: upload.offset };
  const video = id && (await zone.server.videoOf(id));
  if (video) {
    zone.note.append(`${name} has become a video already. `, make("a", { href: `/admin/library/video/${video}/change/` }, "Open it"));
    return null;
  }
  return name && size ? { name, size, lastModified, offset: 0 } : null;
}
