//! Coming back after a lost link: how long to wait before each try, and what is to be done once
//! there is a link again. Nothing here knows a socket or reads a clock.

use std::fmt;
use std::time::{Duration, Instant};

use super::call::{Answer, Call, Joined};
use super::error::CallError;
use super::options::Pauses;

/// How often what is refused for now, such as a name that is taken, is tried again. The lost connection may still bear it, for as long
/// as the server has not noticed.
const NAME_TRIES_MAX: u32 = 7;

/// Before a name is tried again for the first time; doubled after each, up to the longest.
const NAME_PAUSE_FIRST: Duration = Duration::from_millis(500);
const NAME_PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// How long to wait before each try to connect.
#[derive(Debug)]
pub(super) struct Waits {
    pauses: Pauses,
    next: Duration,
    /// A number that looks random (the SplitMix64 sequence).
    chance: u64,
}

impl Waits {
    pub(super) fn new(pauses: Pauses) -> Waits {
        let seed = pauses.seed.or_else(|| getrandom::u64().ok()).unwrap_or(0);
        Waits { pauses, next: pauses.first, chance: seed }
    }

    /// The next pause: from half of it to the whole.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.next.min(self.pauses.longest);
        self.next = self.next.saturating_mul(2).min(self.pauses.longest);
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24);
        whole.mul_f64(0.5 + share / 2.0)
    }

    /// There is a link again.
    pub(super) fn reset(&mut self) {
        self.next = self.pauses.first;
    }
}

/// Where one was, and where one is to be again.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The account that one is logged in to, and its password: kept only while that is so.
    pub(super) account: Option<(String, String)>,
    /// The room that one is in.
    pub(super) room: Option<String>,
    /// One is in the default room, whatever it is called: `room` says no more than what to call it.
    pub(super) in_default_room: bool,
    /// The name that one bears, or bore last.
    pub(super) name: Option<String>,
}

/// The password is nobody's business.
impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing")
            .field("account", &self.account.as_ref().map(|(name, _)| name))
            .field("room", &self.room)
            .field("in_default_room", &self.in_default_room)
            .field("name", &self.name)
            .finish()
    }
}

/// Getting back to where one was, step by step.
#[derive(Debug)]
pub(super) struct Return {
    standing: Standing,
    step: Step,
    /// How often a name was taken.
    tries: u32,
    /// When to take the step.
    at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    LogIn,
    Join,
    /// To leave again, since the name is not the one that was meant.
    Leave,
    Over,
}

/// What came of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Go on.
    On,
    /// One is back in the room.
    Back(Joined),
    /// It cannot be done, for this reason.
    Failed(String),
    /// The link is of no use.
    Lost,
}

impl Return {
    pub(super) fn new(standing: Standing, now: Instant) -> Return {
        let mut back = Return { standing, step: Step::LogIn, tries: 0, at: Some(now) };
        if back.standing.account.is_none() {
            back.after_login();
        }
        back
    }

    fn after_login(&mut self) {
        let was_in = self.standing.room.is_some() || self.standing.in_default_room;
        self.step = if was_in { Step::Join } else { Step::Over };
    }

    /// Whether there is no step left.
    pub(super) fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// When the next step is to be taken, unless one is under way.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// The call to make now, if it is time. Its answer is owed then.
    pub(super) fn next(&mut self, now: Instant) -> Option<Call> {
        if self.is_over() || self.at.is_none_or(|at| now < at) {
            return None;
        }
        self.at = None;
        let Standing { account, room, in_default_room, name } = self.standing.clone();
        let room = room.filter(|_| !in_default_room);
        match (self.step, account) {
            (Step::LogIn, Some((name, password))) => Some(Call::LogIn { name, password }),
            (Step::Leave, _) => Some(Call::Leave),
            // Who is logged in bears the account's name.
            (_, Some(_)) => Some(Call::Join { room, name: None }),
            (_, None) => Some(Call::Join { room, name }),
        }
    }

