// The page of one live task: where it waits, how it got there, who created it; and its end.
// @ts-check
import * as api from "../api.js";
import { askToCancel } from "../cancel.js";
import * as clock from "../clock.js";
import { ageOf } from "../columns.js";
import { byId, fill, h, setText } from "../dom.js";
import { age, duration, moment, place, waiting } from "../format.js";
import { stackSection } from "../frames.js";
import * as keys from "../keys.js";
import { scopeSection, tickTimers, timer } from "../scopes.js";
import { Shell } from "../shell.js";
import { ancestrySection, cancellationSection, factList, linked, taskLink } from "../story.js";
import * as url from "../url.js";
/** @import {Task, TaskStack} from "../api.js" */

const article = byId("task");
const ref = article.dataset.ref ?? "";

/** Kinds of what somebody has while others wait for it; who, may take a look at all tasks. */
const OWNED = ["lock", "semaphore"];

/** @type {TaskStack | null} */
let stack = null;
let gone = false;

const head = h("header", { class: "task-head" });
const facts = h("div", { class: "card facts-card" });
const why = h("div");
const chain = h("div");
const scopes = h("div");
const cancellations = h("div");
const ancestry = h("div");
const parts = h("div", { class: "task-parts" }, h("div", {}, chain), h("div", {}, scopes, cancellations, ancestry));
const end = h("div");

/** What each part was made from: it is made anew only if that changed, so that text stays selected.
 * @type {Map<Element, string>} */
const made = new Map();

/**
 * @param {Element} part
 * @param {unknown} from
 * @param {() => (Node | null)[]} make
 */
function remake(part, from, make) {
  const text = JSON.stringify(from);
  if (made.get(part) === text) return;
  made.set(part, text);
  fill(part, ...make());
}

/** @param {TaskStack} news */
function show(news) {
  stack = news;
  const { task } = news;
  clock.learn(task.created_at, task.age);
  if (!article.contains(head)) fill(article, head, end, facts, why, parts);
  article.removeAttribute("aria-busy");
  remake(head, [task.name, task.number, task.coroutine, task.state, gone], () => headOf(task));
  remake(facts, [task, news.awaiting, news.note], () => [factsOf(news)]);
  remake(why, [task.waits?.kind, task.waits?.object_id, task.waits?.holders, task.waits?.tasks], () => [whyOf(task)]);
  remake(chain, [news.frames, task.state], () => [chainOf(news)]);
  remake(scopes, news.scopes, () => [scopeSection(news.scopes)]);
  remake(cancellations, news.cancellations, () => [cancellationSection(news.cancellations)]);
  remake(ancestry, [news.ancestry, news.beginning], () => [ancestrySection(news.ancestry, news.beginning)]);
  shell.setTitle(`${task.name} (task ${task.number})`);
  tick();
}

/** @param {Task} task */
function headOf(task) {
  return [
    h(
      "div",
      { class: "task-title" },
      h("h1", {}, task.name),
      h("p", {}, h("span", { class: "quiet" }, `task ${task.number}`), " ", h("code", {}, task.coroutine)),
    ),
    h("span", { class: "state big", data: { state: gone ? "done" : task.state } }, gone ? "ended" : task.state),
    h(
      "button",
      { class: "button danger", type: "button", id: "cancel", disabled: gone, "aria-keyshortcuts": "c", onclick: () => askToCancel(task) },
      "Cancel",
    ),
    h("a", { class: "button", href: api.withValues("/watch", { ref: task.number }), hidden: gone }, "Watch"),
  ];
}

/** @param {TaskStack} news */
function factsOf({ task, awaiting, note }) {
  const waitsFor = [task.awaits, awaiting && awaiting !== task.awaits ? `(${awaiting})` : ""].filter(Boolean).join(" ");
  return factList([
    ["Waits for", task.waits ? waitOf(task.waits) : task.state === "waiting" && waitsFor && h("code", {}, waitsFor)],
    ["Kind", task.system && "the runtime's own task"],
    ["At", task.location && h("code", { title: task.location.filename }, place(task.location))],
    ["Age", task.created_at !== null && h("span", {}, h("span", { class: "age" }), h("span", { class: "quiet" }, ` since ${moment(task.created_at)}`))],
    ["Created by", task.parent ? taskLink(task.parent, task.created_by || `task ${task.parent}`) : linked(task.created_by)],
    ["Created in", task.created_in && h("code", { title: task.created_in.filename }, place(task.created_in))],
    ["Cancellation", pendingOf(task)],
    ["Note", note],
  ]);
}

/**
 * Why it waits, where that is for other tasks: asked for when that has changed.
 * @param {Task} task
 */
