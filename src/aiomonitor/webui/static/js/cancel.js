// Cancels a task, after the user has said yes to exactly that one.
// @ts-check
import { post } from "./api.js";
import { h } from "./dom.js";
import { location } from "./format.js";
import { askToCancelScope } from "./scopes.js";
import { openDialog, toast } from "./shell.js";
/** @import {Task} from "./api.js" */

/** @type {Record<string, "good" | "bad" | "">} */
const KINDS = { ended: "good", requested: "", "already done": "", unresponsive: "bad", unsupported: "bad" };

/**
 * Ask, and cancel. In a runtime with scopes, these are what can be cancelled.
 * @param {Task} task
 */
export function askToCancel(task) {
  if (document.body.dataset.permissions === "read") return toast("Nothing can be cancelled here: the monitor was started with permissions='read'.");
  return task.system === undefined ? askForTask(task) : askToCancelScope(String(task.number), task);
}

/** @param {Task} task */
function askForTask(task) {
  openDialog(`Cancel task ${task.number}?`, [
    h("p", { class: "subject" }, h("strong", {}, task.name), " ", h("code", {}, task.coroutine)),
    h("p", { class: "quiet" }, location(task)),
    h("p", {}, "A CancelledError is raised in it where it waits. What awaits it may end, too."),
    h(
      "form",
      { method: "dialog", class: "choices" },
      h("button", { class: "button" }, "Keep it running"),
      h("button", { class: "button danger", autofocus: true, onclick: () => cancel(task) }, "Cancel the task"),
    ),
  ]);
}

/** @param {Task} task */
async function cancel({ number, name }) {
  const label = `Task ${number} (${name})`;
  try {
    const { outcome, detail } = await post(`/api/tasks/${number}/cancel`);
    toast(`${label}: ${detail}`, KINDS[outcome] ?? "");
  } catch (error) {
    toast(`${label} was not cancelled: ${error instanceof Error ? error.message : error}`, "bad");
  }
}