    /// The call was answered.
    pub(super) fn answered(&mut self, result: Result<Answer, CallError>, now: Instant) -> Came {
        match (self.step, result) {
            (_, Err(CallError::NoAnswer | CallError::Disconnected)) => Came::Lost,
            (Step::LogIn, Ok(_)) => {
                self.after_login();
                self.at = Some(now);
                Came::On
            }
            (Step::LogIn, Err(error)) => {
                if will_pass(&error) && self.wait(now) {
                    return Came::On;
                }
                // A guest could not have the account's name.
                self.step = Step::Over;
                Came::Failed(error.to_string())
            }
            (Step::Join, Ok(Answer::Joined(joined))) => {
                if self.is_another_name(&joined.name) && self.tries < NAME_TRIES_MAX {
                    self.step = Step::Leave;
                    self.at = Some(now);
                    return Came::On;
                }
                self.step = Step::Over;
                Came::Back(joined)
            }
            (Step::Leave, _) => {
                self.step = Step::Join;
                self.wait(now);
                Came::On
            }
            (_, Ok(_)) => {
                self.step = Step::Over;
                Came::Failed("the server answers something else".into())
            }
            (_, Err(error)) => {
                if will_pass(&error) && self.wait(now) {
                    return Came::On;
                }
                self.step = Step::Over;
                Came::Failed(error.to_string())
            }
        }
    }

    /// Has the step taken once more, later. False when that was done often enough.
    fn wait(&mut self, now: Instant) -> bool {
        let pause = NAME_PAUSE_FIRST.saturating_mul(1 << self.tries.min(16));
        self.at = Some(now + pause.min(NAME_PAUSE_LONGEST));
        self.tries += 1;
        self.tries <= NAME_TRIES_MAX
    }

    /// Whether the server has put something behind the name, since the lost connection still bears it
    /// (`jsonrpc` does so).
    fn is_another_name(&self, name: &str) -> bool {
        let wanted = self.standing.name.as_deref().filter(|_| self.standing.account.is_none());
        wanted.is_some_and(|wanted| {
            name.strip_prefix(wanted).is_some_and(|behind| behind.starts_with('_'))
        })
    }
}

