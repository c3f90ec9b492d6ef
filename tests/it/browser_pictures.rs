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
    let noor = place.person("Noor");
    mira.says("Morning! Would somebody try the new search with me? https://build.example/1482");
    ines.says("Filters remember what was chosen now. Is that meant to be?");
    otto.tells(ndjson::say("tried it over netcat and a slow phone: first result after 0.4 s"));
    noor.sees(".said", "netcat");
    noor.says(
        "Nice! The keyboard works all through, too: Tab, arrows, Enter.\n\
         Only the focus stays on a result that has gone. I can take that.",
    );
    ines.click("#members button[aria-label^='Noor']");
    ines.says("Lunch at one? Same place.");
    noor.sees(".private .said", "Lunch at one?");
    mira.says("Yes please. Thank you both!");
    noor.sees(".said", "Yes please.");
    mira.fill("#text", "And Otto, how");
    noor.sees("#typing", "Mira is typing");
    noor.prefer("light");
    save("chat-light", &noor.picture());
    noor.size(390, 800);
    noor.prefer("dark");
    noor.until("document.querySelector('#log').clientWidth < 400");
    save("chat-phone-dark", &noor.picture());
}

fn save(name: &str, picture: &[u8]) {
    assert!(picture.len() < PICTURE_BYTES_MAX, "{name}: {} bytes", picture.len());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
}
