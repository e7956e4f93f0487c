// How a file reaches the page: the file picker, drag and drop, paste, and the sample pictures.

/** "picture", "video", or null for any other file. */
export function kindOf(file) {
  if (file.type.startsWith("image/")) return "picture";
  if (file.type.startsWith("video/")) return "video";
  if (/\.(jpe?g|png|webp|gif|avif|bmp)$/i.test(file.name)) return "picture";
  return /\.(mp4|m4v|mov|webm|ogv|mkv)$/i.test(file.name) ? "video" : null;
}

/**
 * Calls `onFile(file)` for every file that comes in, `onOther()` when something without a file is dropped.
 *
 * @param {{picker: HTMLInputElement, samples: Iterable<HTMLButtonElement>, root: HTMLElement}} elements
 *   `root` gets the class "dropping" while something is dragged over the page
 */
export function watchFiles({ picker, samples, root }, onFile, onOther) {
  picker.addEventListener("change", () => {
    if (picker.files.length > 0) onFile(picker.files[0]);
    picker.value = ""; // so that the same file can be chosen again
  });
  for (const button of samples) {
    button.addEventListener("click", async () => {
      const image = button.querySelector("img");
      const blob = await fetch(image.src).then((response) => response.blob());
      onFile(new File([blob], button.textContent.trim(), { type: blob.type }));
    });
  }
  watchDrops(root, onFile, onOther);
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) onFile(file);
  });
}

function watchDrops(root, onFile, onOther) {
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
    const [file] = event.dataTransfer?.files ?? [];
    if (file) onFile(file);
    else onOther();
  });
}
