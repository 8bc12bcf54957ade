// The state of a page is the query of its URL: read here, changed here, and heard of when the
// user goes back.
// @ts-check

/** @returns {URLSearchParams} */
export function query() {
  return new URLSearchParams(location.search);
}

/**
 * One value of the query, or "".
 * @param {string} name
 */
export function get(name) {
  return query().get(name) ?? "";
}

/**
 * The address of this page with other values: empty ones and nulls are left out.
 * @param {Record<string, string | number | boolean | null>} changes
 * @param {string} [path]
 */
export function withChanges(changes, path = location.pathname) {
  const values = query();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "" || value === false) values.delete(name);
    else values.set(name, String(value));
  }
  const text = values.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * The address of a page with a query.
 * @param {string} path
 * @param {Record<string, string>} values
 */
export function address(path, values) {
  const text = new URLSearchParams(values).toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Change the query. A step the user may want to go back from is pushed; others replace.
 * @param {Record<string, string | number | boolean | null>} changes
 * @param {{push?: boolean}} [how]
 */
export function set(changes, { push = false } = {}) {
  const target = withChanges(changes);
  if (target === location.pathname + location.search) return;
  if (push) history.pushState(null, "", target);
  else history.replaceState(history.state, "", target);
}

/**
 * Hear of the user going back or forth within the page.
 * @param {() => void} listener
 */
export function onBack(listener) {
  window.addEventListener("popstate", listener);
}

/**
 * Remember something with this entry of the history, to have it when the user comes back.
 * @param {object} value
 */
export function remember(value) {
  history.replaceState({ ...history.state, ...value }, "");
}

/** @returns {Record<string, any>} what was remembered */
export function remembered() {
  return history.state ?? {};
}
