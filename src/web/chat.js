/**
 * The chat page: one room's title, log, people and composer, and the dialog about the room.
 *
 * It joins those parts to the session. Which page is shown is the app's to say.
 */

import { Composer } from "./composer.js";
import { byId, make, nameTag, wordsFor } from "./dom.js";
import { Log } from "./log.js";
import { Members } from "./members.js";
import { count, countCharacters, listed } from "./text.js";

/** How often the people of a large room are asked for, in milliseconds. */
const RECOUNT_MS = 30_000;

/** From this width on the people stand beside the log. The style sheet has the same. */
const WIDE = matchMedia("(min-width: 52rem)");

/** Events: `unseen`, `lobby` (show the lobby), `left` (the room was left). */
export class Chat extends EventTarget {
  #session;
  #log = new Log();
  #members;
  #composer;
  #listener = null;
  /** What the room before could not send any more. */
  #unsent = "";

  constructor(session) {
    super();
    this.#session = session;
    this.#composer = new Composer(session);
    this.#members = new Members(session, (name) => this.#whisperTo(name));
    this.#log.addEventListener("reply", ({ detail: name }) => this.#whisperTo(name));
    this.#log.addEventListener("unseen", () => this.dispatchEvent(new CustomEvent("unseen")));
    session.addEventListener("room", () => this.#enter());
    session.addEventListener("identity", () => this.#members.show());
    byId("to-lobby").addEventListener("click", () => this.dispatchEvent(new CustomEvent("lobby")));
    document.addEventListener("keydown", (event) => !byId("chat").hidden && this.#key(event));
    this.#preparePeople();
    this.#prepareDialog();
  }

  get unseen() {
    return this.#log.unseen;
  }

  /** The page is shown: the writing can begin. */
  shown() {
    byId("people").classList.remove("shown");
    byId("to-people").setAttribute("aria-expanded", "false");
    this.#log.look();
    this.#composer.focus();
  }

  #enter() {
    this.#listener?.abort();
    this.#listener = new AbortController();
    const { signal } = this.#listener;
    const { room } = this.#session;
    this.#log.show(room);
    this.#composer.reset(this.#unsent);
    this.#unsent = "";
    this.#showMembers();
    this.#showTyping();
    // Its buttons would be about another room than it was opened for.
    byId("room-dialog").close();
    if (!room) return;
    room.addEventListener("members", () => this.#showMembers(), { signal });
    room.addEventListener("unsent", ({ detail }) => (this.#unsent = detail), { signal });
    room.addEventListener("renamed", ({ detail }) => this.#composer.renamed(detail), { signal });
    room.addEventListener("changed", () => this.#showRoom(), { signal });
    room.addEventListener("typing", () => this.#showTyping(), { signal });
    this.#showRoom();
  }

  #showMembers() {
    this.#members.show();
    const alone = byId("alone");
    const hadFocus = alone.contains(document.activeElement);
    alone.hidden = this.#session.room?.members.length !== 1;
    if (hadFocus && alone.hidden) this.#composer.focus();
  }

  /** What the parts have not taken for themselves. */
  #key(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const isWriting = target === byId("text");
    if ((event.ctrlKey || event.metaKey) && !event.altKey && key.toLowerCase() === "k") {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("lobby"));
    } else if (event.ctrlKey || event.metaKey || event.altKey) {
      // The browser's own.
    } else if (key === "Escape") {
      event.preventDefault();
      if (isWriting) this.#log.toEnd();
      else this.#composer.focus();
    } else if (isWriting && isPage(event) && !this.#composer.isTall) {
      event.preventDefault();
      this.#log.turn(key === "PageUp" ? -1 : 1);
    } else if ((target === document.body || target === byId("log")) && isLetter(key)) {
      // What is written beside the field was meant for it.
      this.#composer.focus();
    }
  }

  #showTyping() {
    const names = [...(this.#session.room?.typing.values() ?? [])].map(({ name }) => name);
    const place = byId("typing");
    if (names.length === 0) return place.replaceChildren();
    const who = names.length === 1 ? nameTag(names[0]) : make("bdi", {}, listed(names));
    place.replaceChildren(who, names.length === 1 ? " is typing…" : " are typing…");
  }

  // ---- people ----------------------------------------------------------------------------------

  #preparePeople() {
    setInterval(() => this.#recount(), RECOUNT_MS);
    byId("to-people").addEventListener("click", () => this.#showPeople(!this.#arePeopleShown));
    byId("people-close").addEventListener("click", () => this.#showPeople(false));
    byId("people").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      if (this.#arePeopleShown && !WIDE.matches) this.#showPeople(false);
      else this.#composer.focus();
    });
    WIDE.addEventListener("change", () => byId("people").classList.remove("shown"));
  }

  /** In a large room nobody is told who comes and goes: it is asked for now and then. */
  #recount() {
    const { room, isReady, limits } = this.#session;
    const isCrowd = limits.presence_members > 0 && room?.members.length >= limits.presence_members;
    const isSeen = document.visibilityState === "visible" && !byId("chat").hidden;
    if (isCrowd && isReady && isSeen) room.refreshMembers().catch(() => {});
  }

  get #arePeopleShown() {
    return byId("people").classList.contains("shown");
  }

  /** Where there is no room for them, the people lie over the log. */
  #showPeople(shown) {
    byId("people").classList.toggle("shown", shown);
    byId("to-people").setAttribute("aria-expanded", String(shown));
    if (!shown) return byId("to-people").focus();
    this.#session.room?.refreshMembers().catch(() => {});
    byId("members").querySelector("button[tabindex='0']")?.focus();
  }

  #whisperTo(name) {
    if (!WIDE.matches && this.#arePeopleShown) this.#showPeople(false);
    this.#composer.whisperTo(name);
  }

  // ---- the room --------------------------------------------------------------------------------

  #showRoom() {
    const { room, greeting } = this.#session;
    byId("chat-title").textContent = room.name;
    byId("chat-lock").toggleAttribute("hidden", !room.private);
    byId("about-room").title = `About ${room.name}`;
    byId("log").setAttribute("aria-label", `Messages in ${room.name}`);
    byId("room-dialog-title").textContent = room.name;
    const kind = room.private
      ? "Private: it is in no list. Whoever knows its name can join."
      : "Open to everybody.";
    byId("room-facts").textContent = `${kind} ${count(room.members.length, "person is", "people are")} here.`;
    byId("room-link").value = linkTo(room.name);
    byId("room-private").textContent = room.private ? "Make it public" : "Make it private";
    byId("room-private").hidden = greeting?.default_room_id === room.id;
  }

  #prepareDialog() {
    const dialog = byId("room-dialog");
    byId("about-room").addEventListener("click", () => this.#showDialog());
    byId("room-link").addEventListener("focus", ({ target }) => target.select());
    byId("room-copy").addEventListener("click", ({ target }) => this.#copyLink(target));
    byId("alone-copy").addEventListener("click", ({ target }) => this.#copyLink(target));
    byId("room-private").addEventListener("click", () =>
      this.#try(() => this.#session.setPrivate(!this.#session.room.private)),
    );
    byId("room-leave").addEventListener("click", () =>
      this.#try(async () => {
        await this.#session.leave();
        dialog.close();
        this.dispatchEvent(new CustomEvent("left"));
      }),
    );
  }

  #showDialog() {
    byId("room-error").textContent = "";
    this.#showRoom();
    byId("room-dialog").showModal();
  }

  async #try(act) {
    byId("room-error").textContent = "";
    try {
      await act();
    } catch (error) {
      byId("room-error").textContent = wordsFor(error);
    }
  }

  async #copyLink(button) {
    const link = byId("room-link");
    const label = (button.dataset.label ??= button.textContent);
    try {
      await navigator.clipboard.writeText(link.value);
      button.textContent = "Copied";
    } catch {
      // Not to be had over plain HTTP from afar: then it is ready to be copied by hand.
      if (byId("chat").hidden) return;
      if (!byId("room-dialog").open) this.#showDialog();
      link.focus();
      link.select();
    }
    setTimeout(() => (button.textContent = label), 2000);
  }
}

/** Whether a key turns pages, and marks no text. */
function isPage({ key, shiftKey }) {
  return (key === "PageUp" || key === "PageDown") && !shiftKey;
}

/** Whether a key writes something. The space bar has other uses beside a field. */
function isLetter(key) {
  return countCharacters(key) === 1 && key !== " ";
}

/** An address that leads into a room. */
function linkTo(name) {
  return `${location.origin}${location.pathname}#room=${encodeURIComponent(name)}`;
}
