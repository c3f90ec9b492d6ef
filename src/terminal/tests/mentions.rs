//! Whoever is meant above all others, and what was sent before.

use super::*;

#[test]
fn the_bell_rings_once_for_whoever_looks_elsewhere() {
    let mut stage = Stage::joined(80, 12);
    let rings = |stage: &mut Stage| std::mem::take(&mut stage.app.wants_bell);
    stage.says("bob", "ann?");
    assert!(!rings(&mut stage), "somebody looks");
    stage.app.focus(false);
    stage.says("bob", "anybody?");
    assert!(!rings(&mut stage), "nobody is meant");
    stage.says("bob", "Ann!");
    assert!(rings(&mut stage));
    stage.says("bob", "ann!!");
    assert!(!rings(&mut stage), "it has rung");
    stage.app.focus(true);
    stage.app.focus(false);
    let own = Message { from: "ann".into(), text: "ann".into(), own: true, private: false };
    stage.happens(Happening::Message(own));
    assert!(!rings(&mut stage), "nobody calls oneself");
    let private = Message { from: "bob".into(), text: "psst".into(), private: true, own: false };
    stage.happens(Happening::Message(private));
    assert!(rings(&mut stage));
    stage.app.focus(true);
    stage.app.focus(false);
    stage.says("bob", "ann?");
    stage.app.focus(true);
    assert!(!rings(&mut stage), "somebody looks again");
}

#[test]
fn what_was_sent_before_comes_by_other_keys_too() {
    let mut stage = Stage::joined(80, 12);
    stage.send("one");
    stage.send("two");
    stage.write("draft");
    stage.ctrl('p');
    stage.ctrl('p');
    stage.has("[general] one\n");
    stage.ctrl('n');
    stage.has("[general] two\n");
    stage.ctrl('n');
    stage.has("[general] draft\n");
}
