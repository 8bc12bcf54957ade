// The page of tasks that have ended, the latest first.
// @ts-check
import * as api from "../api.js";
import { ENDED } from "../columns.js";
import { byId, fill, h } from "../dom.js";
import { count, counted } from "../format.js";
import { Grid } from "../grid.js";
import * as keys from "../keys.js";
import { RemoteRows } from "../rows.js";
import { Shell } from "../shell.js";
import { choice, filterField, summaryText } from "../tools.js";
import * as url from "../url.js";
/** @import {EndedTask} from "../api.js" */

const OUTCOMES = ["returned", "failed", "cancelled", "destroyed"];

function state() {
  const { filter = "", sort = "ended", reverse = "", outcome = "" } = Object.fromEntries(url.query());
  return { filter, sort, reverse: reverse === "true", outcome };
}

/** @type {RemoteRows<EndedTask>} */
const rows = new RemoteRows({
  async load(cursor, limit, signal) {
    const page = await api.get("/api/finished", { ...state(), cursor, limit }, signal);
    return { rows: page.tasks, total: page.remembered, matched: page.matched };
  },
  isLive: () => !shell.paused && ["live", "connecting"].includes(shell.stream.state),
  isPaused: () => shell.paused,
  onChange: show,
  onWindow: () => shell.connect(),
  onError: (error) => {
    if (!rows.fresh) grid.setEmpty([h("h2", {}, "No answer"), h("p", {}, String(error))]);
  },
});

/** @type {Grid<EndedTask>} */
const grid = new Grid(byId("grid"), {
  kind: "finished",
  label: "Tasks that have ended",
  columns: [ENDED.number, ENDED.ended, ENDED.outcome, ENDED.name, ENDED.coroutine, ENDED.how, ENDED.created, ENDED.duration],
  at: (index) => rows.at(index),
  key: (task) => task.number,
  onOpen: (task) => location.assign(`/finished/${task.number}`),
  onSort: (sort, reverse) => change({ sort: sort === "ended" ? null : sort, reverse }, true),
  onRange: (first, last) => rows.see(first, last),
});

function show() {
  grid.setCount(rows.matched);
  const { status } = shell;
  const all = `${counted(rows.total, "task")} remembered`;
  const ended = status && status.ended > rows.total ? `, ${count(status.ended)} have ended` : "";
  const dropped = status?.dropped ? `, ${count(status.dropped)} were not recorded` : "";
  summary.set((rows.matched === rows.total ? all : `${count(rows.matched)} of ${all}`) + ended + dropped);
  grid.setEmpty(rows.matched ? null : nothing());
}

function nothing() {
  const { filter, outcome } = state();
  if (rows.total) {
    const what = [filter && `matches “${filter}”`, outcome && `was ${outcome}`].filter(Boolean);
    const clear = () => {
      field.input.value = "";
      change({ filter: null, outcome: null }, true);
    };
    return [
      h("h2", {}, `No ended task ${what.join(" and ").replace("was failed", "has failed").replace("was returned", "has returned")}`),
      h("p", {}, `${counted(rows.total, "ended task")} remembered.`),
      h("p", {}, h("button", { class: "button", type: "button", onclick: clear }, "Clear filter")),
    ];
  }
  const note = shell.status?.note;
  return [
    h("h2", {}, note ? "Nothing is recorded" : "No task has ended yet"),
    h("p", {}, note || "When one ends, it appears here with how it ended: what it raised and where, or who cancelled it."),
  ];
}

const summary = summaryText();
const field = filterField({
  label: "Filter by name or coroutine",
  onFilter: (filter, done) => change({ filter }, done),
  onLeave: () => grid.go(0),
});
const outcomes = choice("Outcome", [["", "any outcome"], ...OUTCOMES.map((each) => /** @type {[string, string]} */ ([each, each]))], (outcome) =>
  change({ outcome }, true),
);
fill(byId("tools"), field.element, outcomes.element, h("span", { class: "spring" }), summary.element);

const shell = new Shell({
  title: "Finished",
  view: () => ({ view: "finished", ...state(), ...rows.window }),
  on: { rows: (event) => rows.takeEvent(event) },
  onTick: () => grid.tick(),
});

/**
 * @param {Record<string, string | boolean | null>} changes
 * @param {boolean} push
 */
function change(changes, push) {
  const before = location.search;
  url.set(changes, { push });
  if (location.search !== before) apply();
}

function apply() {
  const { filter, sort, reverse, outcome } = state();
  if (document.activeElement !== field.input) field.input.value = filter;
  outcomes.select.value = outcome;
  grid.setSort(sort, reverse);
  grid.scrollToTop();
  rows.reset();
  shell.connect();
}

keys.bind("r", "reverse the order", () => change({ reverse: !state().reverse }, true));
keys.bind("Escape", "", () => grid.deselect());
url.onBack(() => apply());
apply();
