// What rules have found: on the overview in short, on the page Insight with all tasks; and the
// link that saves all there is to know.
// @ts-check
import { h } from "./dom.js";
import { clockTime, count } from "./format.js";
import { taskLink } from "./story.js";
import { sentence, withCode } from "./tables.js";
/** @import {Finding} from "./api.js" */
/** @import {Child} from "./dom.js" */

/**
 * @param {Finding[]} findings
 * @param {number} tasks so many of each are named
 */
export function findingList(findings, tasks) {
  return h("ul", { class: "told" }, findings.map((finding) => findingItem(finding, tasks)));
}

/**
 * @param {Finding} finding
 * @param {number} tasks
 */
function findingItem(finding, tasks) {
  const { severity, rule, first_seen: since, remedy } = finding;
  return h(
    "li",
    { data: { severity } },
    h("p", {}, h("span", { class: "unseen" }, `${severity}: `), h("strong", {}, rule), ": ", ...sentence(finding.sentence)),
    h("p", { class: "remedy" }, h("span", { class: "quiet" }, "Remedy: "), ...withCode(remedy)),
    h("p", { class: "quiet" }, `since ${clockTime(since)}`, ...links(finding, tasks)),
  );
}

/**
 * @param {Finding} finding
 * @param {number} most
 * @returns {Child[]}
 */
function links({ tasks, count: all }, most) {
  if (!tasks.length) return [];
  const shown = tasks.slice(0, most);
  const told = shown.flatMap((number, index) => [index ? ", " : "", taskLink(number, String(number))]);
  const more = all - shown.length;
  return [all === 1 ? " · task " : " · tasks ", ...told, more > 0 && ` and ${count(more)} more`];
}

/** @param {string} name the application's */
export function dumpLink(name) {
  return h("a", { class: "button small", href: "/api/dump", download: `${name}-dump.txt`, title: "All there is to know, as a file to keep: findings, stalls, who waits for whom, the stacks of tasks and threads" }, "Save a dump");
}
