// The page of a task that has ended: how, where it was raised, who cancelled it, who created it.
// @ts-check
import * as api from "../api.js";
import { byId, fill, h } from "../dom.js";
import { duration, ending, moment, place } from "../format.js";
import { stackSection } from "../frames.js";
import * as keys from "../keys.js";
import { Shell } from "../shell.js";
import { ancestrySection, cancellationSection, factList, linked, taskLink } from "../story.js";
/** @import {EndedStack, EndedTask} from "../api.js" */

const article = byId("task");
const ref = article.dataset.ref ?? "";

/** @param {EndedStack} stack */
function show({ task, frames, causes, ancestry, beginning, cancellations, note }) {
  shell.setTitle(`${task.name} (task ${task.number}), ${task.outcome}`);
  const stack = frames.length > 0 && stackSection(titleOf(task), frames, {
    innermost: task.outcome === "failed" ? "raised here" : "ended here",
    head: `task ${task.number} (${task.name}): ${task.outcome} ${ending(task)}`,
  });
  const how = [stack, causeSection(causes), cancellationSection(cancellations)].filter(Boolean);
  fill(
    article,
    headOf(task),
    h("div", { class: "card" }, factsOf(task, note)),
    h(
      "div",
      { class: "task-parts" },
      how.length > 0 && h("div", {}, how),
      h("div", {}, ancestrySection(ancestry, beginning)),
    ),
  );
}

/** @param {string[]} causes */
function causeSection(causes) {
  if (!causes.length) return null;
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", {}, "Raised from")),
    h("ul", { class: "causes" }, causes.map((cause) => h("li", {}, h("code", {}, cause)))),
  );
}

/** @param {EndedTask} task */
function headOf(task) {
  return h(
    "header",
    { class: "task-head" },
    h(
      "div",
      { class: "task-title" },
      h("h1", {}, task.name),
      h("p", {}, h("span", { class: "quiet" }, `task ${task.number}`), " ", h("code", {}, task.coroutine)),
    ),
    h("span", { class: "state big", data: { state: task.outcome } }, task.outcome),
  );
}

/** @param {EndedTask} task */
function titleOf(task) {
  return task.outcome === "failed" ? "Where the exception was raised" : "Where it was";
}

/**
 * @param {EndedTask} task
 * @param {string} note
 */
function factsOf(task, note) {
  return factList([
    ["Exception", task.error && h("code", { class: task.outcome === "failed" ? "error-text" : "" }, task.error)],
    ["Cancelled by", task.cancelled_by && h("span", {}, linked(task.cancelled_by), task.swallowed && h("span", { class: "warning" }, ", and swallowed it"))],
    ["Outcome", task.outcome === "destroyed" && ending(task)],
    ["Ended", moment(task.ended_at)],
    ["Took", task.duration !== null && duration(task.duration)],
    ["Created by", task.parent ? taskLink(task.parent, task.created_by || `task ${task.parent}`) : linked(task.created_by)],
    ["Created in", task.created_in && h("code", { title: task.created_in.filename }, place(task.created_in))],
    ["Note", note],
  ]);
}

/** @param {string} detail */
function missing(detail) {
  return h(
    "section",
    { class: "empty" },
    h("h1", {}, `No ended task ${ref}`),
    h("p", {}, detail),
    h("p", {}, h("a", { class: "button", href: "/finished" }, "Ended tasks"), " ", h("a", { class: "button", href: `/tasks/${encodeURIComponent(ref)}` }, "Is it alive?")),
  );
}

const shell = new Shell({ title: `Ended task ${ref}`, view: () => ({ view: "overview" }) });
keys.bind(["Escape", "u"], "back to ended tasks", () => (history.length > 1 && document.referrer ? history.back() : location.assign("/finished")));

try {
  show(await api.get(`/api/finished/${encodeURIComponent(ref)}`));
} catch (error) {
  fill(article, missing(error instanceof Error ? error.message : String(error)));
}
article.removeAttribute("aria-busy");
shell.connect();
