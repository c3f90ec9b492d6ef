//! One room, a member from every door and of every form: each sees what any of them does exactly as
//! its own protocol has it, and who must see nothing sees nothing.

use crate::bridging_client::Bridge;
use crate::bridging_talk::Talk;
use crate::bridging_tongues::Body;

/// A name for each kind of client; the classic WebSocket ones bear their ids.
pub(crate) const NAMES: [&str; 10] =
    ["Jay", "Jot", "-", "-", "Vera", "Vito", "harper", "PythonMaster2K16", "Zoe", "alice"];

#[test]
fn everybody_speaks_whispers_goes_and_comes_in_turn() {
    let bridge = Bridge::open();
    let mut talk = Talk::begin(&bridge.doors(), "Den", NAMES);
    let count = talk.clients.len();
    for who in 0..count {
        talk.say(who, &Body::text(&format!("Hello from number {who}!")));
        for to in 0..count {
            // Names are the same in any case.
            let name = talk.clients[to].name.clone();
            let spelled = if who % 2 == 0 { name.to_uppercase() } else { name };
            talk.whisper(who, to, &spelled, &Body::text(&format!("psst, number {to}")));
        }
        talk.leave(who);
        talk.join(who, who % 2 == 0);
        talk.say(who, &Body::text("Here again."));
        talk.rename(who, &format!("New {who}"));
        talk.say(who, &Body::text("Under whatever name."));
    }
    // In twos, others than before meeting each other outside.
    for who in 0..count {
        let other = (who + 3) % count;
        talk.leave(who);
        talk.say(other, &Body::text("Is anybody missing?"));
        talk.join(who, who % 2 == 1);
    }
    while talk.clients.len() > 1 {
        talk.vanish(0);
        talk.say(0, &Body::text("Fewer and fewer."));
    }
}
