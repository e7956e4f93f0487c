// The address of the gateway's root, as the browser sees it: a proxy may have added a path.

export const ROOT = new URL(document.documentElement.dataset.root ?? "/", location.href);
