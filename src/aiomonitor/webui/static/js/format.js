// Numbers, times and places as text; pure, and in the same forms as in the terminal.
// @ts-check
/** @import {EndedTask, Frame, Group, Task} from "./api.js" */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** @param {number} number */
export function count(number) {
  return whole.format(number);
}

/**
 * A number and its noun: `1 task`, `2,000 tasks`.
 * @param {number} number
 * @param {string} noun
 */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Seconds in at most seven characters: `0.3ms`, `12.5s`, `3m20s`, `5h07m`, `12d03h`, `>999d`.
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const all = Math.max(0, seconds);
  if (all < 1) return `${(all * 1000).toFixed(1)}ms`;
  if (all < 60) return `${all.toFixed(1)}s`;
  if (all >= 1000 * 86_400) return ">999d";
  const minutes = Math.floor(all / 60);
  if (minutes < 60) return `${minutes}m${two(Math.floor(all % 60))}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h${two(minutes % 60)}m` : `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/**
 * An age that is counted while one looks: tenths of seconds would only flicker.
 * @param {number | null | undefined} seconds
 */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  return seconds < 60 ? `${Math.max(0, Math.floor(seconds))}s` : duration(seconds);
}

/** @param {number} number */
function two(number) {
  return String(number).padStart(2, "0");
}

/**
 * The time of the day, in the browser's time zone.
 * @param {number} unixTime
 */
export function clockTime(unixTime) {
  const date = new Date(unixTime * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * A date and the time of the day, in the browser's time zone.
 * @param {number} unixTime
 */
export function moment(unixTime) {
  const date = new Date(unixTime * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clockTime(unixTime)}`;
}

/**
 * Seconds that are few, for a chart: `0.4 ms`, `85 ms`, `1.2 s`.
 * @param {number | null | undefined} seconds
 */
export function lag(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  const milliseconds = seconds * 1000;
  return `${milliseconds > 0 && milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
}

/** @param {number | null | undefined} share */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** @param {number | null | undefined} perSecond */
export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return "–";
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
}

/** @param {string} path */
export function baseName(path) {
  return path.split(/[\\/]/).pop() || path;
}

/**
 * What a program is called: its file, or its package if it was started as one.
 * @param {string} path
 */
export function programName(path) {
  const parts = path.split(/[\\/]/);
  return (parts.at(-1) === "__main__.py" && parts.at(-2)) || baseName(path);
}

/**
 * A file's path without what is the same for all: `aiohttp/client.py`, `shop/worker.py`.
 * @param {string} path
 */
export function shortPath(path) {
  const parts = path.split(/[\\/]/);
  const packages = parts.lastIndexOf("site-packages");
  if (packages >= 0) return parts.slice(packages + 1).join("/");
  const library = parts.findLastIndex((part) => /^python\d\.\d+t?$/.test(part));
  if (library >= 0 && library < parts.length - 1) return parts.slice(library + 1).join("/");
  return parts.slice(-3).join("/").replace(/^\//, "");
}

/**
 * Whether a file is a library's, and not the application's own.
 * @param {string} path
 */
export function isLibrary(path) {
  return /[\\/](site-packages|python\d\.\d+t?)[\\/]/i.test(path) || path.startsWith("<");
}

/**
 * A line of code, in short: `worker.py:42 fetch`.
 * @param {Frame | null | undefined} frame
 */
export function place(frame) {
  return frame ? `${baseName(frame.filename)}:${frame.lineno} ${frame.function}` : "";
}

/**
 * Where a task is, in short: `worker.py:42 fetch > sleep`.
 * @param {Task} task
 */
export function location(task) {
  return task.awaits ? `${place(task.location)} > ${task.awaits}` : place(task.location);
}

/**
 * What a task waits for, without the time, which goes on: `a Lock, held by task 3 (main)`.
 * @param {import("./api.js").Wait} wait
 */
export function waiting({ what, held_by: holder, waiting: others }) {
  const crowd = others && others > 1 ? `${count(others)} waiting` : "";
  return [what, holder && `held by ${holder}`, crowd].filter(Boolean).join(", ");
}

/**
 * What the tasks of a group have in common, in short.
 * @param {Group} group
 */
export function groupName({ key, place: frame }) {
  return frame ? key.replace(frame.filename, baseName(frame.filename)) : key || "(not known)";
}

/**
 * How a task ended, in words.
 * @param {EndedTask} task
 */
export function ending(task) {
  if (task.outcome === "destroyed") return "nothing referred to it any more while it waited";
  const by = task.cancelled_by ? `by ${task.cancelled_by}` : "";
  if (task.swallowed) return [task.error, `swallowed a cancellation ${by}`].filter(Boolean).join("; ");
  if (task.outcome === "cancelled") return [by, task.error].filter(Boolean).join("; ");
  return task.error;
}

/**
 * Frames as a traceback has them, for pasting.
 * @param {readonly Frame[]} frames
 */
export function traceback(frames) {
  return frames
    .map(({ filename, lineno, function: name, source }) => {
      const head = `  File "${filename}", line ${lineno}, in ${name}\n`;
      return source ? `${head}    ${source}\n` : head;
    })
    .join("");
}
