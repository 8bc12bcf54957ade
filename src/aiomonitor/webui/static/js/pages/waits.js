// The page of who waits for whom: each task, and below it those that it waits for.
// @ts-check
import * as api from "../api.js";
import { askToCancel } from "../cancel.js";
import * as clock from "../clock.js";
import { TASK, ofLines } from "../columns.js";
import { byId, fill, h, setText } from "../dom.js";
import { count, counted } from "../format.js";
import { Grid, showLink } from "../grid.js";
import * as keys from "../keys.js";
import { paced } from "../pace.js";
import { Shell } from "../shell.js";
import { filterField, neighbours, showChips, summaryText } from "../tools.js";
import * as url from "../url.js";
/** @import {AwaitLine, AwaitTree} from "../api.js" */

/** Lines at most. */
const LINES = 1000;
/** Seconds between two looks. */
const EVERY = 3;
/** Levels by which rows are indented. */
const DEEPEST = 24;

const MARKS = {
  circle: ["circle", "It is above here: these tasks wait for each other"],
  above: ["see above", "What it waits for is told above"],
};

/** @typedef {AwaitLine & {leaf: boolean, open: boolean}} Line */

/** What was told last.
 * @type {AwaitTree | null} */
let tree = null;
/** @type {Line[]} */
let lines = [];
/** Tasks whose branches are not shown.
 * @type {Set<number>} */
const folded = new Set();

// --- the lines --------------------------------------------------------------------------------------

/** @type {Grid<Line>} */
const grid = new Grid(byId("grid"), {
  kind: "tree",
  role: "treegrid",
  label: "Live tasks, and below each those that it waits for",
  columns: [
    { name: "name", title: "Task", build: buildName, show: showName },
    ...[TASK.number, TASK.state, TASK.coroutine, TASK.where, TASK.age].map((column) => ofLines(column, (/** @type {Line} */ { task }) => task)),
  ],
  at: (index) => lines[index],
  key: (line) => (line.mark ? `${line.mark} at ${lines.indexOf(line)}` : line.task.number),
  onOpen: (line) => location.assign(`/tasks/${line.task.number}`),
  decorate(element, line) {
    element.setAttribute("aria-level", String(line.depth + 1));
    if (line.leaf) element.removeAttribute("aria-expanded");
    else element.setAttribute("aria-expanded", String(line.open));
  },
});

/** @param {HTMLElement} cell */
function buildName(cell) {
  const twisty = h("button", { class: "twisty", type: "button", tabindex: -1, "aria-hidden": "true" });
  twisty.addEventListener("click", () => {
    const line = lines[grid.virtual.indexOf(cell.parentElement)];
    if (line) toggle(line);
  });
  cell.append(twisty, h("span", { class: "tree-label" }, h("a", { tabindex: -1 })), h("span", { class: "wait-mark" }));
}

/**
 * @param {HTMLElement} cell
 * @param {Line} line
 */
function showName(cell, { depth, task, mark, leaf, open }) {
  const [twisty, label, told] = /** @type {HTMLElement[]} */ ([...cell.children]);
  cell.style.setProperty("--depth", String(Math.min(depth, DEEPEST)));
  twisty.dataset.open = leaf ? "leaf" : String(open);
  showLink(label, task.name, `/tasks/${task.number}`);
  const [text, title] = mark ? MARKS[mark] : ["", ""];
  setText(told, text);
  told.title = title;
  told.dataset.mark = mark;
}

/** Make the lines of what is not folded. */
function layOut() {
  if (!tree) return;
  lines = [];
  let within = Infinity; // the depth of the folded task that we are below
  tree.lines.forEach((line, index, all) => {
    if (line.depth > within) return;
    const leaf = (all[index + 1]?.depth ?? 0) <= line.depth;
    const open = !leaf && !folded.has(line.task.number);
    within = leaf || open ? Infinity : line.depth;
    lines.push({ ...line, leaf, open });
  });
  grid.setCount(lines.length);
  grid.setEmpty(lines.length ? null : [h("h2", {}, "No tasks"), h("p", {}, "They appear here as they are created.")]);
  const { total, lines: told } = tree;
  summary.set(total > told.length ? `the first ${count(told.length)} of ${counted(total, "line")}` : counted(total, "line"));
}

/**
 * Unfold or fold.
 * @param {Line} line
 * @param {boolean} [unfold]
 */
function toggle({ leaf, open, task }, unfold = !open) {
  if (leaf) return;
  if (unfold) folded.delete(task.number);
  else folded.add(task.number);
  layOut();
}

// --- the page ---------------------------------------------------------------------------------------

async function load() {
  const ref = url.get("ref");
  try {
    /** @type {AwaitTree} */
    const told = await api.get("/api/waits", { ref, limit: LINES });
    if (ref !== url.get("ref")) return;
    tree = told;
    const first = tree.lines[0]?.task;
    if (first?.age) clock.learn(first.created_at, first.age);
    layOut();
  } catch (error) {
    const missing = error instanceof api.Problem && error.status === 404;
    if (tree && !missing) throw error; // what was seen last stays
    lines = [];
    grid.setCount(0);
    grid.setEmpty([h("h2", {}, missing ? `No task “${ref}”` : "No answer"), h("p", {}, error instanceof Error ? error.message : String(error))]);
    summary.set("");
  }
}

const look = paced(EVERY, load);
const summary = summaryText();
const chips = h("span", { class: "chips" });
const field = filterField({
  label: "Only below a task: ID or name",
  onFilter: (ref, done) => done && change({ ref }),
  onLeave: () => grid.go(0),
});
fill(byId("tools"), neighbours("/waits"), field.element, chips, h("span", { class: "spring" }), summary.element);

/** @param {Record<string, string | null>} changes */
function change(changes) {
  url.set(changes);
  apply();
}

function apply() {
  const ref = url.get("ref");
  const clear = () => change({ ref: null });
  showChips(chips, ref ? [{ title: "below task", value: ref, clear }] : []);
  field.input.value = "";
  look.now();
}

const shell = new Shell({
  title: "Waits",
  view: () => ({ view: "overview" }), // who waits for whom is asked for, not streamed
  onStatus: () => look.ifDue(),
  onTick: () => grid.tick(),
});

keys.bind(["l", "ArrowRight"], "unfold", () => {
  const line = grid.selected;
  if (line && !line.leaf && !line.open) toggle(line, true);
  else if (line) grid.move(1);
});
keys.bind(["h", "ArrowLeft"], "fold, or go to the one that waits", () => {
  const line = grid.selected;
  if (!line) return;
  if (line.open) toggle(line, false);
  else {
    const above = lines.slice(0, grid.selectedIndex).findLastIndex((each) => each.depth < line.depth);
    if (above >= 0) grid.go(above);
  }
});
keys.bind("c", "cancel the selected task", () => grid.selected && askToCancel(grid.selected.task));
keys.bind("Escape", "", () => grid.deselect());
url.onBack(() => apply());
apply();
shell.connect();
