/**
 * The first page: who are you? A name is enough; where the server keeps accounts and the connection is
 * safe enough for passwords, one can also sign in or register.
 *
 * A password is handed to the session and taken out of its field; nothing is stored here.
 */

import { Lost } from "./connection.js";
import { byId, showError, wordsFor } from "./dom.js";
import { count, countCharacters, isBlank } from "./text.js";

/** What the page says for each way in. */
const WAYS = {
  name: { go: "Start talking", name: "nickname", password: "off" },
  login: { go: "Sign in", name: "username", password: "current-password" },
  register: { go: "Register", name: "username", password: "new-password" },
};

/** Errors that are about the password rather than the name. */
const OF_PASSWORD = /password|attempts/i;

/** What comes of it, the session tells. */
export class Welcome {
  #session;
  #connection;
  #name = byId("welcome-name");
  #password = byId("welcome-password");
  #isBusy = false;
  /** Sent before there was a connection: to be done as soon as there is one. */
  #isDue = false;

  constructor(session, connection) {
    this.#session = session;
    this.#connection = connection;
    byId("welcome-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId("welcome-how").addEventListener("change", () => this.#showWay());
    for (const field of [this.#name, this.#password]) {
      field.addEventListener("input", () => showError(field, ""));
    }
    session.addEventListener("greeting", () => this.#greeted());
    session.addEventListener("phase", () => this.#showButton());
    session.addEventListener("rooms", () => this.#showNews());
    this.#showWay();
  }

  /** Shows the page, with what is to be said and the name and the way that are likely. */
  shown({ notice = "", name = "", way = "name" } = {}) {
    byId("welcome-notice").textContent = notice;
    byId("welcome-notice").hidden = notice === "";
    if (name && !this.#name.value) this.#name.value = name;
    const choice = document.querySelector(`#welcome-how input[value="${way}"]`);
    if (choice) choice.checked = true;
    this.#showWay();
    // Who is known by name has only the password to add.
    const field = way !== "name" && this.#name.value ? this.#password : this.#name;
    field.focus();
    field.select();
  }

  get #way() {
    return document.querySelector("#welcome-how input:checked").value;
  }

  #showWay() {
    const way = WAYS[this.#way];
    const isGuest = this.#way === "name";
    byId("welcome-password-field").hidden = isGuest;
    this.#password.required = !isGuest;
    this.#name.autocomplete = way.name;
    this.#password.autocomplete = way.password;
    this.#showButton();
    for (const field of [this.#name, this.#password]) showError(field, "");
  }

  #showButton() {
    const isUnderWay = this.#isBusy || this.#isDue || this.#session.phase === "returning";
    byId("welcome-go").textContent = isUnderWay ? "One moment…" : WAYS[this.#way].go;
  }

  #greeted() {
    const { accounts } = this.#session.greeting;
    byId("welcome-how").hidden = !accounts;
    if (!accounts && this.#way !== "name") {
      document.querySelector("#welcome-how input[value='name']").checked = true;
      this.#showWay();
    }
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#submit();
  }

  #showNews() {
    const first = this.#session.rooms[0];
    const news = byId("welcome-news");
    if (!first || first.count === 0) return (news.textContent = "");
    news.textContent = `${count(first.count, "person is", "people are")} in ${first.room} right now.`;
  }

  async #submit() {
    if (this.#isBusy || !this.#isComplete()) return;
    if (this.#connection.state !== "open") {
      this.#isDue = true;
      this.#connection.tryNow();
      return this.#showButton();
    }
    this.#isBusy = true;
    this.#showButton();
    try {
      await this.#session.enter(this.#way, this.#name.value, this.#password.value);
      this.#password.value = "";
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#isBusy = false;
      this.#showButton();
    }
  }

  #refused(error) {
    if (error instanceof Lost) {
      this.#isDue = true;
      return;
    }
    const isOfPassword = this.#way !== "name" && OF_PASSWORD.test(error.message);
    const field = isOfPassword ? this.#password : this.#name;
    showError(field, wordsFor(error));
    field.focus();
    field.select();
  }

  #isComplete() {
    const most = this.#session.limits.name_chars;
    const isTooLong = countCharacters(this.#name.value.trim()) > most;
    const ofName = isBlank(this.#name.value)
      ? "Please enter a name."
      : isTooLong
        ? `A name has at most ${most} characters.`
        : "";
    const ofPassword = this.#way !== "name" && this.#password.value === "" ? "Please enter a password." : "";
    showError(this.#name, ofName);
    showError(this.#password, ofPassword);
    if (ofName) this.#name.focus();
    else if (ofPassword) this.#password.focus();
    return !ofName && !ofPassword;
  }
}
