//! The default room, whatever the server calls it.

use parlance::client::{Call, Client, Event};

use crate::client::{connect, next};
use crate::client_last_words::patient;
use crate::support::{Daemon, TempFolder};

fn daemon(folder: &TempFolder, doors: &[&str]) -> Daemon {
    let file = folder.write("parlance.toml", "default_room = \"Hall\"\n");
    let data = folder.at("data");
    let mut arguments = vec!["-c", &file, "--data", &data];
    let doors: Vec<_> = doors.iter().map(|door| format!("{door}=127.0.0.1:0")).collect();
    doors.iter().for_each(|door| arguments.extend(["-l", door]));
    Daemon::start(&arguments)
}

fn client(daemon: &Daemon, door: &str) -> Client {
    let scheme = if door == "websocket" { "ws" } else { door };
    let url = format!("{scheme}://{}", daemon.address(door)).parse().expect("a URL");
    connect(&url, patient())
}

#[test]
fn who_names_no_room_comes_into_it() {
    let folder = TempFolder::new();
    let doors = ["websocket", "accounts", "chatmaster", "ndjson", "udp"];
    let daemon = daemon(&folder, &doors);
    for door in doors {
        let client = client(&daemon, door);
        let name = if door == "accounts" {
            client.register("ann", "sesame").expect("an account");
            None
        } else {
            Some(door)
        };
        assert_eq!(client.join(None, name).expect("joined").room, "Hall", "{door}");
        // No event of a room that one was in on the way is taken for one of this.
        let said = client.say("hello").expect("said");
        if let Some(seq) = said.seq {
            let history = client.history(seq - 1, 9).expect("a history");
            let [Event::Room { room, .. }] = &history.events[..] else { panic!("{history:?}") };
            assert_eq!(room, "Hall", "{door}");
        }
    }
}

#[test]
fn chatmaster_says_where_leaving_leads() {
    let folder = TempFolder::new();
    let daemon = daemon(&folder, &["chatmaster", "ndjson"]);
    let ann = client(&daemon, "chatmaster");
    ann.join("tea", "ann").expect("joined");
    let answer = ann.call(Call::Leave).expect("left");
    assert!(format!("{answer:?}").contains("\"Hall\""), "{answer:?}");
    let bob = client(&daemon, "ndjson");
    bob.join("Hall", "bob").expect("joined");
    assert!(matches!(next(&ann), Event::Room { room, .. } if room == "Hall"));
}
