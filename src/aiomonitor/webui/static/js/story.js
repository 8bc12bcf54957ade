// How a task came to be, and who asked it to cancel itself: what the pages of a live and of an
// ended task have in common.
// @ts-check
import { h } from "./dom.js";
import { moment } from "./format.js";
import { copyButton, frameList } from "./frames.js";
import { traceback } from "./format.js";
/** @import {Cancellation, Step} from "./api.js" */

/**
 * Facts as a list of names and values; without a value there is no fact.
 * @param {[name: string, value: Node | string | null | undefined | false][]} facts
 */
export function factList(facts) {
  return h(
    "dl",
    { class: "facts" },
    facts.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/**
 * Who created whom, from the first to the task itself.
 * @param {Step[]} steps
 * @param {string} beginning why it begins there
 */
export function ancestrySection(steps, beginning) {
  if (!steps.length && !beginning) return null;
  return h(
    "section",
    { class: "card" },
    h(
      "header",
      { class: "card-head" },
      h("h2", {}, "How it came to be"),
      steps.length > 0 &&
        copyButton(() => steps.map((step) => `${step.creator} created ${step.created}:\n${traceback(step.frames)}`).join("\n"), "Copy chain"),
    ),
    beginning && h("p", { class: "quiet inset" }, beginning),
    steps.length > 0 && h("ol", { class: "steps" }, steps.map((step, index) => stepItem(step, index === steps.length - 1))),
  );
}

/**
 * @param {Step} step
 * @param {boolean} isLast the one that created the task is unfolded
 */
function stepItem(step, isLast) {
  const creator = step.number === null ? step.creator : taskLink(step.number, step.creator);
  const head = [h("strong", {}, creator), " created ", step.created];
  if (!step.frames.length) return h("li", { class: "step" }, h("p", { class: "step-head" }, head));
  return h(
    "li",
    { class: "step" },
    h("details", { open: isLast }, h("summary", { class: "step-head" }, head), frameList(step.frames)),
  );
}

/**
 * Each request to cancel the task, the latest first.
 * @param {Cancellation[]} cancellations
 */
export function cancellationSection(cancellations) {
  if (!cancellations.length) return null;
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", {}, "Who asked it to cancel")),
    h(
      "ol",
      { class: "steps" },
      cancellations.map(({ at, by, frames }) =>
        h("li", { class: "step" }, h("p", { class: "step-head" }, h("strong", {}, linked(by)), at !== undefined && ` at ${moment(at)}`), frameList(frames)),
      ),
    ),
  );
}

/**
 * A link to a task, which may have ended since: the server finds it.
 * @param {number} number
 * @param {string} text
 */
export function taskLink(number, text) {
  return h("a", { href: `/tasks/${number}` }, text);
}

/**
 * Words in which a task is named by its number, that leading there.
 * @param {string} words "task 3 (main)"
 */
export function linked(words) {
  const found = /^task (\d+)\b/.exec(words);
  return found ? taskLink(Number(found[1]), words) : words;
}
