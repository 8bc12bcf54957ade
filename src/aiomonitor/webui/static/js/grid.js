// A table of many rows: headers that sort, a row that is selected by keys or mouse, and the words
// for when there is nothing in it.
// @ts-check
import { fill, h, setText } from "./dom.js";
import * as keys from "./keys.js";
import { Virtual } from "./virtual.js";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} name the class of its cells, `cell-name`
 * @property {string} title
 * @property {string} [sort] what the server calls it, if it can be sorted by
 * @property {boolean} [descends] the first click gives the largest first
 * @property {boolean} [latestFirst] what the server takes for its order is the largest first
 * @property {(cell: HTMLElement) => void} [build] prepares an empty cell, once
 * @property {(cell: HTMLElement, row: Row, index: number) => void} show
 * @property {(cell: HTMLElement, row: Row) => void} [tick] what changes with time alone
 */

/**
 * @template Row
 * @typedef {object} Options
 * @property {string} kind its class, `grid-kind`, has the columns' widths
 * @property {string} label
 * @property {"grid" | "treegrid"} [role]
 * @property {Column<Row>[]} columns
 * @property {(index: number) => Row | undefined} at undefined: it is being loaded
 * @property {(row: Row) => number | string} key stays the same while the row moves
 * @property {(row: Row) => void} onOpen
 * @property {(sort: string, reverse: boolean) => void} [onSort]
 * @property {(first: number, last: number) => void} [onRange]
 * @property {(element: HTMLElement, row: Row) => void} [decorate]
 */

/** @template Row */
export class Grid {
  /**
   * @param {HTMLElement} place
   * @param {Options<Row>} options
   */
  constructor(place, options) {
    this.options = options;
    this.selectedIndex = -1;
    /** @type {number | string | null} */
    this.selectedKey = null;
    this.resolving = false; // the selected row is not loaded yet
    this.heads = options.columns.map((column) => this.makeHead(column));
    this.head = h("div", { class: "grid-head", role: "row", "aria-rowindex": 1 }, this.heads);
    this.body = h("div", { class: "grid-body", role: "rowgroup" });
    this.element = h(
      "div",
      {
        class: `grid grid-${options.kind}`,
        role: options.role ?? "grid",
        tabindex: 0,
        "aria-label": options.label,
        "aria-colcount": options.columns.length,
      },
      h("div", { role: "rowgroup", class: "grid-top" }, this.head),
      this.body,
    );
    this.empty = h("div", { class: "empty grid-empty", hidden: true });
    fill(place, this.element, this.empty);
    this.virtual = new Virtual(this.element, this.body, {
      make: () => this.makeRow(),
      bind: (element, index) => this.bindRow(element, index),
      onRange: (first, last) => options.onRange?.(first, last),
    });
    this.listen();
  }

  // --- what it shows ---------------------------------------------------------------------------

  /** @param {number} count */
  setCount(count) {
    this.element.setAttribute("aria-rowcount", String(count + 1));
    this.follow(count);
    this.virtual.setCount(count);
    this.markSelected();
  }

  /** Show ages as they are now. */
  tick() {
    const ticking = this.options.columns.flatMap((column, index) => (column.tick ? [{ index, tick: column.tick }] : []));
    this.virtual.forEach((element, index) => {
      const row = this.options.at(index);
      if (row) for (const each of ticking) each.tick(cellOf(element, each.index), row);
    });
  }

  /**
   * Say why there is nothing, or null if there is something.
   * @param {(Node | string)[] | null} content
   */
  setEmpty(content) {
    this.empty.hidden = content === null;
    this.element.classList.toggle("is-empty", content !== null);
    if (content) fill(this.empty, content);
  }

  /**
   * @param {string} sort
   * @param {boolean} reverse
   */
  setSort(sort, reverse) {
    this.options.columns.forEach((column, index) => {
      const falls = reverse !== Boolean(column.latestFirst);
      const sorted = column.sort === sort ? (falls ? "descending" : "ascending") : "none";
      if (column.sort) this.heads[index].setAttribute("aria-sort", sorted);
    });
    this.sort = sort;
    this.reverse = reverse;
  }

  scrollToTop() {
    this.element.scrollTop = 0;
    this.deselect();
  }

  // --- elements --------------------------------------------------------------------------------

  /** @param {Column<Row>} column */
  makeHead(column) {
    const head = h("div", { role: "columnheader", class: `cell cell-${column.name}` });
    if (!column.sort) fill(head, h("span", {}, column.title));
    else fill(head, h("button", { type: "button", tabindex: -1, onclick: () => this.toggleSort(column) }, column.title));
    return head;
  }

  /** @param {Column<Row>} column */
  toggleSort(column) {
    const reverse = this.sort === column.sort ? !this.reverse : Boolean(column.descends);
    this.options.onSort?.(column.sort ?? "", reverse);
  }

  makeRow() {
    return h(
      "div",
      { class: "row", role: "row" },
      this.options.columns.map((column) => {
        const cell = h("div", { class: `cell cell-${column.name}`, role: "gridcell" });
        column.build?.(cell);
        return cell;
      }),
    );
  }

