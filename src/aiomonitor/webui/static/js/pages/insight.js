// The page of what is wrong: findings, deadlocks, what tasks share, changes, and stacks.
// @ts-check
import * as api from "../api.js";
import * as clock from "../clock.js";
import { deadlockList } from "../deadlocks.js";
import { byId, h } from "../dom.js";
import { dumpLink, findingList } from "../findings.js";
import { clockTime, count, counted, duration, moment } from "../format.js";
import { frameList } from "../frames.js";
import * as keys from "../keys.js";
import { paced } from "../pace.js";
import { Shell, toast } from "../shell.js";
import { taskLink } from "../story.js";
import { aside, cardHead, codePlace, people, plainTable, quiet, remake, shareBar } from "../tables.js";
import * as url from "../url.js";
/** @import {Diff, Group, SharedObject, SiteChange} from "../api.js" */

/** Rows of a table. */
const ROWS = 50;
/** Groups of stacks. */
const STACKS = 30;
/** Tasks that a finding names. */
const NAMED = 12;

// --- what is wrong ----------------------------------------------------------------------------------

async function showFindings() {
  const { findings, rules, notes } = await api.get("/api/findings", { fresh: true });
  remake(byId("findings"), [findings, notes], () => [
    cardHead("Findings", aside(`by ${counted(rules.length, "rule")}`), dumpLink(shell.name)),
    findings.length ? findingList(findings, NAMED) : quiet("Nothing found."),
    ...notes.map(quiet),
  ]);
}

async function showDeadlocks() {
  const { found, looked_at: looked } = await api.get("/api/deadlocks");
  // Ages go on while nothing happens.
  const what = found.map((/** @type {any} */ each) => [each.sentence, each.certain, each.count]);
  remake(byId("deadlocks"), [what, looked], () => [
    cardHead("Deadlocks", aside(`among ${counted(looked, "task")}`)),
    found.length ? deadlockList(found) : quiet("No tasks wait for each other, and none for what nobody can give them."),
  ]);
}

// --- what tasks share -------------------------------------------------------------------------------

async function showLocks() {
  const page = await api.get("/api/locks", { limit: ROWS });
  const rows = () =>
    page.objects.map((/** @type {SharedObject} */ each) => [
      [h("code", { class: "label" }, each.label), h("span", { class: "quiet state-of" }, each.what)],
      count(each.waiting),
      each.holders.length ? people(each.holders) : "–",
      each.waiting ? people(each.waiters, each.waiting) : "–",
    ]);
  remake(byId("locks"), page, () => [
    cardHead("Locks and their like", aside(more(page))),
    page.objects.length ? plainTable(["Lock", "#Waiting", "Held by", "Waiters, in order"], rows(), "shared-table") : quiet("Nobody has a lock, or waits for one."),
  ]);
}

async function showQueues() {
  const page = await api.get("/api/queues", { limit: ROWS });
  const rows = () =>
    page.objects.map((/** @type {SharedObject} */ each) => [h("code", { class: "label" }, each.label), fillOf(each), count(each.getting), count(each.putting), each.waiting ? people(each.waiters, each.waiting) : "–"]);
  remake(byId("queues"), page, () => [
    cardHead("Queues", aside(more(page))),
    page.objects.length ? plainTable(["Queue", "Items", "#Getting", "#Putting", "Waiters, in order"], rows(), "shared-table") : quiet("No task waits at a queue, or has one at hand."),
  ]);
}

/** @param {{found: number, objects: SharedObject[]}} page */
function more({ found, objects }) {
  return found > objects.length ? `${objects.length} of ${count(found)}` : "";
}

/** @param {SharedObject} queue */
function fillOf({ size, limit }) {
  if (size === null) return "?";
  if (limit === null) return count(size);
  return [h("span", { class: "figure" }, `${count(size)} of ${count(limit)}`), shareBar(limit ? size / limit : 0, size >= limit ? "full" : "")];
}

// --- changes ----------------------------------------------------------------------------------------

const markButton = h("button", { class: "button small", type: "button", "aria-keyshortcuts": "m" }, "Mark");
markButton.addEventListener("click", mark);

async function mark() {
  try {
    await api.post("/api/mark");
  } catch (problem) {
    toast(/** @type {Error} */ (problem).message, "bad");
    return;
  }
  url.set({ marked: 1 });
  await changes.now();
}

