// Small charts over time, drawn by uPlot in the page's colours; the cursor is one for all of them.
// @ts-check
import { h, setText } from "./dom.js";
import { clockTime } from "./format.js";

/** @type {any} uPlot is a classic script, which the page loads before this module */
const { uPlot } = /** @type {any} */ (window);

/** Seconds that a chart shows. */
export const SPAN = 300;
const HEIGHT = 92;
/** Seconds from the left edge in which a time would run into the other axis's zero. */
const BESIDE_ZERO = 25;

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {string} color a CSS custom property
 * @property {boolean} [filled]
 */

/**
 * @typedef {object} Options
 * @property {string} title
 * @property {string} hint what it measures, in a sentence
 * @property {Series[]} series
 * @property {(value: number | null | undefined) => string} format
 * @property {number} [least] the largest value on the scale is at least this
 * @property {boolean} [fromZero]
 */

export class Chart {
  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    /** @type {(number | null)[][]} */
    this.data = [[], ...options.series.map(() => [])];
    this.values = options.series.map(({ label, color }) => ({
      value: h("span", { class: "value" }, "–"),
      label: options.series.length > 1 ? h("span", { class: "key", data: { color } }, label) : null,
    }));
    this.note = h("span", { class: "quiet chart-note" });
    this.canvas = h("div", { class: "canvas", "aria-hidden": "true" });
    this.element = h(
      "section",
      { class: "card chart", title: options.hint },
      h("header", {}, h("h2", {}, options.title), this.note),
      h("p", { class: "values" }, this.values.map(({ value, label }) => h("span", { class: "pair" }, value, label))),
      this.canvas,
    );
    /** @type {any} */
    this.plot = null;
    this.hovered = null;
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(true));
  }

  /** @param {(number | null)[][]} data times first, then each series */
  setData(data) {
    this.data = data;
    this.draw(false);
    this.showValues();
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (!width) return;
    if (this.plot) this.plot.setSize({ width, height: HEIGHT });
    else this.draw(true);
  }

  /** @param {boolean} anew */
  draw(anew) {
    if (!uPlot || !this.canvas.clientWidth) return;
    if (anew || !this.plot) {
      this.plot?.destroy();
      this.plot = new uPlot(this.plotOptions(), this.data, this.canvas);
    } else {
      this.plot.setData(this.data);
    }
  }

  plotOptions() {
    const style = getComputedStyle(this.canvas);
    const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const { series, format, least = 0, fromZero = true } = this.options;
    const font = `10px ${style.fontFamily}`;
    const grid = { stroke: color("--line"), width: 1 };
    return {
      width: this.canvas.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      padding: [6, 2, 0, 0],
      cursor: { sync: { key: "overview" }, y: false, points: { size: 5 }, drag: { x: false, y: false } },
      scales: {
        x: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => [Math.min(low, high - SPAN), high] },
        y: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => scale(low, high, least, fromZero) },
      },
      axes: [
        {
          stroke: color("--quiet"), font, grid: { show: false }, ticks: { show: false }, size: 18, gap: 2,
          space: 70,
          values: (/** @type {any} */ plot, /** @type {number[]} */ times) =>
            times.map((time) => (time - plot.scales.x.min < BESIDE_ZERO ? "" : clockTime(time).slice(0, 5))),
          incrs: [60, 120],
        },
        {
          stroke: color("--quiet"), font, grid, ticks: { show: false }, size: 46, gap: 6, space: 26,
          values: (/** @type {any} */ _, /** @type {number[]} */ values) => values.map((value) => format(value)),
        },
      ],
      series: [
        {},
        ...series.map(({ label, color: name, filled = false }) => ({
          label,
          stroke: color(name),
          width: 1.5,
          fill: filled ? `color-mix(in srgb, ${color(name)} 14%, transparent)` : undefined,
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: {
        setCursor: [
          (/** @type {any} */ plot) => {
            this.hovered = plot.cursor.idx ?? null;
            this.showValues();
          },
        ],
      },
    };
  }

  /** The newest values, or those under the cursor. */
  showValues() {
    const { format } = this.options;
    const last = this.data[0].length - 1;
    const index = this.hovered ?? last;
    this.values.forEach(({ value }, number) => setText(value, format(this.data[number + 1][index])));
    setText(this.note, this.hovered === null ? this.extent() : clockTime(this.data[0][index] ?? 0));
  }

  extent() {
    const known = this.data[1].filter((value) => value !== null);
    return known.length ? `max ${this.options.format(Math.max(...known))}` : "";
  }
}

/**
 * The scale's ends: quiet curves stay quiet, since nothing is blown up to full height.
 * @param {number | null} low
 * @param {number | null} high
 * @param {number} least
 * @param {boolean} fromZero
 */
function scale(low, high, least, fromZero) {
  const top = Math.max(high ?? 0, 0);
  if (fromZero) return [0, Math.max(top * 1.1, least)];
  const middle = ((low ?? 0) + top) / 2;
  const half = Math.max((top - (low ?? 0)) * 0.6, least / 2, middle * 0.02);
  return [Math.max(0, middle - half), middle + half];
}
