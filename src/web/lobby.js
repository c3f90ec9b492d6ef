/**
 * The lobby: which rooms there are and how many are in them, and three ways into one.
 *
 * The list follows the server's news of rooms at once; how many are in them it asks for now and then,
 * and only while somebody looks.
 */

import { Lost } from "./connection.js";
import { byId, fill, icon, make, showError, wordsFor } from "./dom.js";
import { moveByArrows, setStop } from "./members.js";
import { count, countCharacters, isBlank, nameKey, roomOf } from "./text.js";

/** How often the numbers are asked for, in milliseconds. */
const REFRESH_MS = 2500;

/** Rooms that are shown at most. */
const SHOWN_MAX = 500;

/** From so many rooms on one looks for one by its name. */
const MANY = 12;

/** Events: `entered` (the room is the session's now), `back` (to the room one is in). */
export class Lobby extends EventTarget {
  #session;
  #list = byId("room-list");
  #timer = null;
  #isDue = false;

  constructor(session) {
    super();
    this.#session = session;
    session.addEventListener("rooms", () => this.#schedule());
    session.addEventListener("room", () => this.#schedule());
    session.addEventListener("phase", () => this.#returned());
    this.#list.addEventListener("keydown", (event) => moveByArrows(event, this.#list));
    this.#list.addEventListener("focusin", ({ target }) => setStop(this.#list, target));
    document.addEventListener("visibilitychange", () => this.#refresh());
    byId("lobby").addEventListener("keydown", (event) => this.#key(event));
    byId("to-room").addEventListener("click", () => this.dispatchEvent(new CustomEvent("back")));
    byId("find-name").addEventListener("input", () => this.#draw());
    byId("find-name").addEventListener("keydown", (event) => this.#findKey(event));
    byId("to-create").addEventListener("click", () => byId("create-name").focus());
    onSubmit("create-form", () => this.#create());
    onSubmit("join-form", () => this.#joinByName());
  }

  shown(notice = "") {
    this.say(notice);
    byId("find-name").value = "";
    this.#draw();
    this.#refresh();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
    const stop = this.#list.querySelector("li.here > button") ?? this.#list.querySelector("li > button");
    (stop ?? byId("lobby-title")).focus();
  }

  hidden() {
    clearInterval(this.#timer);
  }

  /** Says something above the list; an empty text takes it back. */
  say(...parts) {
    byId("lobby-notice").replaceChildren(...parts);
    byId("lobby-notice").hidden = parts.join("") === "";
  }

  /** There is no such room: offers to make it. */
  offer(name) {
    byId("create-name").value = name;
    this.say("There is no room “", make("bdi", {}, name), "” now. You can make it.");
    byId("create-name").focus();
  }

  /** That there was no connection is no news any more when there is one. */
  #returned() {
    const isOfLoss = byId("lobby-notice").textContent === wordsFor(new Lost());
    if (isOfLoss && this.#session.isReady) this.say("");
  }

  #refresh() {
    const isSeen = !byId("lobby").hidden && document.visibilityState === "visible";
    if (isSeen && this.#session.isReady) this.#session.refreshRooms().catch(() => {});
  }

  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !this.#session.room) return;
    event.preventDefault();
    this.dispatchEvent(new CustomEvent("back"));
  }

  /** However much happens to the list, it is drawn as often as a screen is. */
  #schedule() {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => this.#draw(), 16);
  }

  #draw() {
    this.#isDue = false;
    if (byId("lobby").hidden) return;
    const { room } = this.#session;
    byId("to-room").hidden = !room;
    byId("to-room-name").textContent = room?.name ?? "";
    const found = this.#found();
    const rooms = found.slice(0, SHOWN_MAX);
    fill(
      this.#list,
      rooms,
      ({ room_id: id }) => id,
      (room, old) => this.#row(room, old),
    );
    const rest = found.length - rooms.length;
    if (rest > 0)
      this.#list.append(
        make("li", { class: "muted", "data-key": "" }, `and ${count(rest, "other", "others")}`),
      );
    const stop = this.#list.querySelector("li > button[tabindex='0']");
    setStop(this.#list, stop ?? this.#list.querySelector("li > button"));
  }

  /** The rooms that are looked for: all, or those with what was written in their names. */
  #found() {
    const { rooms } = this.#session;
    const [find, field] = [byId("find"), byId("find-name")];
    // Nothing that somebody is at is taken away.
    find.hidden = rooms.length < MANY && field.value === "" && !find.contains(document.activeElement);
    const key = nameKey(field.value.trim());
    const found = key === "" ? rooms : rooms.filter(({ room }) => nameKey(room).includes(key));
    const told = key === "" ? "" : found.length === 0 ? "No room is called that." : count(found.length, "room", "rooms");
    if (byId("find-told").textContent !== told) byId("find-told").textContent = told;
    return found;
  }

  /** Down leads into the list and Enter into the first room; Escape shows all again. */
  #findKey(event) {
    const field = event.target;
    // What ends the composing of a character is not for us.
    if (event.isComposing || event.keyCode === 229) return;
    const first = this.#list.querySelector("li > button");
    if (event.key === "Enter" && field.value.trim() !== "") first?.click();
    else if (event.key === "ArrowDown") first?.focus();
    else if (event.key === "Escape" && field.value !== "") {
      field.value = "";
      this.#draw();
    } else return;
    event.preventDefault();
  }

  #row(room, old) {
    const isHere = this.#session.room?.id === room.room_id;
    const row = old ?? this.#newRow(room);
    row.classList.toggle("here", isHere);
    const [title, place] = [row.querySelector(".room-name"), row.querySelector(".room-count")];
    if (title.textContent !== room.room) title.textContent = room.room;
    row.querySelector(".lock").toggleAttribute("hidden", !room.private);
    // The list may be from before one came.
    const number = isHere ? this.#session.room.members.length : room.count;
    const people = count(number, "person", "people");
    const text = isHere ? `you are here · ${people}` : number === 0 ? "nobody yet" : people;
    if (place.textContent !== text) place.textContent = text;
    return row;
  }

  #newRow({ room_id: id }) {
    const lock = icon("lock", "Private room");
    const name = make("bdi", { class: "room-name" });
    const go = () => this.#enter({ room_id: id });
    return make(
      "li",
      {},
      make(
        "button",
        { type: "button", tabindex: "-1", onclick: go },
        lock,
        name,
        " ",
        make("span", { class: "room-count" }),
      ),
    );
  }

  /** Goes into a room; `false` if that was refused. */
  async #enter(which, field) {
    if (which.room_id !== undefined && which.room_id === this.#session.room?.id) {
      this.dispatchEvent(new CustomEvent("back"));
      return true;
    }
    try {
      await this.#session.join(which);
      this.dispatchEvent(new CustomEvent("entered"));
      return true;
    } catch (error) {
      if (field) showError(field, wordsFor(error));
      else this.say(wordsFor(error));
      return false;
    }
  }

  async #create() {
    const field = byId("create-name");
    const error = this.#fault(field.value);
    showError(field, error);
    if (error) return field.focus();
    try {
      await this.#session.create(field.value, byId("create-private").checked);
      byId("create-form").reset();
      this.dispatchEvent(new CustomEvent("entered"));
    } catch (error) {
      showError(field, wordsFor(error));
      field.focus();
    }
  }

  async #joinByName() {
    const field = byId("join-name");
    const entered = field.value.trim();
    // A link was sent to somebody who is here already.
    const text = (/^https?:/i.test(entered) ? roomOf(entered) : null) ?? entered;
    const error = this.#fault(text);
    showError(field, error);
    if (error) return field.focus();
    // A name is a name first, even if it looks like an id.
    const isEntered =
      (await this.#enter({ room: text }, field)) ||
      (/^[0-9a-f]{8}$/i.test(text) && (await this.#enter({ room_id: text.toLowerCase() }, field)));
    if (!isEntered) return field.focus();
    showError(field, "");
    byId("join-form").reset();
  }

  #fault(name) {
    if (isBlank(name)) return "Please enter a name.";
    const most = this.#session.limits.name_chars;
    return countCharacters(name.trim()) > most ? `A name has at most ${most} characters.` : "";
  }
}

function onSubmit(form, act) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}
