/**
 * The room one is in: its members, what is said there, and how a gap is closed.
 *
 * It is made of the answer to a `join` or `create` and outlives connections: after one was lost,
 * `resume` takes up the thread where it broke. It does not join by itself and shows nothing.
 */

import { Lost } from "./connection.js";
import { noteSaid, wasSaidHere } from "./memory.js";
import { ENTRIES_MAX, Timeline } from "./timeline.js";
import { bodyText, nameKey } from "./text.js";

/** How much of the past is asked for at once: on arriving, and further up. */
const PAGE_EVENTS = 50;

/** A gap that is longer is not closed but marked. */
const GAP_EVENTS_MAX = 1000;

/** Messages that may wait for a connection. */
const WAITING_MAX = 20;

/** How long somebody is shown to be typing, in milliseconds. */
const TYPING_MS = 5000;

/**
 * Events: `touch` (detail: `{ entry, live }`: an entry has come, changed or gone), `members`,
 * `renamed` (detail: `{ old, name }`), `changed` (private or public), `typing`, `past` (how much older
 * there is has changed), `unsent` (detail: a text that nobody was told, when it is over).
 */
export class Room extends EventTarget {
  timeline = new Timeline();
  /** Whether there may be something older than what is shown. */
  hasPast = false;
  /** Whether something older is being fetched, or the beginning. */
  isLoading = false;
  /** Whether what is said can be sent at once: the session says so. */
  isReady = true;
  /** Who is typing, by the key of the name: the name, and the timer that ends it. */
  typing = new Map();

  #connection;
  #self;
  /** From here on nobody but oneself has borne one's name. */
  #since = 0;
  /** The `seq` behind which something may be missing, while a gap is being closed. */
  #gap = null;
  /** Grows with every join: what was asked in an earlier stay is of no use. */
  #stay = 0;
  /** Messages whose connection was lost before their answers came. */
  #unsure = [];

  /** @param self who one is at any time: `name`, whether that is an `account`'s, whether one `isMoving` */
  constructor(connection, joined, self) {
    super();
    this.#connection = connection;
    this.#self = self;
    this.#enter(joined);
    this.timeline.begin(joined.epoch, joined.seq);
  }

