// Looks again now and then: the dearer a look was for the monitor, the later the next one.
// @ts-check

/** The part of the time in which the monitor may be busy with our asking. */
const SHARE = 0.03;

/**
 * A function that looks again if it is time to, and one that looks now in any case.
 * @param {number} every seconds, at least
 * @param {() => Promise<void>} look
 */
export function paced(every, look) {
  let due = 0;
  let looking = false;
  let again = false;
  async function now() {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    const began = performance.now();
    await look().catch(() => {}); // the connection's state tells
    const ended = performance.now();
    due = ended + Math.max(every * 1000 - 100, (ended - began) / SHARE);
    looking = false;
    if (again) {
      again = false;
      await now();
    }
  }
  return { now, ifDue: () => (performance.now() >= due ? now() : undefined) };
}
