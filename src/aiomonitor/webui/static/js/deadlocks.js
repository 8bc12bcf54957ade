// Deadlocks as rings: each task, where it stands, and what it waits for, down to the first again.
// @ts-check
import { h } from "./dom.js";
import { count } from "./format.js";
import { taskLink } from "./story.js";
import { codePlace, sentence } from "./tables.js";
/** @import {Deadlock, Task} from "./api.js" */

const KINDS = {
  circle: "They wait for each other",
  "holder ended": "Who had it has ended",
  "nobody left": "Nobody is left to wake them",
};

/** @param {Deadlock[]} found */
export function deadlockList(found) {
  return h("ul", { class: "told" }, found.map(deadlockItem));
}

/** @param {Deadlock} deadlock */
function deadlockItem({ kind, certain, sentence: text, count: all, tasks }) {
  const more = all - tasks.length;
  const [first] = tasks;
  return h(
    "li",
    { data: { severity: certain ? "error" : "warning" } },
    h("p", {}, h("strong", {}, KINDS[kind] ?? kind), certain ? "" : " (a suspicion)", ...(kind === "circle" ? [] : [": ", ...sentence(text)])),
    h(
      "ol",
      { class: "ring", data: { kind } },
      tasks.map((task) => link(task, kind === "circle" ? ", held by" : heldBy(task))),
      more > 0 && h("li", { class: "quiet" }, `and ${count(more)} more`),
      kind === "circle" && first && h("li", { class: "ring-end" }, "↺ ", named(first), h("span", { class: "quiet" }, ": none of them ever goes on")),
    ),
  );
}

/** @param {Task} task */
function heldBy({ waits }) {
  return waits?.held_by ? `, held by ${waits.held_by}` : "";
}

/**
 * @param {Task} task
 * @param {string} held by whom what it waits for is held; in a ring, that is the next task
 */
function link(task, held) {
  const { waits, location } = task;
  return h(
    "li",
    {},
    h("p", {}, named(task), location && [" at ", codePlace(location)]),
    location?.source ? h("pre", { class: "source" }, h("code", {}, location.source)) : null,
    waits && h("p", { class: "quiet" }, "waits for ", h("strong", {}, waits.what), held),
  );
}

/** @param {Task} task */
function named({ number, name }) {
  return taskLink(number, `task ${number} (${name})`);
}
