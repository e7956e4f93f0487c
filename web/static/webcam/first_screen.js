// The first screen of a phone: picture, buttons and what is seen are there without scrolling.

/**
 * Tells the style sheet, as `--below`, how much of the height is taken by all that is not the picture. This changes: a
 * notice comes, a headline has two lines. Where there are two columns, the style sheet needs no such value.
 *
 * @param {HTMLElement} screen
 * @param {HTMLElement} picture is in `screen`
 */
export function fitFirstScreen(screen, picture) {
  new ResizeObserver(() => {
    const below = screen.offsetTop + screen.offsetHeight - picture.offsetHeight;
    screen.style.setProperty("--below", `${below}px`);
  }).observe(screen);
}
