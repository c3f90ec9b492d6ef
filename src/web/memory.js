/**
 * What the browser keeps from one visit to the next: names and ways in, and which messages were said
 * here.
 *
 * A room's history tells guests apart by their names alone, and a name may have been somebody else's
 * before. So it is noted what was said here: its room's epoch and its `seq`, nothing of the words.
 *
 * A storage that may be forbidden, full or not there: then nothing is kept. A password never is.
 */

/** Messages that are noted at most; the oldest go. No room's history is longer by default. */
const SAID_MAX = 1000;

/** Keeps a text; `null` forgets it. */
export function remember(storage, key, value) {
  try {
    if (value === null) window[storage].removeItem(`parlance.${key}`);
    else window[storage].setItem(`parlance.${key}`, value);
  } catch {
    // It works without.
  }
}

/** What was kept, or an empty text. */
export function recall(storage, key) {
  try {
    return window[storage].getItem(`parlance.${key}`) ?? "";
  } catch {
    return "";
  }
}

/** What was read the last time, and what it says: a page of history asks for it often. */
let [text, said] = ["", new Set()];

/** What was said here, as `epoch seq`; other pages of this browser add to it. */
function readSaid() {
  const now = recall("localStorage", "said");
  if (now !== text) [text, said] = [now, new Set(now.split(","))];
  return said;
}

/** Notes a message that was said here. */
export function noteSaid(epoch, seq) {
  const marks = [...readSaid()].filter(Boolean);
  remember("localStorage", "said", [...marks, `${epoch} ${seq}`].slice(-SAID_MAX).join(","));
}

/** Whether a message was said here. */
export function wasSaidHere(epoch, seq) {
  return readSaid().has(`${epoch} ${seq}`);
}

/** Who goes leaves nothing behind that whoever comes next would be taken for. */
export function forgetSaid() {
  remember("localStorage", "said", null);
}
