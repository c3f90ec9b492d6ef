/**
 * The app: which of the three pages is shown, what the address says, and how the connection fares.
 *
 * The address is `#rooms` for the lobby and `#room=NAME` for a room, so that the browser's way back
 * works and a room can be shared as a link. The name is remembered; a password never is.
 */

import { Chat } from "./chat.js";
import { addressFor, Connection } from "./connection.js";
import { avatar, byId, make, showError, wordsFor } from "./dom.js";
import { Lobby } from "./lobby.js";
import { Session } from "./session.js";
import { countCharacters, nameKey } from "./text.js";
import { Welcome } from "./welcome.js";

const connection = new Connection(addressFor(location));
const session = new Session(connection);
const welcome = new Welcome(session, connection);
const lobby = new Lobby(session);
const chat = new Chat(session);

// ---- what is remembered --------------------------------------------------------------------------

/** A storage that may be forbidden, full or not there: then nothing is remembered. */
function remember(storage, key, value) {
  try {
    if (value === null) window[storage].removeItem(`parlance.${key}`);
    else window[storage].setItem(`parlance.${key}`, value);
  } catch {
    // It works without.
  }
}

function recall(storage, key) {
  try {
    return window[storage].getItem(`parlance.${key}`) ?? "";
  } catch {
    return "";
  }
}

// ---- pages -----------------------------------------------------------------------------------------

let page = "welcome";

function show(name, ...how) {
  if (page === "lobby" && name !== "lobby") lobby.hidden();
  page = name;
  for (const id of ["welcome", "lobby", "chat"]) byId(id).hidden = id !== name;
  ({ welcome, lobby, chat })[name].shown(...how);
  showTitle();
}

function showTitle() {
  const { room } = session;
  const place = page === "chat" && room ? `${room.name} · ` : page === "lobby" ? "Rooms · " : "";
  const unseen = room && chat.unseen > 0 ? `(${chat.unseen}) ` : "";
  document.title = `${unseen}${place}parlance`;
}

/**
 * Puts where one is into the address: as a step that the browser can take back, unless the address has
 * led here itself.
 */
function setAddress(hash, isLed) {
  if (location.hash === hash) return;
  if (isLed) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
}

const hashOf = (room) => `#room=${encodeURIComponent(room.name)}`;

/** The room that the address asks for, if it does. */
function roomOfAddress() {
  const found = /^#room=(.+)$/.exec(location.hash);
  try {
    return found ? decodeURIComponent(found[1]) : null;
  } catch {
    return null;
  }
}

function showRoom(isLed = false) {
  setAddress(hashOf(session.room), isLed);
  show("chat");
}

function showLobby(notice = "", isLed = false) {
  setAddress("#rooms", isLed);
  show("lobby", notice);
}

/** Goes where the address says; who has just come in and asks for nothing goes to the first room. */
async function follow() {
  if (session.phase !== "ready" && session.phase !== "returning") return;
  if (!session.isReady && page === "welcome") return;
  const wanted = roomOfAddress();
  if (location.hash === "#rooms") return page === "lobby" || showLobby();
  const { room } = session;
  if (room && (wanted === null || nameKey(wanted) === nameKey(room.name))) return showRoom(true);
  const name = wanted ?? session.greeting.default_room;
  try {
    await session.join({ room: name });
    showRoom(true);
  } catch (error) {
    const isGone = error.message === "Room not found";
    showLobby(isGone ? "" : wordsFor(error), true);
    if (isGone) lobby.offer(name);
  }
}

/** Somebody has come in, from the first page or by having been here before. */
function entered() {
  remember("localStorage", "name", session.name);
  remember("localStorage", "way", session.account ? "login" : "name");
  remember("sessionStorage", "here", session.account ? null : "yes");
  follow();
}

lobby.addEventListener("entered", () => showRoom());
lobby.addEventListener("back", () => showRoom());
chat.addEventListener("lobby", () => showLobby());
chat.addEventListener("left", () => showLobby());
chat.addEventListener("unseen", showTitle);
window.addEventListener("popstate", follow);

