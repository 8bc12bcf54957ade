// The page of all live tasks: filtered, sorted, grouped, kept up to date where one looks.
// @ts-check
import * as api from "../api.js";
import { askToCancel } from "../cancel.js";
import * as clock from "../clock.js";
import { TASK } from "../columns.js";
import { byId, fill, h, setText } from "../dom.js";
import { age, count, counted, groupName } from "../format.js";
import { buildLink, Grid, showLink } from "../grid.js";
import * as keys from "../keys.js";
import { paced } from "../pace.js";
import { RemoteRows } from "../rows.js";
import { Shell } from "../shell.js";
import { choice, filterField, showChips, summaryText } from "../tools.js";
import * as url from "../url.js";
/** @import {Group, Task} from "../api.js" */

/** Groups shown at most: what is rarer is found by filtering. */
const MOST_GROUPS = 500;
/** Seconds between two looks at the groups. */
const GROUPS_EVERY = 2;

/** @type {Record<string, string>} */
const GROUPINGS = { coroutine: "by coroutine", where: "by where they are", created_in: "by where created" };

const place = byId("grid");

function state() {
  const { filter = "", sort = "id", reverse = "", by = "", key = "", group = "" } = Object.fromEntries(url.query());
  return { filter, sort, reverse: reverse === "true", by, key, group };
}

/** What the server has to select by. */
function selection() {
  const { filter, sort, reverse, by, key } = state();
  return { filter, sort, reverse, ...(by && key ? { by, key } : {}) };
}

// --- the tasks themselves ---------------------------------------------------------------------------

/** @type {RemoteRows<Task>} */
const rows = new RemoteRows({
  async load(cursor, limit, signal) {
    const page = await api.get("/api/tasks", { ...selection(), cursor, limit }, signal);
    return { rows: page.tasks, total: page.total, matched: page.matched };
  },
  isLive: () => !shell.paused && ["live", "connecting"].includes(shell.stream.state),
  isPaused: () => shell.paused,
  onChange: showRows,
  onWindow: () => shell.connect(),
  onError: showError,
});

/** @type {Grid<Task>} */
const grid = new Grid(h("div", { class: "grid-place" }), {
  kind: "tasks",
  label: "Live tasks",
  columns: [TASK.number, TASK.state, TASK.name, TASK.coroutine, TASK.where, TASK.created, TASK.age],
  at: (index) => rows.at(index),
  key: (task) => task.number,
  onOpen: (task) => open(`/tasks/${task.number}`),
  onSort: (sort, reverse) => change({ sort: sort === "id" ? null : sort, reverse }, true),
  onRange: (first, last) => !state().group && rows.see(first, last),
});

/** For coming back. */
function rememberPlace() {
  url.remember({ scroll: grid.element.scrollTop, selected: grid.selectedIndex });
}

/** @param {string} address */
function open(address) {
  rememberPlace();
  location.assign(address);
}

function showRows() {
  if (state().group) return;
  const first = rows.at(0) ?? rows.at(rows.window.cursor);
  if (first?.age) clock.learn(first.created_at, first.age);
  grid.setCount(rows.matched);
  showSummary();
  grid.setEmpty(rows.matched ? null : nothing());
  restore();
}

function showSummary() {
  const all = counted(rows.total, "task");
  summary.set(rows.matched === rows.total ? all : `${count(rows.matched)} of ${all}`);
}

/** Why there is no task, and what to do about it. */
function nothing() {
  const { filter, by, key } = state();
  if (!rows.total) {
    return [h("h2", {}, "No tasks"), h("p", {}, "The loop has none at the moment. They appear here as they are created.")];
  }
  const what = [filter && `matches “${filter}”`, key && `is ${by === "state" ? key : `in ${key}`}`].filter(Boolean);
  return [
    h("h2", {}, `No task ${what.join(" and ")}`),
    h("p", {}, "A filter is a part of a task's name or of its coroutine's, in any case. ", `${counted(rows.total, "task")} live.`),
    h("p", {}, h("button", { class: "button", type: "button", onclick: clearAll }, "Clear filter")),
  ];
}

function clearAll() {
  field.input.value = "";
  change({ filter: null, by: null, key: null }, true);
}

/** @param {unknown} error */
function showError(error) {
  if (rows.fresh) return; // the connection's state tells
  grid.setEmpty([h("h2", {}, "No answer"), h("p", {}, error instanceof Error ? error.message : String(error))]);
}

let restored = false;

/** Be where the user left, when coming back from a task. */
function restore() {
  if (restored) return;
  restored = true;
  const { scroll, selected } = url.remembered();
  if (scroll) grid.element.scrollTop = scroll;
  if (selected >= 0) grid.select(selected);
}

// --- groups -----------------------------------------------------------------------------------------

/** @type {Group[]} */
let groups = [];
let groupTotal = 1;

/** @type {Grid<Group> | null} */
let groupGrid = null;

