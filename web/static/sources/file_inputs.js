// How a file reaches the page: the file picker, drag and drop, paste, and the sample pictures.

/**
 * Calls `onFiles(files)` for the files that come in, `onOther()` when something without a file is dropped.
 *
 * @param {{picker: HTMLInputElement, samples: Iterable<HTMLButtonElement>, root: HTMLElement}} elements
 *   `root` gets the class "dropping" while something is dragged over the page
 */
export function watchFiles({ picker, samples, root }, onFiles, onOther) {
  picker.addEventListener("change", () => {
    if (picker.files.length > 0) onFiles([...picker.files]);
    picker.value = ""; // so that the same file can be chosen again
  });
  for (const button of samples) {
    button.addEventListener("click", async () => {
      const blob = await fetch(button.dataset.picture).then((response) => response.blob());
      onFiles([new File([blob], button.textContent.trim(), { type: blob.type })]);
    });
  }
  watchDrops(root, onFiles, onOther);
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) onFiles(files);
  });
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
  addEventListener("drop", (event) => {
    event.preventDefault();
    setDepth(0);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) onFiles(files);
    else onOther();
  });
}
