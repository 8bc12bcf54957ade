// What was entered and what came out: bounded, written once per frame, and always plain text.
// @ts-check
import { h } from "../dom.js";

/** Characters that stay on the page; a browser lays out some megabytes without a pause. */
const KEPT = 1_000_000;
/** Characters in one element: what is dropped goes element by element. */
const PIECE = 20_000;

// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text in which nothing is invisible: control characters become their pictures.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(/\r\n?/g, "\n").replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "␡" : "�";
  });
}

export class Log {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.waiting = "";
    this.size = 0;
    this.droppedLines = 0;
    this.frame = 0;
    /** @type {HTMLElement | null} */
    this.dropped = null;
  }

  /** @param {string} text what came out */
  write(text) {
    this.waiting += text;
    if (this.waiting.length > 2 * KEPT) this.forget(this.waiting.length - KEPT); // a hidden tab has no frames
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  /**
   * @param {string} prompt
   * @param {string} text what was entered
   */
  enter(prompt, text) {
    this.flush();
    this.put(h("pre", { class: "entered", data: { prompt } }, visible(text.replace(/\n+$/, ""))));
  }

  clear() {
    this.flush();
    this.element.replaceChildren();
    this.size = this.droppedLines = 0;
    this.dropped = null;
  }

  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const text = visible(this.waiting);
    this.waiting = "";
    for (let start = 0; start < text.length; start += PIECE) this.add(text.slice(start, start + PIECE));
  }

  /** @param {string} text */
  add(text) {
    const last = this.element.lastElementChild;
    if (last?.className === "came" && (last.textContent?.length ?? 0) + text.length <= PIECE) {
      this.keepAtEnd(() => last.append(text));
      this.size += text.length;
    } else {
      this.put(h("pre", { class: "came" }, text));
    }
  }

  /** @param {HTMLElement} element */
  put(element) {
    this.size += element.textContent?.length ?? 0;
    this.keepAtEnd(() => {
      this.element.append(element);
      while (this.size > KEPT) this.dropFirst();
    });
  }

  dropFirst() {
    const first = this.dropped ? this.dropped.nextElementSibling : this.element.firstElementChild;
    if (!first) return;
    const text = first.textContent ?? "";
    this.size -= text.length;
    first.remove();
    this.tellDropped(text.split("\n").length - 1);
  }

  /** @param {number} characters at the beginning of what waits */
  forget(characters) {
    const text = this.waiting.slice(0, characters);
    this.waiting = this.waiting.slice(characters);
    this.tellDropped(text.split("\n").length - 1);
  }

  /** @param {number} lines */
  tellDropped(lines) {
    this.droppedLines += lines;
    if (!this.dropped) {
      this.dropped = h("p", { class: "dropped" });
      this.element.prepend(this.dropped);
    }
    this.dropped.textContent = `${this.droppedLines.toLocaleString("en")} earlier lines are no longer shown.`;
  }

  /**
   * Change something, and stay at the end if the reader is there.
   * @param {() => void} change
   */
  keepAtEnd(change) {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const atEnd = scrollHeight - scrollTop - clientHeight < 40;
    change();
    if (atEnd) this.toEnd();
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}
