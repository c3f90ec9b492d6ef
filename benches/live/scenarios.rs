//! What the load does, and what is measured of it.

use std::io;
use std::time::{Duration, Instant};

use crate::crowd::{Crowd, Got, Marks, Speech, USUAL};
use crate::forms::FORMS;
use crate::report::{Row, Work};
use crate::server::Server;
use crate::system::{self, CpuTime};

/// Messages that the last-joined receiver may not have seen yet.
const WINDOW: usize = 32;

/// Members of each room of idle connections.
const ROOM_MEMBERS: usize = 100;

/// Bytes of a message's text.
const TEXT_BYTES: usize = 100;

/// A byte that every message bears once, and nothing else that the server sends.
const MESSAGE: u8 = b'^';

/// A byte that the answer to a message bears once ("Message sent successfully"), and no message.
const SENT: u8 = b'M';

/// One thing to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    /// Every connection keeps this many requests unanswered.
    Requests { connections: usize, request: Request, in_flight: usize },
    /// One member talks, the others listen.
    Listeners { receivers: usize, ears: Ears },
    /// Every member talks; each waits for its answer before it goes on.
    Talkers { members: usize },
    /// Connections in rooms that are quiet.
    Idle { connections: usize },
}

/// How listeners are spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ears {
    /// All in the same way.
    Same(Speech),
    /// In all forms, without TLS, in turn.
    Mixed,
}

impl Ears {
    fn name(self) -> String {
        match self {
            Ears::Same(USUAL) => String::new(),
            Ears::Same(Speech { form, tls }) => {
                format!("{}{}/", FORMS[form].name, if tls { "+tls" } else { "" })
            }
            Ears::Mixed => "mixed/".to_owned(),
        }
    }

    /// How the listener of this number is spoken to.
    fn of(self, number: usize) -> Speech {
        match self {
            Ears::Same(speech) => speech,
            Ears::Mixed => Speech { form: number % FORMS.len(), tls: false },
        }
    }
}

/// A request that changes nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    /// A method that does not exist: the loop and the envelope.
    Unknown,
    /// The list of members, of whom there is one.
    GetUsers,
}

/// Bounds on what a scenario may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) setup: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// How long nothing may come before a crowd counts as settled.
    pub(crate) quiet: Duration,
    pub(crate) connections_max: usize,
    /// Why there may be no more than that.
    pub(crate) reason: &'static str,
}

/// All scenarios, in the order in which they are run.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for request in [Request::Unknown, Request::GetUsers] {
        for in_flight in [1, 16] {
            all.push(Scenario::Requests { connections: 50, request, in_flight });
        }
    }
    let listeners = |receivers, ears| Scenario::Listeners { receivers, ears };
    all.extend([10, 100, 1000, 5000].map(|receivers| listeners(receivers, Ears::Same(USUAL))));
    for (form, _) in FORMS.iter().enumerate() {
        for tls in [false, true] {
            let speech = Speech { form, tls };
            if speech != USUAL {
                all.push(listeners(100, Ears::Same(speech)));
            }
        }
    }
    all.push(listeners(100, Ears::Mixed));
    all.push(Scenario::Talkers { members: 100 });
    all.push(Scenario::Idle { connections: 10_000 });
    all
}

impl Scenario {
    /// The figure's name, for the table and the filter.
    pub(crate) fn name(self) -> String {
        match self {
            Scenario::Requests { request, in_flight, .. } => {
                format!("live/requests/{}/{in_flight}", request.name())
            }
            Scenario::Listeners { receivers, ears } => {
                format!("live/one_talks/{}{receivers}", ears.name())
            }
            Scenario::Talkers { members } => format!("live/all_talk/{members}"),
            Scenario::Idle { connections } => format!("live/idle/{connections}"),
        }
    }

    /// The figure that this one is to be seen in relation to: what it costs without TLS, or without
    /// compression, or in the usual form.
    pub(crate) fn measure(self) -> Option<String> {
        let Scenario::Listeners { receivers, ears } = self else { return None };
        let measure = match ears {
            Ears::Same(USUAL) => return None,
            Ears::Same(Speech { form, tls: true }) => Speech { form, tls: false },
            Ears::Same(Speech { form, .. }) => {
                let name = FORMS[form].name;
                let plain = name.strip_suffix("_zlib").or(name.strip_suffix("_deflate"));
                let plain = FORMS.iter().position(|form| Some(form.name) == plain);
                Speech { form: plain.unwrap_or(USUAL.form), tls: false }
            }
            Ears::Mixed => USUAL,
        };
        Some(Scenario::Listeners { receivers, ears: Ears::Same(measure) }.name())
    }

    /// The same with no more connections than there may be; says so if that makes a difference.
    pub(crate) fn within(mut self, bounds: &Bounds) -> (Scenario, Option<String>) {
        let wanted = match &mut self {
            Scenario::Requests { connections, .. } | Scenario::Idle { connections } => connections,
            Scenario::Listeners { receivers, .. } => receivers,
            Scenario::Talkers { members } => members,
        };
        if *wanted <= bounds.connections_max {
            return (self, None);
        }
        let Bounds { connections_max, reason, .. } = bounds;
        let left_out = format!("only {connections_max} of {wanted} connections: {reason}");
        *wanted = *connections_max;
        (self, Some(left_out))
    }

    /// Puts the load on a fresh server and measures.
    pub(crate) fn run(self, server: &Server, bounds: &Bounds) -> io::Result<Row> {
        match self {
            Scenario::Requests { connections, request, in_flight } => {
                requests(server, bounds, connections, request, in_flight)
            }
            Scenario::Listeners { receivers, ears } => one_talks(server, bounds, receivers, ears),
            Scenario::Talkers { members } => all_talk(server, bounds, members),
            Scenario::Idle { connections } => idle(server, bounds, connections),
        }
    }
}

