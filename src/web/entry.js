/**
 * How one entry of the timeline looks.
 *
 * It makes elements and brings them up to date; where they stand, and whether an entry follows
 * another of the same author, is the log's to say.
 */

import { avatar, icon, make, nameTag } from "./dom.js";
import { bodyText, dayOf, isEmoji, momentOf, pieces, timeOf } from "./text.js";

/** Makes the element of an entry. `act(what, entry)` is called for its buttons. */
export function render(entry, act) {
  switch (entry.kind) {
    case "notice":
      return frame("notice", entry, make("p", { class: "aside" }, ...noticeParts(entry), time(entry)));
    case "mark":
      return frame("mark", entry, make("p", { class: "aside" }, entry.text));
    default:
      return renderSaid(entry, act);
  }
}

/** Shows that a message which was under way was taken, without making it anew: it was read out once. */
export function settle(element, entry) {
  element.dataset.state = entry.state;
  element.removeAttribute("aria-busy");
  element.querySelector(".bubble > .unseen")?.remove();
  element.querySelector(".who > time").replaceWith(time(entry));
  element.querySelector(".bubble").title = momentOf(entry.at);
}

/** Shows the day above an entry, or not. */
export function showDay(element, entry, shown) {
  const heading = element.querySelector(":scope > .day");
  if (!shown) return heading?.remove();
  const text = dayOf(entry.at, new Date());
  if (heading) heading.firstElementChild.textContent = text;
  else element.prepend(make("h2", { class: "day" }, make("span", {}, text)));
}

/** What is between an entry's element and the day above it. */
function frame(kind, entry, ...children) {
  return make("div", { class: `entry ${kind}`, "data-state": entry.state }, ...children);
}

function renderSaid(entry, act) {
  const { from, own, kind, body, state } = entry;
  // One's own name, not "You": anybody may be called that.
  const who = make("p", { class: "who" }, nameTag(from));
  if (own) who.append(make("span", { class: "unseen" }, " (you)"));
  if (kind === "private") who.append(" ", privately(entry));
  who.append(" ", time(entry));
  if (kind === "private" && !own) who.append(" ", replyButton(entry, act));
  const isText = typeof body === "string";
  const said = make(
    isText ? "p" : "pre",
    { class: isText ? "said" : "said value", dir: "auto" },
    ...linked(bodyText(body)),
  );
  // Of those that stand together only the first shows its time.
  const bubble = make("div", { class: "bubble", title: momentOf(entry.at) }, said, ...stateParts(entry, act));
  const element = frame("said-by", entry, ...(own ? [] : [avatar(from)]), who, bubble);
  element.classList.toggle("own", own);
  element.classList.toggle("private", kind === "private");
  element.classList.toggle("calls", entry.calls === true);
  element.classList.toggle("emoji", isText && isEmoji(body));
  if (state === "pending" || state === "waiting") element.setAttribute("aria-busy", "true");
  return element;
}

function privately({ own, from, to }) {
  const words = own ? ["privately to ", make("bdi", {}, to)] : ["privately to you"];
  return make(
    "span",
    { class: "privately" },
    icon("lock"),
    ...(own && from === to ? ["a note to yourself"] : words),
  );
}

function replyButton(entry, act) {
  const label = `Reply privately to ${entry.from}`;
  const reply = { type: "button", class: "small", "aria-label": label, onclick: () => act("reply", entry) };
  return make("button", reply, "Reply");
}

/** A text with its links. Where they lead is told by nobody but themselves. */
function linked(text) {
  return pieces(text).map(({ text, href }) =>
    href ? make("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, text) : text,
  );
}

function time({ at }) {
  return make("time", { datetime: at.toISOString(), title: momentOf(at) }, timeOf(at));
}

/** What is to be said of a message that is not simply there. */
function stateParts(entry, act) {
  switch (entry.state) {
    case "pending":
      return [make("span", { class: "unseen" }, " Sending")];
    case "waiting":
      return [make("p", { class: "state" }, "Waits for the connection")];
    case "failed":
      return [
        make("p", { class: "state failed", role: "alert" }, entry.why),
        make(
          "p",
          { class: "state" },
          make(
            "button",
            { type: "button", class: "small", onclick: () => act("again", entry) },
            "Send again",
          ),
          " ",
          make("button", { type: "button", class: "small", onclick: () => act("discard", entry) }, "Discard"),
        ),
      ];
    default:
      return [];
  }
}

function noticeParts({ notice: { what, name, old } }) {
  const who = make("bdi", {}, name);
  switch (what) {
    case "joined":
      return [who, " joined "];
    case "left":
      return [who, " left "];
    default:
      return [make("bdi", {}, old), " is now ", who, " "];
  }
}
