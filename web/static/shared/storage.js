// What a browser keeps for a page. It may forbid that, in any of these calls.

/** What `use()` returns, or null where the browser forbids it. */
export function valueOrNull(use) {
  try {
    return use();
  } catch {
    return null;
  }
}
