//! The browser client's pure parts, imported by a page and asked for what they make of this and that.

use crate::browser::Place;
use serde_json::json;

#[test]
fn texts_names_and_pauses() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    let ask = |module: &str, names: &str, expression: &str| {
        page.eval(&format!("import('/{module}.js').then(({{ {names} }}) => {expression})"))
    };
    // Characters are Unicode scalar values.
    let counts = r#"["", "abc", "é", "e\u0301", "🦜", "👩🏽‍🚀"].map(countCharacters)"#;
    assert_eq!(ask("text", "countCharacters", counts), json!([0, 3, 1, 2, 1, 4]));
    let blank = r#"["", " \t\n", "\u3000\u00a0\u0085", "a", " . "].map(isBlank)"#;
    assert_eq!(ask("text", "isBlank", blank), json!([true, true, true, false, false]));
    // Pieces are the text again, and nothing but good links is one.
    for (text, links) in [
        ("no link", json!([])),
        ("see https://a.example/b?c=d#e.", json!(["https://a.example/b?c=d#e"])),
        (
            "(http://a.example/x) HTTPS://B.example!",
            json!(["http://a.example/x", "https://b.example/"]),
        ),
        ("https://en.example/wiki/A_(b)", json!(["https://en.example/wiki/A_(b)"])),
        ("javascript:alert(1) ftp://a.example file:///etc data:text/html,x", json!([])),
        ("https://bank.example@evil.example/ http://:p@evil.example", json!([])),
        ("https:// http://? https://[ xhttp://a.example", json!([])),
        ("https://a.example/\u{202e}gpj.exe", json!(["https://a.example/"])),
        ("(see https://a.example/x...), yes", json!(["https://a.example/x"])),
    ] {
        let found = ask(
            "text",
            "pieces",
            &format!(
                "(() => {{ const text = {text}; const cut = pieces(text);
                    return [cut.map(({{ text }}) => text).join('') === text,
                            cut.flatMap(({{ href }}) => href ?? [])]; }})()",
                text = json!(text)
            ),
        );
        assert_eq!(found, json!([true, links]), "{text}");
    }
    // A hue is the same for all spellings of a name, and hues are spread.
    assert_eq!(ask("text", "hueOf", "hueOf('Alice') === hueOf('ＡＬＩＣＥ')"), true);
    let spread =
        "new Set(Array.from({ length: 500 }, (_, at) => Math.floor(hueOf(`user${at}`) / 30))).size";
    assert_eq!(ask("text", "hueOf", spread), 12);
    let days =
        "[0, 1, 2].map((back) => dayOf(new Date(2026, 2, 1 - back, 23), new Date(2026, 2, 1, 1)))";
    assert_eq!(ask("text", "dayOf", days), json!(["Today", "Yesterday", "Friday 27 February"]));
    let lists = "[[], ['A'], ['A', 'B'], ['A', 'B', 'C'], ['A', 'B', 'C', 'D']].map((names) => listed(names))";
    let expected = json!(["", "A", "A and B", "A, B and C", "A, B and 2 others"]);
    assert_eq!(ask("text", "listed", lists), expected);
    // Pauses grow, have a bound, and are never the same for all.
    let pauses = "[0, 1, 2, 5, 6, 60].map((attempt) => [0, 1].map((chance) => pauseBefore(attempt, () => chance)))";
    let expected = json!([
        [300, 600],
        [600, 1200],
        [1200, 2400],
        [9600, 19200],
        [15000, 30000],
        [15000, 30000]
    ]);
    assert_eq!(ask("connection", "pauseBefore", pauses), expected);
    let addresses = "[addressFor({ protocol: 'https:', host: 'a.example' }), addressFor({ protocol: 'http:', host: '[::1]:8765' })]";
    let expected = json!(["wss://a.example/chat", "ws://[::1]:8765/chat"]);
    assert_eq!(ask("connection", "addressFor", addresses), expected);
}

#[test]
fn a_timeline_keeps_order_however_things_come() {
    let Some(place) = Place::open() else { return };
    let page = place.page("");
    let run = |script: &str| {
        page.eval(&format!(
            "import('/timeline.js').then(({{ Timeline, ENTRIES_MAX }}) => {{
                const timeline = new Timeline();
                const say = (seq, body = String(seq), from = 'Bob') =>
                    timeline.take({{ event: 'message', seq, from, body, timestamp: '2026-01-31T12:00:00.000Z' }}, 'Ann');
                const show = () => timeline.entries.map(({{ body, text, state }}) => (text ?? body) + (state === 'sent' ? '' : '?'));
                {script}
            }})"
        ))
    };
    // Whatever the order, and however often.
    let shuffled = run("timeline.begin('e', 3);
        for (const seq of [7, 5, 6, 5, 9, 4, 3, 9, 8, 1, 2, 1]) say(seq);
        return [show(), timeline.last, timeline.first];");
    assert_eq!(shuffled, json!([["1", "2", "3", "4", "5", "6", "7", "8", "9"], 9, 1]));
    // What has no number stays where it came; a gap that is filled later goes before it.
    let mixed = run("say(1); timeline.whisper({ from: 'Bob', to: 'Ann', body: 'psst' }, 'Ann');
        say(4); timeline.mark('gap', new Date(), 1); say(2); say(3); say(5); return show();");
    assert_eq!(mixed, json!(["1", "psst", "gap", "2", "3", "4", "5"]));
    // Drafts stand at the end until they are taken, and go where their number is.
    let drafts =
        run("say(1); const a = timeline.draft({ from: 'Ann', body: 'a' }, new Date(), 'pending');
        const b = timeline.draft({ from: 'Ann', body: 'b' }, new Date(), 'pending'); say(2);
        const steps = [show()];
        timeline.confirm(a, { seq: 3, timestamp: '2026-01-31T12:00:00.000Z' }); say(4);
        steps.push(show()); timeline.fail(b, 'why'); say(5); steps.push(show());
        timeline.again(b, 'pending'); steps.push(show());
        const shown = timeline.confirm(b, { seq: 5 }); steps.push(show(), shown); return steps;");
    assert_eq!(
        drafts,
        json!([
            ["1", "2", "a?", "b?"],
            ["1", "2", "a", "4", "b?"],
            ["1", "2", "a", "4", "b?", "5"],
            ["1", "2", "a", "4", "5", "b?"],
            ["1", "2", "a", "4", "5"],
            false
        ])
    );
    // A count that begins anew comes behind all of the old one.
    let renewed = run("timeline.begin('e', 8); say(9); timeline.renew('f', 'anew', new Date()); say(2); say(1); say(9);
        return [show(), timeline.last, timeline.first, timeline.epoch];");
    assert_eq!(renewed, json!([["9", "anew", "1", "2", "9"], 9, 1, "f"]));
    // What is no event of a room is nothing.
    let odd = run("for (const event of [{}, { event: 'message' }, { event: 'message', seq: 1.5 }, { event: 'message', seq: '1' },
        { event: 'typing', seq: 1 }, { event: 'joined', seq: -0.5 }]) timeline.take(event, 'Ann'); return show();");
    assert_eq!(odd, json!([]));
    // It is bounded: the oldest go.
    let bounded = run("for (let seq = 1; seq <= ENTRIES_MAX + 10; seq += 1) say(seq);
        const gone = timeline.trim(); return [gone.length, timeline.entries.length, timeline.first, say(11), say(5) !== null];");
    assert_eq!(bounded, json!([10, 2000, 11, null, true]));
}
