/**
 * The log: a room's timeline as elements, at most as often as the screen is drawn.
 *
 * It holds the view at the end while it is there, keeps it still while older entries come in above,
 * and counts what has come unseen. It decides nothing about the timeline's order.
 */

import { byId, make } from "./dom.js";
import { render, settle, showDay } from "./entry.js";
import { count, dayKey } from "./text.js";

/** How near to the end is still the end, in pixels. */
const END_PX = 48;

/** How near to the beginning older entries are fetched, in pixels. */
const NEAR_PX = 200;

/** From so many entries on it is worth saying that there are no older ones. */
const LONG = 40;

/** Messages of one author stand together if no more than this lies between them, in milliseconds. */
const TOGETHER_MS = 5 * 60_000;

/** A page that nobody sees is not drawn; then this often, in milliseconds. */
const HIDDEN_MS = 250;

/**
 * Events: `unseen` (how many have come unseen has changed), `reply` (detail: to whom a private message is
 * to be answered).
 */
export class Log extends EventTarget {
  /** Messages that have come while nobody looked. */
  unseen = 0;

  #room = null;
  #log = byId("log");
  #list = byId("entries");
  #older = byId("log-older");
  #down = byId("log-down");
  /** @type {Map<object, HTMLElement>} */
  #elements = new Map();
  /** Entries whose elements are not as they should be. */
  #stale = new Set();
  #scheduled = false;
  #atEnd = true;
  /** Where it was last held at its end, in pixels. */
  #held = 0;
  /** The line above the first message that has come unseen. */
  #line = null;
  #quiet = null;
  #listener = null;
  /** The day that is called today. */
  #today = dayKey(new Date());

