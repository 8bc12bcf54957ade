// The first page: whether the application is well, at a glance.
// @ts-check
import * as api from "../api.js";
import { Chart, SPAN } from "../charts.js";
import * as clock from "../clock.js";
import { byId, fill, h, setText } from "../dom.js";
import { dumpLink, findingList } from "../findings.js";
import { age, count, counted, duration, ending, groupName, lag, percent, rate } from "../format.js";
import { paced } from "../pace.js";
import { Shell } from "../shell.js";
import { cardHead, quiet, remake } from "../tables.js";
import * as url from "../url.js";
/** @import {EndedTask, Group, Sample, Status} from "../api.js" */

/** Seconds between two looks at groups and failures. */
const EVERY = 5;
/** Seconds without a sample that are shown as a gap. */
const GAP = 4;
const LARGEST = 8;
const LATEST = 6;
/** Findings, and tasks that each names. */
const FINDINGS = 4;
const NAMED = 5;

/** @type {Sample[]} */
let samples = [];

// --- charts -----------------------------------------------------------------------------------------

const charts = [
  { chart: new Chart({ title: "Loop lag", hint: "How much later than asked for the loop gets to something", series: [{ label: "lag", color: "--chart-lag", filled: true }], format: lag, least: 0.005 }), columns: [2] },
  { chart: new Chart({ title: "Busy", hint: "Share of the time that the loop's thread uses the CPU", series: [{ label: "busy", color: "--chart-busy", filled: true }], format: percent, least: 1.0 }), columns: [3] },
  { chart: new Chart({ title: "Tasks", hint: "Live tasks", series: [{ label: "tasks", color: "--chart-tasks", filled: true }], format: (value) => (value === null || value === undefined ? "–" : count(value)), fromZero: false, least: 4 }), columns: [1] },
  { chart: new Chart({ title: "Tasks per second", hint: "Tasks that were created, and that ended", series: [{ label: "created", color: "--chart-created" }, { label: "ended", color: "--chart-ended" }], format: rate, least: 1 }), columns: [4, 5] },
];
fill(byId("charts"), charts.map(({ chart }) => chart.element));

function drawCharts() {
  const drawn = samples.flatMap((sample, index) => {
    const before = samples[index - 1];
    return before && sample[0] - before[0] > GAP ? [emptyAt(before[0] + 1), sample] : [sample];
  });
  const times = drawn.map((sample) => sample[0]);
  for (const { chart, columns } of charts) {
    chart.setData([times, ...columns.map((column) => drawn.map((sample) => sample[column] ?? null))]);
  }
}

/**
 * Nothing was measured while nobody looked.
 * @param {number} time
 * @returns {Sample}
 */
function emptyAt(time) {
  return [time, null, null, null, null, null];
}

/** @param {Sample[]} news */
function addSamples(news) {
  const last = samples.at(-1)?.[0] ?? 0;
  samples = [...samples, ...news.filter((sample) => sample[0] > last)].slice(-SPAN);
  drawCharts();
}

// --- what runs --------------------------------------------------------------------------------------

const uptime = h("span");
let runs = "";

/** @param {Status} status */
function showRuns(status) {
  const { argv0, python, loop, runtime, pid, version } = status;
  const text = JSON.stringify([argv0, python, loop, runtime, pid, version]);
  if (runs === text) return;
  runs = text;
  fill(
    byId("runs"),
    h("p", { class: "runs-name", title: argv0 }, shell.name),
    h(
      "p",
      { class: "quiet" },
      [`process ${pid}`, uptime, `Python ${python}`, loop || runtime, `aiomonitor ${version}`].map((part) => h("span", { class: "part" }, part)),
    ),
    dumpLink(shell.name),
  );
}

function showUptime() {
  const { status } = shell;
  if (status) setText(uptime, `up ${duration(clock.now() - status.started_at)}`);
}

/** @param {Status} status */
function showNotes({ recording, note, dropped, ended, remembered }) {
  const notes = [
    !recording && [h("strong", {}, "Creations and ends are not recorded. "), note || "Start the monitor with hook_task_factory=True to see who creates tasks and how they end."],
    recording && note && [note],
    dropped > 0 && [h("strong", {}, `${counted(dropped, "task")} ended faster than could be recorded`), ` (${count(ended)} were, of which ${count(remembered)} are remembered).`],
  ];
  const shown = notes.filter(Boolean);
  const place = byId("notes");
  const text = shown.flat().map((part) => (part instanceof Node ? part.textContent : part)).join("");
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  fill(place, shown.map((parts) => h("p", { class: "note" }, parts || "")));
}

// --- states -----------------------------------------------------------------------------------------

