/**
 * Where one writes: a text that grows, a counter as the limit nears, to everybody or to one.
 *
 * It refuses what the server would refuse and keeps what was not sent. It sends nothing itself.
 */

import { byId, showError } from "./dom.js";
import { count, countCharacters, isBlank, isWellFormed, nameKey } from "./text.js";

/** From so many characters before the limit on the counter shows. */
const COUNTER_FROM = 200;

/** What is added to the server's pause between two notices of typing, in milliseconds. */
const TYPING_SLACK_MS = 50;

/** Texts that can be had again at most. */
const SAID_MAX = 50;

/** The tallest it grows, in pixels. */
const HEIGHT_MAX = 180;

export class Composer {
  #session;
  #text = byId("text");
  #counter = byId("counter");
  #to = null;
  /** What was said here, to whom, oldest first, and which of that stands in the field again. */
  #said = [];
  #recalled = null;
  /** When it was last said that one is typing, and when that is due again. */
  #toldAt = -Infinity;
  #due = null;

  constructor(session) {
    this.#session = session;
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    // Whoever comes next has nothing of who went.
    session.addEventListener("ended", () => (this.#said = []));
    byId("whisper-end").addEventListener("click", () => this.whisperTo(null));
    this.#text.addEventListener("input", () => this.#typed());
    // A text takes other lines when the window has another width.
    window.addEventListener("resize", () => this.#fit());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Whether there is more in the field than it shows. */
  get isTall() {
    return this.#text.scrollHeight > this.#text.clientHeight + 1;
  }

  focus() {
    this.#fit();
    this.#text.focus();
  }

  /** What is written goes to one member from now on; `null`: to everybody. */
  whisperTo(name) {
    this.#address(name);
    showError(this.#text, "");
    this.focus();
  }

  /** Somebody has another name; that may be whom one writes to. */
  renamed({ old, name }) {
    for (const one of this.#said) if (one.to === old) one.to = name;
    if (this.#to === old) this.#address(name);
  }

  #address(name) {
    this.#to = name;
    byId("whisper").hidden = name === null;
    byId("whisper-to").textContent = name ?? "";
    byId("composer").classList.toggle("private", name !== null);
    const label = name === null ? "Message" : `Private message to ${name}`;
    this.#text.setAttribute("aria-label", label);
    this.#text.placeholder = name === null ? this.#placeholder() : "Private message";
  }

  /** Another room is shown. What the one before gives back can be said here, or copied. */
  reset(unsent) {
    // What was meant for one alone is not left standing for everybody.
    if (this.#to !== null) this.#text.value = "";
    if (unsent) this.#text.value = [unsent, this.#text.value].filter(Boolean).join("\n");
    this.#address(null);
    showError(this.#text, "");
    this.#fit();
  }

  #placeholder() {
    const name = this.#session.room?.name;
    return name ? `Message ${name}` : "Message";
  }

  #key(event) {
    // What ends the composing of a character is not for us.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Tab" && !hasModifier(event)) {
      if (this.#complete()) event.preventDefault();
    } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !hasModifier(event)) {
      if (this.#recall(event.key === "ArrowUp" ? -1 : 1)) event.preventDefault();
    } else if (event.key === "Escape" && this.#to !== null) {
      event.preventDefault();
      this.whisperTo(null);
    }
  }

  /**
   * Puts what was said before, or after, into a field that is empty or has only such a text. In one of
   * several lines the arrows move first.
   */
  #recall(step) {
    const { value, selectionStart, selectionEnd } = this.#text;
    const said = this.#said.filter(({ to }) => to === this.#to);
    const isRecalled = this.#recalled?.to === this.#to && value === this.#recalled.text;
    if (value !== "" && !isRecalled) return false;
    const rest = step < 0 ? value.slice(0, selectionStart) : value.slice(selectionEnd);
    if (rest.includes("\n")) return false;
    const at = isRecalled ? said.indexOf(this.#recalled) + step : step < 0 ? said.length - 1 : said.length;
    if (at < 0 || (!isRecalled && at >= said.length)) return false;
    this.#recalled = said[at] ?? null;
    this.#text.value = this.#recalled?.text ?? "";
    this.#fit();
    return true;
  }

  /**
   * Ends an `@` and the beginning of somebody's name; `false` where there is none to end, for then Tab
   * leads on as everywhere.
   */
  #complete() {
    const { value, selectionStart, selectionEnd: end } = this.#text;
    const begun = selectionStart === end && /(?:^|\s)@([^\s@]+)$/u.exec(value.slice(0, end));
    if (!begun) return false;
    const { room, name: me } = this.#session;
    const key = nameKey(begun[1]);
    const fitting = (room?.members ?? []).filter((name) => name !== me && nameKey(name).startsWith(key));
    if (fitting.length === 0) return false;
    const [name] = fitting.sort((a, b) => a.localeCompare(b));
    const space = /^\s/.test(value.slice(end, end + 1)) ? "" : " ";
    this.#text.setRangeText(`@${name}${space}`, end - begun[1].length - 1, end, "end");
    this.#typed();
    return true;
  }

  #typed() {
    this.#fit();
    showError(this.#text, "");
    this.#tellTyping();
  }

  /** Says that one is typing, no more often than it would be shown. */
  #tellTyping() {
    if (this.#due !== null || this.#to !== null || isBlank(this.#text.value)) return;
    const tell = () => {
      this.#due = null;
      if (this.#to !== null || isBlank(this.#text.value)) return;
      this.#toldAt = performance.now();
      this.#session.typing();
    };
    const left = this.#toldAt + this.#session.limits.typing_ms + TYPING_SLACK_MS - performance.now();
    if (left <= 0) tell();
    else this.#due = setTimeout(tell, left);
  }

  #submit() {
    const text = this.#text.value;
    // On the way into another room it stays: it was not meant for those there.
    if (isBlank(text) || this.#session.isMoving) return;
    const error = this.#fault(text);
    showError(this.#text, error);
    if (error) return;
    const isTaken = this.#session.room?.say(text, this.#to ?? undefined);
    if (!isTaken) return showError(this.#text, "Too much waits for the connection already.");
    this.#said = [...this.#said, { text, to: this.#to }].slice(-SAID_MAX);
    this.#recalled = null;
    this.#text.value = "";
    this.#fit();
  }

  /** Why a text cannot be said. */
  #fault(text) {
    const over = countCharacters(text) - this.#session.limits.text_chars;
    if (over > 0) return `That is too long by ${count(over, "character", "characters")}.`;
    if (!isWellFormed(text)) return "That has half a character in it.";
    if (this.#to !== null && !this.#session.room?.members.includes(this.#to)) {
      return `${this.#to} is not here any more.`;
    }
    return "";
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, HEIGHT_MAX)}px`;
    const left = this.#session.limits.text_chars - countCharacters(this.#text.value);
    this.#counter.textContent = left <= COUNTER_FROM ? String(left) : "";
    this.#counter.classList.toggle("over", left < 0);
  }
}

function hasModifier({ altKey, ctrlKey, metaKey, shiftKey }) {
  return altKey || ctrlKey || metaKey || shiftKey;
}
