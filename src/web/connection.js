/**
 * The connection: a WebSocket that comes back, and requests that get their answers.
 *
 * It is always in one of five states:
 *
 *     idle ──start──▶ connecting ──greeting──▶ open
 *                      ▲      │                 │
 *                      │    failed             lost
 *                      │      ▼                 │
 *                      └── waiting ◀────────────┘
 *
 * and `refused`, for good, where the server does not speak `parlance.v1`.
 *
 * It knows frames, ids and pauses. It does not know names, rooms or what is said; it repeats nothing
 * by itself, for only who asked knows whether that may be done twice.
 */

/** The subprotocol of the full event stream. */
const PROTOCOL = "parlance.v1";

/** How long the greeting, and then any answer, may take, in milliseconds. */
const GREETING_MS = 10_000;
const ANSWER_MS = 20_000;

/** After such a silence the connection is tried, since a network that is gone says nothing. */
const SILENCE_MS = 45_000;

/** The pause before the first try, and the longest one, in milliseconds. */
const PAUSE_MS = 600;
const PAUSE_MS_MAX = 30_000;

/** The server has refused a request; `message` is one of the protocol's texts. */
export class Refused extends Error {}

/** The connection went before the answer came: nobody knows whether the request was done. */
export class Lost extends Error {
  constructor() {
    super("The connection was lost");
  }
}

/**
 * The pause before a try, in milliseconds: it doubles with every one that failed, up to half a
 * minute, and a random half of it keeps a thousand pages from coming back in the same moment.
 */
export function pauseBefore(attempt, random = Math.random) {
  const longest = Math.min(PAUSE_MS * 2 ** Math.min(attempt, 20), PAUSE_MS_MAX);
  return Math.round(longest / 2 + (longest / 2) * random());
}

const encoder = new TextEncoder();

/** How long a text is on its way, in bytes. */
function bytesOf(text) {
  return encoder.encode(text).length;
}

/** Where the chat is, seen from the page: same host, same port, as safe as the page itself. */
export function addressFor(location) {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/chat`;
}

/**
 * Events: `state` (the state has changed), `greeting` (detail: the greeting; by then requests can be
 * made), `event` (detail: an event of the server), `lost` (before `state` tells of the pause).
 */
export class Connection extends EventTarget {
  /** `idle`, `connecting`, `open`, `waiting` or `refused`. */
  state = "idle";
  /** When the next try is due, as of `performance.now()`, which nobody sets; of use while `waiting`. */
  due = 0;

  #address;
  #socket = null;
  #attempt = 0;
  #id = 0;
  /** The longest message that the server takes, in bytes. */
  #mostBytes = Infinity;
  /** What was asked and not answered: id to the promise's two ends and its patience. */
  #asked = new Map();
  #timer = null;
  #silence = null;

  constructor(address) {
    super();
    this.#address = address;
  }

  start() {
    if (this.state === "idle") this.#connect();
  }

  /** Tries at once, if it waits for the next try. */
  tryNow() {
    if (this.state === "waiting") this.#connect();
  }

  /** Gives up the socket there is, or the pause, and comes back on another at once. */
  restart() {
    if (this.state === "idle" || this.state === "refused") return;
    this.#drop();
    this.#emit("lost");
    this.due = 0;
    this.#connect();
  }

  /** Finds out whether the connection still lives; if not, it is lost within the patience. */
  probe() {
    if (this.state === "open") this.request("room").catch(() => {});
  }

  /**
   * Asks for something. Resolves to the answer; rejects with `Refused`, or with `Lost` if there is no
   * connection or it goes meanwhile.
   */
  request(action, body) {
    if (this.state !== "open") return Promise.reject(new Lost());
    const id = ++this.#id;
    const text = JSON.stringify(body === undefined ? { action, id } : { action, body, id });
    // The server would close the connection, and whoever asks again would never get any further.
    if (bytesOf(text) > this.#mostBytes) return Promise.reject(new Refused("Too long"));
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => this.#lose(), ANSWER_MS);
      this.#asked.set(id, { resolve, reject, patience });
      this.#socket.send(text);
    });
  }

  /** Says something that is not answered. */
  tell(action) {
    if (this.state === "open") this.#socket.send(JSON.stringify({ action }));
  }

  #connect() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#address, PROTOCOL);
    this.#socket = socket;
    // A socket that was given up may still speak: nobody listens.
    const only = (act) => (event) => socket === this.#socket && act(event);
    socket.addEventListener(
      "message",
      only((event) => this.#hear(event.data)),
    );
    socket.addEventListener(
      "close",
      only(() => this.#lose()),
    );
    this.#timer = setTimeout(
      only(() => this.#lose()),
      GREETING_MS,
    );
    this.#become("connecting");
  }

  #hear(data) {
    this.#listen();
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof frame !== "object" || frame === null) return;
    if (this.state === "connecting") return this.#greet(frame);
    if (typeof frame.event === "string") return this.#emit("event", frame);
    const id = frame.id ?? this.#idOf(frame);
    const asked = this.#asked.get(id);
    if (!asked) return;
    this.#asked.delete(id);
    clearTimeout(asked.patience);
    if (frame.status === "success") asked.resolve(frame);
    else asked.reject(new Refused(String(frame.message ?? "Refused")));
  }

  /**
   * What an answer without an id is to. Answers come in the order of the requests; and who could not
   * read a request (a lone surrogate is no JSON) knows neither its id nor its action.
   */
  #idOf({ status, action }) {
    return status === "error" && action === undefined ? this.#asked.keys().next().value : undefined;
  }

  #greet(frame) {
    clearTimeout(this.#timer);
    if (frame.protocol !== PROTOCOL || this.#socket.protocol !== PROTOCOL) {
      this.#drop();
      return this.#become("refused");
    }
    this.#attempt = 0;
    this.#mostBytes = frame.limits?.frame_bytes ?? Infinity;
    this.#become("open");
    this.#emit("greeting", frame);
  }

  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.probe(), SILENCE_MS);
  }

  #lose() {
    this.#drop();
    const pause = pauseBefore(this.#attempt++);
    this.due = performance.now() + pause;
    this.#timer = setTimeout(() => this.#connect(), pause);
    this.#emit("lost");
    this.#become("waiting");
  }

  /** Lets go of the socket and of everybody who waits for an answer from it. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    socket?.close();
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { reject, patience } of asked) {
      clearTimeout(patience);
      reject(new Lost());
    }
  }

  #become(state) {
    this.state = state;
    this.#emit("state");
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
