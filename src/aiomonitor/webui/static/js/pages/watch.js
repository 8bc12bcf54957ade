// The page of what happens to tasks, as it happens: created, ended, cancelled, stalled.
// @ts-check
import { buildState, showState } from "../columns.js";
import { byId, fill, h, setText } from "../dom.js";
import { clockTime, counted, moment } from "../format.js";
import { Grid, showLink } from "../grid.js";
import * as keys from "../keys.js";
import { Shell } from "../shell.js";
import { choice, filterField, showChips, summaryText } from "../tools.js";
import * as url from "../url.js";
/** @import {Happened, TaskEvent} from "../api.js" */

/** Lines that are kept. */
const KEPT = 1000;

/**
 * A line: an event, so many that were not told, or where watching began.
 * @typedef {{kind: "event", key: string, event: TaskEvent} | {kind: "gap", key: string, left: number} | {kind: "start", key: string, at: number}} Line
 */

/** All that was told, the latest first.
 * @type {Line[]} */
let told = [];
/** Those of the wanted kind.
 * @type {Line[]} */
let lines = [];
/** Which watch the numbers are of, by the time when it began. */
let since = 0;
/** The number of the latest event that was told, or left out. */
let last = 0;
let over = false;

// --- the lines --------------------------------------------------------------------------------------

/** @type {Grid<Line>} */
const grid = new Grid(byId("grid"), {
  kind: "watch",
  label: "What happened, the latest first",
  columns: [
    { name: "ended", title: "At", show: showTime },
    { name: "state", title: "What", build: buildState, show: showKind },
    { name: "number", title: "ID", show: (cell, line) => setText(cell, line.kind === "event" ? String(line.event.number) : "") },
    { name: "name", title: "Task", build: (cell) => cell.append(h("a", { tabindex: -1 })), show: showTask },
    { name: "coroutine", title: "Coroutine", show: (cell, line) => showText(cell, line.kind === "event" ? line.event.coroutine : "") },
    { name: "how", title: "How", show: (cell, line) => showText(cell, line.kind === "event" ? howOf(line.event) : "") },
  ],
  at: (index) => lines[index],
  key: (line) => line.key,
  onOpen: (line) => line.kind === "event" && location.assign(addressOf(line.event)),
  decorate: (element, line) => (element.dataset.line = line.kind),
});

/**
 * @param {HTMLElement} cell
 * @param {Line} line
 */
function showTime(cell, line) {
  const at = line.kind === "event" ? line.event.at : line.kind === "start" ? line.at : null;
  setText(cell, at === null ? "" : clockTime(at));
  cell.title = at === null ? "" : moment(at);
}

/**
 * @param {HTMLElement} cell
 * @param {Line} line
 */
function showKind(cell, line) {
  if (line.kind === "event") showState(cell, line.event.kind); // of other lines it is not seen
}

/**
 * @param {HTMLElement} cell
 * @param {Line} line
 */
function showTask(cell, line) {
  if (line.kind === "event") showLink(cell, line.event.name, addressOf(line.event));
  else {
    showLink(cell, line.kind === "gap" ? `${counted(line.left, "event")} left out` : "watching since then", "");
    cell.firstElementChild?.removeAttribute("href");
  }
}

/**
 * @param {HTMLElement} cell
 * @param {string} text
 */
function showText(cell, text) {
  setText(cell, text);
  cell.title = text;
}

/** @param {TaskEvent} event */
function howOf({ kind, text }) {
  return text && kind === "created" ? `by ${text}` : text;
}

/** @param {TaskEvent} event */
function addressOf({ kind, number }) {
  return kind === "ended" ? `/finished/${number}` : `/tasks/${number}`;
}

// --- what comes -------------------------------------------------------------------------------------

/**
 * Take what has happened. Numbers that are missing were left out: too much happened at once, or
 * this page was away.
 * @param {Happened} news
 */
function take(news) {
  if (news.since !== since) begin(news.since);
  /** @type {Line[]} */
  const fresh = [];
  const leaveOut = (/** @type {number} */ until) => {
    if (until > last) fresh.push({ kind: "gap", key: `gap ${since} ${last}`, left: until - last });
    last = Math.max(last, until);
  };
  for (const [number, event] of news.events) {
    if (number <= last) continue;
    leaveOut(number - 1);
    last = number;
    fresh.push({ kind: "event", key: `event ${since} ${number}`, event });
  }
  leaveOut(news.seen);
  told = [...fresh.reverse(), ...told].slice(0, KEPT);
  over = news.over;
  grid.setEmpty(null);
  layOut();
}

/** @param {number} when */
function begin(when) {
  since = when;
  last = 0;
  told = [{ kind: "start", key: `start ${when}`, at: when }, ...told];
}

function layOut() {
  const kind = url.get("kind");
  lines = kind ? told.filter((line) => line.kind === "start" || (line.kind === "event" && line.event.kind === kind)) : told;
  grid.setCount(lines.length);
  const events = counted(lines.filter((line) => line.kind === "event").length, "event");
  summary.set(over ? `${events}, and the task has ended` : events);
}

// --- the page ---------------------------------------------------------------------------------------

const summary = summaryText();
const chips = h("span", { class: "chips" });
const field = filterField({
  label: "Only tasks with this name, coroutine, or ID",
  onFilter: (text, done) => done && change(/^[0-9]+$/.test(text) ? { ref: text, filter: null } : { ref: null, filter: text }),
  onLeave: () => grid.go(0),
});
const kinds = choice("What", [["", "everything"], ["created", "created"], ["ended", "ended"], ["cancelled", "cancelled"], ["stalled", "stalled"]], (kind) => {
  url.set({ kind });
  layOut();
});
const clear = h("button", { class: "button", type: "button", onclick: forget }, "Clear");
fill(byId("tools"), field.element, kinds.element, chips, h("span", { class: "spring" }), summary.element, clear);

/** What was told goes; numbers go on. */
function forget() {
  told = [];
  layOut();
}

/** @param {Record<string, string | null>} changes */
function change(changes) {
  url.set(changes);
  apply();
}

/** Watch what the address says. */
function apply() {
  const ref = url.get("ref");
  const filter = url.get("filter");
  showChips(chips, [
    ...(ref ? [{ title: "task", value: ref, clear: () => change({ ref: null }) }] : []),
    ...(filter ? [{ title: "matching", value: filter, clear: () => change({ filter: null }) }] : []),
  ]);
  field.input.value = "";
  kinds.select.value = url.get("kind");
  since = 0;
  over = false;
  forget();
  shell.connect();
}

/** @param {string} detail */
function showGone(detail) {
  over = true;
  grid.setEmpty([h("h2", {}, "Nothing to watch"), h("p", {}, detail)]);
}

const shell = new Shell({
  title: "Watch",
  view: () => ({ view: "watch", ref: url.get("ref"), filter: url.get("filter") }),
  on: { happened: take, gone: ({ detail }) => showGone(detail) },
});

keys.bind("Escape", "", () => grid.deselect());
url.onBack(apply);
apply();
