//! Rooms made through every door are listed through all others, and entered by name and by id.

use crate::bridging_client::{Bridge, Client, Doors, Kind};
use crate::bridging_tongues::{Asked, Event, Room, What, asked, list, quoted, v1_room};
use crate::bridging_tongues_tcp::notification;

/// Those who look at the list of rooms: one of each kind that can. All of them but the one in no
/// room are in the same one, since some kinds must be somewhere.
struct Watch {
    /// In no room, and told how the list changes.
    follower: Client,
    lobby: Client,
    /// In the room `Hall`, in joining order.
    hall: Vec<Client>,
    names: Vec<String>,
}

const HALL_KINDS: [Kind; 5] =
    [Kind::ChatMaster, Kind::ChatMasterZlib, Kind::Ndjson, Kind::Udp, Kind::V1Deflated];

impl Watch {
    #[track_caller]
    fn begin(doors: &Doors) -> Watch {
        let follower = Client::collecting(doors, Kind::V1, "Follower");
        let lobby = Client::connect(doors, Kind::Accounts, "watcher");
        let mut watch = Watch { follower, lobby, hall: Vec::new(), names: Vec::new() };
        let mut hall = Room::new("Hall", "");
        for kind in HALL_KINDS {
            let mut client = Client::collecting(doors, kind, &format!("Hall {kind:?}"));
            hall.users.push(client.name.clone());
            hall.seq += 1;
            if hall.id.is_empty() {
                let asked = client.tongue.join(&client.name, &hall, false);
                client.ask(&asked, Some(&hall.joined(&client.name)));
                hall.id = watch.id("Hall");
            } else {
                enter(&mut client, &hall, false);
                for other in &mut watch.hall {
                    let seen = other.tongue.sees(&hall.joined(&client.name), false);
                    other.expect(&seen.expect("all of them are shown who comes"));
                }
            }
            watch.names.push(client.name.clone());
            watch.hall.push(client);
        }
        watch
    }

