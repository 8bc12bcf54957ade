// The line above a listing: filter, choices, what restricts it, and how much it shows.
// @ts-check
import { fill, h, setText } from "./dom.js";
import * as keys from "./keys.js";

/** Milliseconds without typing until the filter is applied. */
const TYPING = 150;

/**
 * A field that filters while one types; `/` goes there, Esc leaves it.
 * @param {object} options
 * @param {string} options.label
 * @param {(text: string, done: boolean) => void} options.onFilter `done`: not in the middle of typing
 * @param {() => void} options.onLeave
 */
export function filterField({ label, onFilter, onLeave }) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", {
      id: "filter", type: "search", placeholder: label, "aria-label": label, "aria-keyshortcuts": "/",
      spellcheck: "false", autocomplete: "off", autocapitalize: "off", enterkeyhint: "search",
    })
  );
  let timer = 0;
  const apply = (/** @type {boolean} */ done) => {
    clearTimeout(timer);
    onFilter(input.value.trim(), done);
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => apply(false), TYPING);
  });
  input.addEventListener("change", () => apply(true));
  input.addEventListener("keydown", (event) => {
    if (!["Enter", "ArrowDown", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Escape" && input.value) input.value = "";
    apply(true);
    onLeave();
  });
  keys.bind("/", "filter", () => {
    input.focus();
    input.select();
  });
  return { element: h("label", { class: "filter" }, input, h("kbd", { "aria-hidden": "true" }, "/")), input };
}

/**
 * A choice of few.
 * @param {string} label
 * @param {[value: string, title: string][]} options
 * @param {(value: string) => void} onChange
 */
export function choice(label, options, onChange) {
  const select = /** @type {HTMLSelectElement} */ (
    h("select", { "aria-label": label }, options.map(([value, title]) => h("option", { value }, title)))
  );
  select.addEventListener("change", () => onChange(select.value));
  return { element: h("label", { class: "choice" }, h("span", { "aria-hidden": "true" }, label), select), select };
}

/**
 * What restricts the listing, to be taken away.
 * @param {HTMLElement} place
 * @param {{title: string, value: string, clear: () => void}[]} restrictions
 */
export function showChips(place, restrictions) {
  fill(
    place,
    restrictions.map(({ title, value, clear }) =>
      h("button", { class: "chip", type: "button", onclick: clear, title: `Show all again, not only this ${title}` },
        h("span", { class: "quiet" }, title), " ", value, h("span", { class: "cross", "aria-label": "remove" }, "×")),
    ),
  );
}

/** The two trees of tasks.
 * @type {[path: string, title: string, hint: string][]} */
const TREES = [
  ["/tree", "Created", "Each task below the one that created it"],
  ["/waits", "Waits", "Each task below the ones that wait for it"],
];

/**
 * Leads from one tree to the other.
 * @param {string} here the path of this one
 */
export function neighbours(here) {
  const links = TREES.map(([href, text, title]) =>
    h("a", { class: "button", href, title, "aria-current": href === here && "page" }, text),
  );
  return h("nav", { class: "choices", "aria-label": "Trees" }, links);
}

/** How much is shown; read aloud when it changes much. */
export function summaryText() {
  const element = h("span", { class: "summary" });
  return { element, set: (/** @type {string} */ text) => setText(element, text) };
}