function makeGroupGrid() {
  /** @type {Grid<Group>} */
  const made = new Grid(h("div", { class: "grid-place" }), {
    kind: "groups",
    label: "Groups of tasks",
    columns: [
      { name: "count", title: "Tasks", show: (cell, group) => setText(cell, count(group.count)) },
      { name: "share", title: "Share", build: (cell) => cell.append(h("span", { class: "share" })), show: showShare },
      { name: "name", title: "Group", build: buildLink, show: (cell, group) => showLink(cell, groupName(group), membersOf(group)) },
      { name: "age", title: "Oldest", show: (cell, group) => setText(cell, age(group.oldest_age)) },
      {
        name: "example",
        title: "One of them",
        build: buildLink,
        show: (cell, group) => showLink(cell, `task ${group.example}`, `/tasks/${group.example}`),
      },
    ],
    at: (index) => groups[index],
    key: (group) => group.key,
    onOpen: (group) => location.assign(membersOf(group)),
  });
  return made;
}

/**
 * @param {HTMLElement} cell
 * @param {Group} group
 */
function showShare(cell, group) {
  const bar = /** @type {HTMLElement} */ (cell.firstElementChild);
  bar.style.width = `${(100 * group.count) / groups[0].count}%`;
  cell.title = `${((100 * group.count) / groupTotal).toFixed(1)} % of the tasks shown`;
}

/** @param {Group} group */
function membersOf(group) {
  return url.withChanges({ group: null, by: state().group, key: group.key });
}

async function loadGroups() {
  const { group, filter } = state();
  if (!group) return;
  try {
    const answer = await api.get("/api/groups", { by: group, filter, limit: MOST_GROUPS });
    if (group !== state().group || filter !== state().filter) return;
    groups = answer.groups;
    groupTotal = answer.matched || 1;
    rows.total = answer.total;
    rows.matched = answer.matched;
    const shown = groups.length === MOST_GROUPS ? `the ${MOST_GROUPS} largest groups` : counted(groups.length, "group");
    summary.set(`${shown}, ${answer.matched === answer.total ? "" : `${count(answer.matched)} of `}${counted(answer.total, "task")}`);
    groupGrid ??= makeGroupGrid();
    groupGrid.setCount(groups.length);
    groupGrid.setEmpty(groups.length ? null : nothing());
  } catch (error) {
    showError(error);
  }
}

const look = paced(GROUPS_EVERY, loadGroups);

// --- the page ---------------------------------------------------------------------------------------

const summary = summaryText();
const chips = h("span", { class: "chips" });
const field = filterField({
  label: "Filter by name or coroutine",
  onFilter: (filter, done) => change({ filter }, done),
  onLeave: () => (state().group ? groupGrid : grid)?.go(0),
});
const grouping = choice("Group", [["", "not grouped"], ...Object.entries(GROUPINGS)], (group) =>
  change({ group, by: null, key: null }, true),
);
const inState = choice("State", [["", "any state"], ["running", "running"], ["runnable", "runnable"], ["waiting", "waiting"]], (value) =>
  change({ by: value && "state", key: value }, true),
);
fill(byId("tools"), field.element, inState.element, grouping.element, chips, h("span", { class: "spring" }), summary.element);

const shell = new Shell({
  title: "Tasks",
  view: () => (state().group ? { view: "overview" } : { view: "tasks", ...selection(), ...rows.window }),
  on: { rows: (event) => !state().group && rows.takeEvent(event) },
  onStatus: () => state().group && look.ifDue(),
  onTick: () => !state().group && grid.tick(),
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

/** Show what the URL says. */
function apply() {
  const { filter, sort, reverse, by, key, group } = state();
  if (document.activeElement !== field.input) field.input.value = filter;
  grouping.select.value = group;
  inState.select.value = by === "state" ? key : "";
  inState.element.hidden = group !== "" || (by !== "" && by !== "state");
  grid.setSort(sort, reverse);
  const title = { coroutine: "coroutine", where: "at", created_in: "created in" }[by] ?? by;
  showChips(chips, key && by !== "state" ? [{ title, value: key, clear: () => change({ by: null, key: null }, true) }] : []);
  if (group) {
    groupGrid ??= makeGroupGrid();
    fill(place, groupGrid.element.parentElement);
    look.now();
  } else {
    fill(place, grid.element.parentElement);
    grid.scrollToTop();
    rows.reset();
  }
  shell.connect();
}

grid.element.addEventListener("click", rememberPlace, true);
keys.bind("c", "cancel the selected task", () => grid.selected && !state().group && askToCancel(grid.selected));
keys.bind("s", "sort by the next column", () => sortByNext());
keys.bind("r", "reverse the order", () => change({ reverse: !state().reverse }, true));
keys.bind("Escape", "", () => grid.deselect());
url.onBack(() => apply());
apply();

function sortByNext() {
  const sorts = ["id", "name", "coroutine", "state", "where", "age"];
  const next = sorts[(sorts.indexOf(state().sort) + 1) % sorts.length];
  change({ sort: next, reverse: next === "age" }, true);
}
