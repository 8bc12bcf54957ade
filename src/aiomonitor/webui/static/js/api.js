// Asks the monitor: JSON in, values out, and its refusals as errors that say what it said.
// @ts-check

/**
 * The values of aiomonitor.model, as JSON has them.
 * @typedef {{filename: string, lineno: number, function: string, source: string}} Frame
 *
 * @typedef {object} Task
 * @property {number} number
 * @property {string} name
 * @property {string} coroutine
 * @property {"running" | "runnable" | "waiting" | "done"} state
 * @property {number | null} created_at
 * @property {number | null} age
 * @property {Frame | null} created_in
 * @property {string} created_by
 * @property {number | null} parent
 * @property {Frame | null} location
 * @property {string} awaits
 * @property {number} cancelling
 * @property {number} [cancel_age]
 * @property {string} cancelled_by
 * @property {Wait} [waits] these three only where the runtime tells
 * @property {number} [nursery]
 * @property {boolean} [system]
 *
 * @typedef {object} Wait
 * @property {string} kind
 * @property {string} what
 * @property {number} [waiting]
 * @property {number[]} [holders]
 * @property {number[]} [tasks]
 * @property {string} [held_by]
 * @property {number} [timeout]
 *
 * @typedef {object} Scope
 * @property {number} number
 * @property {"scope" | "nursery"} kind
 * @property {number | null} opened_by
 * @property {number | null} timeout
 * @property {boolean} shielded
 * @property {boolean} cancel_called
 * @property {boolean} cancelled
 * @property {string} cancelled_by
 * @property {boolean} system
 * @property {number} [tasks]
 *
 * @typedef {{scope: Scope, tasks: [number, string][], shielded: [number, string][]}} Reach
 *
 * @typedef {object} EndedTask
 * @property {number} number
 * @property {string} name
 * @property {string} coroutine
 * @property {"returned" | "failed" | "cancelled" | "destroyed"} outcome
 * @property {number} ended_at
 * @property {number | null} created_at
 * @property {number | null} duration
 * @property {Frame | null} created_in
 * @property {string} created_by
 * @property {number | null} parent
 * @property {string} error
 * @property {string} cancelled_by
 * @property {boolean} swallowed
 *
 * @typedef {{creator: string, number: number | null, created: string, frames: Frame[]}} Step
 * @typedef {{at?: number, by: string, frames: Frame[]}} Cancellation
 *
 * @typedef {object} TaskStack
 * @property {Task} task
 * @property {Frame[]} frames
 * @property {string} awaiting
 * @property {string} note
 * @property {Step[]} ancestry
 * @property {string} beginning
 * @property {Cancellation[]} cancellations
 * @property {Scope[]} [scopes] the innermost first
 *
 * @typedef {object} EndedStack
 * @property {EndedTask} task
 * @property {Frame[]} frames
 * @property {string[]} causes
 * @property {Step[]} ancestry
 * @property {string} beginning
 * @property {Cancellation[]} cancellations
 * @property {string} note
 *
 * @typedef {{thread_id: number, name: string, frames: Frame[], loop_state: string | null}} Thread
 * @typedef {[t: number, tasks: number | null, lag: number | null, busy: number | null,
 *            created: number | null, ended: number | null]} Sample
 *
 * @typedef {object} Status
 * @property {string} version
 * @property {string} python
 * @property {string} runtime
 * @property {string} loop
 * @property {number} pid
 * @property {string} argv0
 * @property {number} started_at
 * @property {number} tasks
 * @property {Record<string, number> | null} states
 * @property {number} ended
 * @property {number} remembered
 * @property {number} dropped
 * @property {boolean} recording
 * @property {string} note
 * @property {"read" | "act" | "exec"} permissions
 * @property {string} loop_state
 * @property {number | null} blocked_for
 * @property {Sample[]} samples
 *
 * @typedef {{key: string, count: number, oldest_age: number | null, example: number,
 *            place?: Frame | null, frames?: Frame[]}} Group
 * @typedef {{task: Task, children: number, path?: [number, string][],
 *            scopes?: Scope[]}} TreeNode
 * @typedef {{parent: number, nodes: TreeNode[], total: number, cursor: string | null}} TreePage
 * @typedef {{depth: number, task: Task, mark: "" | "circle" | "above"}} AwaitLine
 * @typedef {{total: number, lines: AwaitLine[]}} AwaitTree
 * @typedef {{kind: "created" | "ended" | "cancelled" | "stalled", at: number, number: number,
 *            name: string, coroutine: string, text: string}} TaskEvent
 * @typedef {{since: number, seen: number, over: boolean,
 *            events: [number: number, event: TaskEvent][]}} Happened
 * @typedef {{task: Task, outcome: string, detail: string}} CancelResult
 *
 * @typedef {[number: number, name: string]} Person
 * @typedef {{rule: string, key: string, severity: "error" | "warning", sentence: string,
 *            remedy: string, count: number, tasks: number[], first_seen: number}} Finding
 * @typedef {{kind: "circle" | "holder ended" | "nobody left", certain: boolean, sentence: string,
 *            count: number, tasks: Task[]}} Deadlock
 * @typedef {{label: string, kind: string, what: string, waiting: number, holders: Person[],
 *            waiters: Person[], size: number | null, limit: number | null, getting: number,
 *            putting: number}} SharedObject
 * @typedef {{key: string, place: Frame | null, new: number, gone: number, still: number,
 *            example: number | null}} SiteChange
 * @typedef {{marked_at: number, new: number, gone: number, still: number, passed: number | null,
 *            sites: SiteChange[]}} Diff
 *
 * @typedef {{seconds: number, count: number, median: number | null, p99: number | null,
 *            worst: number | null, buckets: number[]}} LagWindow
 * @typedef {{threshold: number, stalls: number, blocked_for: number | null, busy: number | null,
 *            busy_window: number, bounds: number[], windows: LagWindow[], note: string}} Health
 * @typedef {{number: number, started_at: number, duration: number, over: boolean, kind: string,
 *            sentence: string, stacks: {frames: Frame[], count: number}[]}} Stall
 * @typedef {{busy: number, share: number, polls: number, longest: number, coroutine: string}} Load
 * @typedef {Load & {number: number, name: string, ended: boolean}} TaskLoad
 * @typedef {{seconds: number, busy: number | null, callbacks: number, exact: boolean, note: string,
 *            tasks: TaskLoad[], coroutines: (Load & {tasks: number})[]}} Top
 * @typedef {{number: number, seconds: number, samples: number, sampled: number,
 *            cpu: number | null, exact: boolean, note: string, frames: Frame[], left_out: number,
 *            stacks: [task: string, samples: number, frames: number[]][]}} Profile
 */

