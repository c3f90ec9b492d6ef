/**
 * What the views share: finding and making elements, errors beside their fields, the wording of
 * refusals.
 *
 * Texts become text nodes and nothing else; there is no way through here by which one could become
 * markup.
 */

import { Lost } from "./connection.js";
import { hueOf, initialOf } from "./text.js";

/** The element of that id. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Makes an element with properties (`class`, `on…` listeners, attributes that are not `null`) and
 * children: elements, and texts as text.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** One of the document's symbols. What it means stands beside it, or is the `label`. */
export function icon(name, label) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("class", `icon ${name}`);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  svg.append(use);
  return svg;
}

/** A name, kept from turning the text around it, in its own colour. */
export function nameTag(name) {
  return coloured(make("bdi", { class: "name" }, name), name);
}

/** A name's initial on its colour. It only decorates: the name itself is always beside it. */
export function avatar(name) {
  return coloured(make("span", { class: "avatar", "aria-hidden": "true" }, initialOf(name)), name);
}

function coloured(element, name) {
  element.style.setProperty("--hue", String(hueOf(name)));
  return element;
}

/** Shows what is wrong with a field beside it; an empty text takes that back. */
export function showError(input, message) {
  const ids = (input.getAttribute("aria-describedby") ?? "").split(" ");
  const place = ids.map(byId).find((element) => element?.classList.contains("error"));
  if (place) place.textContent = message;
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Makes a list's children those of an array, reusing by `key` what stands there already. */
export function fill(list, items, key, render) {
  const keys = new Set(items.map(key));
  const there = new Map();
  for (const child of [...list.children]) {
    if (keys.has(child.dataset.key)) there.set(child.dataset.key, child);
    else child.remove();
  }
  let next = list.firstElementChild;
  for (const item of items) {
    const old = there.get(key(item));
    const child = render(item, old);
    child.dataset.key = key(item);
    if (old && old !== child) {
      old.replaceWith(child);
      if (next === old) next = child;
    }
    // What is in its place already is left alone: an element that moves loses the focus.
    if (child === next) next = next.nextElementSibling;
    else list.insertBefore(child, next);
  }
}

/** What a refusal means, to a person. */
const WORDS = new Map([
  ["Name is required", "Please enter a name."],
  ["Name too long", "That name is too long."],
  ["Name already taken", "Somebody has that name already. Try another."],
  ["Logged in under another name", "An account keeps its name."],
  ["Room not found", "There is no such room."],
  ["Room name is required", "Please enter a name for the room."],
  ["Room name too long", "That name is too long."],
  ["Room already exists", "There is a room of that name already."],
  ["Too many rooms", "There are too many rooms already."],
  ["Message is required", "There is nothing to send."],
  ["Message too long", "That is too long."],
  ["Only the room's creator can do that", "Only whoever made the room can do that."],
  ["Invalid username or password", "There is no such account, or that is not its password."],
  ["Username already taken", "Somebody has that name already. Try another."],
  ["User already logged in", "That account is signed in elsewhere."],
  ["Too many attempts", "Too many attempts. Try again in a minute."],
  ["Server is busy", "The server is busy. Try again."],
  ["Invalid JSON", "That has half a character in it."],
  ["Too long", "That is too long."],
  ["Not over this connection", "Passwords are only taken over a safe connection."],
]);

/** What went wrong, in words for a person. */
export function wordsFor(error) {
  if (error instanceof Lost) return "There is no connection right now. Try again in a moment.";
  const known = WORDS.get(error.message);
  return known ?? (/[.!?]$/.test(error.message) ? error.message : `${error.message}.`);
}
