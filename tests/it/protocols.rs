//! The reference in `docs`: that its page, its schemas, its AsyncAPI document and the OpenRPC
//! document tell the same story, and that what the page shows is what happens.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use crate::house::open;
use crate::jsonrpc_v2;
use crate::peer::Peer;
use crate::schema::{self, DIALECTS, check, check_request, described, document, messages};

/// The schemas' files.
fn files() -> Vec<String> {
    let side = |dialect: &str, side: &str| format!("schemas/{dialect}.{side}.json");
    let both = described().flat_map(|name| [side(name, "server"), side(name, "client")]);
    both.chain(["schemas/common.json".to_owned()]).collect()
}

/// Calls `visit` with every object in a document.
fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|value| walk(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

/// Every `$ref` in a document.
fn references(document: &Value) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    walk(document, &mut |members| found.extend(members.get("$ref").and_then(Value::as_str)));
    found
}

/// What a reference in the file at `path` leads to: the file, and the part of it.
fn target<'a>(path: &str, reference: &'a str) -> (String, &'a str) {
    let (file, pointer) = reference.split_once('#').expect("a reference with a fragment");
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match (file, folder) {
        ("", _) => (path.to_owned(), pointer),
        (file, "") => (file.to_owned(), pointer),
        (file, folder) => (format!("{folder}/{file}"), pointer),
    }
}

/// The messages of a schema: what its top level chooses from.
fn choices(schema: &Value) -> BTreeSet<String> {
    let choices = schema["oneOf"].as_array().expect("choices").iter();
    choices.map(|choice| choice["$ref"].as_str().expect("a reference").to_owned()).collect()
}

#[test]
fn every_reference_leads_somewhere_and_every_definition_is_used() {
    let mut used = BTreeSet::new();
    let files: Vec<String> = files().into_iter().chain(["asyncapi.json".to_owned()]).collect();
    for path in &files {
        let document = document(path);
        for reference in references(&document) {
            let (file, pointer) = target(path, reference);
            let found = schema::document(&file).pointer(pointer).is_some();
            assert!(found, "{path}: {reference} leads nowhere");
            used.insert(format!("{file}#{pointer}"));
        }
    }
    for path in files {
        let Some(definitions) = document(&path).get("$defs").cloned() else { continue };
        for name in definitions.as_object().expect("definitions").keys() {
            assert!(used.contains(&format!("{path}#/$defs/{name}")), "{path}: {name} is not used");
        }
    }
}

/// What is not closed lets every change of the server pass.
#[test]
fn objects_are_closed_and_messages_named() {
    for path in files() {
        let schema = document(&path);
        walk(&schema, &mut |members| {
            let open = members.contains_key("properties")
                && members.get("type").is_some_and(|kind| kind == "object")
                && members.get("additionalProperties") != Some(&Value::Bool(false));
            // The OpenRPC document has a schema of its own; here its outline does.
            let outlined = open && members["properties"].get("result").is_some();
            assert!(!open || outlined, "{path}: {members:?} is open");
        });
        let Some(choices) = schema.get("oneOf").map(|_| choices(&schema)) else { continue };
        for choice in choices {
            let message = schema.pointer(&choice[1..]).expect("a message");
            assert!(message["title"].is_string(), "{path}: {choice} has no title");
        }
    }
}

#[test]
fn the_asyncapi_document_has_every_message_in_an_operation_of_its_side() {
    let asyncapi = document("asyncapi.json");
    assert_eq!(asyncapi["asyncapi"], "3.0.0");
    // What the operations receive and send, by the payloads' schemas.
    let mut sides: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for operation in asyncapi["operations"].as_object().expect("operations").values() {
        let receives = operation["action"] == "receive";
        let mut note = |side, list: &Value| {
            for message in list.as_array().expect("messages") {
                let (_, pointer) = target("", message["$ref"].as_str().expect("a reference"));
                let message = asyncapi.pointer(pointer).expect("a message");
                let payload = message["payload"]["schema"]["$ref"].as_str().expect("a schema");
                sides.entry(side).or_default().insert(payload.to_owned());
            }
        };
        note(if receives { "client" } else { "server" }, &operation["messages"]);
        if receives {
            note("server", &operation["reply"]["messages"]);
        }
    }
    for side in ["client", "server"] {
        let paths = described().map(|dialect| format!("schemas/{dialect}.{side}.json"));
        let messages = paths.flat_map(|path| {
            choices(&document(&path)).into_iter().map(move |choice| format!("{path}{choice}"))
        });
        assert_eq!(sides[side], messages.collect(), "{side}");
    }
    let mut listed = BTreeSet::new();
    for channel in asyncapi["channels"].as_object().expect("channels").values() {
        walk(&channel["messages"], &mut |members| {
            if let Some(schema) = members.get("schema") {
                listed.insert(schema["$ref"].as_str().expect("a reference").to_owned());
            }
        });
    }
    assert_eq!(listed, sides.into_values().flatten().collect(), "channels list what is used");
}

// ---- the OpenRPC document ------------------------------------------------------------------------