const STATES = ["running", "runnable", "waiting"];
const bar = h("div", { class: "state-bar", "aria-hidden": "true" });
const legend = h("p", { class: "state-legend" });
const states = STATES.map((state) => {
  const part = h("span", { data: { state } });
  const number = h("strong");
  bar.append(part);
  legend.append(h("a", { href: url.address("/tasks", { by: "state", key: state }) }, h("span", { class: "state", data: { state } }, state), " ", number));
  return { state, part, number };
});
const countedAgo = h("span", { class: "quiet" });
fill(byId("states"), h("h2", {}, "States"), bar, legend, countedAgo);

let countedAt = 0;

/** Counting very many tasks is not done each second: the last count stays. @param {Status} status */
function showStates(status) {
  if (status.states) countedAt = clock.now();
  byId("states").hidden = countedAt === 0;
  const seconds = clock.now() - countedAt;
  setText(countedAgo, seconds < 3 ? "" : `counted ${age(seconds)} ago`);
  if (!status.states) return;
  for (const { state, part, number } of states) {
    const many = status.states?.[state] ?? 0;
    part.style.flexGrow = String(many);
    part.hidden = many === 0;
    setText(number, count(many));
  }
}

// --- lists ------------------------------------------------------------------------------------------

/** @type {[by: string, title: string][]} */
const GROUPINGS = [["coroutine", "By coroutine"], ["where", "Where they are"], ["created_in", "Created in"]];
const lists = GROUPINGS.map(([by, title]) => {
  const list = h("ol", { class: "bars" });
  const card = h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", {}, title), h("a", { class: "quiet", href: url.address("/tasks", { group: by }) }, "all")),
    list,
  );
  return { by, list, card };
});
fill(byId("groups"), lists.map(({ card }) => card));

/**
 * @param {HTMLElement} list
 * @param {string} by
 * @param {Group[]} groups
 * @param {number} total
 */
function showGroups(list, by, groups, total) {
  fill(
    list,
    groups.map((group) => {
      const fillBar = h("span", { class: "bar-fill" });
      fillBar.style.width = `${(100 * group.count) / (total || 1)}%`;
      return h(
        "li",
        {},
        h(
          "a",
          { href: url.address("/tasks", { by, key: group.key }), title: `${group.key}\noldest ${age(group.oldest_age)}` },
          fillBar,
          h("span", { class: "bar-name" }, groupName(group)),
          h("span", { class: "bar-count" }, count(group.count)),
        ),
      );
    }),
  );
  if (!groups.length) fill(list, h("li", { class: "quiet inset" }, "No tasks"));
}

/** @param {EndedTask[]} tasks */
function showFailures(tasks) {
  const rows = tasks.map((task) =>
    h(
      "li",
      {},
      h("a", { href: `/finished/${task.number}` },
        h("span", { class: "bar-name" }, task.name),
        h("span", { class: "error-text" }, ending(task)),
        h("time", { class: "quiet" }, `${age(clock.now() - task.ended_at)} ago`)),
    ),
  );
  fill(
    byId("failures"),
    h("header", { class: "card-head" }, h("h2", {}, "Failed lately"), h("a", { class: "quiet", href: "/finished?outcome=failed" }, "all")),
    rows.length ? h("ol", { class: "failures" }, rows) : h("p", { class: "quiet inset" }, shell.status?.recording === false ? "Not recorded." : "None of the ended tasks that are remembered has failed."),
  );
}

async function loadLists() {
  for (const { by, list } of lists) {
    const { groups, matched } = await api.get("/api/groups", { by, limit: LARGEST });
    showGroups(list, by, groups, matched);
  }
}

async function loadFailures() {
  const { tasks } = await api.get("/api/finished", { outcome: "failed", limit: LATEST });
  showFailures(tasks);
}

async function showFindings() {
  const { findings } = await api.get("/api/findings");
  const shown = findings.slice(0, FINDINGS);
  remake(byId("findings"), [shown, findings.length], () => [
    cardHead("Findings", h("a", { class: "quiet", href: "/insight" }, findings.length > FINDINGS ? `all ${count(findings.length)}` : "all")),
    findings.length ? findingList(shown, NAMED) : quiet("Nothing found."),
  ]);
}

const looks = [paced(EVERY, showFindings), paced(EVERY, loadFailures), paced(EVERY, loadLists)];

// --- the page ---------------------------------------------------------------------------------------

const shell = new Shell({
  title: "Overview",
  view: () => ({ view: "overview" }),
  onStatus(status) {
    addSamples(status.samples);
    showRuns(status);
    showNotes(status);
    showStates(status);
    showUptime();
    for (const look of looks) look.ifDue();
  },
  onTick: showUptime,
});

try {
  shell.showStatus(await api.get("/api/status"));
} catch {
  // the stream will bring it
}
shell.connect();
