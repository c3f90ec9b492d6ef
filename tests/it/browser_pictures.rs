//! The pictures in `docs/pictures`, all of one conversation: what those in browsers see, and what one
//! in a terminal sees. They are made anew with `cargo test --test it browser_pictures -- --ignored`.

use crate::browser::Place;
use crate::terminal_pane::{Pane, hours_since_noon};
use serde_json::json;
use std::fs;
use std::path::Path;

/// No picture may be larger, in bytes.
const PICTURE_BYTES_MAX: usize = 150 * 1024;

#[test]
#[ignore = "writes the pictures of the documentation"]
fn pictures_for_the_documentation() {
    let Some(place) = Place::open() else { return };
    let Some(otto) = Pane::open(84, 22) else { return };
    let address = place.daemon.address("websocket");
    let mira = place.person("Mira");
    let ines = place.person("Inés");
    otto.runs(&format!("chat ws://{address} -u Otto"));
    otto.sees("Otto in general");
    let noor = place.page("");
    // It is as late as in the terminal.
    let zone = format!("Etc/GMT{:+}", hours_since_noon());
    noor.call("Emulation.setTimezoneOverride", json!({"timezoneId": zone}));
    noor.reload();
    noor.enters("Noor");
    otto.sees("Noor came");
    mira.says("Morning! Would somebody try the new search with me? https://build.example/1482");
    otto.sees("1482");
    ines.says("Filters remember what was chosen now. Is that meant to be?");
    otto.sees("Filters remember");
    otto.enters("I am in a terminal on a slow line: the first result came after 0.4 s");
    noor.sees(".said", "slow line");
    noor.says(
        "Nice! The keyboard works all through, too: Tab, arrows, Enter.\n\
         Only the focus stays on a result that has gone. I can take that.",
    );
    ines.click("#members button[aria-label^='Noor']");
    ines.says("Lunch at one? Same place.");
    noor.sees(".private .said", "Lunch at one?");
    otto.sees("The keyboard works");
    mira.says("Yes please. Thank you both!");
    noor.sees(".said", "Yes please.");
    mira.fill("#text", "And Otto, how");
    noor.sees("#typing", "Mira is typing");
    otto.types("Nicely done, Mi");
    otto.keys(&["Tab"]);
    otto.sees("Nicely done, Mira");
    // As it looks with the usual port.
    let screen = otto.sees("Mira is typing").replace(&address.to_string(), "127.0.0.1:8765");
    save("meeting.txt", screen.as_bytes());
    noor.prefer("light");
    save("chat-light.png", &noor.picture());
    noor.size(390, 800);
    noor.prefer("dark");
    noor.until("document.querySelector('#log').clientWidth < 400");
    save("chat-phone-dark.png", &noor.picture());
}

fn save(name: &str, picture: &[u8]) {
    assert!(picture.len() < PICTURE_BYTES_MAX, "{name}: {} bytes", picture.len());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), picture).expect("a file");
}
