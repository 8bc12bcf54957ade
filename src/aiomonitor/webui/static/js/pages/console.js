// The page of the console: Python in the monitored loop. What is said over the socket is described
// in the server's module `messages`.
// @ts-check
import { Completer } from "../console/completer.js";
import { Log } from "../console/log.js";
import { Past } from "../console/past.js";
import { byId, fill, h, setText } from "../dom.js";
import * as keys from "../keys.js";
import { Shell } from "../shell.js";

const PROTOCOL = "aiomonitor-console";
const PROMPT = ">>> ";
const CONTINUED = "... ";

const CLOSED = {
  1001: "The monitor was closed.",
  1008: "The monitor ended this console: the page did not read what came.",
};

const input = /** @type {HTMLTextAreaElement} */ (byId("input"));
const card = byId("console");
const over = byId("over");
const stop = byId("stop");
const log = new Log(byId("log"));
const past = new Past();
const completer = new Completer(input, byId("offered"), () => fit());

/** @type {WebSocket | null} */
let socket = null;
/** @type {"connecting" | "prompt" | "running" | "over"} */
let state = "connecting";
let questions = 0;
/** The entry that was sent, while nothing is known of it; what is typed meanwhile follows it.
 * @type {string | null} */
let sent = null;
/** Whether Enter was pressed again meanwhile. */
let again = false;

/** @param {typeof state} news */
function become(news) {
  state = news;
  card.dataset.state = news;
  stop.hidden = news !== "running";
  byId("entry").hidden = news === "over";
  byId("hint").hidden = news === "over";
}

function connect() {
  become("connecting");
  over.hidden = true;
  sent = null;
  again = false;
  const opened = (socket = new WebSocket(`ws://${location.host}/console/socket`, PROTOCOL));
  let ended = false;
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    ended ||= message.type === "ended";
    hear(message);
  });
  socket.addEventListener("close", (event) => opened === socket && showEnd(ended, event));
  input.focus();
}

/** @param {any} message */
function hear(message) {
  if (message.type === "output") log.write(message.text);
  else if (message.type === "prompt") showPrompt(message.prompt);
  else if (message.type === "accepted") showAccepted(message.text);
  else if (message.type === "incomplete") showIncomplete();
  else if (message.type === "completions" && message.id === questions) completer.show(message.found);
}

/** @param {string} prompt */
function showPrompt(prompt) {
  log.flush();
  setText(byId("prompt"), prompt.trimEnd() || "?");
  become("prompt");
}

/** @param {string} text */
function showAccepted(text) {
  log.enter(promptsOf(text), text);
  log.toEnd();
  past.add(text.replace(/\n+$/, ""));
  become("running");
  takeSent("");
}

/**
 * The answer to what was sent is there.
 * @param {string} [instead] what takes the entry's place
 */
function takeSent(instead) {
  const typed = input.value.slice(sent?.length ?? 0);
  input.value = (instead ?? "") + typed;
  input.setSelectionRange(input.value.length, input.value.length);
  sent = null;
  fit();
  input.scrollTop = input.scrollHeight;
  if (again) enter();
}

/** @param {string} text */
function promptsOf(text) {
  const lines = text.replace(/\n+$/, "").split("\n").length;
  return PROMPT + `\n${CONTINUED}`.repeat(lines - 1);
}

function showIncomplete() {
  takeSent(sent + lineAfter(sent ?? ""));
}

/**
 * A new line, indented as it is likely to be.
 * @param {string} text what stands before it
 */
function lineAfter(text) {
  const last = text.split("\n").at(-1) ?? "";
  const indent = /^[ \t]*/.exec(last)?.[0] ?? "";
  return `\n${indent}${/:\s*(#.*)?$/.test(last) ? "    " : ""}`;
}

/**
 * @param {boolean} ended
 * @param {CloseEvent} event
 */
function showEnd(ended, event) {
  log.flush();
  become("over");
  completer.close();
  const reason = ended
    ? "This console has ended."
    : (CLOSED[/** @type {keyof typeof CLOSED} */ (event.code)] ?? (event.reason ? `The console was closed: ${event.reason}.` : "The connection was lost, or refused."));
  const again = h("button", { class: "button", type: "button", onclick: connect }, "Start again");
  fill(over, h("span", {}, h("strong", {}, reason), " Its names are gone, and what it awaited."), again);
  over.hidden = false;
  again.focus();
}

/** @param {object} message */
function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function enter() {
  again = sent !== null;
  if (again || state === "connecting") return;
  if (input.value.slice(input.selectionEnd).includes("\n")) {
    insert(lineAfter(input.value.slice(0, input.selectionStart))); // in the middle of a block
    return;
  }
  sent = input.value;
  input.setSelectionRange(sent.length, sent.length);
  say({ type: "enter", text: sent });
}

function interrupt() {
  if (state === "prompt" && input.value) {
    log.enter(promptsOf(input.value), input.value);
    input.value = "";
    fit();
  }
  say({ type: "interrupt" });
  input.focus();
}

/** @param {string} text */
function insert(text) {
  input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
  fit();
  input.scrollTop = input.scrollHeight;
}

/** The entry is as high as its lines. */
function fit() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
}

function complete() {
  if (!completer.hasWord) return insert("    ");
  completer.asked = completer.text;
  questions += 1;
  return say({ type: "complete", id: questions, text: completer.text });
}

/** @param {-1 | 1} by */
function recall(by) {
  const edge = by < 0 ? input.value.slice(0, input.selectionStart) : input.value.slice(input.selectionEnd);
  if (edge.includes("\n")) return false; // the cursor moves within the entry
  const found = past.step(by, input.value);
  if (found === undefined) return false;
  input.value = found;
  input.setSelectionRange(found.length, found.length);
  fit();
  return true;
}

function hasSelection() {
  return input.selectionStart !== input.selectionEnd || !(document.getSelection()?.isCollapsed ?? true);
}

/** What keys do in the entry; false leaves them to the browser.
 * @type {Record<string, () => unknown>} */
const IN_ENTRY = {
  Enter: enter,
  Tab: complete,
  ArrowUp: () => recall(-1),
  ArrowDown: () => recall(1),
  "Ctrl-c": () => !hasSelection() && (interrupt(), true),
  "Ctrl-d": () => !input.value && (say({ type: "end" }), true),
  "Ctrl-l": () => log.clear(),
  Escape: () => input.blur(),
};

/** @type {Record<string, () => unknown>} */
const IN_LIST = {
  Enter: () => completer.choose(),
  Tab: () => completer.choose(),
  ArrowUp: () => completer.move(-1),
  ArrowDown: () => completer.move(1),
  Escape: () => completer.close(),
};

input.addEventListener("keydown", (event) => {
  if (event.isComposing || event.shiftKey || event.altKey || event.metaKey) return;
  const name = (event.ctrlKey ? "Ctrl-" : "") + event.key;
  const action = (completer.isOpen && IN_LIST[name]) || IN_ENTRY[name];
  if (action && action() !== false) event.preventDefault();
});

input.addEventListener("input", () => {
  completer.close();
  fit();
});
byId("entry").addEventListener("submit", (event) => event.preventDefault());
stop.addEventListener("click", interrupt);
window.addEventListener("pagehide", () => socket?.close());
window.addEventListener("pageshow", (event) => event.persisted && connect());

// A click into the log goes on typing, unless it selected something there.
byId("log").addEventListener("click", () => hasSelection() || input.focus());

new Shell({ title: "Console", view: () => ({ view: "overview" }) }).connect();
keys.bind(["/", "i"], "type into the console", () => input.focus());
connect();