  #enter({ room, room_id: id, private: isPrivate, users, seq }) {
    this.#stay += 1;
    this.#since = seq;
    Object.assign(this, { name: room, id, private: isPrivate, members: [...users] });
    this.#emit("members");
    this.#emit("changed");
  }

  // ---- the past --------------------------------------------------------------------------------

  /** Fetches the latest of what was said before one came. */
  async arrive() {
    const upTo = this.timeline.last;
    await this.#fetchBefore(upTo + 1);
  }

  /** Fetches more of what is older. */
  async older() {
    const { first, last } = this.timeline;
    if (this.hasPast && !this.isLoading && this.isReady) await this.#fetchBefore(Math.min(first, last + 1));
  }

  async #fetchBefore(seq) {
    const [stay, after] = [this.#stay, Math.max(0, seq - 1 - PAGE_EVENTS)];
    this.isLoading = true;
    this.#emit("past");
    try {
      const page = await this.#connection.request("history", { after, limit: PAGE_EVENTS });
      if (stay !== this.#stay) return;
      const { length } = this.timeline.entries;
      for (const event of page.events) this.#take(event, false);
      this.hasPast = after > 0 && !page.truncated && this.timeline.entries.length > length;
    } catch (error) {
      if (!(error instanceof Lost)) this.hasPast = false;
      else if (stay === this.#stay) this.hasPast = seq > 1;
    } finally {
      this.isLoading = false;
      this.#emit("past");
    }
  }

  /** Goes on after a lost connection, with the answer to having joined again. */
  async resume(joined) {
    const { timeline } = this;
    this.#enter(joined);
    if (joined.epoch === timeline.epoch) {
      this.#gap ??= timeline.last;
    } else {
      const text = "The room has begun anew. What stands above is from before.";
      this.#touch(timeline.renew(joined.epoch, text, new Date()));
      this.hasPast = false;
      this.#emit("past");
      this.#giveUpUnsure();
      this.#gap = 0;
    }
    await this.#closeGap(joined.seq);
  }

  /** Fetches, page by page, what lies between the gap's beginning and a `seq`. */
  async #closeGap(upTo) {
    const { timeline } = this;
    const stay = this.#stay;
    let missing = false;
    if (upTo - this.#gap > GAP_EVENTS_MAX) [missing, this.#gap] = [true, upTo - GAP_EVENTS_MAX];
    while (this.#gap < upTo) {
      const page = await this.#connection.request("history", { after: this.#gap });
      if (stay !== this.#stay) return;
      const before = this.#gap;
      if (page.truncated || missing) {
        this.#touch(timeline.mark("Something is missing here.", new Date(), before));
        missing = false;
      }
      for (const event of page.events) this.#take(event, false);
      this.#gap = page.events.at(-1)?.seq ?? upTo;
      if (!(this.#gap > before)) break;
    }
    this.#gap = null;
    this.#giveUpUnsure();
  }

  // ---- the present -----------------------------------------------------------------------------

  /** Takes what happens in the room. */
  hear(event) {
    switch (event.event) {
      case "message":
      case "joined":
      case "left":
      case "renamed":
        return this.#hearNumbered(event);
      case "private":
        // One's own words to oneself are shown by their answer.
        if (event.from === this.#self.name && event.to === this.#self.name) return;
        this.#stopTyping(event.from);
        return this.#touch(this.timeline.whisper(event, this.#self.name), true);
      case "room_changed":
        this.private = event.private;
        return this.#emit("changed");
      case "typing":
        return this.#startTyping(event.name);
    }
  }

  #hearNumbered(event) {
    const { last } = this.timeline;
    if (this.#gap === null && event.seq > last + 1) {
      this.#gap = last;
      this.#closeGap(event.seq - 1).catch(() => {});
    }
    this.#take(event, true);
    const { event: what, name, old } = event;
    const at = this.members.indexOf(what === "renamed" ? old : name);
    if (what === "joined" && at < 0) this.members.push(name);
    if (what === "left" && at >= 0) this.members.splice(at, 1);
    if (what === "renamed" && at >= 0) this.members[at] = name;
    if (what === "message") return this.#stopTyping(event.from);
    if (what !== "joined") this.#stopTyping(old ?? name);
    this.#emit("members");
  }

  /**
   * Whether a message is one's own. A guest's name may have been another's before, so what is older than
   * one's stay has to have been said here.
   */
  #isOwn({ from, seq }) {
    const { name, account } = this.#self;
    return from === name && (account || seq > this.#since || wasSaidHere(this.timeline.epoch, seq));
  }

  #take(event, live) {
    const me = this.#self.name;
    const isInGap = !live && this.#gap !== null && event.seq > this.#gap;
    if ((live || isInGap) && event.event === "renamed") this.#follow(event);
    if (isInGap && event.event === "message" && event.from === me) {
      const at = this.#unsure.findIndex(({ body }) => body === event.body);
      if (at >= 0) {
        const [draft] = this.#unsure.splice(at, 1);
        noteSaid(this.timeline.epoch, event.seq);
        this.timeline.confirm(draft, event);
        return this.#touch(draft);
      }
    }
    // That one was away oneself is no news.
    if (isInGap && event.name === me && event.event !== "renamed") return this.timeline.pass(event.seq);
    const entry = this.timeline.take(event, me, this.#isOwn(event));
    if (entry) this.#touch(entry, live && !entry.own);
  }

  /**
   * Whoever takes another name is still who is meant by what was not sent yet, or may be sent again, and
   * whom one answers.
   */
  #follow({ old, name }) {
    for (const entry of this.timeline.entries) {
      if (entry.answerTo === old) entry.answerTo = name;
      if (entry.to !== old || (entry.state !== "waiting" && entry.state !== "failed")) continue;
      entry.to = name;
      this.#touch(entry);
    }
    this.#emit("renamed", { old, name });
  }

  /** One has taken another name oneself; the answer bears the `seq` of that. */
  renamed(old, { name, seq }) {
    const at = this.members.indexOf(old);
    if (at >= 0) this.members[at] = name;
    this.#since = seq ?? this.#since;
    if (seq > this.timeline.last) {
      this.#take({ event: "renamed", seq, old, name, timestamp: new Date().toISOString() }, true);
    }
    this.#emit("members");
  }

  /** Asks for the members anew: in a large room nobody is told of those who come and go. */
  async refreshMembers() {
    const stay = this.#stay;
    const { users } = await this.#connection.request("users");
    if (stay !== this.#stay) return;
    this.members = [...users];
    this.#emit("members");
  }

  // ---- speaking --------------------------------------------------------------------------------

  /**
   * Says something, to everybody or to one member. It is shown at once; without a connection it waits
   * for one. `false` if too much waits already.
   */
  say(body, to) {
    const ready = this.isReady;
    if (!ready && this.#waiting().length >= WAITING_MAX) return false;
    const draft = { from: this.#self.name, to, body };
    const entry = this.timeline.draft(draft, new Date(), ready ? "pending" : "waiting");
    this.#touch(entry);
    if (ready) this.#send(entry);
    return true;
  }

  /** One is back, and all is as before. */
  ready() {
    for (const entry of this.#waiting()) {
      entry.from = this.#self.name;
      this.timeline.again(entry, "pending");
      this.#touch(entry);
      this.#send(entry);
    }
    // The connection may have gone before anything was fetched.
    if (this.timeline.first === Infinity) this.older();
  }

  /** Says again what has failed; not on the way into another room, where it would be heard. */
  again(entry) {
    if (entry.state !== "failed" || this.#self.isMoving) return;
    entry.from = this.#self.name;
    this.timeline.again(entry, this.isReady ? "pending" : "waiting");
    this.#touch(entry);
    if (entry.state === "pending") this.#send(entry);
  }

  /** Takes back what has failed. */
  discard(entry) {
    if (entry.state !== "failed") return;
    this.timeline.remove(entry);
    this.#touch(entry);
  }

  /** It is over with this room: what still waits will never be sent, and is given back. */
  close(why) {
    this.#stay += 1;
    const waiting = this.#waiting();
    const forAll = waiting.filter(({ to }) => to === undefined);
    if (forAll.length > 0) this.#emit("unsent", forAll.map(({ body }) => body).join("\n"));
    for (const entry of waiting) {
      this.timeline.fail(entry, why);
      this.#touch(entry);
    }
    for (const { timer } of this.typing.values()) clearTimeout(timer);
    this.typing.clear();
  }

  #waiting() {
    return this.timeline.entries.filter(({ state }) => state === "waiting");
  }

  async #send(entry) {
    const { to, body } = entry;
    try {
      const answer =
        to === undefined
          ? await this.#connection.request("message", body)
          : await this.#connection.request("private", { to, body });
      if (to === undefined) noteSaid(this.timeline.epoch, answer.seq);
      this.timeline.confirm(entry, answer);
    } catch (error) {
      // Whether it came through the room's history will tell; of a private message nothing will.
      if (error instanceof Lost && to === undefined) this.#unsure.push(entry);
      else this.timeline.fail(entry, error instanceof Lost ? UNSURE : `Not sent. ${error.message}.`);
    }
    this.#touch(entry);
  }

  #giveUpUnsure() {
    for (const entry of this.#unsure.splice(0)) {
      this.timeline.fail(entry, UNSURE);
      this.#touch(entry);
    }
  }

  // ---- typing ----------------------------------------------------------------------------------

  #startTyping(name) {
    if (typeof name !== "string") return;
    this.#stopTyping(name);
    const timer = setTimeout(() => this.#stopTyping(name), TYPING_MS);
    this.typing.set(nameKey(name), { name, timer });
    this.#emit("typing");
  }

  #stopTyping(name) {
    const key = nameKey(bodyText(name));
    const typing = this.typing.get(key);
    if (!typing) return;
    clearTimeout(typing.timer);
    this.typing.delete(key);
    this.#emit("typing");
  }

  #touch(entry, live = false) {
    this.#emit("touch", { entry, live });
    for (const gone of this.timeline.trim()) this.#emit("touch", { entry: gone, live: false });
    if (this.timeline.entries.length >= ENTRIES_MAX) this.hasPast = false;
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const UNSURE = "The connection was lost, so this may not have arrived.";
