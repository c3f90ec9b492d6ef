//! A client's retries and a server's memory of requests, joined by a network that loses, doubles,
//! delays and reorders datagrams, on a clock that nobody waits for.
//!
//! Whatever the network does, a request is either done exactly once and acknowledged, or reported
//! as failed and done once at most; and all its answers are alike.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use super::window::{Kept, Window};
use crate::client::udp::{Due, Retries, RetryPolicy};

/// Numbers that look random and are the same for each seed (the SplitMix64 sequence).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// How bad a network is.
struct Network {
    loss_percent: u64,
    doubles_percent: u64,
    delay_ms_max: u64,
    /// What is under way, the next to arrive first.
    under_way: BinaryHeap<Reverse<Transit>>,
    sent: u64,
}

/// When a datagram arrives, which of all it is, whether to the server, and what it is.
type Transit = (Instant, u64, bool, Vec<u8>);

impl Network {
    fn of(dice: &mut Dice) -> Network {
        Network {
            loss_percent: [0, 5, 30, 60, 95][dice.below(5) as usize],
            doubles_percent: [0, 10, 80][dice.below(3) as usize],
            delay_ms_max: [1, 50, 700, 4000][dice.below(4) as usize],
            under_way: BinaryHeap::new(),
            sent: 0,
        }
    }

    fn send(&mut self, dice: &mut Dice, now: Instant, to_server: bool, datagram: &[u8]) {
        let copies = 1 + u64::from(dice.percent(self.doubles_percent)) * (1 + dice.below(3));
        for _ in 0..copies {
            if !dice.percent(self.loss_percent) {
                let at = now + Duration::from_millis(dice.below(self.delay_ms_max));
                self.sent += 1;
                self.under_way.push(Reverse((at, self.sent, to_server, datagram.to_vec())));
            }
        }
    }

    fn next_arrival(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse((at, ..))| *at)
    }
}

/// The server's side: does what it has not done, as the dialect does.
#[derive(Default)]
struct Server {
    window: Window,
    hasher: RandomState,
    /// How often each request was done.
    done: BTreeMap<u64, u32>,
    seq: u64,
}

impl Server {
    /// The answer to a datagram: the id of the request, and how it was done.
    fn serve(&mut self, datagram: &[u8], remembered_max: usize) -> Vec<u8> {
        let id = String::from_utf8(datagram.to_vec()).unwrap();
        let hash = self.hasher.hash_one(datagram);
        if self.window.find(hash).is_none() {
            *self.done.entry(id.parse().unwrap()).or_default() += 1;
            self.seq += 1;
            self.window.remember(hash, Kept::Said(self.seq), remembered_max);
        }
        let mut answer = Vec::new();
        self.window.find(hash).unwrap().write(&id, "", &mut answer);
        answer
    }
}

/// What came of a run.
struct Outcome {
    /// How often each request was done.
    done: BTreeMap<u64, u32>,
    /// Every answer that came to a request.
    answers: BTreeMap<u64, Vec<Vec<u8>>>,
    acknowledged: Vec<u64>,
    failed: Vec<u64>,
    steps: u32,
}

/// A client sends `requests` requests, one after the other and several at a time.
fn run(seed: u64, requests: u64, remembered_max: usize) -> Outcome {
    let mut dice = Dice(seed);
    let mut network = Network::of(&mut dice);
    let mut server = Server::default();
    let mut retries = Retries::new(RetryPolicy { outstanding_max: 8, ..RetryPolicy::default() });
    let mut now = Instant::now();
    let mut next_id = 1;
    let mut outcome = Outcome {
        done: BTreeMap::new(),
        answers: BTreeMap::new(),
        acknowledged: Vec::new(),
        failed: Vec::new(),
        steps: 0,
    };
    loop {
        outcome.steps += 1;
        while next_id <= requests {
            let datagram = next_id.to_string().into_bytes();
            if retries.send(next_id, &*datagram, now).is_err() {
                break;
            }
            network.send(&mut dice, now, true, &datagram);
            next_id += 1;
        }
        while let Some(due) = retries.poll(now) {
            match due {
                Due::Resend(datagram) => network.send(&mut dice, now, true, datagram),
                Due::Failed { id, .. } => outcome.failed.push(id),
            }
        }
        while network.next_arrival().is_some_and(|at| at <= now) {
            let Some(Reverse((_, _, to_server, datagram))) = network.under_way.pop() else { break };
            if to_server {
                let answer = server.serve(&datagram, remembered_max);
                network.send(&mut dice, now, false, &answer);
            } else {
                let answer: serde_json::Value = serde_json::from_slice(&datagram).unwrap();
                let id = answer["id"].as_u64().unwrap();
                outcome.answers.entry(id).or_default().push(datagram);
                if retries.answered(id) {
                    outcome.acknowledged.push(id);
                }
            }
        }
        if next_id <= requests && retries.outstanding() < 8 {
            continue;
        }
        match retries.next_deadline().into_iter().chain(network.next_arrival()).min() {
            Some(next) => now = next.max(now),
            None => break,
        }
    }
    outcome.done = server.done;
    outcome
}

/// What is wrong with a run, if anything.
fn fault(outcome: &Outcome, requests: u64) -> Option<String> {
    let Outcome { done, answers, acknowledged, failed, steps } = outcome;
    for id in 1..=requests {
        let times = done.get(&id).copied().unwrap_or_default();
        let ends = [acknowledged, failed].map(|list| list.iter().filter(|end| **end == id).count());
        match (ends, times) {
            ([1, 0], 1) | ([0, 1], 0..=1) => {}
            (ends, times) => return Some(format!("{id}: ends {ends:?}, done {times} times")),
        }
    }
    let differ = answers.iter().find(|(_, all)| all.iter().any(|answer| *answer != all[0]));
    match differ {
        Some((id, _)) => Some(format!("{id}: answers differ")),
        None => (*steps > 100_000).then(|| "too many steps".to_owned()),
    }
}

#[test]
fn whatever_the_network_does_a_request_is_done_once_or_reported() {
    let (mut acknowledged, mut failed, mut doubled) = (0, 0, 0);
    for seed in 0..2000 {
        let outcome = run(seed, 40, 40);
        assert_eq!(fault(&outcome, 40), None, "seed {seed}");
        acknowledged += outcome.acknowledged.len();
        failed += outcome.failed.len();
        doubled += outcome.answers.values().filter(|answers| answers.len() > 1).count();
    }
    // The networks are bad enough for all of it to happen, and not so bad that little else does.
    assert!(
        acknowledged > 40_000 && failed > 2_500 && doubled > 10_000,
        "{acknowledged} {failed} {doubled}"
    );
}

/// The same with a server that remembers too little is found out, so the test above can fail.
#[test]
fn a_short_memory_is_found_out() {
    let forgetful = (0..100).filter(|seed| fault(&run(*seed, 40, 2), 40).is_some());
    assert!(forgetful.count() > 10);
}
