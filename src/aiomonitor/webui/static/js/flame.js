// A flame graph, drawn by d3-flame-graph: a click enlarges a box, and words are found in it.
// @ts-check
import { h, setText } from "./dom.js";
import { baseName, counted, isLibrary, percent } from "./format.js";
/** @import {Frame, Profile} from "./api.js" */

/** Milliseconds in which boxes move. */
const MOVING = 250;
const HEIGHT = 19;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** Classic scripts, which are loaded with the first graph. */
const LIBRARIES = ["/static/vendor/d3/d3-selection.min.js", "/static/vendor/flamegraph/d3-flamegraph.min.js"];

/** @typedef {{name: string, value: number, library: boolean, children: Node[], byName: Map<string, Node>}} Node */

/** Load what draws, if it is not there yet. */
export async function loadLibraries() {
  for (const src of LIBRARIES) {
    if (!document.querySelector(`script[src="${src}"]`)) await load(src);
  }
}

/** @param {string} src */
function load(src) {
  const script = h("script", { src });
  return new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => {
      script.remove(); // the next attempt loads it
      reject(new Error(`${src} could not be loaded`));
    });
    document.head.append(script);
  });
}

/** @param {Profile} profile the libraries are there */
export function flameGraph(profile) {
  const canvas = h("div", { class: "flame", role: "img", "aria-label": "Flame graph; the table below has the same figures by function" });
  const details = h("p", { class: "flame-details quiet" });
  const search = /** @type {HTMLInputElement} */ (h("input", { class: "field", type: "search", placeholder: "Find in the graph", "aria-label": "Find in the graph", spellcheck: "false" }));
  const whole = h("button", { class: "button small", type: "button" }, "Whole graph");
  const root = treeOf(profile);
  /** @type {any} what the libraries have put there */
  const { d3, flamegraph } = window;
  /** @type {any} */
  let chart = null;
  let width = 0;

  function draw() {
    if (!canvas.clientWidth || canvas.clientWidth === width) return;
    width = canvas.clientWidth;
    chart?.destroy();
    chart = flamegraph().width(width).cellHeight(HEIGHT).minFrameSize(1).inverted(true).title("");
    chart.transitionDuration(STILL.matches ? 0 : MOVING).setColorMapper(colorOf).label(wordsOf);
    chart.setDetailsElement(details).setSearchMatch(matches).setSearchHandler(tellFound);
    d3.select(canvas).datum(root).call(chart);
    if (search.value) chart.search(search.value);
  }

  /** @param {any} node */
  function wordsOf(node) {
    return `${node.data.name}: ${counted(node.value, "sample")}, ${percent(node.value / profile.samples)}`;
  }

  /**
   * @param {unknown} _
   * @param {number} samples
   */
  function tellFound(_, samples) {
    setText(details, `“${search.value}” is in ${counted(samples, "sample")}, ${percent(samples / profile.samples)}`);
  }

  /** @param {string} text */
  function find(text) {
    search.value = text;
    if (text) chart?.search(text);
    else chart?.clear();
  }

  search.addEventListener("input", () => find(search.value));
  whole.addEventListener("click", () => chart?.resetZoom());
  new ResizeObserver(draw).observe(canvas);
  return { element: h("div", {}, canvas, details), tools: [search, whole], find, draw };
}

/**
 * Not as a regular expression: `<lambda>` and `(` are what people look for.
 * @param {any} node
 * @param {string} text
 */
function matches(node, text) {
  return node.data.name.toLowerCase().includes(text.toLowerCase());
}

/** The application's own in warm colours, libraries in grey. @param {any} node */
function colorOf({ highlight, data }) {
  if (highlight) return "#d66bd6";
  const hash = [...data.name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7);
  return data.library ? `hsl(210 12% ${68 + (hash % 12)}%)` : `hsl(${20 + (hash % 34)} 88% ${60 + (hash % 10)}%)`;
}

/**
 * Calls as a tree: the tasks under the root, then functions, whatever their lines.
 * @param {Profile} profile
 */
function treeOf({ stacks, frames }) {
  const root = nodeOf("all", true);
  for (const [task, samples, indexes] of stacks) {
    root.value += samples;
    let node = childOf(root, task || "(no task)", true, samples);
    for (const index of indexes) node = childOf(node, nameOf(frames[index]), isLibrary(frames[index].filename), samples);
  }
  return root;
}

/** @param {Frame} frame */
function nameOf(frame) {
  return `${frame.function} (${baseName(frame.filename)})`;
}

/**
 * @param {string} name
 * @param {boolean} library
 * @returns {Node}
 */
function nodeOf(name, library) {
  return { name, value: 0, library, children: [], byName: new Map() };
}

/**
 * @param {Node} node
 * @param {string} name
 * @param {boolean} library
 * @param {number} samples
 */
function childOf(node, name, library, samples) {
  let child = node.byName.get(name);
  if (!child) {
    node.byName.set(name, (child = nodeOf(name, library)));
    node.children.push(child);
  }
  child.value += samples;
  return child;
}