  /**
   * @param {HTMLElement} element
   * @param {number} index
   */
  bindRow(element, index) {
    const row = this.options.at(index);
    element.id = `row-${index}`;
    element.setAttribute("aria-rowindex", String(index + 2));
    element.classList.toggle("is-loading", !row);
    this.markRow(element, index);
    if (!row) return;
    this.options.columns.forEach((column, position) => column.show(cellOf(element, position), row, index));
    this.options.decorate?.(element, row);
  }

  // --- the selected row ------------------------------------------------------------------------

  /** @returns {Row | undefined} */
  get selected() {
    return this.selectedKey === null ? undefined : this.options.at(this.selectedIndex);
  }

  /** @param {number} index */
  select(index) {
    if (!this.virtual.count) return;
    this.selectedIndex = Math.max(0, Math.min(index, this.virtual.count - 1));
    this.resolve();
    this.virtual.reveal(this.selectedIndex, this.head.offsetHeight);
    this.markSelected();
  }

  deselect() {
    this.selectedIndex = -1;
    this.selectedKey = null;
    this.resolving = false;
    this.markSelected();
  }

  resolve() {
    const row = this.options.at(this.selectedIndex);
    this.selectedKey = row ? this.options.key(row) : null;
    this.resolving = !row;
  }

  /**
   * The rows have changed: find the selected one again. One that has gone leaves its place
   * behind, to go on from, but is no longer selected: a key must never hit its neighbour.
   * @param {number} count
   */
  follow(count) {
    if (this.selectedIndex < 0) return;
    if (this.resolving) return this.resolve();
    if (this.selectedKey === null || this.isSelected(this.selectedIndex)) return undefined;
    const { first, last } = this.virtual;
    for (let index = Math.max(0, first - 50); index <= Math.min(count - 1, last + 50); index++) {
      if (this.isSelected(index)) {
        this.selectedIndex = index;
        return undefined;
      }
    }
    this.selectedKey = null;
    return undefined;
  }

  /** @param {number} index */
  isSelected(index) {
    const row = this.options.at(index);
    return row !== undefined && this.options.key(row) === this.selectedKey;
  }

  markSelected() {
    this.virtual.forEach((element, index) => this.markRow(element, index));
    if (this.selectedKey === null) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", `row-${this.selectedIndex}`);
  }

  /**
   * @param {HTMLElement} element
   * @param {number} index
   */
  markRow(element, index) {
    const selected = this.selectedKey !== null && index === this.selectedIndex;
    element.setAttribute("aria-selected", String(selected));
  }

  // --- keys and mouse --------------------------------------------------------------------------

  listen() {
    this.body.addEventListener("click", (event) => {
      const index = this.indexOf(event);
      if (index < 0) return;
      this.select(index);
      const tapped = matchMedia("(pointer: coarse)").matches;
      if (tapped && this.selected && !isLink(event)) this.options.onOpen(this.selected);
    });
    this.body.addEventListener("dblclick", (event) => {
      if (this.indexOf(event) >= 0 && this.selected && !isLink(event)) this.options.onOpen(this.selected);
    });
    this.bindKey(["j", "ArrowDown"], "next row", () => this.move(1));
    this.bindKey(["k", "ArrowUp"], "row before", () => this.move(-1));
    this.bindKey("Enter", "open the selected row", () => this.selected && this.options.onOpen(this.selected));
    this.bindKey("PageDown", "", () => this.move(this.screenful));
    this.bindKey("PageUp", "", () => this.move(-this.screenful));
    this.bindKey(["g", "Home"], "first row", () => this.go(0));
    this.bindKey(["G", "End"], "last row", () => this.go(this.virtual.count - 1));
  }

  /**
   * A key that works while this table is on the page.
   * @param {string | string[]} names
   * @param {string} label
   * @param {() => unknown} action
   */
  bindKey(names, label, action) {
    keys.bind(names, label, () => this.element.isConnected && action());
  }

  get screenful() {
    return Math.max(1, Math.floor(this.element.clientHeight / this.virtual.rowHeight) - 2);
  }

  /** @param {number} index */
  go(index) {
    this.select(index);
    this.element.focus({ preventScroll: true });
  }

  /** @param {number} by */
  move(by) {
    const top = Math.ceil(this.element.scrollTop / this.virtual.rowHeight);
    this.go(this.selectedIndex < 0 ? top : this.selectedIndex + by);
  }

  /** @param {Event} event */
  indexOf(event) {
    const target = /** @type {Element} */ (event.target);
    return this.virtual.indexOf(target.closest(".row"));
  }
}

/** @param {Event} event */
function isLink(event) {
  return /** @type {Element} */ (event.target).closest("a, button") !== null;
}

/**
 * @param {Element} row
 * @param {number} position
 */
function cellOf(row, position) {
  return /** @type {HTMLElement} */ (row.children[position]);
}

/**
 * A cell that links to what its row is about.
 * @param {HTMLElement} cell
 */
export function buildLink(cell) {
  cell.append(h("a", { tabindex: -1 }));
}

/**
 * @param {HTMLElement} cell
 * @param {string} text
 * @param {string} address
 */
export function showLink(cell, text, address) {
  const link = /** @type {HTMLAnchorElement} */ (cell.firstElementChild);
  setText(link, text);
  if (link.getAttribute("href") !== address) link.setAttribute("href", address);
  if (link.title !== text) link.title = text;
}