session.addEventListener("identity", showMe);
session.addEventListener("room", () => {
  showTitle();
  // The room went while nobody was connected, or somebody else's doing has ended the stay.
  if (!session.room && page === "chat" && session.phase === "returning") showLobby("The room is gone.");
});
session.addEventListener("ended", ({ detail: notice }) => {
  remember("sessionStorage", "here", null);
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  byId("welcome-form").reset();
  show("welcome", { notice, name: session.name, way: recall("localStorage", "way") || "name" });
});

// ---- the connection ----------------------------------------------------------------------------------

let countdown = null;

/** How the connection fares, where that is worth saying. */
function fare() {
  const isFirst = page === "welcome";
  switch (connection.state) {
    case "waiting":
      return isFirst
        ? "The server cannot be reached."
        : "The connection was lost. What you write waits for it.";
    case "connecting":
      return isFirst && connection.due === 0 ? "" : "Connecting…";
    case "refused":
      return "This server does not speak parlance.v1. It may be older than this page: try to load it again.";
    default:
      return session.phase === "returning" && !isFirst ? "Coming back…" : "";
  }
}

/** Says how the connection fares. Only what changes is read out; the countdown is for the eye. */
function showConnection() {
  const { state } = connection;
  const text = fare();
  const was = byId("bar-text").textContent;
  if (text !== was) {
    byId("bar-text").textContent = text;
    // What is read out stands in a place of its own, which is never hidden: what appears with its text
    // already in it is not read.
    byId("bar-told").textContent = text || "The connection is there again.";
  }
  byId("bar").hidden = text === "";
  byId("bar-now").hidden = state !== "waiting";
  clearInterval(countdown);
  showCountdown();
  if (state === "waiting") countdown = setInterval(showCountdown, 250);
}

function showCountdown() {
  const left = Math.max(0, Math.ceil((connection.due - Date.now()) / 1000));
  byId("bar-count").textContent = connection.state === "waiting" ? `Next try in ${left} s` : "";
}

connection.addEventListener("state", showConnection);
session.addEventListener("phase", () => {
  showConnection();
  if (session.isReady && page === "welcome") entered();
});
byId("bar-now").addEventListener("click", () => connection.tryNow());
window.addEventListener("online", () => connection.tryNow());
window.addEventListener("offline", () => connection.probe());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  connection.tryNow();
  connection.probe();
});

// ---- oneself -------------------------------------------------------------------------------------------

const meDialog = byId("me-dialog");

function showMe() {
  for (const button of document.querySelectorAll("[data-me]")) {
    button.replaceChildren(avatar(session.name), make("bdi", { class: "me-name" }, session.name));
    button.setAttribute("aria-label", `You are ${session.name}: change your name or log out`);
    button.setAttribute("aria-haspopup", "dialog");
    button.title = session.name;
  }
}

for (const button of document.querySelectorAll("[data-me]")) {
  button.addEventListener("click", () => {
    byId("me-name").value = session.name;
    showError(byId("me-name"), "");
    for (const id of ["me-field", "me-save"]) byId(id).hidden = session.account;
    byId("me-account").hidden = !session.account;
    byId("me-account").replaceChildren("Signed in as ", make("bdi", {}, session.name), ".");
    meDialog.showModal();
  });
}

byId("me-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await session.rename(byId("me-name").value);
    remember("localStorage", "name", session.name);
    meDialog.close();
  } catch (error) {
    showError(byId("me-name"), wordsFor(error));
    byId("me-name").focus();
  }
});
byId("me-cancel").addEventListener("click", () => meDialog.close());
byId("me-out").addEventListener("click", () => session.quit());

// ---- the start -----------------------------------------------------------------------------------------

const name = recall("localStorage", "name");
const invited = roomOfAddress();
if (invited && countCharacters(invited) <= session.limits.name_chars) {
  byId("welcome-lead").replaceChildren("Pick a name and talk in ", make("bdi", {}, invited), ".");
}
show("welcome", { name, way: recall("localStorage", "way") || "name" });

// A page that was loaded anew: its reader is still who it was.
if (name && recall("sessionStorage", "here") === "yes") session.comeBack(name);
connection.start();
