//! The pictures in `docs/pictures`. They are made anew with
//! `cargo test --test it browser_pictures -- --ignored`.

use crate::browser::Place;
use crate::ndjson;
use std::fs;
use std::path::Path;

/// No picture may be larger, in bytes.
const PICTURE_BYTES_MAX: usize = 150 * 1024;

#[test]
#[ignore = "writes the pictures of the documentation"]
fn pictures_for_the_documentation() {
    let Some(place) = Place::open() else { return };
    let mut otto = place.outsider("Otto");
    let mira = place.person("Mira");
    let ines = place.person("Inés");
    let yuki = place.person("Yūki");
    mira.says("Morning! The new build is up, would somebody look at the search page with me?");
    ines.says("Me, in five minutes. Is it this one? https://builds.example/1482");
    mira.says("That one.");
    mira.says("Filters remember what was chosen now, so please try them with nothing chosen, too.");
    otto.tells(ndjson::say(
        "ran it over netcat and a 2G phone: both fine, first result after 0.4 s",
    ));
    otto.line();
    yuki.sees(".said", "netcat");
    yuki.says("Nice numbers! On my side the keyboard works all through: Tab, arrows, Enter.\nOne thing: the focus stays on a result that has gone. I can take that.");
    mira.says("Yes please 🙏 Thank you, both.");
    ines.click("#members li:nth-child(2) button");
    ines.click("#members button[aria-label^='Yūki']");
    ines.says("Lunch at one? Same place.");
    yuki.sees(".private .said", "Lunch at one?");
    yuki.says("Written up. I’ll have it done by noon.");
    mira.eval("document.querySelector('#text').focus()");
    mira.write("Otto, how");
    yuki.sees("#typing", "Mira is typing");
    yuki.prefer("light");
    save("chat-light", &yuki.picture());
    yuki.size(390, 800);
    yuki.prefer("dark");
    yuki.until("document.querySelector('#log').clientWidth < 400");
    save("chat-phone-dark", &yuki.picture());
}

fn save(name: &str, picture: &[u8]) {
    assert!(picture.len() < PICTURE_BYTES_MAX, "{name}: {} bytes", picture.len());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
}
