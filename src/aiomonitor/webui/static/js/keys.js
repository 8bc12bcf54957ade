// What keys do: each page binds its own, the help overlay lists all that are bound.
// @ts-check

/**
 * @typedef {{keys: string[], label: string, action: (event: KeyboardEvent) => unknown}} Binding
 */

/** @type {Binding[]} */
const bindings = [];

/** @type {Record<string, string>} */
const NAMES = { " ": "Space", Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→" };

/**
 * Let keys do something. An action that returns false leaves the key to the browser.
 * @param {string | string[]} keys as in `KeyboardEvent.key`
 * @param {string} label what they do, for the help; "" hides it
 * @param {(event: KeyboardEvent) => unknown} action
 */
export function bind(keys, label, action) {
  bindings.push({ keys: [keys].flat(), label, action });
}

/** All bindings that have a label, with the keys as people know them. */
export function help() {
  const first = new Map(bindings.toReversed().map((binding) => [binding.label, binding]));
  return bindings
    .filter((binding) => binding.label && first.get(binding.label) === binding)
    .map(({ keys, label }) => ({ label, keys: keys.map((key) => NAMES[key] ?? key) }));
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return; // it has its own, and the page none meanwhile
  const target = /** @type {HTMLElement} */ (event.target);
  if (isTyping(target) && event.key !== "Escape") return;
  if ((event.key === " " || event.key === "Enter") && target.closest("a, button, summary")) return;
  for (const { keys, action } of bindings) {
    if (keys.includes(event.key) && action(event) !== false) {
      event.preventDefault();
      return;
    }
  }
});

/** @param {HTMLElement} element */
function isTyping(element) {
  return element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);
}
