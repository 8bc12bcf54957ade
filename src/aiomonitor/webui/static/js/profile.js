// A profile of the loop's thread: asked for, waited for, and shown as a flame graph and a table.
// @ts-check
import * as api from "./api.js";
import { fill, h, setText } from "./dom.js";
import { flameGraph, loadLibraries } from "./flame.js";
import { count, counted, duration, isLibrary, percent, shortPath } from "./format.js";
import { aside, cardHead, plainTable, quiet, shareBar } from "./tables.js";
/** @import {Frame, Profile} from "./api.js" */

/** Seconds: as long as the monitor takes a profile for. */
const LONGEST = 25;
const FUNCTIONS = 15;

/** @param {HTMLElement} place */
export function profileSection(place) {
  const seconds = /** @type {HTMLInputElement} */ (h("input", { class: "field", type: "number", min: 1, max: LONGEST, value: 5, required: true }));
  const start = /** @type {HTMLButtonElement} */ (h("button", { class: "button small" }, "Profile"));
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Profiling" });
  const note = h("span", { class: "quiet aside", role: "status" });
  const body = h("div", {}, quiet("Samples of what the loop's thread computes, by a timer of the system that runs meanwhile, and not before or after."));
  const form = h("form", { class: "inset-row" }, h("label", {}, "Seconds ", seconds), start, progress);
  fill(place, cardHead("Profile", note), form, body);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    start.disabled = true;
    const stop = follow(progress, Number(seconds.value));
    setText(note, "");
    try {
      const [profile] = await Promise.all([api.post("/api/profile", { seconds: Number(seconds.value) }), loadLibraries()]);
      setText(note, wordsOf(profile));
      showProfile(body, profile);
    } catch (problem) {
      setText(note, /** @type {Error} */ (problem).message);
    }
    stop();
    start.disabled = false;
  });
}

/**
 * Show how much of a time has passed, until the function that it returns is called.
 * @param {HTMLElement} progress
 * @param {number} seconds
 */
function follow(progress, seconds) {
  const began = performance.now();
  const timer = setInterval(() => progress.setAttribute("value", String((performance.now() - began) / 1000 / seconds)), 100);
  progress.setAttribute("value", "0");
  progress.hidden = false;
  return () => {
    clearInterval(timer);
    progress.hidden = true;
  };
}

/** @param {Profile} profile */
function wordsOf({ samples, seconds, sampled, cpu, exact, note }) {
  const computed = cpu === null ? "" : `the loop's thread computed for ${duration(cpu)}`;
  return [`${counted(samples, "sample")} in ${duration(seconds)}, which stand for ${duration(sampled)} of CPU time`, computed, exact ? "" : "an estimate", note].filter(Boolean).join(" · ");
}

/**
 * @param {HTMLElement} place
 * @param {Profile} profile
 */
function showProfile(place, profile) {
  if (!profile.samples) {
    fill(place, quiet("No samples: the loop did not compute."));
    return;
  }
  const { element, tools, find, draw } = flameGraph(profile);
  const file = `/api/profile/${profile.number}.collapsed`;
  fill(
    place,
    h("div", { class: "inset-row" }, tools, h("a", { class: "spring-left", href: file, download: `profile-${profile.number}.collapsed`, title: "All stacks as text, which speedscope and others open" }, "Download collapsed stacks")),
    element,
    functionTable(profile, find),
  );
  draw();
}

/**
 * The functions by the samples in themselves; a click finds one in the graph.
 * @param {Profile} profile
 * @param {(name: string) => void} find
 */
function functionTable({ stacks, frames, samples }, find) {
  /** @type {Map<string, {frame: Frame, own: number, all: number}>} */
  const functions = new Map();
  const of = (/** @type {Frame} */ frame) => {
    const key = `${frame.function} ${frame.filename}`;
    if (!functions.has(key)) functions.set(key, { frame, own: 0, all: 0 });
    return /** @type {{own: number, all: number}} */ (functions.get(key));
  };
  for (const [, number, indexes] of stacks) {
    const entries = indexes.map((index) => of(frames[index]));
    for (const entry of new Set(entries)) entry.all += number;
    const innermost = entries.at(-1);
    if (innermost) innermost.own += number;
  }
  const rows = [...functions.values()]
    .sort((one, other) => other.own - one.own || other.all - one.all)
    .slice(0, FUNCTIONS)
    .map(({ frame, own, all }) => [
      percent(own / samples), shareBar(own / samples), percent(all / samples), count(own),
      h("button", { class: "link", type: "button", title: "Find it in the graph", onclick: () => find(frame.function) }, frame.function),
      h("span", { class: isLibrary(frame.filename) ? "quiet" : "" }, shortPath(frame.filename)),
    ]);
  return plainTable(["#Own", "", "#With calls", "#Samples", "Function", "File"], rows, "load functions");
}
