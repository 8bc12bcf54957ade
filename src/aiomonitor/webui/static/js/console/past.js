// What was entered before, for Up and Down; kept for as long as the tab is open.
// @ts-check

const KEY = "aiomonitor.console";
const KEPT = 500;

export class Past {
  constructor() {
    /** @type {string[]} */
    this.entries = load();
    this.place = this.entries.length;
    this.draft = "";
  }

  /** @param {string} text */
  add(text) {
    if (text.trim() && text !== this.entries.at(-1)) this.entries.push(text);
    this.entries.splice(0, this.entries.length - KEPT);
    this.place = this.entries.length;
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.entries));
    } catch {
      // Storage may be full, or forbidden: then they last as long as the page.
    }
  }

  /**
   * The entry before or after, or undefined at the end.
   * @param {-1 | 1} by
   * @param {string} present what is being typed; it comes back after the last one
   */
  step(by, present) {
    const place = this.place + by;
    if (place < 0 || place > this.entries.length) return undefined;
    if (this.place === this.entries.length) this.draft = present;
    this.place = place;
    return place === this.entries.length ? this.draft : this.entries[place];
  }
}

/** @returns {string[]} */
function load() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