  constructor() {
    super();
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#older.addEventListener("click", () => this.#loadOlder());
    this.#down.addEventListener("click", () => this.toEnd());
    document.addEventListener("visibilitychange", () => this.#look());
    new ResizeObserver(() => this.#atEnd && this.#scrollToEnd()).observe(this.#log);
  }

  /** Shows another room, or none. */
  show(room) {
    this.#listener?.abort();
    this.#listener = new AbortController();
    const { signal } = this.#listener;
    this.#room = room;
    this.#elements.clear();
    this.#stale.clear();
    this.#list.replaceChildren();
    this.#line = null;
    this.#atEnd = true;
    this.#count(0);
    if (!room) return;
    room.addEventListener("touch", ({ detail }) => this.#touched(detail), { signal });
    room.addEventListener("past", () => this.#schedule(), { signal });
    for (const entry of room.timeline.entries) this.#stale.add(entry);
    this.#hush();
    this.#schedule();
  }

  /** Goes to the end, where what is new stands. */
  toEnd() {
    this.#atEnd = true;
    this.#scrollToEnd();
    this.#look();
  }

  /** Turns pages: -1 up, 1 down. */
  turn(pages) {
    this.#log.scrollBy(0, pages * 0.85 * this.#log.clientHeight);
  }

  /** Whether somebody looks at the end of the log. */
  get #isSeen() {
    return this.#atEnd && document.visibilityState === "visible" && this.#isShown;
  }

  /** Whether the page with the log is the one that is shown. */
  get #isShown() {
    return this.#log.getClientRects().length > 0;
  }

  /** Called when the log may have come into view. */
  look() {
    if (this.#atEnd) this.#scrollToEnd();
    this.#look();
  }

  #look() {
    if (this.#isSeen) this.#count(0);
  }

  #touched({ entry, live }) {
    const isThere = this.#room.timeline.indexOf(entry) >= 0;
    // What came and went between two frames was never here.
    if (!isThere && !this.#elements.has(entry)) this.#stale.delete(entry);
    else this.#stale.add(entry);
    if (live && isThere && entry.kind !== "notice" && !this.#isSeen) {
      if (this.unseen === 0) this.#moveLine(entry);
      this.#count(this.unseen + 1);
    }
    if (entry.own && entry.state !== "sent" && isThere) {
      this.#atEnd = true;
      if (entry.state === "pending") this.#removeLine();
    }
    if (!live && !entry.own) this.#hush();
    this.#schedule();
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = () => {
      this.#scheduled = false;
      this.#draw();
    };
    if (document.visibilityState === "visible") requestAnimationFrame(draw);
    else setTimeout(draw, HIDDEN_MS);
  }

  #draw() {
    if (!this.#room) return;
    const from = this.#log.scrollTop;
    const anchor = this.#anchor();
    const { timeline } = this.#room;
    // From the end on, so that the one behind has its place already.
    const stale = [...this.#stale].map((entry) => [timeline.indexOf(entry), entry]).sort(([a], [b]) => b - a);
    this.#stale.clear();
    for (const [index, entry] of stale) this.#place(entry, index);
    // One that is there is fitted, and so is the one behind it; if some have gone, the first that is left.
    for (const [index] of stale) {
      if (index >= 0) this.#join(index);
      this.#join(index + 1);
    }
    this.#turnDay();
    this.#showPast();
    if (this.#atEnd) this.#scrollToEnd();
    else if (anchor?.element.isConnected)
      this.#log.scrollTop = from + bottomOf(anchor.element) - anchor.bottom;
    this.#look();
    this.#loadIfNear();
  }

  /**
   * The first entry in view and where it ends, so that it can be held there. (Where it begins may
   * change: the day above it goes when something older comes.)
   */
  #anchor() {
    if (this.#atEnd) return null;
    const top = this.#list.offsetTop - this.#log.offsetTop - this.#log.scrollTop;
    for (const element of this.#list.children) {
      const bottom = bottomOf(element);
      if (bottom - this.#list.offsetTop + top > 0) return { element, bottom };
    }
    return null;
  }

  /** Makes an entry's element as it should be, at its place among those that are there. */
  #place(entry, index) {
    const old = this.#elements.get(entry);
    if (old?.dataset.state === "pending" && entry.state === "sent" && index >= 0) {
      settle(old, entry);
      const next = this.#elementFrom(index + 1);
      if (old.nextElementSibling !== next) this.#list.insertBefore(old, next);
      return;
    }
    const hadFocus = old?.contains(document.activeElement);
    old?.remove();
    if (index < 0) {
      this.#elements.delete(entry);
      if (this.#line?.entry === entry) this.#removeLine();
      if (hadFocus) byId("text").focus();
      return;
    }
    const element = render(entry, (what, entry) => this.#act(what, entry));
    this.#elements.set(entry, element);
    this.#list.insertBefore(element, this.#elementFrom(index + 1));
    if (this.#line?.entry === entry) element.before(this.#line.element);
    if (hadFocus) byId("text").focus();
  }

  /** A button of an entry was pressed. */
  #act(what, entry) {
    if (what === "reply") this.dispatchEvent(new CustomEvent("reply", { detail: entry.answerTo }));
    else this.#room[what](entry);
  }

  /** The next element from an index on; the line belongs to the one that it stands above. */
  #elementFrom(index) {
    const { entries } = this.#room.timeline;
    for (let at = index; at < entries.length; at += 1) {
      const element = this.#elements.get(entries[at]);
      if (element) return this.#line?.entry === entries[at] ? this.#line.element : element;
    }
    return null;
  }

  /** Fits the entry at an index to the one before it: the same day, the same author? */
  #join(index) {
    const { entries } = this.#room.timeline;
    const entry = entries[index];
    const element = entry && this.#elements.get(entry);
    if (!element) return;
    const before = entries[index - 1];
    const sameDay = Boolean(before) && dayKey(before.at) === dayKey(entry.at);
    showDay(element, entry, !sameDay);
    element.classList.toggle("follows", sameDay && this.#line?.entry !== entry && areTogether(before, entry));
  }

  /** At midnight today becomes yesterday. */
  #turnDay() {
    const today = dayKey(new Date());
    if (today === this.#today) return;
    this.#today = today;
    this.#room.timeline.entries.forEach((_, index) => this.#join(index));
  }

  // ---- new ones --------------------------------------------------------------------------------

  #moveLine(entry) {
    this.#removeLine();
    const text = make("span", {}, "New");
    this.#line = {
      entry,
      element: make("div", { class: "line", role: "separator", "aria-label": "New messages" }, text),
    };
  }

  #removeLine() {
    this.#line?.element.remove();
    this.#line = null;
  }

  #count(unseen) {
    if (unseen === this.unseen && unseen > 0) return;
    this.unseen = unseen;
    this.#down.hidden = this.#atEnd;
    byId("log-down-text").textContent = unseen > 0 ? count(unseen, "new message", "new messages") : "Latest";
    this.dispatchEvent(new CustomEvent("unseen"));
  }

  // ---- scrolling -------------------------------------------------------------------------------

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    const isNear = scrollHeight - scrollTop - clientHeight < END_PX;
    // An end that has moved on, in a window that is less high by now, was left by nobody.
    this.#atEnd = isNear || (this.#atEnd && scrollTop >= this.#held);
    if (isNear) this.#held = scrollTop;
    else if (this.#atEnd) this.#scrollToEnd();
    this.#down.hidden = this.#atEnd;
    if (!this.#atEnd && this.unseen === 0) byId("log-down-text").textContent = "Latest";
    this.#look();
    this.#loadIfNear();
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#held = this.#log.scrollTop;
    this.#down.hidden = true;
  }

  // ---- the past --------------------------------------------------------------------------------

  #loadOlder() {
    if (this.#room?.hasPast && !this.#room.isLoading) this.#room.older();
  }

  #loadIfNear() {
    if (this.#log.scrollTop < NEAR_PX && this.#isShown) this.#loadOlder();
  }

  #showPast() {
    const { hasPast, isLoading, timeline } = this.#room;
    const hadFocus = document.activeElement === this.#older;
    this.#older.hidden = !hasPast;
    this.#older.textContent = isLoading ? "Loading…" : "Show earlier messages";
    byId("log-start").hidden = hasPast || isLoading || timeline.entries.length < LONG;
    if (hadFocus && !hasPast) this.#log.focus();
  }

  /** What is fetched is not read out: only what is said from now on. */
  #hush() {
    this.#log.setAttribute("aria-live", "off");
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#log.setAttribute("aria-live", "polite"), 1000);
  }
}

function bottomOf(element) {
  return element.offsetTop + element.offsetHeight;
}

/** Whether two entries are one after the other of the same author. */
function areTogether(a, b) {
  if (a.kind === "notice" && b.kind === "notice") return true;
  const isSaid = a.kind === "message" && b.kind === "message";
  return isSaid && a.from === b.from && a.own === b.own && b.at - a.at < TOGETHER_MS;
}
