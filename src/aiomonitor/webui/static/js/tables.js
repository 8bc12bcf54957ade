// Small tables and cards of the pages that explain, which are made anew only if they changed.
// @ts-check
import { fill, h } from "./dom.js";
import { place } from "./format.js";
import { taskLink } from "./story.js";
/** @import {Frame, Person} from "./api.js" */
/** @import {Child} from "./dom.js" */

/** Tasks that are named; of others there is the number. */
const NAMED = 5;

/** What each part was made from. @type {WeakMap<Element, string>} */
const made = new WeakMap();

/**
 * Make a part of the page anew, if what it is made from has changed. What was unfolded or focused
 * stays so, and text that somebody is selecting stays as it is.
 * @param {HTMLElement} part
 * @param {unknown} from
 * @param {() => (Child | Child[])[]} make
 */
export function remake(part, from, make) {
  const text = JSON.stringify(from);
  if (made.get(part) === text || isBeingSelected(part)) return;
  made.set(part, text);
  part.removeAttribute("aria-busy");
  const open = new Set([...part.querySelectorAll("details[open]")].map(keyOf));
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  fill(part, ...make());
  for (const details of part.querySelectorAll("details")) {
    if (open.has(keyOf(details))) details.open = true;
  }
  if (held) sameAs(part, held)?.focus();
}

/** @param {Element} part */
function isBeingSelected(part) {
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && part.contains(selection.anchorNode));
}

/** @param {Element | null} element */
function keyOf(element) {
  return element instanceof HTMLElement ? (element.dataset.key ?? "") : "";
}

/**
 * What has taken the place of an element: itself, a link to the same, or the same unfolding line.
 * @param {Element} part
 * @param {Element} former
 * @returns {HTMLElement | undefined}
 */
function sameAs(part, former) {
  if (former.isConnected) return /** @type {HTMLElement} */ (former);
  const href = former.getAttribute("href");
  const all = /** @type {HTMLElement[]} */ ([...part.querySelectorAll("a, summary")]);
  return all.find((each) => (href ? each.getAttribute("href") === href : each.tagName === former.tagName && keyOf(each.parentElement) === keyOf(former.parentElement)));
}

/**
 * A card's head, with what else belongs there.
 * @param {string} title
 * @param {...(Child | Child[])} more
 */
export function cardHead(title, ...more) {
  return h("header", { class: "card-head" }, h("h2", {}, title), ...more);
}

/** @param {string} text */
export function quiet(text) {
  return h("p", { class: "quiet inset" }, text);
}

/** @param {string} text */
export function aside(text) {
  return h("span", { class: "quiet aside" }, text);
}

/**
 * A plain table; titles that begin with "#" are of figures.
 * @param {string[]} titles
 * @param {(Child | Child[])[][]} rows
 * @param {string} [kind] its class has the columns' widths
 */
export function plainTable(titles, rows, kind = "") {
  const figure = titles.map((title) => title.startsWith("#"));
  const cell = (/** @type {string} */ tag, /** @type {number} */ index, /** @type {any} */ content) =>
    h(tag, { class: figure[index] && "figure", scope: tag === "th" && "col" }, content);
  return h(
    "div",
    { class: "scrolls" },
    h(
      "table",
      { class: `plain ${kind}` },
      h("thead", {}, h("tr", {}, titles.map((title, index) => cell("th", index, title.replace("#", ""))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((content, index) => cell("td", index, content))))),
    ),
  );
}

/**
 * A bar for a part of a whole.
 * @param {number} part from 0 to 1
 * @param {string} [kind]
 */
export function shareBar(part, kind = "") {
  const inner = h("span", { class: "share-part", hidden: part <= 0 });
  inner.style.width = `${100 * Math.min(1, Math.max(0, part))}%`;
  return h("span", { class: "share", data: { kind }, "aria-hidden": "true" }, inner);
}

/**
 * Tasks by number and name, as links.
 * @param {Person[]} people
 * @param {number} [total]
 * @returns {Child[]}
 */
export function people(people, total = people.length) {
  const told = people.slice(0, NAMED).flatMap(([number, name], index) => [index ? ", " : "", taskLink(number, `${number} (${name})`)]);
  const more = total - Math.min(people.length, NAMED);
  return more > 0 && told.length ? [...told, `, ${more} more`] : told;
}

/**
 * A line of code in short, with all of it in the tip.
 * @param {Frame | null | undefined} frame
 */
export function codePlace(frame) {
  return frame ? h("code", { title: `${frame.filename}:${frame.lineno} ${frame.function}\n${frame.source}` }, place(frame)) : "";
}

/**
 * A text in which what stands between backticks is code.
 * @param {string} text
 * @returns {Child[]}
 */
export function withCode(text) {
  return text.split(/`([^`]+)`/).map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/**
 * A sentence in which each task leads to its page.
 * @param {string} text
 * @returns {Child[]}
 */
export function sentence(text) {
  return text.split(/(task \d{1,15} \([^)]*\))/).map((part) => {
    const found = /^task (\d+) \(/.exec(part);
    return found ? taskLink(Number(found[1]), part) : part;
  });
}