function whyOf({ number, waits }) {
  if (!waits?.holders?.length && !waits?.tasks?.length && !OWNED.includes(waits?.kind ?? "")) return null;
  const sentence = h("p", {}, "…");
  api
    .get(`/api/tasks/${number}/why`)
    .then((/** @type {{sentence: string}} */ told) => fill(sentence, ...named(told.sentence)))
    .catch(() => section.remove()); // it has ended
  const section = h("section", { class: "card why" }, h("header", { class: "card-head" }, h("h2", {}, "Why"), h("a", { href: api.withValues("/waits", { ref: number }) }, "as a tree")), sentence);
  return section;
}

/**
 * A sentence in which each task that is named leads there.
 * @param {string} sentence
 */
function named(sentence) {
  const parts = sentence.split(/\btask (\d{1,15})\b/);
  return parts.map((part, index) => (index % 2 ? taskLink(Number(part), `task ${part}`) : part));
}

/** @param {import("../api.js").Wait} wait */
function waitOf(wait) {
  const holders = wait.holders ?? [];
  return h(
    "span",
    {},
    waiting({ ...wait, held_by: holders.length ? undefined : wait.held_by }),
    holders.length > 0 && [", held by ", ...holders.slice(0, 3).flatMap((number, index) => [index ? ", " : "", taskLink(number, `task ${number}`)])],
    wait.timeout !== undefined && [" ", timer(wait.timeout)],
  );
}

/** @param {Task} task */
function pendingOf(task) {
  if (!task.cancelling && !task.cancelled_by) return null;
  const by = task.cancelled_by ? ["by ", linked(task.cancelled_by)] : [];
  const ago = task.cancel_age === undefined ? "" : ` ${duration(task.cancel_age)} ago`;
  return h("span", { class: "warning" }, `requested${ago} `, by, ", and not followed yet");
}

/** @param {TaskStack} news */
function chainOf({ task, frames, awaiting }) {
  const head = `task ${task.number} (${task.name}): ${task.state}, coroutine ${task.coroutine}`;
  if (!frames.length) {
    return h("section", { class: "card" }, h("header", { class: "card-head" }, h("h2", {}, "Await chain")), h("p", { class: "quiet inset" }, "No Python frames: it has not started yet, or has just ended."));
  }
  const innermost = { waiting: awaiting ? `waits here for ${awaiting}` : "waits here", running: "runs here", runnable: "goes on from here", done: "ended here" };
  return stackSection("Await chain", frames, { innermost: innermost[task.state], head });
}

/** It is no longer live: what was last seen of it stays. @param {string} detail */
function showEnd(detail) {
  const first = !gone;
  gone = true;
  if (!article.contains(head)) fill(article, end);
  article.removeAttribute("aria-busy");
  article.dataset.gone = "true";
  if (stack) show(stack);
  if (first) tellEnd(detail);
}

/** @param {string} detail */
async function tellEnd(detail) {
  const number = stack?.task.number ?? ref;
  fill(end, h("section", { class: "card ended-card" }, h("p", {}, h("strong", {}, detail || "This task has ended."))));
  try {
    const { task } = await api.get(`/api/finished/${encodeURIComponent(number)}`);
    fill(
      end,
      h(
        "section",
        { class: "card ended-card" },
        h("span", { class: "state", data: { state: task.outcome } }, task.outcome),
        h("p", {}, h("strong", {}, `Task ${task.number} has ended. `), task.error, task.cancelled_by && ` Cancelled by ${task.cancelled_by}.`),
        h("a", { class: "button", href: `/finished/${task.number}` }, "How it ended"),
      ),
    );
  } catch {
    if (!stack) fill(end, missing(detail));
  }
}

/** @param {string} detail */
function missing(detail) {
  return h(
    "section",
    { class: "empty" },
    h("h1", {}, `No task ${ref}`),
    h("p", {}, detail),
    h("p", {}, h("a", { class: "button", href: "/tasks" }, "All tasks"), " ", h("a", { class: "button", href: "/finished" }, "Ended tasks")),
  );
}

function tick() {
  tickTimers(article);
  const element = article.querySelector(".age");
  if (element && stack && !gone) setText(element, age(ageOf(stack.task)));
}

const shell = new Shell({
  title: `Task ${ref}`,
  view: () => ({ view: "task", ref }),
  on: { task: show, gone: ({ detail }) => showEnd(detail) },
  onTick: tick,
});

keys.bind("c", "cancel this task", () => stack && !gone && askToCancel(stack.task));
keys.bind(["Escape", "u"], "back to the tasks", () => (history.length > 1 && document.referrer ? history.back() : location.assign("/tasks")));
url.onBack(() => shell.connect());

try {
  show(await api.get(`/api/tasks/${encodeURIComponent(ref)}`));
} catch (error) {
  if (error instanceof api.Problem && error.status === 404) showEnd(error.message);
}
shell.connect();
