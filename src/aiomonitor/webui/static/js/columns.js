// The columns that listings share.
// @ts-check
import * as clock from "./clock.js";
import { h, setText } from "./dom.js";
import { age, baseName, clockTime, duration, ending, place, waiting } from "./format.js";
import { buildLink, showLink } from "./grid.js";
/** @import {Column} from "./grid.js" */
/** @import {EndedTask, Frame, Task} from "./api.js" */

/** @param {Task} task */
export function ageOf(task) {
  return task.created_at === null ? null : clock.now() - task.created_at;
}

/** @type {Record<string, Column<Task>>} */
export const TASK = {
  number: { name: "number", title: "ID", sort: "id", show: (cell, task) => setText(cell, String(task.number)) },
  state: { name: "state", title: "State", sort: "state", build: buildState, show: (cell, task) => showState(cell, task.state) },
  name: {
    name: "name",
    title: "Name",
    sort: "name",
    build(cell) {
      buildLink(cell);
      cell.append(h("span", { class: "tag", hidden: true }));
    },
    show(cell, task) {
      showLink(cell, task.name, `/tasks/${task.number}`);
      showPending(/** @type {HTMLElement} */ (cell.lastElementChild), task);
    },
    tick: (cell, task) => showPending(/** @type {HTMLElement} */ (cell.lastElementChild), task),
  },
  coroutine: {
    name: "coroutine",
    title: "Coroutine",
    sort: "coroutine",
    show: (cell, task) => showText(cell, task.coroutine),
  },
  where: {
    name: "where",
    title: "Where it is",
    sort: "where",
    build: buildPlace,
    show: (cell, task) => showPlace(cell, task.location, task.awaits, task.waits && waiting(task.waits)),
  },
  created: {
    name: "created",
    title: "Created in",
    build: buildPlace,
    show: (cell, task) => showPlace(cell, task.created_in, ""),
  },
  age: {
    name: "age",
    title: "Age",
    sort: "age",
    descends: true,
    show: showAge,
    tick: showAge,
  },
};

/** @type {Record<string, Column<EndedTask>>} */
export const ENDED = {
  number: { name: "number", title: "ID", sort: "id", show: (cell, task) => setText(cell, String(task.number)) },
  ended: { name: "ended", title: "Ended", sort: "ended", latestFirst: true, show: showEnded, tick: showEnded },
  outcome: {
    name: "outcome",
    title: "Outcome",
    sort: "outcome",
    build: buildState,
    show: (cell, task) => showState(cell, task.outcome),
  },
  name: {
    name: "name",
    title: "Name",
    sort: "name",
    build: buildLink,
    show: (cell, task) => showLink(cell, task.name, `/finished/${task.number}`),
  },
  coroutine: {
    name: "coroutine",
    title: "Coroutine",
    sort: "coroutine",
    show: (cell, task) => showText(cell, task.coroutine),
  },
  how: { name: "how", title: "How", show: (cell, task) => showText(cell, ending(task)) },
  created: {
    name: "created",
    title: "Created in",
    build: buildPlace,
    show: (cell, task) => showPlace(cell, task.created_in, ""),
  },
  duration: {
    name: "duration",
    title: "Took",
    sort: "duration",
    descends: true,
    show: (cell, task) => setText(cell, duration(task.duration)),
  },
};

/**
 * A column of tasks, for lines of which only some have a task.
 * @template Line
 * @param {Column<Task>} column
 * @param {(line: Line) => Task | null} taskOf
 * @returns {Column<Line>}
 */
export function ofLines({ name, title, build, show, tick }, taskOf) {
  return {
    name,
    title,
    build,
    show(cell, line, index) {
      const task = taskOf(line);
      cell.hidden = !task;
      if (task) show(cell, task, index);
    },
    tick: tick && ((cell, line) => {
      const task = taskOf(line);
      if (task) tick(cell, task);
    }),
  };
}

/**
 * A text that may not fit.
 * @param {HTMLElement} cell
 * @param {string} text
 */
function showText(cell, text) {
  setText(cell, text);
  if (cell.title !== text) cell.title = text;
}

/** @param {HTMLElement} cell */
export function buildState(cell) {
  cell.append(h("span", { class: "state" }));
}

/**
 * @param {HTMLElement} cell
 * @param {string} state
 */
export function showState(cell, state) {
  const element = /** @type {HTMLElement} */ (cell.firstElementChild);
  setText(element, state);
  element.dataset.state = state;
}

/** @param {HTMLElement} cell */
function buildPlace(cell) {
  cell.append(h("span", { class: "function" }), h("span", { class: "awaits" }), h("span", { class: "file" }));
}

/**
 * A line of code in a cell; what it calls there comes behind it.
 * @param {HTMLElement} cell
 * @param {Frame | null} frame
 * @param {string} awaits
 * @param {string} [waits] for what, in words
 */
function showPlace(cell, frame, awaits, waits = "") {
  const [name, awaited, file] = cell.children;
  setText(name, frame?.function ?? "");
  setText(awaited, [awaits && `› ${awaits}`, waits && `waits for ${waits}`].filter(Boolean).join(" · "));
  setText(file, frame ? `${baseName(frame.filename)}:${frame.lineno}` : "");
  const words = frame ? [`${place(frame)}${awaits ? ` > ${awaits}` : ""}`, `${frame.filename}:${frame.lineno}`, frame.source] : [];
  const title = [waits && `waits for ${waits}`, ...words].filter(Boolean).join("\n");
  if (cell.title !== title) cell.title = title;
}

/**
 * @param {HTMLElement} cell
 * @param {Task} task
 */
function showAge(cell, task) {
  setText(cell, age(ageOf(task)));
  if (!cell.title && task.created_at !== null) cell.title = "";
}

/**
 * @param {HTMLElement} cell
 * @param {EndedTask} task
 */
function showEnded(cell, task) {
  const ago = clock.now() - task.ended_at;
  setText(cell, ago < 3600 ? `${age(ago)} ago` : clockTime(task.ended_at));
}

/**
 * That a task was asked to cancel itself, and goes on.
 * @param {HTMLElement} tag
 * @param {Task} task
 */
function showPending(tag, task) {
  const pending = task.cancelling > 0 || task.cancelled_by !== "";
  tag.hidden = !pending && !task.system;
  if (tag.hidden) return;
  tag.dataset.kind = pending ? "pending" : "system";
  setText(tag, pending ? "cancel pending" : "system");
  if (!pending) {
    tag.title = "The runtime's own";
    return;
  }
  tag.title = `${task.cancelled_by ? `Cancellation requested by ${task.cancelled_by}` : "Cancellation requested"}, not followed yet`;
}
