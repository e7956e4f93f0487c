// How files reach the page: the file picker, drag and drop, paste, and the sample pictures.

import { droppedFiles } from "./dropped_files.js";

/**
 * Calls `onFiles(files, more)` for the files that come in; `more` says that some were left out, because there were too
 * many. Calls `onOther()` when something without a file is dropped, and `onMissing()` when a sample could not be loaded.
 *
 * @param {{picker: HTMLInputElement, samples: Iterable<HTMLButtonElement>, root: HTMLElement}} elements
 *   `root` gets the class "dropping" while something is dragged over the page
 */
export function watchFiles({ picker, samples, root }, onFiles, onOther, onMissing) {
  picker.addEventListener("change", () => {
    if (picker.files.length > 0) onFiles([...picker.files]);
    picker.value = ""; // so that the same file can be chosen again
  });
  for (const button of samples) {
    button.addEventListener("click", async () => {
      const file = await load(button.querySelector("img").src, button.textContent.trim()).catch(() => null);
      if (file) onFiles([file]);
      else onMissing();
    });
  }
  watchDrops(root, onFiles, onOther);
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) onFiles(files);
  });
}

async function load(address, name) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(response.statusText);
  const blob = await response.blob();
  return new File([blob], name, { type: blob.type });
}

function watchDrops(root, onFiles, onOther) {
  let depth = 0; // dragenter and dragleave also fire for every element inside
  const setDepth = (value) => {
    depth = Math.max(0, value);
    root.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => {
    event.preventDefault();
    setDepth(depth + 1);
  });
  addEventListener("dragleave", () => setDepth(depth - 1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    setDepth(0);
    const { files, more } = await droppedFiles(event.dataTransfer);
    if (files.length > 0) onFiles(files, more);
    else onOther();
  });
}
