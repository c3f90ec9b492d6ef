/**
 * The people in the room: a list with one stop for the Tab key, in which the arrows move. Choosing
 * somebody begins a private message.
 */

import { avatar, byId, fill, icon, make, nameTag } from "./dom.js";
import { count } from "./text.js";

/** People that are shown at most; of the others the number is told. */
const SHOWN_MAX = 500;

export class Members {
  #list = byId("members");
  #title = byId("people-title");
  #session;
  #choose;
  #scheduled = false;

  /** @param choose is called with the name that was chosen */
  constructor(session, choose) {
    this.#session = session;
    this.#choose = choose;
    this.#list.addEventListener("keydown", (event) => moveByArrows(event, this.#list));
    this.#list.addEventListener("focusin", ({ target }) => setStop(this.#list, target));
  }

  /** Shows who is here now; at most once a frame. */
  show() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#draw();
    }, 16);
  }

  #draw() {
    const { room, name: me } = this.#session;
    const members = room?.members ?? [];
    this.#title.textContent = `People — ${members.length.toLocaleString()}`;
    byId("people-count").textContent = members.length.toLocaleString();
    byId("to-people").setAttribute(
      "aria-label",
      `Show who is here: ${count(members.length, "person", "people")}`,
    );
    const shown = [...members]
      .sort((a, b) => (b === me) - (a === me) || a.localeCompare(b))
      .slice(0, SHOWN_MAX);
    const key = (name) => (name === me ? `me ${name}` : `- ${name}`);
    fill(this.#list, shown, key, (name, old) => old ?? this.#row(name, name === me));
    const rest = members.length - shown.length;
    if (rest > 0)
      this.#list.append(
        make("li", { class: "muted", "data-key": "" }, `and ${count(rest, "other", "others")}`),
      );
    setStop(
      this.#list,
      this.#list.querySelector("button[tabindex='0']") ?? this.#list.querySelector("button"),
    );
  }

  #row(name, isMe) {
    const hint = isMe
      ? make("span", { class: "muted" }, "you")
      : make("span", { class: "hint" }, icon("reply"));
    const label = isMe ? `${name}, you: write a note to yourself` : `${name}: write privately`;
    const row = { type: "button", tabindex: "-1", "aria-label": label, onclick: () => this.#choose(name) };
    return make("li", {}, make("button", row, avatar(name), nameTag(name), hint));
  }
}

/** Up, Down, Home and End among a list's buttons. */
export function moveByArrows(event, list) {
  const buttons = [...list.querySelectorAll("li > button")];
  const at = buttons.indexOf(document.activeElement);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  buttons[Math.max(0, Math.min(to, buttons.length - 1))]?.focus();
}

/** Makes one button of a list its stop for the Tab key. */
export function setStop(list, target) {
  const button = target?.closest?.("li > button");
  if (!button) return;
  for (const other of list.querySelectorAll("li > button[tabindex='0']")) other.tabIndex = -1;
  button.tabIndex = 0;
}
