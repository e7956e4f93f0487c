// A button that copies an address.

import { setText } from "./elements.js";
import { t } from "./texts.js";

const SAID_MS = 3000;

/**
 * Makes `button` copy what `address()` returns. "Copied" is shown on the button, and said aloud. Where the browser does
 * not let a page copy, it shows the address for the person to copy.
 */
export function copyOnClick(button, address) {
  const name = button.textContent;
  const announcer = document.createElement("span");
  announcer.className = "visually-hidden";
  announcer.setAttribute("role", "status");
  button.after(announcer);
  let timer = null;
  const say = (text) => {
    setText(button, text || name);
    setText(announcer, text);
  };
  button.addEventListener("click", async () => {
    clearTimeout(timer);
    if (!(await copy(address(), button))) return prompt(t("Copy this address:"), address());
    say(t("Copied"));
    timer = setTimeout(say, SAID_MS, "");
  });
}

/** Whether `text` was copied. Only pages over HTTPS or from this machine have `navigator.clipboard`. */
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.className = "visually-hidden";
    field.value = text;
    button.after(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    button.focus();
    return isCopied;
  }
}