/** That there is a mark is part of the address: asking for what is not there is an error. */
async function showChanges() {
  const diff = url.get("marked") ? await api.get("/api/diff", { limit: ROWS }).catch(forget) : null;
  const what = diff && [diff.sites, diff.passed, diff.marked_at];
  remake(byId("changes"), [what], () => (diff ? told(diff) : [cardHead("Changes", markButton), quiet("Mark the tasks that are there now, to see later which are new and which have gone.")]));
}

/** @param {unknown} problem */
function forget(problem) {
  if (!(problem instanceof api.Problem) || problem.status !== 404) throw problem;
  url.set({ marked: null });
  return null;
}

/** @param {Diff} diff */
function told(diff) {
  const changed = diff.sites.filter((site) => site.new || site.gone);
  const passed = diff.passed ? `, ${count(diff.passed)} more came and went` : "";
  return [
    cardHead(`Changes since ${clockTime(diff.marked_at)}`, aside(`${count(diff.new)} new, ${count(diff.gone)} gone, ${count(diff.still)} still there${passed}`), markButton),
    changed.length ? plainTable(["#New", "#Gone", "#Still", "Created in", "For example"], changed.map(siteRow), "sites") : quiet("No task is new, and none has gone."),
  ];
}

/** @param {SiteChange} site */
function siteRow(site) {
  return [count(site.new), count(site.gone), count(site.still), site.place ? codePlace(site.place) : site.key, site.example === null ? "–" : taskLink(site.example, `task ${site.example}`)];
}

// --- stacks -----------------------------------------------------------------------------------------

/** @type {[by: string, title: string, hint: string][]} */
const GRAINS = [
  ["stack", "Same line", "Tasks of a group stand at the same line"],
  ["functions", "Same functions", "Tasks of a group may stand at different lines of the same functions"],
];
const grains = GRAINS.map(([by, title, hint]) => {
  const button = h("button", { class: "button small", type: "button", title: hint }, title);
  button.addEventListener("click", () => {
    url.set({ stacks: by === "stack" ? null : by });
    stacks.now();
  });
  return { by, button };
});

async function showStacks() {
  const by = url.get("stacks") === "functions" ? "functions" : "stack";
  for (const each of grains) each.button.setAttribute("aria-pressed", String(each.by === by));
  const page = await api.get("/api/groups", { by, limit: STACKS });
  const what = page.groups.map((/** @type {Group} */ group) => [group.key, group.count, group.example]);
  remake(byId("stacks"), [by, what, page.found], () => [
    cardHead("Tasks by their stacks", aside(`${counted(page.found, "stack")} of ${counted(page.matched, "task")}`), h("span", { class: "choices", role: "group", "aria-label": "How alike" }, grains.map(({ button }) => button))),
    page.groups.length ? h("ol", { class: "stacks" }, page.groups.map((/** @type {Group} */ group) => stackItem(group, page.matched))) : quiet("No tasks."),
  ]);
}

/**
 * @param {Group} group
 * @param {number} total
 */
function stackItem(group, total) {
  const since = group.oldest_age === null ? "" : ` · the oldest since ${moment(clock.now() - group.oldest_age)}`;
  return h(
    "li",
    {},
    h(
      "details",
      { data: { key: group.key } },
      h("summary", {}, h("strong", { class: "figure" }, count(group.count)), shareBar(group.count / (total || 1)), h("code", {}, group.key.replace(/ at .*$/, ""))),
      h("p", { class: "quiet inset" }, "for example ", taskLink(group.example, `task ${group.example}`), since),
      frameList(group.frames ?? [], { innermost: "they wait here" }),
    ),
  );
}

// --- the page ---------------------------------------------------------------------------------------

const changes = paced(3, showChanges);
const stacks = paced(5, showStacks);
const looks = [paced(10, showFindings), paced(10, showDeadlocks), paced(3, showLocks), paced(3, showQueues), changes, stacks];

const shell = new Shell({
  title: "Insight",
  view: () => ({ view: "overview" }), // what explains is asked for, not streamed
  onStatus: () => looks.forEach((look) => look.ifDue()),
});
keys.bind("m", "mark the tasks that are there now", mark);
url.onBack(() => looks.forEach((look) => look.now()));
shell.connect();
