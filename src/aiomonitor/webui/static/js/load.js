// What keeps the loop busy, by task and by coroutine: metered only while it is on, and looked at.
// @ts-check
import * as api from "./api.js";
import { fill, h, setText } from "./dom.js";
import { count, duration, lag, percent } from "./format.js";
import { taskLink } from "./story.js";
import { aside, cardHead, plainTable, quiet, shareBar } from "./tables.js";
/** @import {Load, TaskLoad, Top} from "./api.js" */

/** Seconds of an account. */
const SECONDS = 1;
const ROWS = 20;
/** Milliseconds until somebody may be looking again. */
const LATER = 1000;

const pause = (/** @type {number} */ time) => new Promise((resolve) => setTimeout(resolve, time));

/**
 * @param {HTMLElement} place
 * @param {() => boolean} isLive whether the page is to change
 */
export function loadSection(place, isLive) {
  let metering = false;
  let grain = "tasks";
  /** @type {Top | null} */
  let last = null;
  const switchButton = h("button", { class: "button small", type: "button", "aria-pressed": "false" }, "Meter");
  const grains = [["tasks", "By task"], ["coroutines", "By coroutine"]].map(([by, title]) => {
    const button = h("button", { class: "button small", type: "button", "aria-pressed": String(by === grain) }, title);
    button.addEventListener("click", () => choose(by));
    return { by, button };
  });
  const note = aside("");
  const body = h("div", {}, quiet("Nothing is metered, and it costs nothing, until you switch it on. While it is on, it costs the loop about a fifth."));
  fill(place, cardHead("What keeps the loop busy", note, h("span", { class: "choices", role: "group", "aria-label": "By what" }, grains.map(({ button }) => button)), switchButton), body);

  /** @param {string} by */
  function choose(by) {
    grain = by;
    for (const each of grains) each.button.setAttribute("aria-pressed", String(each.by === by));
    if (last) show(last);
  }

  switchButton.addEventListener("click", () => {
    metering = !metering;
    switchButton.setAttribute("aria-pressed", String(metering));
    setText(switchButton, metering ? "Stop" : "Meter");
    if (metering) meter();
  });

  let running = false;
  async function meter() {
    if (running) return;
    running = true;
    while (metering) {
      if (document.hidden || !isLive()) await pause(LATER);
      else await look();
    }
    running = false;
  }

  async function look() {
    try {
      const top = await api.get("/api/top", { seconds: SECONDS, limit: ROWS });
      if (metering && isLive()) show((last = top));
    } catch (problem) {
      fill(body, quiet(/** @type {Error} */ (problem).message));
      await pause(2 * LATER);
    }
  }

  /** @param {Top} top */
  function show(top) {
    setText(note, wordsOf(top));
    const [titles, rows] = grain === "tasks" ? [["Task", "Coroutine"], top.tasks.map((each) => [...figures(each), taskOf(each), h("code", {}, each.coroutine)])] : [["#Tasks", "Coroutine"], top.coroutines.map((each) => [...figures(each), count(each.tasks), h("code", {}, each.coroutine)])];
    fill(body, rows.length ? plainTable(["#Share", "", "#Busy", "#Steps", "#Longest", ...titles], rows, `load by-${grain}`) : quiet("Nothing ran."));
  }
}

/** @param {Top} top */
function wordsOf({ busy, callbacks, seconds, exact, note }) {
  const words = [busy !== null && `CPU ${percent(busy)}`, `callbacks ${percent(callbacks / seconds)}`, exact ? "" : "partly an estimate", note];
  return words.filter(Boolean).join(" · ");
}

/** @param {Load} load */
function figures({ share, busy, polls, longest }) {
  return [percent(share), shareBar(share), lag(busy), count(polls), duration(longest)];
}

/** @param {TaskLoad} load */
function taskOf({ number, name, ended }) {
  return ended || !number ? `${name} (ended)` : taskLink(number, `${number} (${name})`);
}
