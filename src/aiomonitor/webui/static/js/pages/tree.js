// The page of who created whom: a tree that is fetched as it is unfolded.
// @ts-check
import * as api from "../api.js";
import { askToCancel } from "../cancel.js";
import * as clock from "../clock.js";
import { TASK, ofLines } from "../columns.js";
import { byId, fill, h, setText } from "../dom.js";
import { counted, count } from "../format.js";
import { Grid, showLink } from "../grid.js";
import * as keys from "../keys.js";
import { paced } from "../pace.js";
import { scopeMark } from "../scopes.js";
import { Shell } from "../shell.js";
import { filterField, neighbours, summaryText } from "../tools.js";
import * as url from "../url.js";
/** @import {Task, TreeNode, TreePage} from "../api.js" */

/** Children fetched at once. */
const PAGE = 100;
/** Seconds between two looks at what is unfolded. */
const EVERY = 3;
/** Levels by which rows are indented: a chain of callbacks may be much deeper. */
const DEEPEST = 24;

/**
 * A line of the tree: a task, or what stands for the rest of a long row of siblings.
 * @typedef {{kind: "task", node: TreeNode, depth: number, open: boolean} | {kind: "more", parent: number, left: number, depth: number}} Line
 */

/** What was fetched, by the parent's number; 0 has the roots.
 * @type {Map<number, {nodes: TreeNode[], total: number}>} */
const branches = new Map();
/** How many children of a parent are wanted.
 * @type {Map<number, number>} */
const wanted = new Map();
/** @type {Line[]} */
let lines = [];

/** In the URL are the tasks that are not as at first: folded, but the runtime's own are not. */
function state() {
  const { filter = "", open = "" } = Object.fromEntries(url.query());
  return { filter, turned: new Set(open.split(".").filter(Boolean).map(Number)) };
}

/**
 * @param {TreeNode} node
 * @param {Set<number>} turned
 */
function isUnfolded({ task, children }, turned) {
  return children > 0 && turned.has(task.number) !== Boolean(task.system);
}

// --- the lines --------------------------------------------------------------------------------------

/** @type {Grid<Line>} */
const grid = new Grid(byId("grid"), {
  kind: "tree",
  role: "treegrid",
  label: "Live tasks below the tasks that created them",
  columns: [
    { name: "name", title: "Task", build: buildName, show: showName },
    ...[TASK.number, TASK.state, TASK.coroutine, TASK.where, TASK.age].map((column) => ofLines(column, taskOf)),
  ],
  at: (index) => lines[index],
  key: (line) => (line.kind === "task" ? line.node.task.number : `more-${line.parent}`),
  onOpen: (line) => (line.kind === "task" ? location.assign(`/tasks/${line.node.task.number}`) : showMore(line.parent)),
  decorate(element, line) {
    element.dataset.line = line.kind;
    element.setAttribute("aria-level", String(line.depth + 1));
    if (line.kind === "task" && line.node.children) element.setAttribute("aria-expanded", String(line.open));
    else element.removeAttribute("aria-expanded");
  },
});

/**
 * @param {Line} line
 * @returns {Task | null}
 */
function taskOf(line) {
  return line.kind === "task" ? line.node.task : null;
}

/** @param {HTMLElement} cell */
function buildName(cell) {
  const twisty = h("button", { class: "twisty", type: "button", tabindex: -1, "aria-hidden": "true" });
  twisty.addEventListener("click", () => {
    const line = lines[grid.virtual.indexOf(cell.parentElement)];
    if (line) toggle(line);
  });
  const label = h("span", { class: "tree-label" }, h("a", { tabindex: -1 }));
  cell.append(twisty, label, h("span", { class: "badge" }), h("span", { class: "scope-marks" }), h("span", { class: "path" }));
}

/**
 * @param {HTMLElement} cell
 * @param {Line} line
 */
function showName(cell, line) {
  const [twisty, label, badge, marks, path] = /** @type {HTMLElement[]} */ ([...cell.children]);
  cell.style.setProperty("--depth", String(Math.min(line.depth, DEEPEST)));
  if (line.kind === "more") {
    twisty.dataset.open = "more";
    showLink(label, `${count(line.left)} more`, location.href);
    setText(badge, "");
    setText(path, "");
    fill(marks);
    return;
  }
  const { task, children, path: above = [] } = line.node;
  twisty.dataset.open = children ? String(line.open) : "leaf";
  showLink(label, task.name, `/tasks/${task.number}`);
  setText(badge, children ? count(children) : "");
  const { scopes } = line.node;
  if (scopes) badge.title = children ? `${counted(children, "task")} in its nurseries` : "";
  else badge.title = children ? `created ${counted(children, "task")} that ${children === 1 ? "lives" : "live"}` : "";
  fill(marks, ...(scopes ?? []).map(scopeMark));
  const nursery = task.nursery === undefined ? "" : `in nursery s${task.nursery}`;
  setText(path, above.length ? `in ${above.map(([, name]) => name).join(" › ")}` : nursery);
}

/** Make the lines of what is unfolded. */
function layOut() {
  const { turned, filter } = state();
  lines = [];
  addBranch(0, 0, turned, filter !== "");
  const roots = branches.get(0);
  grid.setCount(lines.length);
  grid.setEmpty(roots && !lines.length ? nothing(filter) : null);
  if (roots) summary.set(filter ? counted(roots.total, "match").replace("matchs", "matches") : counted(roots.total, "root"));
}

