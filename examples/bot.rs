//! Joins a room and answers those who ask it, through whatever door its URL names.
//!
//! ```text
//! $ cargo run --no-default-features --features client --example bot -- ndjson://bot@127.0.0.1/tea
//! ```

use parlance::client::{Client, Event, Happening, Message};
use std::time::Instant;

fn answer(text: &str, client: &Client, started: Instant) -> Option<String> {
    match text {
        "!ping" => Some("pong".to_owned()),
        "!uptime" => Some(format!("{} s", started.elapsed().as_secs())),
        "!lag" => client.ping().ok().map(|lag| format!("{} ms", lag.as_millis())),
        _ => None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ndjson://bot@127.0.0.1".to_owned());
    let (client, started) = (Client::connect(&url)?, Instant::now());
    // What a server says goes to a terminal escaped.
    println!("in {:?}", client.join(None, None)?.room);
    while let Some(event) = client.next_event(None) {
        let Event::Room { what: Happening::Message(Message { from, text, private, .. }), .. } =
            event
        else {
            continue;
        };
        let Some(answer) = answer(&text, &client, started) else { continue };
        // What is asked in private is answered so. If the link is lost just now, nobody waits.
        let _ = if private { client.whisper(&from, &answer) } else { client.say(&answer) };
    }
    Ok(())
}