/// Whether it is refused for a reason that will pass: somebody bears the name (every door has its own
/// words for it, and `already` is in all of them), or the server has too much to do, as when everybody
/// comes back at once.
fn will_pass(error: &CallError) -> bool {
    let CallError::Refused(words) = error else { return false };
    let words = words.to_ascii_lowercase();
    ["already", "is busy", "too many attempts"].iter().any(|part| words.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn pauses(seed: u64) -> Pauses {
        Pauses { first: ms(500), longest: ms(30_000), seed: Some(seed) }
    }

    fn standing(account: bool) -> Standing {
        Standing {
            account: account.then(|| ("ann".into(), "1234".into())),
            room: Some("tea".into()),
            in_default_room: false,
            name: Some("ann".into()),
        }
    }

    fn joined(name: &str) -> Result<Answer, CallError> {
        Ok(Answer::Joined(Joined { name: name.into(), ..Joined::default() }))
    }

    fn refused(words: &str) -> Result<Answer, CallError> {
        Err(CallError::Refused(words.into()))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_never_shorter_than_half() {
        for seed in 0..100 {
            let mut waits = Waits::new(pauses(seed));
            for whole in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
                let pause = waits.next();
                assert!(pause >= ms(whole) / 2 && pause <= ms(whole), "{pause:?} of {whole}");
            }
            waits.reset();
            assert!(waits.next() <= ms(500));
        }
    }

    #[test]
    fn chance_differs_from_seed_to_seed_and_not_otherwise() {
        let some = |seed| {
            let mut waits = Waits::new(pauses(seed));
            [waits.next(), waits.next(), waits.next()]
        };
        assert_eq!(some(7), some(7));
        assert_ne!(some(7), some(8));
    }

    #[test]
    fn a_guest_joins_the_room_under_the_name() {
        let now = Instant::now();
        let mut back = Return::new(standing(false), now);
        let join = Call::Join { room: Some("tea".into()), name: Some("ann".into()) };
        assert_eq!(back.next(now), Some(join));
        assert_eq!((back.next(now), back.at()), (None, None), "asked once");
        assert!(matches!(back.answered(joined("ann"), now), Came::Back(_)));
        assert!(back.is_over());
    }

    #[test]
    fn an_account_logs_in_first_and_joins_under_its_own_name() {
        let now = Instant::now();
        let mut back = Return::new(standing(true), now);
        let log_in = Call::LogIn { name: "ann".into(), password: "1234".into() };
        assert_eq!(back.next(now), Some(log_in));
        assert_eq!(back.answered(Ok(Answer::LoggedIn("ann".into())), now), Came::On);
        let join = Call::Join { room: Some("tea".into()), name: None };
        assert_eq!(back.next(now), Some(join));
    }

    #[test]
    fn who_was_nowhere_has_nothing_to_do() {
        let now = Instant::now();
        let mut back = Return::new(Standing::default(), now);
        assert!(back.is_over() && back.next(now).is_none());
        let nowhere = Standing { room: None, ..standing(true) };
        let mut back = Return::new(nowhere, now);
        assert!(back.next(now).is_some());
        back.answered(Ok(Answer::LoggedIn("ann".into())), now);
        assert!(back.is_over());
        let somewhere = Standing { in_default_room: true, ..Standing::default() };
        let mut back = Return::new(somewhere, now);
        assert_eq!(back.next(now), Some(Call::Join { room: None, name: None }));
    }

    #[test]
    fn a_name_that_the_lost_connection_bears_is_waited_for() {
        let mut now = Instant::now();
        let start = now;
        let mut back = Return::new(standing(false), now);
        for (tried, words) in ["Name already taken", "Username is already taken."]
            .iter()
            .cycle()
            .take(NAME_TRIES_MAX as usize)
            .enumerate()
        {
            assert!(back.next(now).is_some());
            assert_eq!(back.answered(refused(words), now), Came::On, "{tried}");
            let at = back.at().expect("a time");
            assert!(back.next(at - ms(1)).is_none());
            now = at;
        }
        // As long as a server over datagrams remembers who is silent.
        assert!(now - start >= Duration::from_secs(60), "{:?}", now - start);
        assert!(back.next(now).is_some());
        let came = back.answered(refused("Name already taken"), now);
        assert_eq!(came, Came::Failed("Name already taken".into()));
        assert!(back.is_over());
    }

    #[test]
    fn another_name_than_meant_is_given_back_and_the_own_one_waited_for() {
        let now = Instant::now();
        let mut back = Return::new(standing(false), now);
        back.next(now);
        assert_eq!(back.answered(joined("ann_54321"), now), Came::On);
        assert_eq!(back.next(now), Some(Call::Leave));
        assert_eq!(back.answered(Ok(Answer::Done), now), Came::On);
        assert_eq!(back.next(now), None);
        let later = back.at().expect("a time");
        assert!(matches!(back.next(later), Some(Call::Join { .. })));
        assert!(matches!(back.answered(joined("ann"), later), Came::Back(_)));
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        let now = Instant::now();
        let mut back = Return::new(standing(true), now);
        back.next(now);
        let came = back.answered(refused("Invalid username or password"), now);
        assert_eq!(came, Came::Failed("Invalid username or password".into()));
        let mut back = Return::new(standing(false), now);
        back.next(now);
        assert_eq!(back.answered(Err(CallError::NoAnswer), now), Came::Lost);
    }

    #[test]
    fn a_server_that_has_too_much_to_do_is_asked_again() {
        let now = Instant::now();
        for words in ["Server is busy", "Too many attempts"] {
            let mut back = Return::new(standing(true), now);
            back.next(now);
            assert_eq!(back.answered(refused(words), now), Came::On, "{words}");
            let later = back.at().expect("a time");
            assert!(matches!(back.next(later), Some(Call::LogIn { .. })));
        }
    }

    #[test]
    fn no_password_is_shown() {
        let shown = format!("{:?}", Return::new(standing(true), Instant::now()));
        assert!(shown.contains("ann") && !shown.contains("1234"), "{shown}");
    }
}