    /// A room's id, as the follower is told it.
    #[track_caller]
    fn id(&mut self, name: &str) -> String {
        self.follower.send(r#"{"action":"rooms"}"#);
        let answer = self.follower.take();
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let rooms = answer["rooms"].as_array().expect("rooms");
        let room = rooms.iter().find(|room| room["room"] == name).expect("the room");
        let id = room["room_id"].as_str().expect("an id");
        assert!(id.len() == 8 && id.bytes().all(|b| b"0123456789abcdef".contains(&b)), "{id}");
        id.to_owned()
    }

    /// The follower was told this of late, and nothing else.
    #[track_caller]
    fn was_told(&mut self, expected: &[String]) {
        let mut told = self.follower.room_news.take().expect("news");
        while told.len() < expected.len() {
            told.push(self.follower.take());
        }
        assert_eq!(told, expected);
        self.follower.room_news = Some(Vec::new());
    }

    /// Each of them lists exactly these, besides `general` and `Hall`; in `general` is nobody.
    #[track_caller]
    fn lists(&mut self, rooms: &[Room]) {
        let hall = Room { users: self.names.clone(), ..Room::new("Hall", &self.id("Hall")) };
        let general = Room::new("general", &self.id("general"));
        let all: Vec<&Room> = [&general, &hall].into_iter().chain(rooms).collect();
        let names: Vec<String> = all.iter().map(|room| room.name.clone()).collect();

        let v1: Vec<String> = all.iter().map(|room| v1_listed(room)).collect();
        let v1 = asked(
            r#"{"action":"rooms"}"#.to_owned(),
            [format!(r#"{{"status":"success","action":"rooms","rooms":[{}]}}"#, v1.join(","))],
        );
        self.follower.ask(&v1, None);

        let members =
            all.iter().map(|room| format!(",{}:{}", quoted(&room.name), list(&room.users)));
        let members: String = members.collect();
        self.lobby.ask(
            &asked(
                r#"{"type":"list"}"#.to_owned(),
                [format!(
                    r#"{{"type":"list","status":"ok","data":{{"lobby":["watcher"]{members}}}}}"#
                )],
            ),
            None,
        );
        for client in &mut self.hall {
            let asked = if client.kind == Kind::V1Deflated {
                v1.clone()
            } else {
                listing(client.kind, &names)
            };
            client.ask(&asked, None);
        }
    }
}

/// How the list of rooms has changed, as `parlance.v1` tells it.
fn news(event: &str, room: &Room) -> String {
    let (name, id) = (quoted(&room.name), &room.id);
    format!(r#"{{"event":"{event}","room":{name},"room_id":"{id}","timestamp":"…"}}"#)
}

/// A room in the list of `parlance.v1`.
fn v1_listed(room: &Room) -> String {
    let Room { name, id, private, users, .. } = room;
    let (name, count) = (quoted(name), users.len());
    format!(r#"{{"room_id":"{id}","room":{name},"private":{private},"count":{count}}}"#)
}

/// Asks for the rooms' names, where that is all that is told.
fn listing(kind: Kind, names: &[String]) -> Asked {
    let names = list(names);
    match kind {
        Kind::Ndjson => asked(
            r#"{"type":"rooms"}"#.to_owned(),
            [format!(r#"{{"type":"rooms","rooms":{names}}}"#)],
        ),
        Kind::Udp => asked(
            r#"{"type":"rooms","id":9}"#.to_owned(),
            [format!(r#"{{"type":"rooms","id":9,"rooms":{names}}}"#)],
        ),
        Kind::ChatMaster | Kind::ChatMasterZlib => asked(
            r#"{"type":"command","data":{"command":"channels","parameters":{}}}"#.to_owned(),
            [channel_list(&names)],
        ),
        _ => panic!("{kind:?} lists more, or nothing"),
    }
}

fn channel_list(names: &str) -> String {
    notification("channel_list", &[]).replace("}}", &format!(r#","channels":{names}}}}}"#))
}

/// Enters a room, in which it counts already.
#[track_caller]
fn enter(client: &mut Client, room: &Room, by_id: bool) {
    let asked = client.tongue.join(&client.name, room, by_id);
    client.ask(&asked, Some(&room.joined(&client.name)));
}

/// A client makes a room its own way, and is in it afterwards. The room is as it must be then, but
/// for its id.
#[track_caller]
fn make(client: &mut Client, watch: &mut Watch, name: &str, private: bool) -> Room {
    let mut room = Room::new(name, "");
    room.private = private;
    room.users.push(client.name.clone());
    room.seq = 1;
    let quoted_name = quoted(name);
    match client.kind {
        Kind::WebSocket | Kind::WebSocketDeflated => {
            client.send(&format!(r#"{{"action":"create","body":{quoted_name}}}"#));
            let answer = client.take();
            room.id = watch.id(name);
            let message = quoted(&format!("Room '{name}' created"));
            let id = &room.id;
            assert_eq!(
                answer,
                format!(r#"{{"status":"success","room_id":"{id}","message":{message}}}"#)
            );
        }
        Kind::V1 | Kind::V1Deflated => {
            client.send(&format!(
                r#"{{"action":"create","body":{{"name":{quoted_name},"private":{private}}}}}"#
            ));
            let answer = client.take();
            let at = answer.find(r#""room_id":""#).expect(&answer) + 11;
            room.id = answer[at..at + 8].to_owned();
            let described = v1_room(&room);
            assert_eq!(answer, format!(r#"{{"status":"success","action":"create",{described}}}"#));
        }
        Kind::Accounts => {
            let message = quoted(&format!("{name} created successfully"));
            client.send(&format!(r#"{{"type":"create","data":{{"room":{quoted_name}}}}}"#));
            client.expect(&format!(r#"{{"type":"create","status":"ok","message":{message}}}"#));
            // It is there before anybody is in it.
            room.id = watch.id(name);
            enter(client, &room, true);
        }
        _ => {
            enter(client, &room, false);
            room.id = watch.id(name);
        }
    }
    room
}

/// The name of the room that a kind of client makes.
fn name_of(kind: Kind) -> String {
    format!("{kind:?}'s \"room\" 🚪")
}

/// Somebody enters the room and leaves it again; its only member sees what it must.
#[track_caller]
fn visited(room: &mut Room, member: &mut Client, visitor: &mut Client, by_id: bool) {
    let name = visitor.name.clone();
    room.users.push(name.clone());
    room.seq += 1;
    enter(visitor, room, by_id);
    if let Some(seen) = member.tongue.sees(&room.joined(&name), false) {
        member.expect(&seen);
    }
    room.users.pop();
    room.seq += 1;
    let asked = visitor.tongue.leave(&name, room);
    visitor.ask(&asked, None);
    visitor.probe(visitor.tongue.is_always_somewhere());
    let left = Event { room: room.name.clone(), seq: room.seq, what: What::Left(name) };
    if let Some(seen) = member.tongue.sees(&left, false) {
        member.expect(&seen);
    }
    member.probe(true);
}

/// A client of each kind visits, one after the other: two of them would meet in `general`.
#[track_caller]
fn visited_by_all(bridge: &Bridge, room: &mut Room, member: &mut Client) {
    for kind in Kind::ALL {
        let name = format!("{kind:?} in {}", room.id);
        let mut visitor = Client::collecting(&bridge.doors(), kind, &name);
        for by_id in [false, true] {
            visited(room, member, &mut visitor, by_id);
        }
        bridge.sees_off(visitor);
    }
}

#[test]
fn rooms_of_every_door_are_listed_and_entered_through_all() {
    let bridge = Bridge::open();
    let doors = bridge.doors();
    let mut watch = Watch::begin(&doors);
    let mut rooms = Vec::new();
    let mut makers = Vec::new();
    for kind in Kind::ALL {
        let mut maker = Client::collecting(&doors, kind, &format!("Maker {kind:?}"));
        rooms.push(make(&mut maker, &mut watch, &name_of(kind), false));
        watch.lists(&rooms);
        makers.push(maker);
    }
    // Who follows the list was told of each, in the order in which they came.
    let hall = Room::new("Hall", &watch.id("Hall"));
    let opened: Vec<String> =
        [&hall].into_iter().chain(&rooms).map(|room| news("room_opened", room)).collect();
    watch.was_told(&opened);

    for (room, maker) in rooms.iter_mut().zip(&mut makers) {
        visited_by_all(&bridge, room, maker);
    }

    // A room ends with its last member, unless it was made over `accounts`.
    let mut closed = Vec::new();
    for mut maker in makers {
        let index = rooms.iter().position(|room| room.name == name_of(maker.kind));
        let index = index.expect("its room");
        let asked = maker.tongue.leave(&maker.name, &rooms[index]);
        maker.ask(&asked, None);
        if maker.kind == Kind::Accounts {
            rooms[index].users.clear();
        } else {
            closed.push(news("room_closed", &rooms.remove(index)));
        }
        bridge.sees_off(maker);
        watch.lists(&rooms);
    }
    watch.was_told(&closed);
}

#[test]
fn private_rooms_are_for_those_who_know_them() {
    let bridge = Bridge::open();
    let doors = bridge.doors();
    let mut watch = Watch::begin(&doors);

    // Made private over `parlance.v1`: nobody is told of it.
    let mut vera = Client::collecting(&doors, Kind::V1, "Vera");
    let mut cellar = make(&mut vera, &mut watch, "Cellar", true);
    watch.lists(&[]);

    // Made private afterwards over `chatmaster`, where its list shows it to its members alone.
    let mut py = Client::connect(&doors, Kind::ChatMaster, "Py");
    let mut attic = make(&mut py, &mut watch, "Attic", false);
    watch.lists(std::slice::from_ref(&attic));
    let private = r#"{"type":"command","data":{"command":"private","parameters":{}}}"#;
    py.send(private);
    py.expect(&channel_list(r#"["general","Hall","Attic"]"#));
    attic.private = true;
    watch.lists(&[]);

    visited_by_all(&bridge, &mut cellar, &mut vera);
    visited_by_all(&bridge, &mut attic, &mut py);

    // Its members see it, besides the public ones, in the order in which they were made.
    let mut alice = Client::connect(&doors, Kind::Ndjson, "alice");
    cellar.users.push("alice".to_owned());
    cellar.seq += 1;
    enter(&mut alice, &cellar, true);
    let seen = vera.tongue.sees(&cellar.joined("alice"), false).expect("an event");
    vera.expect(&seen);
    let names = ["general", "Hall", "Cellar"].map(str::to_owned);
    alice.ask(&listing(Kind::Ndjson, &names), None);
    let mut ann = Client::connect(&doors, Kind::Accounts, "ann");
    cellar.users.push("ann".to_owned());
    cellar.seq += 1;
    enter(&mut ann, &cellar, false);
    ann.send(r#"{"type":"list"}"#);
    ann.expect(r#"{"type":"list","status":"ok","data":{"Cellar":["Vera","alice","ann"]}}"#);

    // Public again.
    let public = r#"{"type":"command","data":{"command":"public","parameters":{}}}"#;
    py.send(public);
    py.expect(&channel_list(r#"["general","Hall","Attic"]"#));
    attic.private = false;
    watch.lists(&[attic]);
}