impl Request {
    fn name(self) -> &'static str {
        match self {
            Request::Unknown => "unknown",
            Request::GetUsers => "get_users",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Request::Unknown => r#"{"method":"no_such","params":{}}"#,
            Request::GetUsers => r#"{"method":"get_users","params":{}}"#,
        }
    }

    /// A byte that its answer bears once.
    fn mark(self) -> u8 {
        match self {
            // "Method not found"
            Request::Unknown => b'M',
            // "Users retrieved successfully"
            Request::GetUsers => b'U',
        }
    }
}

fn requests(
    server: &Server,
    bounds: &Bounds,
    connections: usize,
    request: Request,
    in_flight: usize,
) -> io::Result<Row> {
    let mut crowd = Crowd::new()?;
    crowd.join(server, 1, Instant::now() + bounds.setup, |_| (None, USUAL))?;
    while crowd.len() < connections {
        crowd.connect(server, USUAL)?;
    }
    crowd.begin(bounds.quiet, Instant::now() + bounds.setup);
    for connection in 0..connections {
        crowd.send(connection, request.text().as_bytes(), in_flight);
    }
    let marks = Marks::both(request.mark());
    let work = measure(&mut crowd, server, bounds, marks, 1, |crowd, got| {
        for got in got {
            crowd.send(got.connection, request.text().as_bytes(), got.cues);
        }
    });
    Ok(Row::work("requests", work))
}

fn one_talks(server: &Server, bounds: &Bounds, receivers: usize, ears: Ears) -> io::Result<Row> {
    let mut crowd = Crowd::new()?;
    crowd.join(server, receivers + 1, Instant::now() + bounds.setup, |number| {
        (None, number.checked_sub(1).map_or(USUAL, |number| ears.of(number)))
    })?;
    crowd.begin(bounds.quiet, Instant::now() + bounds.setup);
    let (talker, last_joined) = (0, receivers);
    let message = message();
    crowd.send(talker, &message, WINDOW);
    let marks = Marks::both(MESSAGE);
    let work = measure(&mut crowd, server, bounds, marks, receivers, |crowd, got| {
        let seen: usize =
            got.iter().filter(|got| got.connection == last_joined).map(|got| got.cues).sum();
        crowd.send(talker, &message, seen);
    });
    Ok(Row::work("deliveries", work))
}

fn all_talk(server: &Server, bounds: &Bounds, members: usize) -> io::Result<Row> {
    let mut crowd = Crowd::new()?;
    crowd.join(server, members, Instant::now() + bounds.setup, |_| (None, USUAL))?;
    crowd.begin(bounds.quiet, Instant::now() + bounds.setup);
    let message = message();
    for member in 0..members {
        crowd.send(member, &message, 1);
    }
    let marks = Marks { counted: MESSAGE, cue: SENT };
    let work = measure(&mut crowd, server, bounds, marks, members - 1, |crowd, got| {
        for got in got {
            crowd.send(got.connection, &message, got.cues);
        }
    });
    Ok(Row::work("deliveries", work))
}

fn idle(server: &Server, bounds: &Bounds, connections: usize) -> io::Result<Row> {
    let before = system::resident_bytes(server.pid());
    let mut crowd = Crowd::new()?;
    let deadline = Instant::now() + bounds.setup;
    crowd.join(server, connections, deadline, |number| (Some(number / ROOM_MEMBERS), USUAL))?;
    crowd.begin(bounds.quiet, Instant::now() + bounds.setup);
    let after = system::resident_bytes(server.pid());
    let used = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    match crowd.lost {
        0 => Ok(Row::memory(used.map(|bytes| bytes as f64 / connections as f64))),
        lost => Ok(Row::lost(lost)),
    }
}

/// Keeps the load up for the time given, and takes the difference between two looks at the server.
/// Each request that is sent has to bring about `each` marks.
fn measure(
    crowd: &mut Crowd,
    server: &Server,
    bounds: &Bounds,
    marks: Marks,
    each: usize,
    mut act: impl FnMut(&mut Crowd, &[Got]),
) -> Work {
    let mut keep_up = |crowd: &mut Crowd, duration: Duration| {
        let deadline = Instant::now() + duration;
        while Instant::now() < deadline {
            crowd.turn(marks, deadline, &mut act);
        }
    };
    keep_up(crowd, bounds.warm_up);
    let begin = (Instant::now(), CpuTime::of(server.pid()), crowd.counted);
    keep_up(crowd, bounds.measured);
    let end = (Instant::now(), CpuTime::of(server.pid()), crowd.counted);

    // Nothing is sent any more. What is under way has to come, and no more than that.
    let due = crowd.sent * each as u64;
    let deadline = Instant::now() + bounds.setup;
    while crowd.counted < due && crowd.lost == 0 && Instant::now() < deadline {
        crowd.turn(marks, deadline, |_, _| {});
    }
    crowd.turn(marks, Instant::now() + bounds.quiet, |_, _| {});
    Work {
        count: end.2 - begin.2,
        wall: end.0 - begin.0,
        cpu: begin.1.zip(end.1).map(|(begin, end)| end.since(begin)),
        due,
        came: crowd.counted,
        lost: crowd.lost,
    }
}

fn message() -> Vec<u8> {
    let text = format!("{}{}", MESSAGE as char, "x".repeat(TEXT_BYTES - 1));
    format!(r#"{{"method":"send_message","params":{{"message":"{text}"}}}}"#).into()
}
