// Shows a long list with few elements: those in sight, which are used again as one scrolls.
// @ts-check

/** Rows beyond both edges, so that a turn of the wheel shows no blank ones. */
const SPARE = 12;
/** Pixels: browsers lay out nothing beyond some 16 to 33 million. */
const TALLEST = 15_000_000;

export class Virtual {
  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} body as high as all rows together
   * @param {object} options
   * @param {() => HTMLElement} options.make makes the element of a row
   * @param {(element: HTMLElement, index: number) => void} options.bind shows a row in it
   * @param {(first: number, last: number) => void} options.onRange other rows are in sight
   */
  constructor(scroller, body, { make, bind, onRange }) {
    this.scroller = scroller;
    this.body = body;
    this.make = make;
    this.bind = bind;
    this.onRange = onRange;
    this.count = 0;
    this.rowHeight = 0;
    this.first = 0;
    this.last = -1;
    /** Row i is in element i modulo their number, so scrolling by one row moves one element.
     * @type {{element: HTMLElement, index: number}[]} */
    this.pool = [];
    this.frame = 0;
    scroller.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(scroller);
    this.measure();
  }

  measure() {
    const height = parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row-height")) || 28;
    const top = this.rowHeight ? this.scroller.scrollTop / this.rowHeight : 0;
    const changed = height !== this.rowHeight;
    this.rowHeight = height;
    const wanted = Math.ceil(this.scroller.clientHeight / height) + 2 * SPARE;
    if (changed || wanted > this.pool.length) this.fillPool(wanted);
    this.setCount(this.count);
    if (changed && top) this.scroller.scrollTop = top * height;
  }

  /** @param {number} wanted */
  fillPool(wanted) {
    while (this.pool.length < wanted) {
      const element = this.make();
      element.hidden = true;
      this.pool.push({ element, index: -1 });
      this.body.append(element);
    }
    for (const slot of this.pool) slot.index = -1;
  }

  /** @param {number} count */
  setCount(count) {
    this.count = Math.min(count, Math.floor(TALLEST / this.rowHeight));
    this.body.style.height = `${this.count * this.rowHeight}px`;
    this.render(true);
  }

  schedule() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render(false);
    });
  }

  /**
   * Show the rows that are in sight.
   * @param {boolean} all also those that were shown already: what they hold has changed
   */
  render(all) {
    const top = Math.floor(this.scroller.scrollTop / this.rowHeight);
    const first = Math.max(0, Math.min(top - SPARE, this.count - this.pool.length));
    const last = Math.min(this.count, first + this.pool.length) - 1;
    for (let index = first; index <= last; index++) this.place(index, all);
    for (const slot of this.pool) {
      if (slot.index > last) {
        slot.index = -1;
        slot.element.hidden = true;
      }
    }
    const moved = first !== this.first || last !== this.last;
    this.first = first;
    this.last = last;
    if (this.count && (all || moved)) this.onRange(first, last);
  }

  /**
   * @param {number} index
   * @param {boolean} again
   */
  place(index, again) {
    const slot = this.pool[index % this.pool.length];
    if (slot.index !== index) {
      slot.element.style.transform = `translateY(${index * this.rowHeight}px)`;
      slot.element.hidden = false;
    } else if (!again) return;
    slot.index = index;
    this.bind(slot.element, index);
  }

  /**
   * Call for each row that has an element.
   * @param {(element: HTMLElement, index: number) => void} visit
   */
  forEach(visit) {
    for (const { element, index } of this.pool) if (index >= 0) visit(element, index);
  }

  /**
   * The row an element belongs to, or -1.
   * @param {Element | null} element
   */
  indexOf(element) {
    return this.pool.find((slot) => slot.element === element)?.index ?? -1;
  }

  /**
   * Scroll just so far that a row is in sight.
   * @param {number} index
   * @param {number} headHeight what covers the first rows
   */
  reveal(index, headHeight) {
    const top = index * this.rowHeight;
    const height = this.scroller.clientHeight - headHeight;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + this.rowHeight > this.scroller.scrollTop + height) {
      this.scroller.scrollTop = top + this.rowHeight - height;
    }
    this.render(false);
  }
}
