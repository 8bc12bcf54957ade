// The list that TAB opens over the entry.
// @ts-check
import { fill, h } from "../dom.js";

/** @typedef {{text: string, help: string}} Suggestion */

export class Completer {
  /**
   * @param {HTMLTextAreaElement} input
   * @param {HTMLElement} list
   * @param {() => void} onChange
   */
  constructor(input, list, onChange) {
    this.input = input;
    this.list = list;
    this.onChange = onChange;
    /** @type {Suggestion[]} */
    this.found = [];
    this.selected = 0;
    this.asked = "";
    input.addEventListener("blur", () => this.close());
    list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the input keeps the focus
      const item = /** @type {HTMLElement} */ (event.target).closest("li");
      if (item) this.choose(Number(item.dataset.index));
    });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** What stands before the cursor; the server looks at its last word. */
  get text() {
    return this.input.value.slice(0, this.input.selectionStart);
  }

  /** Whether there is a word to be completed; else TAB indents. */
  get hasWord() {
    return /[\w.]$/.test(this.text);
  }

  /** @param {Suggestion[]} found */
  show(found) {
    if (this.text !== this.asked || document.activeElement !== this.input) return;
    this.found = found;
    this.selected = 0;
    if (found.length === 1) return this.choose(0);
    const common = commonStart(found.map((each) => each.text));
    if (common.length > this.word.length) {
      this.replaceWord(common);
      this.asked = this.text;
    }
    this.list.hidden = !found.length;
    this.draw();
    return undefined;
  }

  get word() {
    return /[\w.]*$/.exec(this.text)?.[0] ?? "";
  }

  draw() {
    fill(
      this.list,
      this.found.map(({ text, help }, index) =>
        h(
          "li",
          { role: "option", id: `offer-${index}`, "aria-selected": String(index === this.selected), data: { index } },
          h("span", {}, text),
          help && h("span", { class: "quiet" }, help),
        ),
      ),
    );
    this.input.setAttribute("aria-activedescendant", this.isOpen ? `offer-${this.selected}` : "");
    this.list.children[this.selected]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} by */
  move(by) {
    this.selected = (this.selected + by + this.found.length) % this.found.length;
    this.draw();
  }

  /** @param {number} [index] */
  choose(index = this.selected) {
    const { text } = this.found[index];
    this.close();
    this.replaceWord(text);
  }

  /** @param {string} text */
  replaceWord(text) {
    const end = this.input.selectionStart;
    this.input.setRangeText(text, end - this.word.length, end, "end");
    this.onChange();
  }

  close() {
    this.list.hidden = true;
    this.found = [];
    this.input.removeAttribute("aria-activedescendant");
  }
}

/** @param {string[]} texts */
function commonStart(texts) {
  let common = texts[0] ?? "";
  for (const text of texts) {
    while (!text.startsWith(common)) common = common.slice(0, -1);
  }
  return common;
}
