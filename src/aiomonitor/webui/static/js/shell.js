// What every page has around it: the connection and its state, pause, counts, title, the banner of
// a blocked loop, help.
// @ts-check
import * as api from "./api.js";
import * as clock from "./clock.js";
import { byId, fill, h, setText } from "./dom.js";
import { count, counted, duration, programName } from "./format.js";
import { frameList } from "./frames.js";
import * as keys from "./keys.js";
import { Stream } from "./stream.js";
import * as url from "./url.js";
/** @import {Status, Thread} from "./api.js" */

/** Seconds without an answer from the loop that are worth a banner. */
const BLOCKED_FROM = 1;

const CONNECTION = {
  connecting: ["connecting", "Connecting to the monitor"],
  live: ["live", "Changes are shown as they happen"],
  silent: ["no news", "The connection stands, but nothing comes: something may hold the GIL"],
  lost: ["connection lost", "Trying to connect again"],
  refused: ["refused", "Trying again in some seconds"],
  paused: ["paused", "This page does not change until you resume it"],
  asleep: ["asleep", "Resumes when this tab is looked at"],
};

/**
 * @typedef {object} Page
 * @property {string} title
 * @property {() => Record<string, string | number | boolean | null>} view the stream's parameters
 * @property {Record<string, (data: any) => void>} [on] more events of the stream
 * @property {(status: Status) => void} [onStatus]
 * @property {() => void} [onTick] once a second while the page is live: ages go on
 */

/** The one shell of this page. */
export class Shell {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {Status | null} */
    this.status = null;
    this.name = "";
    this.stackShown = false;
    this.button = /** @type {HTMLButtonElement} */ (byId("pause"));
    this.banner = byId("banner");
    this.stream = new Stream(
      () => api.withValues("/api/events", page.view()),
      { status: (status) => this.showStatus(status), ...page.on },
      (state, detail) => this.showConnection(state, detail),
    );
    this.bindKeys();
    this.setTitle();
    this.applyPause();
    if (this.paused) this.loadStatus();
    url.onBack(() => this.applyPause());
    setInterval(() => this.tick(), 1000);
  }

  /** Connect, at first and whenever the stream's parameters have changed. */
  connect() {
    this.stream.connect();
  }

  async loadStatus() {
    this.showStatus(await api.get("/api/status"));
  }

  get paused() {
    return this.stream.paused;
  }

  bindKeys() {
    this.button.addEventListener("click", () => this.togglePause());
    byId("help-button").addEventListener("click", showHelp);
    keys.bind(" ", "pause, or resume", () => this.togglePause());
    keys.bind("?", "this help", showHelp);
    for (const [index, link] of [...document.querySelectorAll(".nav a")].entries()) {
      const { href } = /** @type {HTMLAnchorElement} */ (link);
      keys.bind(String(index + 1), `go to ${link.firstChild?.textContent}`, () => location.assign(href));
    }
  }

  togglePause() {
    url.set({ paused: this.paused ? null : 1 });
    this.applyPause();
    this.connect();
  }

  applyPause() {
    const paused = url.get("paused") === "1";
    this.button.setAttribute("aria-pressed", String(paused));
    setText(this.button, paused ? "Resume" : "Pause");
    clock.hold(paused);
    this.stream.paused = paused;
  }

  tick() {
    if (!this.paused && !document.hidden) this.page.onTick?.();
  }

  /**
   * @param {import("./stream.js").State} state
   * @param {string} detail
   */
  showConnection(state, detail) {
    const [text, title] = CONNECTION[state];
    const element = byId("connection");
    element.dataset.state = state;
    document.body.dataset.connection = state;
    element.title = detail || title;
    setText(element, detail && state === "refused" ? `refused: ${detail}` : text);
    this.setTitle();
  }

  /** @param {Status} status */
  showStatus(status) {
    this.status = status;
    this.name = programName(status.argv0) || "python";
    clock.learnTime(status.samples.at(-1)?.[0]);
    setText(byId("app"), this.name);
    byId("app").title = `${status.argv0}, process ${status.pid}`;
    this.setCount("tasks", status.tasks);
    this.setCount("finished", status.remembered);
    this.setTitle();
    this.showBlocked(status);
    this.page.onStatus?.(status);
  }

  /**
   * @param {string} page
   * @param {number} number
   */
  setCount(page, number) {
    const element = document.querySelector(`[data-count="${page}"]`);
    if (element) setText(element, number ? count(number) : "");
  }

  /** @param {string} [title] */
  setTitle(title) {
    this.page.title = title ?? this.page.title;
    const parts = [this.page.title, this.name || "aiomonitor"];
    if (this.status) parts.unshift(counted(this.status.tasks, "task"));
    const { state } = this.stream ?? {};
    const mark = state === "lost" || state === "refused" ? "✕ " : state === "paused" ? "❚❚ " : "";
    document.title = mark + parts.join(" · ");
  }

  /** @param {Status} status */
  showBlocked(status) {
    const seconds = status.blocked_for ?? 0;
    const ended = status.loop_state !== "running";
    if (ended) {
      fill(this.banner, h("p", {}, `The event loop is ${status.loop_state}: nothing below will change.`));
    } else if (seconds >= BLOCKED_FROM) {
      this.showBlockedFor(seconds);
    } else {
      this.stackShown = false;
    }
    this.banner.hidden = !ended && seconds < BLOCKED_FROM;
  }

  /** @param {number} seconds */
  showBlockedFor(seconds) {
    if (!this.stackShown) {
      this.stackShown = true;
      const stack = h("div", { class: "banner-stack" });
      fill(
        this.banner,
        h("p", {}, h("strong", {}, "The loop is blocked"), " and has not answered for ", h("span", { class: "blocked-for" }), "."),
        stack,
      );
      showLoopThread(stack);
    }
    const element = this.banner.querySelector(".blocked-for");
    if (element) setText(element, duration(seconds));
  }
}

/** @param {HTMLElement} place */
async function showLoopThread(place) {
  const { threads } = await api.get("/api/threads");
  const thread = threads.find((/** @type {Thread} */ each) => each.loop_state !== null);
  if (!thread) return;
  fill(
    place,
    h("details", {}, h("summary", {}, "What its thread is executing"), frameList(thread.frames, { innermost: "here now" })),
  );
}

function showHelp() {
  const rows = keys.help().map(({ keys: names, label }) =>
    h("div", {}, h("dt", {}, names.map((name) => h("kbd", {}, name))), h("dd", {}, label)),
  );
  openDialog("Keyboard", [
    h("dl", { class: "keys" }, rows),
    h("p", { class: "quiet" }, "The address of a page holds what it shows: filter, order, group, pause. Bookmark it."),
    h("form", { method: "dialog" }, h("button", { class: "button", autofocus: true }, "Close")),
  ]);
}

/**
 * Show the page's one dialog; Esc closes it.
 * @param {string} title
 * @param {(Node | string)[]} content
 */
export function openDialog(title, content) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
  fill(dialog, h("h2", { id: "dialog-title" }, title), content);
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close(); // its backdrop; nothing returned: false would stop buttons
  };
  dialog.showModal();
  return dialog;
}

/**
 * Tell something for some seconds.
 * @param {string} text
 * @param {"good" | "bad" | ""} [kind]
 */
export function toast(text, kind = "") {
  const element = h("p", { class: "toast", data: { kind } }, text);
  byId("toasts").append(element);
  setTimeout(() => element.remove(), kind === "bad" ? 12_000 : 6_000);
}
