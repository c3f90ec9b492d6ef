//! Two clients as the seed document describes them: they know `join`, `message`, `leave`, `system`
//! and `seq`, and nothing that was added.

use crate::house::open;
use crate::skip;
use std::process::Command;

const SCRIPT: &str = r#"
import asyncio, json, sys

class Client:
    async def connect(self, user):
        self.user = user
        self.reader, self.writer = await asyncio.open_connection('127.0.0.1', int(sys.argv[1]))
        return self

    async def send(self, payload):
        self.writer.write((json.dumps(payload) + '\n').encode('utf-8'))
        await self.writer.drain()

    async def receive(self):
        line = await asyncio.wait_for(self.reader.readline(), 20)
        packet = json.loads(line.decode('utf-8'))
        who = packet['user'] if packet['type'] == 'message' else 'system'
        print(self.user, packet['seq'], packet['room'], who + ':', packet['text'])

    async def join(self, room):
        await self.send({'type': 'join', 'room': room, 'user': self.user})

async def main():
    alice = await Client().connect('alice')
    bob = await Client().connect('bob')
    await alice.join('lobby')
    await alice.receive()
    await bob.join('lobby')
    await bob.receive()
    await alice.receive()
    await alice.send({'type': 'message', 'room': 'lobby', 'text': 'Hällo 😀'})
    await bob.receive()
    await bob.join('den')
    await bob.receive()
    await alice.receive()
    await bob.join('lobby')
    await bob.receive()
    await alice.receive()
    await alice.send({'type': 'leave'})
    await bob.receive()
    bob.writer.close()

asyncio.run(main())
"#;

#[test]
fn clients_that_know_the_seed_alone_work_unchanged() {
    if !skip::has("python3") {
        return;
    }
    let house = open();
    let port = house.guest().stream().peer_addr().unwrap().port().to_string();
    let output = Command::new("python3")
        .args(["-X", "utf8", "-c", SCRIPT, &port])
        .output()
        .expect("python3 runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let expected = "\
alice 1 lobby system: alice joined
bob 2 lobby system: bob joined
alice 2 lobby system: bob joined
bob 3 lobby alice: Hällo 😀
bob 1 den system: bob joined
alice 4 lobby system: bob left
bob 5 lobby system: bob joined
alice 5 lobby system: bob joined
bob 6 lobby system: alice left
";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
