/**
 * Texts, names and times: counting them, taking them apart, saying them.
 *
 * Pure functions. Nothing here touches the page, the connection or a clock, and nothing here cleans
 * names: that is the server's.
 */

/** How many characters a text has as the server counts them: Unicode scalar values. */
export function countCharacters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Whether there is nothing to be read in a text. */
export function isBlank(text) {
  return !/[^\s\u0085]/u.test(text);
}

/**
 * Whether a text can cross at all: a lone surrogate is no character.
 */
export function isWellFormed(text) {
  return typeof text.isWellFormed !== "function" || text.isWellFormed();
}

/** Where a link may begin, and what no link has in it: white space, quotes, what cannot be seen. */
const LINK = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}\p{Z}]+/giu;

/** What stands behind a link more often than it belongs to it. */
const TAIL = new Set(".,:;!?*_~…");

/**
 * Cuts a text into pieces, `{ text }` or `{ text, href }`; joined they are the text again. Only what
 * parses as a URL with `http` or `https`, and with nobody's name before its host, becomes a link.
 */
export function pieces(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = withoutTail(match[0]);
    const href = linkTo(shown);
    if (href === null) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ text: shown, href });
    from = match.index + shown.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

/** A link without the punctuation of the sentence that it stands in. */
function withoutTail(link) {
  let end = trimmed(link);
  for (const [open, close] of ["()", "[]", "{}"]) {
    if (end.endsWith(close) && !end.includes(open)) end = trimmed(end.slice(0, -1));
  }
  return end;
}

/** From the end on: a pattern would look at a long row of dots again from each of them. */
function trimmed(link) {
  let { length } = link;
  while (length > 0 && TAIL.has(link[length - 1])) length -= 1;
  return link.slice(0, length);
}

function linkTo(text) {
  try {
    const url = new URL(text);
    const isPlain = url.protocol === "https:" || url.protocol === "http:";
    // `https://bank.example@evil.example` leads to where nobody looks.
    return isPlain && url.username === "" && url.password === "" ? url.href : null;
  } catch {
    return null;
  }
}

/** The name of the room that an address leads to; `null` if it leads to none. */
export function roomOf(address) {
  const found = /^[^#\s]*#room=(.+)$/.exec(address);
  try {
    return found ? decodeURIComponent(found[1]) : null;
  } catch {
    return null;
  }
}

/** What is shown of something said that is not a text. */
export function bodyText(body) {
  return typeof body === "string" ? body : (JSON.stringify(body) ?? "");
}

/** Names are the same when this is, as nearly as a page can tell. */
export function nameKey(name) {
  return name.normalize("NFKC").toLowerCase();
}

/** What a name cannot end within, and what needs no space beside it. */
const WORD = /[\p{L}\p{M}\p{N}_]/u;
const SPACELESS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** Names that are shorter are words too often: they count behind an `@` alone. */
const PLAIN_CHARS = 3;

/** Whether a text calls somebody by name: as a word of its own, in whatever spelling. */
export function mentions(text, name) {
  const [inside, key] = [nameKey(text), nameKey(name)];
  const isWord = (character) => WORD.test(character) && !SPACELESS.test(character);
  const [first, last] = [[...key][0] ?? "", [...key].at(-1) ?? ""];
  const isPlain = countCharacters(key) >= PLAIN_CHARS;
  for (let at = key ? inside.indexOf(key) : -1; at >= 0; at = inside.indexOf(key, at + 1)) {
    const before = [...inside.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
    const after = [...inside.slice(at + key.length, at + key.length + 2)][0] ?? "";
    const isCut = (isWord(before) && isWord(first)) || (isWord(last) && isWord(after));
    if (!isCut && (isPlain || before === "@")) return true;
  }
  return false;
}

/** More than these are a text again. */
const EMOJI_CHARS_MAX = 30;

const EMOJI =
  /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u{fe0f}\u{200d}\u{e0020}-\u{e007f}]*|\p{Regional_Indicator}{2}|\s)+$/u;

/** Whether a text is a few emoji and nothing else. */
export function isEmoji(text) {
  return text.length <= EMOJI_CHARS_MAX && !isBlank(text) && EMOJI.test(text);
}

/** A name's own hue, 0 to 359. The same on every page that has ever shown it. */
export function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const character of nameKey(name)) {
    hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) % 360;
}

const graphemes =
  typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

/** A name's first letter, whatever that takes. */
export function initialOf(name) {
  const first = graphemes ? [...graphemes.segment(name)][0]?.segment : [...name][0];
  return (first ?? "?").toLocaleUpperCase();
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const farDay = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });

/** The time of the day, such as `14:05`, where the reader is. */
export function timeOf(date) {
  return clock.format(date);
}

/** All there is to say of a time. */
export function momentOf(date) {
  return moment.format(date);
}

/** What two times have in common when they are of the same day, where the reader is. */
export function dayKey(date) {
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

/** A day as people say it, seen from `today`. */
export function dayOf(date, today) {
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (dayKey(date) === dayKey(today)) return "Today";
  if (dayKey(date) === dayKey(yesterday)) return "Yesterday";
  return date.getFullYear() === today.getFullYear() ? day.format(date) : farDay.format(date);
}

/** `1 person`, `2 people`. */
export function count(number, one, many) {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`;
}

/** `Ann`, `Ann and Bob`, `Ann, Bob and 3 others`. */
export function listed(names, most = 3) {
  if (names.length <= 1) return names.join("");
  if (names.length <= most) return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  const shown = names.slice(0, most - 1);
  return `${shown.join(", ")} and ${count(names.length - shown.length, "other", "others")}`;
}
