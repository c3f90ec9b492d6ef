/**
 * Who one is and where: the name, the account, the room, and how all that is had again after the
 * connection was lost.
 *
 * A session begins with `enter` and ends with `quit`. In between it is *ready*, or on its way back:
 * take the name, join the room, close the gap. A password is kept in memory for that and nowhere else.
 * It shows nothing, and what happens in the room is the room's.
 */

import { Lost, Refused } from "./connection.js";
import { Room } from "./room.js";

/** How long to wait for one's own ghost to lose the name, in milliseconds, a try each. */
const GHOST_MS = [500, 1000, 2000, 4000, 8000, 12_000, 16_000];

/** What a server says that has no time just now; it is no verdict. */
const BUSY = new Set(["Server is busy", "Too many attempts"]);

/** What a server says whose other connection still bears the name. */
const TAKEN = new Set(["Name already taken", "User already logged in"]);

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Events: `greeting`, `identity` (name or account), `phase`, `room` (another room or none), `rooms`
 * (the list of rooms), `ended` (detail: why, in words; the session is over).
 */
export class Session extends EventTarget {
  /** `out`, `entering`, `returning` or `ready`. */
  phase = "out";
  name = "";
  /** Whether the name is that of an account. */
  account = false;
  /** What the server has said of itself. */
  greeting = null;
  /** @type {Room|null} */
  room = null;
  /** The list of rooms, as `rooms` gives it. */
  rooms = [];

  #connection;
  /** How to be somebody: an action and its body. */
  #credentials = null;
  /** Grows whenever what was under way is of no more use. */
  #turn = 0;
  #moves = 0;

  constructor(connection) {
    super();
    this.#connection = connection;
    connection.addEventListener("greeting", ({ detail }) => this.#greeted(detail));
    connection.addEventListener("event", ({ detail }) => this.#hear(detail));
    connection.addEventListener("lost", () => this.#lost());
  }

  get isReady() {
    return this.phase === "ready";
  }

  get limits() {
    return this.greeting?.limits ?? { text_chars: 1000, name_chars: 50, typing_ms: 2000 };
  }

  // ---- coming and going ------------------------------------------------------------------------

  /**
   * Becomes somebody: `how` is `name`, `login` or `register`. Rejects with `Refused` or `Lost`, and
   * then one is nobody, as before.
   */
  async enter(how, name, password) {
    const body = how === "name" ? name : { name, password };
    this.#become("entering");
    const turn = ++this.#turn;
    try {
      const answer = await this.#connection.request(how, body);
      this.#named(answer, how !== "name");
      // Whoever has registered logs in the next time.
      this.#credentials = how === "name" ? null : { action: "login", password };
      this.#become("ready");
    } catch (error) {
      if (turn === this.#turn) this.#become("out");
      throw error;
    }
  }

  /**
   * Comes back under a name after the page was loaded anew. The connection of the page before may
   * still bear it, as after a connection that was lost.
   */
  comeBack(name) {
    this.name = name;
    this.#become("returning");
  }

  /** Takes another name, in place. */
  async rename(name) {
    const old = this.name;
    const answer = await this.#ask("name", name);
    this.#named(answer, this.account);
    this.room?.renamed(old, answer);
  }

  /** Ends the session. Everything of it is forgotten, and the connection is begun anew. */
  quit(why = "") {
    this.#turn += 1;
    this.#credentials = null;
    this.account = false;
    this.#become("out");
    this.#setRoom(null);
    this.#emit("ended", why);
    this.#connection.restart();
  }

  #named({ name }, account) {
    this.name = name;
    this.account = account;
    this.#emit("identity");
  }

  // ---- rooms -----------------------------------------------------------------------------------

  /** Joins a room: `{ room }` by its name, `{ room_id }` by its id. */
  async join(which) {
    this.#arrive(await this.#move("join", which));
  }

  /** Makes a room and enters it. */
  async create(name, isPrivate) {
    this.#arrive(await this.#move("create", { name, private: isPrivate }));
  }

  async leave() {
    await this.#move("leave");
    this.#setRoom(null);
  }

  /** Makes the room private or public. */
  async setPrivate(isPrivate) {
    const answer = await this.#ask("room", { private: isPrivate });
    this.room?.hear({ event: "room_changed", private: answer.private });
  }

  /** Fetches the list of rooms. */
  async refreshRooms() {
    const { rooms } = await this.#connection.request("rooms");
    this.rooms = rooms;
    this.#emit("rooms");
  }

  /** Asks for what only somebody can have who is not on the way back. */
  #ask(action, body) {
    return this.isReady ? this.#connection.request(action, body) : Promise.reject(new Lost());
  }

  /**
   * Whether one is between two rooms: the server may have one in the next already, so that what is said
   * now would be heard there.
   */
  get isMoving() {
    return this.#moves > 0;
  }

  async #move(action, body) {
    this.#moves += 1;
    try {
      return await this.#ask(action, body);
    } finally {
      this.#moves -= 1;
    }
  }

  /** Says that one is typing. */
  typing() {
    if (this.isReady && this.room && !this.isMoving) this.#connection.tell("typing");
  }

  #arrive(joined) {
    if (this.room?.id === joined.room_id && this.room.timeline.epoch === joined.epoch) return;
    this.#setRoom(new Room(this.#connection, joined, this));
    this.room.arrive();
  }

