/**
 * The app: which of the three pages is shown, what the address says, and how the connection fares.
 *
 * The address is `#rooms` for the lobby and `#room=NAME` for a room, so that the browser's way back
 * works and a room can be shared as a link. The name is remembered; a password never is.
 */

import { Chat } from "./chat.js";
import { addressFor, Connection, Lost } from "./connection.js";
import { avatar, byId, make, showError, wordsFor } from "./dom.js";
import { Lobby } from "./lobby.js";
import { forgetSaid, recall, remember } from "./memory.js";
import { Session } from "./session.js";
import { countCharacters, nameKey, roomOf } from "./text.js";
import { Welcome } from "./welcome.js";

const connection = new Connection(addressFor(location));
const session = new Session(connection);
const welcome = new Welcome(session, connection);
const lobby = new Lobby(session);
const chat = new Chat(session);

// ---- what is remembered --------------------------------------------------------------------------

/** A page that is loaded anew is still the same guest, whoever comes in on other pages meanwhile. */
function rememberHere() {
  remember("sessionStorage", "here", session.account ? null : session.name);
}

// ---- pages -----------------------------------------------------------------------------------------

let page = "welcome";

/** Grows with every page: whoever has gone elsewhere meanwhile is not fetched back. */
let steps = 0;

function show(name, ...how) {
  steps += 1;
  if (page === "lobby" && name !== "lobby") lobby.hidden();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
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
  const wanted = roomOf(location.hash);
  if (location.hash === "#rooms") return page === "lobby" || showLobby();
  const { room } = session;
  if (room && (wanted === null || nameKey(wanted) === nameKey(room.name))) return showRoom(true);
  const name = wanted ?? session.greeting.default_room;
  const step = ++steps;
  try {
    await session.join({ room: name });
    if (step === steps) showRoom(true);
  } catch (error) {
    // Who has just come in is asked where to once more when the connection is there again.
    if (step !== steps || (error instanceof Lost && page === "welcome")) return;
    const isGone = error.message === "Room not found" && isShort(name);
    showLobby(isGone ? "" : wordsFor(error), true);
    if (isGone) lobby.offer(name);
  }
}

/** Whether a room can have such a name; an address may say anything. */
function isShort(name) {
  return countCharacters(name) <= session.limits.name_chars;
}

/** Says on the first page where the address leads. */
function showLead() {
  const invited = roomOf(location.hash);
  const place = invited && isShort(invited) ? [" in ", make("bdi", {}, invited)] : [];
  byId("welcome-lead").replaceChildren("Pick a name and talk", ...place, ".");
}

/** Somebody has come in, from the first page or by having been here before. */
function entered() {
  remember("localStorage", "name", session.name);
  remember("localStorage", "way", session.account ? "login" : "name");
  rememberHere();
  follow();
}

lobby.addEventListener("entered", () => showRoom());
lobby.addEventListener("back", () => showRoom());
chat.addEventListener("lobby", () => showLobby());
chat.addEventListener("left", () => showLobby());
chat.addEventListener("unseen", showTitle);
window.addEventListener("popstate", () => {
  showLead();
  follow();
});

session.addEventListener("identity", showMe);
session.addEventListener("room", () => {
  showTitle();
  // The room went while nobody was connected, or somebody else's doing has ended the stay.
  if (!session.room && page === "chat" && session.phase === "returning") showLobby("The room is gone.");
});
session.addEventListener("ended", ({ detail: notice }) => {
  remember("sessionStorage", "here", null);
  // Who comes next finds nothing of who went; who was sent away finds what was not said yet.
  if (!notice) forgetSaid();
  for (const form of document.forms) if (!notice || form.id === "welcome-form") form.reset();
  showLead();
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
  const left = Math.max(0, Math.ceil((connection.due - performance.now()) / 1000));
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
    rememberHere();
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
const here = recall("sessionStorage", "here");
showLead();
show("welcome", { name: here || name, way: recall("localStorage", "way") || "name" });
if (here) session.comeBack(here);
connection.start();