/** What the monitor answered instead of what was asked for (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status 0 if there was no answer at all
   * @param {string} title
   * @param {string} detail
   */
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

/**
 * Get a value.
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [values]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, values = {}, signal) {
  return answer(await ask(withValues(path, values), { signal }));
}

/**
 * Ask for a change. No form of another site can send this header.
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-Aiomonitor": "1" };
  return answer(await ask(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

/**
 * Why an address is refused, or "" if it is not (any more). Nothing of the answer is read.
 * @param {string} path
 */
export async function refusal(path) {
  const response = await ask(path, {});
  if (!response.ok) return answer(response).catch((problem) => problem.message);
  response.body?.cancel();
  return "";
}

/**
 * An address with its query; what is empty is left out.
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} values
 */
export function withValues(path, values) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value != null && value !== false);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/**
 * @param {string} address
 * @param {RequestInit} options
 */
async function ask(address, options) {
  try {
    return await fetch(address, { cache: "no-store", ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "No answer", "The monitor does not answer.");
  }
}

/** @param {Response} response */
async function answer(response) {
  if (response.status === 401) location.reload(); // the page will say how to log in
  if (response.ok) return response.json();
  const told = await response.json().catch(() => ({}));
  throw new Problem(response.status, told.title ?? response.statusText, told.detail ?? "");
}
