// One live connection: changes as Server-Sent Events. It tells in what state it is, goes to sleep
// with its tab, and comes back by itself.
// @ts-check
import { refusal } from "./api.js";

/** @typedef {"connecting" | "live" | "silent" | "lost" | "refused" | "paused" | "asleep"} State */

/** Milliseconds for which a hidden tab stays connected. Browsers allow six connections to one
 * place, so a seventh tab would get nothing at all if the others kept theirs for ever. */
const SLEEP_AFTER = 10_000;
/** Milliseconds without any event, of which there is one a second, until that is told. */
const SILENT_AFTER = 4_000;
/** Milliseconds until a refused connection is tried again. */
const RETRY_AFTER = 3_000;

export class Stream {
  /**
   * @param {() => string} address where the events are, asked for at each connection
   * @param {Record<string, (data: any) => void>} handlers by the event's name
   * @param {(state: State, detail: string) => void} onState
   */
  constructor(address, handlers, onState) {
    this.address = address;
    this.handlers = handlers;
    this.onState = onState;
    /** @type {State} */
    this.state = "connecting";
    this.paused = false;
    /** @type {EventSource | null} */
    this.source = null;
    this.silence = 0;
    this.retry = 0;
    this.sleep = 0;
    document.addEventListener("visibilitychange", () => this.followVisibility());
    window.addEventListener("pagehide", () => this.disconnect());
    window.addEventListener("pageshow", (event) => event.persisted && this.connect());
    window.addEventListener("online", () => this.state === "lost" && this.connect());
  }

  /** Connect, or connect anew since the address has changed. */
  connect() {
    this.disconnect();
    if (this.paused) return this.tell("paused");
    if (document.hidden) return this.tell("asleep");
    if (this.state !== "live") this.tell(this.state === "lost" ? "lost" : "connecting");
    const source = (this.source = new EventSource(this.address()));
    for (const [name, handle] of Object.entries(this.handlers)) {
      source.addEventListener(name, (event) => {
        this.hear();
        handle(JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => this.fail(source));
    this.listen();
    return undefined;
  }

  disconnect() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.silence);
    clearTimeout(this.retry);
  }

  hear() {
    this.tell("live");
    this.listen();
  }

  listen() {
    clearTimeout(this.silence);
    this.silence = window.setTimeout(() => this.tell("silent"), SILENT_AFTER);
  }

  /** @param {EventSource} source */
  fail(source) {
    if (source !== this.source) return;
    clearTimeout(this.silence);
    this.tell("lost");
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again
    this.retry = window.setTimeout(() => this.connect(), RETRY_AFTER);
    this.explain();
  }

  /** An event source does not say why it was refused. */
  async explain() {
    const reason = await refusal(this.address()).catch(() => "");
    if (reason && this.state === "lost") this.tell("refused", reason);
  }

  followVisibility() {
    clearTimeout(this.sleep);
    if (!document.hidden) {
      if (this.state === "asleep") this.connect();
    } else if (!this.paused) {
      this.sleep = window.setTimeout(() => {
        this.disconnect();
        this.tell("asleep");
      }, SLEEP_AFTER);
    }
  }

  /**
   * @param {State} state
   * @param {string} [detail]
   */
  tell(state, detail = "") {
    if (state === this.state && !detail) return;
    this.state = state;
    this.onState(state, detail);
  }
}
