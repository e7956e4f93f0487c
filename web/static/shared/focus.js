// The keyboard's place on the page, which must not be lost.

/** When the element that has the focus is hidden, disabled or removed, `fallback` gets the focus. */
export function keepFocus(fallback) {
  let focused = null;
  const gone = () => !focused.isConnected || focused.closest("[hidden], :disabled") !== null;
  addEventListener("focusin", ({ target }) => (focused = target));
  // a person who leaves an element by a click beside it does not want the focus back
  addEventListener("focusout", () => focused && !gone() && (focused = null));
  new MutationObserver(() => {
    if (focused && gone()) fallback.focus();
  }).observe(document.body, { subtree: true, childList: true, attributeFilter: ["hidden", "disabled"] });
}