/**
 * @param {number} parent
 * @param {number} depth
 * @param {Set<number>} turned
 * @param {boolean} flat
 */
function addBranch(parent, depth, turned, flat) {
  const branch = branches.get(parent);
  if (!branch) return;
  for (const node of branch.nodes) {
    const open = isUnfolded(node, turned);
    lines.push({ kind: "task", node, depth, open });
    if (open && !(flat && depth > 50)) addBranch(node.task.number, depth + 1, turned, flat);
  }
  const left = branch.total - branch.nodes.length;
  if (left > 0) lines.push({ kind: "more", parent, left, depth });
}

/** @param {string} filter */
function nothing(filter) {
  if (!filter) return [h("h2", {}, "No tasks"), h("p", {}, "They appear here as they are created.")];
  const clear = () => {
    field.input.value = "";
    change({ filter: null });
  };
  return [h("h2", {}, `No task matches “${filter}”`), h("p", {}, h("button", { class: "button", type: "button", onclick: clear }, "Clear filter"))];
}

// --- folding ----------------------------------------------------------------------------------------

/**
 * Unfold or fold.
 * @param {Line} line
 * @param {boolean} [unfold]
 */
function toggle(line, unfold) {
  if (line.kind === "more") return showMore(line.parent);
  const { turned } = state();
  const { number, system } = line.node.task;
  if ((unfold ?? !line.open) !== Boolean(system)) turned.add(number);
  else turned.delete(number);
  url.set({ open: [...turned].join(".") });
  layOut();
  return look.now();
}

/** @param {number} parent */
function showMore(parent) {
  wanted.set(parent, (wanted.get(parent) ?? PAGE) + 5 * PAGE);
  return look.now();
}

/** Fetch what is unfolded, from the roots on, and what is unfolded in there. */
async function load() {
  try {
    const { filter, turned } = state();
    let parents = [0];
    while (parents.length) {
      const pages = await Promise.all(parents.map((parent) => loadBranch(parent, parent ? "" : filter)));
      if (filter !== state().filter) return;
      layOut();
      parents = pages
        .flatMap(({ nodes }) => nodes)
        .filter((node) => isUnfolded(node, turned))
        .map((node) => node.task.number);
    }
  } catch (error) {
    if (!branches.size) grid.setEmpty([h("h2", {}, "No answer"), h("p", {}, error instanceof Error ? error.message : String(error))]);
    throw error;
  }
}

const look = paced(EVERY, load);

/**
 * @param {number} parent
 * @param {string} filter
 * @returns {Promise<TreePage>}
 */
async function loadBranch(parent, filter) {
  /** @type {TreePage} */
  const page = await api.get("/api/tree", { parent, filter, limit: Math.min(1000, wanted.get(parent) ?? PAGE) });
  while (page.cursor && page.nodes.length < (wanted.get(parent) ?? 0)) {
    /** @type {TreePage} */
    const next = await api.get("/api/tree", { parent, filter, limit: 1000, cursor: page.cursor });
    page.nodes.push(...next.nodes);
    page.cursor = next.cursor;
  }
  const first = page.nodes[0]?.task;
  if (first?.age) clock.learn(first.created_at, first.age);
  branches.set(parent, page);
  return page;
}

// --- the page ---------------------------------------------------------------------------------------

const summary = summaryText();
const field = filterField({
  label: "Find by name or coroutine",
  onFilter: (filter) => change({ filter }),
  onLeave: () => grid.go(0),
});
fill(
  byId("tools"),
  neighbours("/tree"),
  field.element,
  h("button", { class: "button", type: "button", onclick: () => fold() }, "Fold all"),
  h("span", { class: "spring" }),
  summary.element,
);

function fold() {
  url.set({ open: null });
  layOut();
}

/** @param {Record<string, string | null>} changes */
function change(changes) {
  url.set(changes);
  apply();
}

function apply() {
  const { filter } = state();
  if (document.activeElement !== field.input) field.input.value = filter;
  look.now();
}

const shell = new Shell({
  title: "Tree",
  view: () => ({ view: "overview" }), // a tree in several branches is asked for, not streamed
  onStatus: () => look.ifDue(),
  onTick: () => grid.tick(),
});

keys.bind(["l", "ArrowRight"], "unfold", () => {
  const line = grid.selected;
  if (line?.kind === "task" && !line.open && line.node.children) toggle(line, true);
  else if (line) grid.move(1);
});
keys.bind(["h", "ArrowLeft"], "fold, or go to the creator", () => {
  const line = grid.selected;
  if (!line) return;
  if (line.kind === "task" && line.open) toggle(line, false);
  else {
    const above = lines.slice(0, grid.selectedIndex).findLastIndex((each) => each.depth < line.depth);
    if (above >= 0) grid.go(above);
  }
});
keys.bind("c", "cancel the selected task", () => grid.selected?.kind === "task" && askToCancel(grid.selected.node.task));
keys.bind("Escape", "", () => grid.deselect());
url.onBack(() => apply());
apply();
shell.connect();
