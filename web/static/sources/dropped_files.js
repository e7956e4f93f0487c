// The files in what is dropped on the page, also those in folders.

export const MOST_FILES = 1000;
const MOST_FOLDERS = 1000;
const LEFTOVER = /^(\.|~\$|__MACOSX$|@eaDir$|Thumbs\.db$|desktop\.ini$)/i; // hidden, or of the system

/**
 * The files, those in folders by name; each has a `path` in what was dropped. It must be called while the event is
 * handled: the browser empties `transfer` afterwards.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<{files: File[], more: boolean}>} `more` says that there are more than `MOST_FILES`
 */
export async function droppedFiles(transfer) {
  const items = [...(transfer?.items ?? [])].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return limited([...(transfer?.files ?? [])]);
  const found = [];
  const waiting = entries.filter(Boolean);
  for (let folders = 0; waiting.length > 0 && found.length <= MOST_FILES && folders <= MOST_FOLDERS; ) {
    const entry = waiting.shift();
    if (entry.isDirectory) {
      folders += 1;
      const inside = await entriesOf(entry).catch(() => []);
      waiting.unshift(...inside.filter(({ name }) => !LEFTOVER.test(name)).sort(inOrder));
    } else {
      const file = await new Promise((done) => entry.file(done, () => done(null)));
      if (file) found.push(Object.assign(file, { path: entry.fullPath.replace(/^\//, "") }));
    }
  }
  return limited(found);
}

/** A browser gives the entries of a folder in parts, and an empty part at the end. */
async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const part = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (part.length === 0 || all.length > MOST_FILES) return all;
    all.push(...part);
  }
}

/** The files of a folder come before the folders in it. */
function inOrder(a, b) {
  return a.isDirectory - b.isDirectory || a.name.localeCompare(b.name, undefined, { numeric: true });
}

function limited(files) {
  return { files: files.slice(0, MOST_FILES), more: files.length > MOST_FILES };
}
