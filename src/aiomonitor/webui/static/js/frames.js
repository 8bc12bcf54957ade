// Stacks as lists of frames with their source lines, and a button that copies them as text.
// @ts-check
import { h } from "./dom.js";
import { isLibrary, shortPath, traceback } from "./format.js";
/** @import {Frame} from "./api.js" */

const KEYWORDS = /\b(await|async|yield|return|raise|with|for|in|from|if|else|not|and|or|while|try|lambda)\b/g;

/**
 * Frames, outermost first. The innermost one is marked with the words given.
 * @param {readonly Frame[]} frames
 * @param {{innermost?: string}} [options]
 */
export function frameList(frames, { innermost = "" } = {}) {
  return h(
    "ol",
    { class: "frames" },
    frames.map((frame, index) => frameItem(frame, index === frames.length - 1 ? innermost : "")),
  );
}

/**
 * @param {Frame} frame
 * @param {string} mark
 */
function frameItem(frame, mark) {
  const { filename, lineno, source } = frame;
  return h(
    "li",
    { class: "frame", data: { library: String(isLibrary(filename)), last: String(mark !== "") } },
    h(
      "p",
      { class: "frame-head" },
      h("span", { class: "function" }, frame.function),
      h("span", { class: "file", title: `${filename}:${lineno}` }, `${shortPath(filename)}:${lineno}`),
      mark && h("span", { class: "mark" }, mark),
    ),
    source ? h("pre", { class: "source" }, h("code", {}, tinted(source))) : null,
  );
}

/**
 * A line of Python, its keywords marked.
 * @param {string} source
 */
function tinted(source) {
  return source
    .split(KEYWORDS)
    .map((part, index) => (index % 2 ? h("span", { class: part === "await" ? "await" : "keyword" }, part) : part));
}

/**
 * A button that copies text.
 * @param {() => string} text
 * @param {string} [label]
 */
export function copyButton(text, label = "Copy") {
  const button = h("button", { class: "button small copy", type: "button" }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text())) ? "Copied" : "Could not copy";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

/**
 * A stack with its title and a button to copy it.
 * @param {string} title
 * @param {readonly Frame[]} frames
 * @param {{innermost?: string, head?: string}} [options] `head` goes before the copied lines
 */
export function stackSection(title, frames, { innermost = "", head = title } = {}) {
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", {}, title), copyButton(() => `${head}\n${traceback(frames)}`, "Copy stack")),
    frameList(frames, { innermost }),
  );
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // plain HTTP from another machine has no clipboard
  }
}

/** @param {string} text */
function copyBySelection(text) {
  const area = /** @type {HTMLTextAreaElement} */ (h("textarea", { class: "unseen" }));
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
