// The rows of a long listing, of which only some are here: fetched in blocks as they come in
// sight, and kept up to date by a stream where one looks.
// @ts-check

/** Rows fetched at once. */
const BLOCK = 100;
/** Milliseconds after which rows outside of the stream's window are fetched again when seen. */
const STALE_AFTER = 2_000;
/** Blocks that are kept. */
const KEPT = 60;
/** Milliseconds without scrolling after which the stream follows. */
const STILL_AFTER = 250;

/**
 * @template Row
 * @typedef {{rows: Row[], total: number, matched: number}} Loaded
 */

/** @template {{number: number}} Row */
export class RemoteRows {
  /**
   * @param {object} options
   * @param {(cursor: number, limit: number, signal: AbortSignal) => Promise<Loaded<Row>>} options.load
   * @param {() => boolean} options.isLive whether the stream will bring the rows of its window
   * @param {() => boolean} options.isPaused
   * @param {() => void} options.onChange
   * @param {() => void} options.onWindow the stream has to look at other rows
   * @param {(error: unknown) => void} options.onError
   */
  constructor(options) {
    this.options = options;
    this.total = 0;
    this.matched = 0;
    this.fresh = false; // false: what is here belongs to another filter, and goes with the next rows
    this.window = { cursor: 0, limit: BLOCK };
    /** @type {Map<number, {rows: Row[], at: number}>} */
    this.blocks = new Map();
    /** What the stream has told, by number: later it names by number what has not changed.
     * @type {Map<number, Row>} */
    this.known = new Map();
    this.wanted = { first: 0, last: 0 };
    this.ahead = 1; // the direction in which one scrolls
    /** @type {AbortController | null} */
    this.loading = null;
    this.loadingBlocks = { first: 0, last: 0 };
    this.still = 0;
  }

  /**
   * @param {number} index
   * @returns {Row | undefined}
   */
  at(index) {
    return this.blocks.get(Math.floor(index / BLOCK))?.rows[index % BLOCK];
  }

  /** Something else is asked for from now on; what is here stays until the first of it comes. */
  reset() {
    this.loading?.abort();
    this.loading = null;
    this.fresh = false;
    this.window = { cursor: 0, limit: BLOCK };
    this.wanted = { first: 0, last: 0 };
    this.known.clear();
    this.loadMissing();
  }

  /**
   * These rows are in sight now.
   * @param {number} first
   * @param {number} last
   */
  see(first, last) {
    const before = this.wanted;
    this.wanted = { first: Math.floor(first / BLOCK), last: Math.floor(Math.max(first, last) / BLOCK) };
    this.ahead = Math.sign(this.wanted.first - before.first) || this.ahead;
    this.loadMissing();
    clearTimeout(this.still);
    if (!this.coversWanted()) this.still = window.setTimeout(() => this.followSight(), STILL_AFTER);
  }

  coversWanted() {
    const { first, last } = this.wanted;
    return this.inWindow(first) && this.inWindow(last);
  }

  /** @param {number} block */
  inWindow(block) {
    const { cursor, limit } = this.window;
    return block * BLOCK >= cursor && (block + 1) * BLOCK <= cursor + limit;
  }

  followSight() {
    const { first, last } = this.wanted;
    this.window = { cursor: first * BLOCK, limit: (last - first + 1) * BLOCK };
    this.options.onWindow();
  }

  // --- from the server -------------------------------------------------------------------------

  /** @param {number} block */
  isMissing(block) {
    if (this.inWindow(block) && this.options.isLive()) return false;
    const held = this.fresh ? this.blocks.get(block) : undefined;
    return !held || (!this.options.isPaused() && performance.now() - held.at > STALE_AFTER);
  }

  async loadMissing() {
    if (this.loading) {
      const { first, last } = this.loadingBlocks;
      if (first <= this.wanted.last && last >= this.wanted.first) return;
      this.loading.abort(); // scrolled on: nobody looks there any more
    }
    const missing = [];
    for (let block = this.wanted.first; block <= this.wanted.last; block++) {
      if (this.isMissing(block)) missing.push(block);
    }
    this.loading = null;
    if (!missing.length) return;
    const [first, last] = [missing[0], missing[missing.length - 1]];
    if (this.ahead < 0) await this.load(Math.max(0, first - 1), last);
    else await this.load(first, last + 1);
  }

  /**
   * @param {number} first
   * @param {number} last
   */
  async load(first, last) {
    const controller = (this.loading = new AbortController());
    this.loadingBlocks = { first, last };
    try {
      const cursor = first * BLOCK;
      const loaded = await this.options.load(cursor, (last - first + 1) * BLOCK, controller.signal);
      if (controller.signal.aborted) return;
      this.loading = null;
      this.take(cursor, last - first + 1, loaded.rows, loaded.total, loaded.matched);
      this.loadMissing();
    } catch (error) {
      if (controller.signal.aborted) return;
      this.loading = null;
      this.options.onError(error);
    }
  }

  /**
   * An event of the stream: the order of its window, and the rows that are new or have changed.
   * @param {{order: number[], rows: Row[], total: number, matched: number}} event
   */
  takeEvent({ order, rows, total, matched }) {
    for (const row of rows) this.known.set(row.number, row);
    const page = order.flatMap((number) => this.known.get(number) ?? []);
    this.known = new Map(page.map((row) => [row.number, row]));
    this.take(this.window.cursor, Math.ceil(this.window.limit / BLOCK), page, total, matched);
  }

  /**
   * @param {number} cursor
   * @param {number} blocks
   * @param {Row[]} rows
   * @param {number} total
   * @param {number} matched
   */
  take(cursor, blocks, rows, total, matched) {
    if (!this.fresh) this.blocks.clear();
    this.fresh = true;
    const first = cursor / BLOCK;
    for (let index = 0; index < blocks; index++) {
      this.blocks.delete(first + index); // to the end of the line of those to be dropped
      this.blocks.set(first + index, { rows: rows.slice(index * BLOCK, (index + 1) * BLOCK), at: performance.now() });
    }
    for (const block of this.blocks.keys()) {
      if (this.blocks.size <= KEPT) break;
      this.blocks.delete(block);
    }
    this.total = total;
    this.matched = matched;
    this.options.onChange();
  }
}