  #setRoom(room) {
    if (this.room === room) return;
    this.room?.close("Not sent. You have left the room.");
    this.room = room;
    this.#emit("room");
  }

  // ---- what happens ----------------------------------------------------------------------------

  #hear(event) {
    switch (event.event) {
      case "room_opened":
        return this.#opened(event);
      case "room_closed":
        this.rooms = this.rooms.filter(({ room_id: id }) => id !== event.room_id);
        return this.#emit("rooms");
      case "logged_out":
        return this.quit("Your account was removed.");
      default:
        if (this.room && event.room === this.room.name) this.room.hear(event);
    }
  }

  #opened({ room, room_id }) {
    if (this.rooms.some(({ room_id: id }) => id === room_id)) return;
    this.rooms.push({ room_id, room, private: false, count: 1 });
    this.#emit("rooms");
  }

  // ---- coming back -----------------------------------------------------------------------------

  #greeted(greeting) {
    this.greeting = greeting;
    this.#emit("greeting");
    if (this.phase === "returning") this.#return();
    else this.refreshRooms().catch(() => {});
  }

  #lost() {
    this.#turn += 1;
    if (this.phase === "ready") this.#become("returning");
    else if (this.phase === "entering") this.#become("out");
  }

  async #return() {
    const turn = ++this.#turn;
    try {
      await this.#takeName(turn);
      if (this.room) await this.#rejoin();
      if (turn !== this.#turn) return;
      this.#become("ready");
      this.room?.ready();
      this.refreshRooms().catch(() => {});
    } catch (error) {
      // A connection that is lost again begins this again.
      if (turn !== this.#turn || error instanceof Lost) return;
      this.quit(error instanceof Refused ? this.#whyEnded(error) : "Something went wrong here.");
      if (!(error instanceof Refused)) throw error;
    }
  }

  #whyEnded({ message }) {
    if (TAKEN.has(message)) return `Somebody else is called “${this.name}” now. Choose another name.`;
    return `The server has not let you back in: ${message}.`;
  }

  async #takeName(turn) {
    const { action, password } = this.#credentials ?? { action: "name" };
    const body = action === "name" ? this.name : { name: this.name, password };
    for (const pause of [...GHOST_MS, null]) {
      try {
        return this.#named(await this.#connection.request(action, body), action !== "name");
      } catch (error) {
        const isPassing = TAKEN.has(error.message) || BUSY.has(error.message);
        if (pause === null || !isPassing) throw error;
      }
      await wait(pause);
      if (turn !== this.#turn) throw new Lost();
    }
  }

  /** Joins the room again; if it went with its last connection, it is made again, or else left. */
  async #rejoin() {
    const { room } = this;
    const tries = [
      ["join", { room: room.name }],
      ["create", { name: room.name, private: room.private }],
      // Somebody else may have made it between the two.
      ["join", { room: room.name }],
    ];
    for (const [action, body] of tries) {
      try {
        return await room.resume(await this.#connection.request(action, body));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    this.#setRoom(null);
  }

  #become(phase) {
    this.phase = phase;
    if (this.room) this.room.isReady = phase === "ready";
    this.#emit("phase");
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