#[test]
fn openrpc_and_the_schemas_agree() {
    let openrpc: Value = serde_json::from_str(&jsonrpc_v2::document()).unwrap();
    let client = document("schemas/jsonrpc.client.json");
    let server = document("schemas/jsonrpc.server.json");
    let methods = openrpc["methods"].as_array().unwrap();

    let names: BTreeSet<&str> = methods.iter().map(|m| m["name"].as_str().unwrap()).collect();
    let version_2 = &client["$defs"]["request"];
    let listed = version_2["properties"]["method"]["enum"].as_array().unwrap();
    assert_eq!(names, listed.iter().map(|name| name.as_str().unwrap()).collect());
    let classic = client["$defs"].as_object().unwrap().values();
    let classic = classic.filter_map(|message| message["properties"]["method"]["const"].as_str());
    assert_eq!(names, classic.collect());

    for method in methods {
        let name = method["name"].as_str().unwrap();
        let shapes = client["$defs"].as_object().unwrap().values();
        let mut shapes = shapes.filter(|shape| shape["properties"]["method"]["const"] == name);
        let params = &shapes.next().expect(name)["properties"]["params"];
        let described = method["params"].as_array().unwrap();
        let texts = |list: &Value| -> BTreeSet<String> {
            let items = list.as_array().into_iter().flatten();
            items.map(|item| item.as_str().unwrap().to_owned()).collect()
        };
        let of = |wanted: &dyn Fn(&Value) -> bool| -> BTreeSet<String> {
            let params = described.iter().filter(|param| wanted(param));
            params.map(|param| param["name"].as_str().unwrap().to_owned()).collect()
        };
        let properties: BTreeSet<String> =
            params["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(of(&|_| true), properties, "{name}");
        assert_eq!(of(&|param| param["required"] == true), texts(&params["required"]), "{name}");
    }

    let errors =
        methods.iter().flat_map(|method| method["errors"].as_array().into_iter().flatten());
    let errors: BTreeSet<&str> = errors.map(|error| error["message"].as_str().unwrap()).collect();
    let refusals = &server["$defs"]["refusalText"]["anyOf"];
    let fixed = refusals[0]["enum"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    assert_eq!(errors, fixed.chain(["User X is not in this room"]).collect());
    let answer = format!(r#"{{"jsonrpc":"2.0","result":{openrpc},"id":1}}"#);
    check("jsonrpc", answer.as_bytes());
}

// ---- the page ----------------------------------------------------------------------------------

/// One line of a session: who, whether it sends, and what.
#[derive(Debug)]
struct Line {
    who: String,
    sends: bool,
    payload: String,
}

/// What stands in the fences of a dialect's chapter.
#[derive(Debug, Default)]
struct Chapter {
    sessions: Vec<Vec<Line>>,
    examples: Vec<String>,
}

/// Stands for a payload where somebody connects and has nothing to say yet.
const CONNECTS: &str = "opens a connection";

fn chapters() -> BTreeMap<String, Chapter> {
    let page = std::fs::read_to_string(schema::docs().join("protocols.md")).expect("the page");
    let mut chapters: BTreeMap<String, Chapter> = BTreeMap::new();
    let (mut heading, mut fence) = (String::new(), "");
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            fence = if fence.is_empty() { kind } else { "" };
            if fence == "text session" {
                chapters.entry(heading.clone()).or_default().sessions.push(Vec::new());
            }
        } else if let Some(title) = line.strip_prefix("## ") {
            heading = title.trim_matches('`').to_owned();
        } else if fence == "json" {
            chapters.entry(heading.clone()).or_default().examples.push(line.to_owned());
        } else if fence == "text session" {
            let session =
                chapters.get_mut(&heading).and_then(|chapter| chapter.sessions.last_mut());
            session.expect("a session").push(session_line(line));
        }
    }
    chapters
}

fn session_line(line: &str) -> Line {
    let arrows = [("→ ", true), ("← ", false)].into_iter();
    let (sends, (who, payload)) = arrows
        .filter_map(|(arrow, sends)| Some((sends, line.split_once(arrow)?)))
        .min_by_key(|(_, (who, _))| who.len())
        .unwrap_or_else(|| panic!("no arrow: {line}"));
    Line { who: who.trim().to_owned(), sends, payload: payload.to_owned() }
}

#[test]
fn the_page_shows_only_what_the_schemas_allow() {
    let chapters = chapters();
    for dialect in DIALECTS {
        let chapter = &chapters[dialect];
        assert!(!chapter.sessions.is_empty() && !chapter.examples.is_empty(), "{dialect}");
        for line in chapter.sessions.iter().flatten().filter(|line| line.payload != CONNECTS) {
            match line.sends {
                true => check_request(dialect, line.payload.as_bytes()),
                false => check(dialect, line.payload.as_bytes()),
            }
        }
        for example in &chapter.examples {
            let allowed = schema::allows(dialect, example.as_bytes());
            assert!(allowed, "{dialect}: neither side sends {example}");
        }
    }
}

/// Every text that a schema of the server allows for an error stands on the page, and every message.
#[test]
fn the_page_leaves_out_no_error_and_no_message() {
    let page = std::fs::read_to_string(schema::docs().join("protocols.md")).expect("the page");
    let chapters: BTreeMap<&str, &str> = (page.split("\n## ").skip(1))
        .filter_map(|chapter| chapter.strip_prefix('`')?.split_once('`'))
        .collect();
    for dialect in DIALECTS {
        let schema = document(&format!("schemas/{dialect}.server.json"));
        walk(&schema, &mut |members| {
            let texts = members.get("enum").into_iter().flat_map(|texts| texts.as_array().unwrap());
            for text in texts.chain(members.get("const")).filter_map(Value::as_str) {
                let text = text.trim_end_matches('.');
                assert!(chapters[dialect].contains(text), "{dialect}: {text} is not on the page");
            }
        });
        let schema = document(&format!("schemas/{dialect}.client.json"));
        for choice in choices(&schema) {
            let title = schema.pointer(&choice[1..]).and_then(|message| message["title"].as_str());
            let name = title.expect("a title").trim_start_matches("2.0 ");
            assert!(chapters[dialect].contains(name), "{dialect}: {name} is not on the page");
        }
    }
}

// ---- playing the page's sessions ------------------------------------------------------------------

/// One client of a dialect, as far as a session needs it.
pub(crate) trait Voice {
    /// Sends a message.
    fn say(&mut self, payload: &str);
    /// Waits for the next message.
    fn hear(&mut self) -> String;
}

/// Plays the page's sessions of a dialect, each in a house of its own, and compares every byte but
/// those of addresses, ids, epochs, tokens and times.
pub(crate) fn play<H>(dialect: &str, open: impl Fn() -> H, connect: impl Fn(&H) -> Box<dyn Voice>) {
    for session in &chapters()[dialect].sessions {
        let house = open();
        let mut voices: BTreeMap<&str, Box<dyn Voice>> = BTreeMap::new();
        let mut known = Substitutes::default();
        for Line { who, sends, payload } in session {
            let voice = voices.entry(who).or_insert_with(|| connect(&house));
            if *sends && payload != CONNECTS {
                voice.say(&known.replace(payload));
            } else if !sends {
                let heard = voice.hear();
                known.learn(payload, &heard);
                assert_eq!(known.replace(payload), heard, "{who} hears something else");
            }
        }
    }
}

/// What stands in this run for the ids, epochs, tokens, addresses and times on the page.
#[derive(Default)]
struct Substitutes(BTreeMap<String, String>);

impl Substitutes {
    /// Takes what is not known yet from a message that should look like the page's.
    fn learn(&mut self, page: &str, heard: &str) {
        for (text, real) in page.split('"').zip(heard.split('"')) {
            if kind(text).is_some() && kind(text) == kind(real) {
                // Times differ from each other though the page's are all alike.
                let old = self.0.insert(text.to_owned(), real.to_owned());
                let is_time = kind(text) == Some("time");
                assert!(is_time || old.is_none_or(|old| old == real), "{real} stands for {text}");
            }
        }
    }

    fn replace(&self, page: &str) -> String {
        let parts: Vec<&str> = page.split('"').collect();
        let real = |part: &&str| self.0.get(*part).map_or(*part, String::as_str).to_owned();
        parts.iter().map(real).collect::<Vec<_>>().join("\"")
    }
}

/// What a string is that differs from run to run.
fn kind(text: &str) -> Option<&'static str> {
    let all = |allowed: &dyn Fn(char) -> bool| text.chars().all(allowed);
    if text.len() == 24
        && text.ends_with('Z')
        && all(&|c| c.is_ascii_digit() || "-T:.Z".contains(c))
    {
        return Some("time");
    }
    if text.len() == 8
        && all(&|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.contains(|c: char| c.is_ascii_digit())
    {
        return Some("id");
    }
    if text.len() == 16 && all(&|c| c.is_ascii_hexdigit()) {
        return Some("token");
    }
    text.parse::<std::net::SocketAddr>().is_ok().then_some("address")
}

/// A client that sends and is sent JSON values back to back; of `jsonrpc`, after it has spoken 2.0
/// each that it is sent ends in a newline.
pub(crate) struct ValuesVoice {
    peer: Peer,
    lines: bool,
}

impl ValuesVoice {
    pub(crate) fn over(peer: Peer) -> Box<dyn Voice> {
        Box::new(ValuesVoice { peer, lines: false })
    }
}

impl Voice for ValuesVoice {
    fn say(&mut self, payload: &str) {
        self.lines |= payload.contains(r#""jsonrpc":"2.0""#);
        self.peer.send(payload);
    }

    fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        loop {
            heard.extend_from_slice(&self.peer.take(1));
            if let [value] = &messages("jsonrpc", &heard)[..] {
                let value = String::from_utf8(value.to_vec()).expect("UTF-8");
                assert_eq!(value.len(), heard.len(), "white space before {value}");
                if self.lines {
                    self.peer.expect("\n");
                }
                return value;
            }
        }
    }
}

#[test]
fn the_sessions_of_jsonrpc_happen_as_they_are_shown() {
    play("jsonrpc", open, |house| ValuesVoice::over(house.peer()));
}
