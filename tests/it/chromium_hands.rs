//! What a person does at a page in the browser: keys, words and clicks.
//!
//! What is to be used is waited for until it can be. Where the page changes between looking and doing,
//! nothing else is hit instead: it is looked for again.

use crate::chromium::{PATIENCE, Page};
use serde_json::json;
use std::time::Instant;

/// Run in each document before anything else. `aimAt` aims at the middle of an element, and gives `null`
/// if something else lies there; from then on a click goes to that element, or to what its label
/// stands for, or nowhere, until `ends` says whether it did.
pub(crate) const HANDS: &str = "window.aimAt = (element) => {
    element.scrollIntoView({ block: 'nearest' });
    const box = element.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const target = element.closest('label') ?? element;
    if (!target.contains(document.elementFromPoint(x, y))) return null;
    let isHit = false;
    const kinds = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
    const guard = (event) => {
        if (!target.contains(event.target)) {
            event.preventDefault();
            event.stopImmediatePropagation();
        } else if (event.type === 'click') {
            isHit = true;
            ends();
        }
    };
    const ends = () => {
        for (const kind of kinds) removeEventListener(kind, guard, true);
        return isHit;
    };
    for (const kind of kinds) addEventListener(kind, guard, true);
    return { x, y, ends };
}";

impl Page<'_> {
    /// Presses and releases a key, such as `Enter`, `Tab` or `k`.
    #[track_caller]
    pub(crate) fn key(&self, key: &str) {
        self.key_with(key, 0);
    }

    /// The same with Alt (1), Control (2) or Shift (8) held.
    #[track_caller]
    pub(crate) fn key_with(&self, key: &str, modifiers: u32) {
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "Escape" => 27,
            " " => 32,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            "End" => 35,
            "Home" => 36,
            other => u32::from(other.as_bytes()[0].to_ascii_uppercase()),
        };
        let text = match key {
            "Enter" => "\r",
            key if key.len() == 1 && modifiers & 2 == 0 => key,
            _ => "",
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": kind, "key": key, "text": text, "modifiers": modifiers,
                       "windowsVirtualKeyCode": code}),
            );
        }
    }

    /// Enters a text where the focus is.
    #[track_caller]
    pub(crate) fn write(&self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Enters a text in a field instead of what stands there, once the field can be seen; nothing
    /// comes between going there and entering it.
    #[track_caller]
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!(
            "(() => {{ const field = document.querySelector({selector});
                field.focus();
                if (document.activeElement !== field) return false;
                field.select();
                if ({text}) document.execCommand('insertText', false, {text});
                else document.execCommand('delete');
                return field.value === {text}; }})()"
        ));
    }

    /// Clicks the first element that a selector finds and that can be seen, once it is there and
    /// nothing lies over it.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let find = format!(
            "[...document.querySelectorAll({})].find((element) => element.checkVisibility())",
            json!(selector)
        );
        let start = Instant::now();
        loop {
            self.until(&format!("window.aim = window.aimAt({find})"));
            let at = self.eval("({ x: window.aim.x, y: window.aim.y })");
            for kind in ["mousePressed", "mouseReleased"] {
                self.call(
                    "Input.dispatchMouseEvent",
                    json!({"type": kind, "x": at["x"], "y": at["y"], "button": "left",
                           "clickCount": 1}),
                );
            }
            if self.eval("window.aim.ends()") == true {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{selector} cannot be hit");
        }
    }
}
