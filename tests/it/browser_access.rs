//! The browser client for people without a mouse, without sight, with a small screen, in the dark.

use crate::browser::Place;
use crate::chromium::Page;
use serde_json::{Value, json};

#[test]
fn a_keyboard_is_enough() {
    let Some(place) = Place::open() else { return };
    let bob = place.person("Bob");
    let page = place.page("");
    page.until("document.activeElement.id === 'welcome-name'");
    for letter in "Zoe".chars() {
        page.key(&letter.to_string());
    }
    page.key("Enter");
    page.until("document.activeElement.id === 'text'");
    for letter in "hi".chars() {
        page.key(&letter.to_string());
    }
    page.key_with("Enter", 8);
    for letter in "there".chars() {
        page.key(&letter.to_string());
    }
    page.key("Enter");
    bob.sees(".said", "hi\nthere");
    page.until("document.querySelectorAll('#members button').length === 2");
    // Everything that can be reached shows that it was, and nothing is a trap.
    let mut stops = Vec::new();
    for _ in 0..12 {
        page.key("Tab");
        stops.push(page.text(
            "(({ id, className, localName }) => id || className || localName)(document.activeElement)",
        ));
        let is_seen = "document.activeElement === document.body || (() => {
            const style = getComputedStyle(document.activeElement);
            return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
                || document.activeElement.id === 'text'; })()";
        assert_eq!(page.eval(is_seen), true, "{stops:?}");
    }
    for stop in ["send", "to-lobby", "about-room", "me", "log", "text"] {
        assert!(stops.iter().any(|seen| seen == stop), "{stop} is not among {stops:?}");
    }
    // The people are one stop, in which the arrows move.
    page.eval("document.querySelector('#members button[tabindex=\"0\"]').focus()");
    page.key("ArrowDown");
    assert_eq!(page.eval("document.activeElement.ariaLabel"), "Bob: write privately");
    page.key("Enter");
    page.until("document.activeElement.id === 'text'");
    page.write("psst");
    page.key("Enter");
    bob.sees(".private .said", "psst");
    page.key("Escape");
    // To the rooms and back.
    page.key_with("k", 2);
    page.until("document.activeElement.closest('#room-list') !== null");
    page.key("Escape");
    page.until("document.activeElement.id === 'text'");
    page.key_with("k", 2);
    page.until("document.activeElement.closest('#room-list') !== null");
    page.key("Enter");
    page.until("document.activeElement.id === 'text'");
}

#[test]
fn all_is_told_to_those_who_do_not_see() {
    let Some(place) = Place::open() else { return };
    let welcome = place.page("");
    welcome.until("!document.querySelector('#welcome-how').hidden");
    let tree = welcome.accessibility();
    assert_has(&tree, "main", "parlance");
    assert_has(&tree, "heading", "parlance");
    assert_has(&tree, "textbox", "Your name");
    assert_has(&tree, "radio", "Guest");
    assert_has(&tree, "button", "Start talking");
    assert_all_named(&tree);

    let page = place.person("Alice");
    let bob = place.person("Bob");
    bob.says("hello");
    page.sees(".said", "hello");
    page.sees("#people-title", "People — 2");
    page.until("document.querySelector('#log').getAttribute('aria-live') === 'polite'");
    let tree = page.accessibility();
    for (role, name) in [
        ("banner", ""),
        ("navigation", "Rooms"),
        ("main", "general"),
        ("complementary", "People — 2"),
        ("heading", "general"),
        ("heading", "People — 2"),
        ("heading", "Today"),
        ("textbox", "Message"),
        ("button", "Send"),
        ("button", "You are Alice: change your name or log out"),
        ("button", "Bob: write privately"),
    ] {
        assert_has(&tree, role, name);
    }
    let log = tree.iter().find(|node| node["role"]["value"] == "log").expect("a log");
    assert_eq!(log["name"]["value"], "Messages in general");
    let live = log["properties"].as_array().expect("properties").iter();
    let live = live.filter(|property| property["name"] == "live");
    assert_eq!(live.map(|property| &property["value"]["value"]).collect::<Vec<_>>(), ["polite"]);
    assert_all_named(&tree);

    page.click("#to-lobby");
    page.sees("#room-list", "general");
    let tree = page.accessibility();
    for (role, name) in [
        ("main", "Rooms"),
        ("heading", "Make a room"),
        ("region", "Make a room"),
        ("textbox", "Its name"),
        ("checkbox", "Private: in no list, for those who know its name"),
        ("list", "Open rooms"),
    ] {
        assert_has(&tree, role, name);
    }
    assert_all_named(&tree);
    // How the connection fares is told by a region that is there before anything is to be told.
    assert_has(&tree, "status", "");
    let Place { daemon, .. } = &place;
    daemon.signal(rustix::process::Signal::KILL);
    page.until(
        "document.querySelector('#bar-told').textContent.startsWith('The connection was lost.')",
    );
}

#[track_caller]
fn assert_has(tree: &[Value], role: &str, name: &str) {
    let found = tree.iter().any(|node| {
        node["role"]["value"] == role && (name.is_empty() || node["name"]["value"] == name)
    });
    let named = |node: &Value| format!("{} {}", node["role"]["value"], node["name"]["value"]);
    assert!(found, "no {role} {name:?} among {:#?}", tree.iter().map(named).collect::<Vec<_>>());
}

