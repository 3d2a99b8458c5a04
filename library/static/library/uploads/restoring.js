/* Brings back which uploads a form had: those that the server names after an error in the form, or those of the draft
   after a reload. */

import { make } from "./elements.js";

/* Resolves to how many uploads the form has again, and how many were found to be videos already. */
export async function restoreUploads(zone, draft) {
  const [found] = await Promise.all([zone.server.unfinished(), zone.windows.ask()]);
  const wanted = wantedUploads(zone.root, draft.uploads);
  const isMany = wanted.some(({ row }) => row);
  if (isMany) zone.becomeMany();
  let [restored, taken] = [0, 0];
  for (const upload of wanted) {
    if (zone.windows.hasElsewhere(upload.id) || (!isMany && zone.items.length)) continue;
    const known = await knownOf(zone, upload, found);
    if (known?.video) taken += 1;
    if (!known?.size) continue;
    zone.put(known, upload.row);
    restored += 1;
  }
  if (isMany && !restored) zone.becomeOne();
  zone.unfinished.uploads = found ?? [];
  zone.changed();
  return { restored, taken };
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
  if (!found && name && size) return { id, name, size, lastModified };
  const video = id && (await zone.server.videoOf(id));
  if (video) {
    zone.note.append(`${name} has become a video already. `, make("a", { href: `/admin/library/video/${video}/change/` }, "Open it"));
    return { video };
  }
  return name && size ? { name, size, lastModified, offset: 0 } : null;
}
