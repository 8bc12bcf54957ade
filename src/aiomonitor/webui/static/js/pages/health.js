// The page of how the loop keeps up: lag, stalls, what keeps it busy, and a profile.
// @ts-check
import * as api from "../api.js";
import { byId, h } from "../dom.js";
import { clockTime, count, counted, duration, lag, percent } from "../format.js";
import { frameList } from "../frames.js";
import { loadSection } from "../load.js";
import { paced } from "../pace.js";
import { profileSection } from "../profile.js";
import { Shell } from "../shell.js";
import { aside, cardHead, plainTable, quiet, remake, sentence, shareBar } from "../tables.js";
/** @import {Health, LagWindow, Stall} from "../api.js" */

/** Stalls that are shown. */
const STALLS = 50;

// --- lag --------------------------------------------------------------------------------------------

async function showLag() {
  /** @type {Health} */
  const health = await api.get("/api/health");
  const rows = Math.max(0, ...health.windows.map((each) => each.buckets.findLastIndex((number) => number > 0))) + 1;
  remake(byId("lag"), health, () => [
    cardHead("Lag of the loop", aside(wordsOf(health))),
    h("div", { class: "windows" }, health.windows.map((window) => histogram(window, health.bounds, rows))),
    health.note && quiet(health.note),
  ]);
}

/** @param {Health} health */
function wordsOf({ blocked_for: blocked, busy, busy_window: seconds, stalls, threshold }) {
  return [
    blocked !== null && `blocked for ${duration(blocked)} now`,
    busy !== null && `busy ${percent(busy)} in the last ${Math.round(seconds)} s`,
    stalls ? `${counted(stalls, "stall")} of ${lag(threshold)} or longer` : `no stall of ${lag(threshold)} or longer`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * @param {LagWindow} window
 * @param {number[]} bounds
 * @param {number} rows the same in all windows, so that one can compare them
 */
function histogram(window, bounds, rows) {
  const most = Math.max(...window.buckets, 1);
  const cells = window.buckets
    .slice(0, rows)
    .map((number, index) => [index < bounds.length ? `≤ ${lag(bounds[index])}` : "longer", count(number), number ? shareBar(number / most, (bounds[index - 1] ?? 0) >= 0.1 ? "full" : "") : ""]);
  const minutes = Math.round(window.seconds / 60);
  const figures = window.count ? `median ${lag(window.median)} · p99 ${lag(window.p99)} · worst ${lag(window.worst)}` : "nothing measured yet";
  return h(
    "section",
    { "aria-label": `The last ${counted(minutes, "minute")}` },
    h("p", { class: "inset" }, h("strong", {}, minutes === 1 ? "The last minute" : `The last ${minutes} minutes`), h("br"), h("span", { class: "quiet" }, figures)),
    plainTable(["#Lag", "#Calls", ""], cells, "histogram"),
  );
}

// --- stalls -----------------------------------------------------------------------------------------

async function showStalls() {
  const { stalls } = await api.get("/api/stalls", { limit: STALLS });
  remake(byId("stalls"), stalls, () => [
    cardHead("Stalls", aside(stalls.length ? "the latest first" : "")),
    stalls.length ? h("ul", { class: "told" }, stalls.map(stallItem)) : quiet("The loop has not been blocked while the monitor watched."),
  ]);
}

/** @param {Stall} stall */
function stallItem(stall) {
  const stacks = stall.stacks.map(({ frames, count: seen }) => [h("p", { class: "quiet" }, `seen ${counted(seen, "time")}`), frameList(frames, { innermost: "blocked here" })]);
  return h(
    "li",
    { data: { severity: stall.over ? "warning" : "error" } },
    h("p", { class: "quiet" }, h("time", {}, clockTime(stall.started_at)), " · ", h("strong", {}, duration(stall.duration)), " · ", stall.kind, !stall.over && " · goes on"),
    h("p", {}, ...sentence(stall.sentence)),
    stacks.length > 0 && h("details", { data: { key: stall.number } }, h("summary", { class: "quiet" }, counted(stacks.length, "stack")), stacks.flat()),
  );
}

// --- the page ---------------------------------------------------------------------------------------

const looks = [paced(2, showLag), paced(3, showStalls)];
const shell = new Shell({
  title: "Health",
  view: () => ({ view: "overview" }),
  onStatus: () => looks.forEach((look) => look.ifDue()),
});
loadSection(byId("top"), () => !shell.paused);
profileSection(byId("profile"));
shell.connect();