/// Whatever can be used has a name.
#[track_caller]
fn assert_all_named(tree: &[Value]) {
    for node in tree {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        let is_used = ["button", "textbox", "checkbox", "radio", "link", "dialog", "list"];
        let name = node["name"]["value"].as_str().unwrap_or_default();
        assert!(!is_used.contains(&role) || role == "list" || !name.trim().is_empty(), "{node:#}");
    }
}

#[test]
fn a_narrow_screen_is_wide_enough() {
    let Some(place) = Place::open() else { return };
    let bob = place.person("Bob");
    bob.says(&"unbroken".repeat(60));
    let narrow = "[...document.querySelectorAll('*')].filter((one) => one.checkVisibility()
        && !one.closest('.unseen, .follows .who, #to-lobby span')
        && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 90))";
    let page = place.page("");
    page.size(320, 640);
    let assert_fits = |page: &Page<'_>| {
        assert_eq!(page.eval(narrow), json!([]));
        assert_eq!(page.eval("document.documentElement.scrollWidth"), 320);
        let sizes = page.eval(
            "[...document.querySelectorAll('input:not([type=radio], [type=checkbox]), textarea')]
                .every((one) => parseFloat(getComputedStyle(one).fontSize) >= 16)",
        );
        assert_eq!(sizes, true);
    };
    page.until("!document.querySelector('#welcome-how').hidden");
    assert_fits(&page);
    page.enters(&"W".repeat(50));
    page.sees("#chat-title", "general");
    page.sees(".said", "unbroken");
    page.says(&"y".repeat(400));
    assert_fits(&page);
    // A text that is being written is seen whole, however the screen is turned.
    page.fill("#text", &"words and words ".repeat(8));
    for width in [1100, 320] {
        page.size(width, 640);
        page.until("(({ scrollHeight, clientHeight }) => scrollHeight <= clientHeight)(document.querySelector('#text'))");
    }
    let tall = "document.querySelector('#text').clientHeight";
    let narrow_height = page.eval(tall).as_u64();
    page.size(1100, 640);
    page.until(&format!("{tall} < {}", narrow_height.unwrap()));
    page.size(320, 640);
    page.fill("#text", " ");
    page.click("#to-people");
    page.sees("#people", "Bob");
    assert_fits(&page);
    page.key("Escape");
    page.until("!document.querySelector('#people').checkVisibility()");
    page.click("#about-room");
    page.sees("#room-dialog", "A link to this room");
    assert_fits(&page);
    page.key("Escape");
    page.click("#to-lobby");
    page.sees("#room-list", "general");
    assert_fits(&page);
    let title = "document.querySelector('#lobby-title').getBoundingClientRect().height";
    assert!(page.eval(title).as_f64().unwrap() < 30.0, "the title is on one line");
    // So is what is said of the room that one writes to, and a long name has room beside its number.
    page.fill("#create-name", &"long name ".repeat(5));
    page.key("Enter");
    page.sees("#chat-title", "long name");
    page.until("document.querySelector('#text').clientHeight < 50");
    page.click("#to-lobby");
    page.until("document.querySelector('.here .room-name')?.getBoundingClientRect().width > 200");
}

/// Contrast (WCAG 2.2, 1.4.3) of every text that is shown, in both schemes, and of a name in every
/// hue there is.
#[test]
fn texts_stand_out_from_what_is_behind_them() {
    let Some(place) = Place::open() else { return };
    let alice = place.person("Alice");
    let bob = place.person("Bob");
    alice.says("hello https://a.example/");
    bob.says("hello");
    bob.click("#members button[aria-label^='Alice']");
    bob.says("psst");
    alice.sees(".private .said", "psst");
    bob.sees(".own.private .said", "psst");
    for scheme in ["light", "dark"] {
        for page in [&alice, &bob] {
            page.prefer(scheme);
            page.eval("document.querySelector('.who .name[style]').id = 'hued'");
            assert_eq!(page.eval(&format!("({CONTRASTS})()")), json!([]), "{scheme}");
            assert!(page.picture().len() > 10_000, "a picture");
        }
    }
    alice.click("#to-lobby");
    alice.sees("#room-list", "general");
    for scheme in ["light", "dark"] {
        alice.prefer(scheme);
        assert_eq!(alice.eval(&format!("({CONTRASTS})()")), json!([]), "{scheme}");
    }
}

/// Gives every text whose contrast is below 4.5, and with them the hues of an avatar and a name that
/// are.
const CONTRASTS: &str = r##"() => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const paint = (colours) => {
        pen.clearRect(0, 0, 1, 1);
        for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (colours) => {
        const [r, g, b] = paint(colours).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        const colours = [];
        for (let one = element; one; one = one.parentElement) colours.unshift(getComputedStyle(one).backgroundColor);
        return colours;
    };
    const contrast = (element) => {
        const back = behind(element);
        const [a, b] = [light(back), light([...back, getComputedStyle(element).color])];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const faults = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest(".unseen, noscript")) continue;
        const ratio = contrast(element);
        if (ratio < 4.5) faults.push(`${element.className || element.localName} ${texts.currentNode.data.trim()} ${ratio.toFixed(2)}`);
    }
    const hued = [document.querySelector("#hued"), document.querySelector(".said-by .avatar")];
    for (const element of hued.filter((one) => one?.checkVisibility())) {
        const old = element.style.getPropertyValue("--hue");
        for (let hue = 0; hue < 360; hue += 3) {
            element.style.setProperty("--hue", String(hue));
            const ratio = contrast(element);
            if (ratio < 4.5) faults.push(`${element.className} at ${hue}: ${ratio.toFixed(2)}`);
        }
        element.style.setProperty("--hue", old);
    }
    return faults;
}"##;
