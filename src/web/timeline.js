/**
 * What has happened in a room, in order and without doubles.
 *
 * Pure: it is fed events, answers and pages of history, in whatever order they come, and keeps a
 * sorted list of entries. It knows neither connection nor page, and asks for nothing.
 *
 * An entry's place is `[era, seq, sub]`. `seq` is the room's own count. An era is as long as that
 * count lasts, which is one `epoch` of the server's. What has no `seq` (private messages, marks) stands
 * behind the last one known when it came, in the order of `sub`; what is still under way stands at the
 * end.
 *
 * @typedef {object} Entry
 * @property {"message"|"private"|"notice"|"mark"} kind
 * @property {string} [from] who said it
 * @property {string} [to] of private messages: to whom
 * @property {string} [answerTo] of private messages of others: what who said it is called by now
 * @property {*} [body] what was said
 * @property {string} [text] of marks
 * @property {{what: string, name: string, old?: string}} [notice]
 * @property {Date} at
 * @property {boolean} own whether it is one's own
 * @property {boolean} [calls] whether it calls oneself by name
 * @property {"sent"|"pending"|"waiting"|"failed"} state waiting: not yet handed to a connection
 * @property {string} [why] of failed ones
 */

import { mentions } from "./text.js";

/** Entries that are kept at most; the oldest go. */
export const ENTRIES_MAX = 2000;

export class Timeline {
  /** @type {Entry[]} in order */
  entries = [];
  epoch = null;
  /** The last `seq` known, and the first one that is shown, of this era. */
  last = 0;
  first = Infinity;

  #era = 0;
  #sub = 0;
  /** The `seq`s that have an entry, of this era. */
  #known = new Set();

  /** Begins to follow a room from a `seq` on. */
  begin(epoch, seq) {
    this.epoch = epoch;
    this.last = seq;
  }

  /** The count has begun anew: what is shown stays, behind a mark. */
  renew(epoch, text, at) {
    const mark = this.mark(text, at);
    this.#era += 1;
    this.#known.clear();
    this.epoch = epoch;
    this.last = 0;
    this.first = Infinity;
    return mark;
  }

  /**
   * Takes an event of the room, live or from its history. Gives the new entry; `null` for one that is
   * here already or has nothing to show. `own` says whether it is the doing of who is `me` now.
   */
  take(event, me, own = event.from === me) {
    const entry = entryOf(event, me, own);
    const { seq } = event;
    if (!entry || !Number.isSafeInteger(seq) || this.#known.has(seq)) return null;
    this.#number(entry, seq);
    this.#insert(entry);
    return entry;
  }

  /** An event of the room is known and not worth an entry. */
  pass(seq) {
    this.last = Math.max(this.last, seq);
  }

  /** Takes a private message, which has no `seq`. */
  whisper(event, me) {
    const { from, to, body } = event;
    const own = from === me;
    const answerTo = own ? undefined : from;
    return this.#append({ kind: "private", from, to, answerTo, body, at: timeOf(event), own, state: "sent" });
  }

  /** Says something about the list itself, at its end or behind a `seq`. */
  mark(text, at, seq = this.last) {
    const entry = { kind: "mark", text, at, own: false, state: "sent" };
    entry.place = [this.#era, seq, ++this.#sub];
    this.#insert(entry);
    return entry;
  }

  /** One's own words, before anybody has taken them. */
  draft({ from, to, body }, at, state) {
    const kind = to === undefined ? "message" : "private";
    const entry = { kind, from, to, body, at, own: true, state };
    entry.place = [this.#era, Infinity, ++this.#sub];
    this.#insert(entry);
    return entry;
  }

  /**
   * A draft was taken. A message has a `seq` then; if that is here already, from the history, there is
   * nothing more to show, and the draft goes: `false`.
   */
  confirm(entry, answer) {
    this.remove(entry);
    if (answer.timestamp) entry.at = timeOf(answer);
    entry.state = "sent";
    delete entry.why;
    if (entry.kind === "message") {
      if (this.#known.has(answer.seq)) return false;
      this.#number(entry, answer.seq);
    } else {
      entry.place = [this.#era, this.last, ++this.#sub];
    }
    this.#insert(entry);
    return true;
  }

  /** A draft was not taken, or nobody knows whether it was. */
  fail(entry, why) {
    this.#settle(entry, "failed", why);
  }

  /** A draft that failed is tried again, or one under way has to wait. */
  again(entry, state) {
    this.remove(entry);
    entry.state = state;
    delete entry.why;
    entry.place = [this.#era, Infinity, ++this.#sub];
    this.#insert(entry);
  }

  remove(entry) {
    const index = this.indexOf(entry);
    if (index >= 0) this.entries.splice(index, 1);
  }

  /** Drops the oldest beyond the bound, and gives them. */
  trim() {
    const over = this.entries.length - ENTRIES_MAX;
    if (over <= 0) return [];
    const gone = this.entries.splice(0, over);
    for (const { place } of gone) {
      if (place[0] === this.#era && place[2] === 0) this.#known.delete(place[1]);
    }
    const first = this.entries.find(({ place }) => place[0] === this.#era && place[2] === 0);
    this.first = first ? first.place[1] : Infinity;
    return gone;
  }

  /** Where an entry stands, or -1. */
  indexOf(entry) {
    const index = this.#lowerBound(entry.place);
    return this.entries[index] === entry ? index : -1;
  }

  #settle(entry, state, why) {
    this.remove(entry);
    entry.state = state;
    entry.why = why;
    entry.place = [this.#era, this.last, ++this.#sub];
    this.#insert(entry);
  }

  #append(entry) {
    entry.place = [this.#era, this.last, ++this.#sub];
    this.#insert(entry);
    return entry;
  }

  #number(entry, seq) {
    entry.place = [this.#era, seq, 0];
    this.#known.add(seq);
    this.last = Math.max(this.last, seq);
    this.first = Math.min(this.first, seq);
  }

  #insert(entry) {
    this.entries.splice(this.#lowerBound(entry.place), 0, entry);
  }

  #lowerBound(place) {
    let [low, high] = [0, this.entries.length];
    // Most come last.
    if (high > 0 && compare(this.entries[high - 1].place, place) < 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.entries[middle].place, place) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(a, b) {
  for (let at = 0; at < 3; at += 1) {
    if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1;
  }
  return 0;
}

/** Whether a body is a text that calls somebody by name. */
function isCalled(body, name) {
  return typeof body === "string" && mentions(body, name);
}

/** What an event of a room looks like as an entry; `null` for those that leave no trace. */
function entryOf(event, me, own) {
  const at = timeOf(event);
  const { event: what, name, old, from, body } = event;
  switch (what) {
    case "message":
      return { kind: "message", from, body, at, own, calls: !own && isCalled(body, me), state: "sent" };
    case "joined":
    case "left":
    case "renamed":
      return { kind: "notice", notice: { what, name, old }, at, own: name === me, state: "sent" };
    default:
      return null;
  }
}

function timeOf({ timestamp }) {
  const at = new Date(timestamp);
  return Number.isNaN(at.getTime()) ? new Date() : at;
}
