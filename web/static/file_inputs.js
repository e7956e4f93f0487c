// Ways in for a file: the file picker, drag and drop, paste, and the sample pictures.

/** "picture", "video", or null for neither. */
export function kindOf(file) {
  if (file.type.startsWith("image/")) return "picture";
  if (file.type.startsWith("video/")) return "video";
  if (/\.(jpe?g|png|webp|gif|avif|bmp)$/i.test(file.name)) return "picture";
  return /\.(mp4|m4v|mov|webm|ogv|mkv)$/i.test(file.name) ? "video" : null;
}

/**
 * Calls `take(file)` for every file that comes in, `refuse()` for something that is none.
 *
 * @param {{picker: HTMLInputElement, samples: Iterable<HTMLButtonElement>, root: HTMLElement}} elements
 *   `root` gets the class "dropping" while something hovers over the page
 */
export function watchFiles({ picker, samples, root }, take, refuse) {
  picker.addEventListener("change", () => {
    if (picker.files.length > 0) take(picker.files[0]);
    picker.value = ""; // so that the same file can be chosen again
  });
  for (const button of samples) {
    button.addEventListener("click", async () => {
      const image = button.querySelector("img");
      const blob = await fetch(image.src).then((response) => response.blob());
      take(new File([blob], button.textContent.trim(), { type: blob.type }));
    });
  }
  watchDrops(root, take, refuse);
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) take(file);
  });
}

function watchDrops(root, take, refuse) {
  let depth = 0; // dragenter and dragleave also fire for every element inside
  const hover = (change) => {
    depth = Math.max(0, change);
    root.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => {
    event.preventDefault();
    hover(depth + 1);
  });
  addEventListener("dragleave", () => hover(depth - 1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    hover(0);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file);
    else refuse();
  });
}
