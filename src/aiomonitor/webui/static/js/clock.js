// What time it is where the application runs, whose clock need not be the browser's.
// @ts-check

let offset = 0;
let known = false;
/** @type {number | null} */
let stopped = null;

/**
 * Learn from a task that was so many seconds old when it was sent.
 * @param {number | null} createdAt Unix time
 * @param {number | null} age seconds
 */
export function learn(createdAt, age) {
  if (createdAt === null || age === null || age === undefined) return;
  offset = createdAt + age - Date.now() / 1000;
  known = true;
}

/**
 * Learn from the time of something that was sent right after it happened.
 * @param {number | undefined} time Unix time
 */
export function learnTime(time) {
  if (known || !time) return;
  const difference = time - Date.now() / 1000;
  offset = Math.abs(difference) > 5 ? difference : 0; // less than that is how late the news is
}

/** The application's Unix time, in seconds. */
export function now() {
  return stopped ?? Date.now() / 1000 + offset;
}

/**
 * Stop the clock, or let it go on: a paused page shows one moment.
 * @param {boolean} stop
 */
export function hold(stop) {
  stopped = stop ? (stopped ?? now()) : null;
}
