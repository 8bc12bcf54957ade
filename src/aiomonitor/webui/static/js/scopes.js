// Cancel scopes and nurseries, where the runtime has them: told, and cancelled.
// @ts-check
import { get, post } from "./api.js";
import { h } from "./dom.js";
import { counted, duration } from "./format.js";
import { openDialog, toast } from "./shell.js";
import { taskLink } from "./story.js";
/** @import {Reach, Scope, Task} from "./api.js" */

/** Tasks named in the question whether to cancel a scope. */
const NAMED = 12;

/**
 * Seconds that go by: the text is set by `tickTimers`.
 * @param {number} seconds
 */
export function timer(seconds) {
  const until = Date.now() + seconds * 1000;
  return h("span", { class: "timer", data: { until } }, left(seconds));
}

/** @param {ParentNode} within */
export function tickTimers(within) {
  for (const element of within.querySelectorAll(".timer")) {
    const until = Number(/** @type {HTMLElement} */ (element).dataset.until);
    element.textContent = left((until - Date.now()) / 1000);
  }
}

/** @param {number} seconds */
function left(seconds) {
  return seconds >= 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`;
}

/**
 * What is particular about a scope, without its number.
 * @param {Scope} scope
 */
export function traits(scope) {
  return [
    scope.system && "the runtime's own",
    scope.tasks !== undefined && counted(scope.tasks, "task"),
    scope.shielded && "shielded",
    scope.cancelled && `cancelled${scope.cancel_called ? "" : " from outside"}${scope.cancelled_by ? ` by ${scope.cancelled_by}` : ""}`,
  ].filter((trait) => typeof trait === "string");
}

/**
 * A scope as a small mark.
 * @param {Scope} scope
 */
export function scopeMark(scope) {
  const words = [`${scope.kind} s${scope.number}`, ...traits(scope)];
  if (scope.timeout !== null) words.push(`deadline ${left(scope.timeout)}`);
  return h("span", { class: "scope", title: words.join(", "), data: { cancelled: scope.cancelled } }, `s${scope.number}`);
}

/**
 * The scopes around a task, the innermost first.
 * @param {Scope[] | undefined} scopes
 */
export function scopeSection(scopes) {
  if (!scopes?.length) return null;
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", {}, "Scopes around it")),
    h("ol", { class: "scopes" }, scopes.map(scopeItem)),
  );
}

/** @param {Scope} scope */
function scopeItem(scope) {
  const opener = scope.opened_by === null ? [] : [" opened by ", taskLink(scope.opened_by, `task ${scope.opened_by}`)];
  return h(
    "li",
    { data: { cancelled: scope.cancelled } },
    h("strong", {}, `${scope.kind} s${scope.number}`),
    opener,
    ...traits(scope).map((trait) => h("span", { class: "trait" }, trait)),
    scope.timeout !== null && h("span", { class: "trait" }, "deadline ", timer(scope.timeout)),
    !scope.system && h("button", { class: "button small danger scope-cancel", type: "button", onclick: () => askToCancelScope(`s${scope.number}`) }, "Cancel"),
  );
}

/**
 * Ask, with the names of all that goes along, and cancel.
 * @param {string} ref a scope (`s4`), or a task's number: then it is the nearest one around that
 * @param {Task} [task] for which that was asked
 */
export async function askToCancelScope(ref, task) {
  try {
    /** @type {Reach} */
    const reach = await get(`/api/scopes/${encodeURIComponent(ref)}`);
    const { scope, tasks, shielded } = reach;
    openDialog(`Cancel ${scope.kind} s${scope.number}?`, [
      task ? h("p", {}, `Trio cannot cancel task ${task.number} alone. This is the nearest scope around it.`) : null,
      h("p", {}, `It takes along ${counted(tasks.length, "task")}:`),
      names(tasks),
      shielded.length > 0 && h("p", { class: "quiet" }, `Shielded from it, and going on: ${counted(shielded.length, "task")}.`),
      h(
        "form",
        { method: "dialog", class: "choices" },
        h("button", { class: "button" }, "Keep it running"),
        h("button", { class: "button danger", autofocus: true, onclick: () => cancelScope(scope) }, `Cancel the ${scope.kind}`),
      ),
    ]);
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error), "bad");
  }
}

/** @param {[number, string][]} tasks */
function names(tasks) {
  const shown = tasks.slice(0, NAMED).map(([number, name]) => h("li", {}, h("code", {}, name), h("span", { class: "quiet" }, ` task ${number}`)));
  const rest = tasks.length - shown.length;
  return h("ul", { class: "names" }, shown, rest > 0 && h("li", { class: "quiet" }, `and ${rest} more`));
}

/** @param {Scope} scope */
async function cancelScope({ kind, number }) {
  const label = `${kind} s${number}`;
  try {
    const { outcome, detail } = await post(`/api/scopes/s${number}/cancel`);
    toast(`${label}: ${detail}`, outcome === "ended" ? "good" : "");
  } catch (error) {
    toast(`${label} was not cancelled: ${error instanceof Error ? error.message : error}`, "bad");
  }
}
