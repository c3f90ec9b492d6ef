//! The thread that holds a client's link: one poll, one socket, and whatever is due.

#[cfg(test)]
mod tests;

use mio::{Events, Poll, Token, Waker};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::time::{Duration, Instant, SystemTime};

use super::call::Call;
use super::dial::Dial;
use super::error::ConnectError;
use super::event::Event;
use super::link::{Broken, Datagrams, Link};
use super::options::Options;
use super::reconnect::Waits;
use super::session::{Done, Session, Told};
use super::talk::talk;
use super::url::Url;

/// The socket's token.
pub(super) const SOCKET: Token = Token(0);

/// The token of the way in from other threads.
const WAKER: Token = Token(1);

/// A link that lasted so long was a good one: the next pauses are short again.
const STEADY: Duration = Duration::from_secs(10);

/// How long a server of datagrams remembers who is silent.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What other threads want.
pub(super) enum Input {
    Call(Call, Done),
    Stop,
}

/// The engine of one client.
pub(super) struct Engine {
    url: Url,
    options: Options,
    poll: Poll,
    waker: Arc<Waker>,
    inputs: Receiver<Input>,
    sink: Box<dyn FnMut(Event) + Send>,
    session: Session,
    phase: Phase,
    waits: Option<Waits>,
    /// Who waits for the first connection.
    first: Option<SyncSender<Result<(), ConnectError>>>,
    up_since: Instant,
    /// Whether there is more to read without being told so.
    more: bool,
    /// The socket of a lost link, and until when such a one is of use.
    kept: Option<Datagrams>,
    keeps_until: Instant,
}

enum Phase {
    Dialing(Box<Dial>),
    /// The link is open, the door has not let one in yet.
    Greeting(Link, Box<Dial>),
    Up(Link),
    /// Until the next try.
    Pausing(Instant),
    /// One has said goodbye, or does so once everything before is sent; the server has until then.
    Closing {
        link: Link,
        said: bool,
        until: Instant,
    },
    Ended,
}

/// How other threads reach an engine.
pub(super) type Reach = (Sender<Input>, Arc<Waker>);

impl Engine {
    /// An engine that is to be run on a thread of its own. `first` hears whether there is a first
    /// connection.
    pub(super) fn new(
        url: &Url,
        options: &Options,
        sink: Box<dyn FnMut(Event) + Send>,
        first: SyncSender<Result<(), ConnectError>>,
    ) -> Result<(Engine, Reach), ConnectError> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, inputs) = channel();
        let now = Instant::now();
        let options = &options.bounded();
        let engine = Engine {
            url: url.clone(),
            options: options.clone(),
            poll,
            waker: Arc::clone(&waker),
            inputs,
            sink,
            session: Session::new(url, options, now),
            phase: Phase::Pausing(now),
            waits: options.reconnect.map(Waits::new),
            first: Some(first),
            up_since: now,
            more: false,
            kept: None,
            keeps_until: now,
        };
        Ok((engine, (sender, waker)))
    }

    /// Runs until the client has ended.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(16);
        loop {
            let now = Instant::now();
            self.session.set_clock(SystemTime::now());
            self.take_inputs(now);
            self.go_on(now);
            self.tell();
            if matches!(self.phase, Phase::Ended) {
                return;
            }
            let timeout = match self.more {
                true => Some(Duration::ZERO),
                false => self.wake_at().map(|at| at.saturating_duration_since(Instant::now())),
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return self.end(error.to_string());
                }
                _ => {}
            }
        }
    }

    /// When to go on even if nothing happens. In the phases without a time of their own, the
    /// session's.
    fn wake_at(&self) -> Option<Instant> {
        let own = match &self.phase {
            Phase::Dialing(dial) => Some(dial.wake_at()),
            Phase::Greeting(_, dial) => Some(dial.patience()),
            Phase::Pausing(until) | Phase::Closing { until, .. } => Some(*until),
            Phase::Up(_) | Phase::Ended => None,
        };
        // When all is said, the session is asked no more.
        let session = match &self.phase {
            Phase::Closing { said: true, .. } => None,
            _ => self.session.wake_at(),
        };
        let link = match &self.phase {
            Phase::Greeting(link, _) | Phase::Up(link) | Phase::Closing { link, .. } => {
                link.wake_at()
            }
            _ => None,
        };
        own.into_iter().chain(link).chain(session).min()
    }

    fn take_inputs(&mut self, now: Instant) {
        while let Ok(input) = self.inputs.try_recv() {
            match input {
                Input::Call(call, done) => self.session.call(call, done, now),
                Input::Stop => self.stop(now),
            }
        }
    }

    /// Begins to say goodbye, if there is anybody to say it to.
    fn stop(&mut self, now: Instant) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Up(link) => {
                let until = now + self.options.goodbye_timeout;
                Phase::Closing { link, said: false, until }
            }
            closing @ Phase::Closing { .. } => closing,
            _ => Phase::Ended,
        };
    }

    /// Goes on as far as the socket and the time let it.
    fn go_on(&mut self, now: Instant) {
        self.more = false;
        loop {
            let (phase, goes_on) = match std::mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Dialing(dial) => self.dial(dial, now),
                Phase::Greeting(link, dial) => self.greet(link, dial, now),
                Phase::Up(mut link) => match self.pump(&mut link, now) {
                    Ok(()) => (Phase::Up(link), false),
                    Err(broken) => {
                        if self.session.is_settled() {
                            self.keeps_until = now + REMEMBERED;
                        }
                        self.keep(link, now);
                        (self.lost(broken.to_string(), now), false)
                    }
                },
                Phase::Pausing(until) if now < until => (Phase::Pausing(until), false),
                Phase::Pausing(_) if self.kept.is_some() => (self.dial_again(now), true),
                Phase::Pausing(_) => match Dial::new(&self.url, &self.options, &self.waker, now) {
                    Ok(dial) => (Phase::Dialing(Box::new(dial)), true),
                    Err(error) => (self.failed(error, now), false),
                },
                Phase::Closing { link, said, until } => (self.close(link, said, until, now), false),
                Phase::Ended => (Phase::Ended, false),
            };
            self.phase = phase;
            if !goes_on {
                return;
            }
        }
    }

    fn dial(&mut self, mut dial: Box<Dial>, now: Instant) -> (Phase, bool) {
        match dial.go_on(self.poll.registry(), now) {
            Ok(Some(link)) => (self.opened(link, dial, now), true),
            Ok(None) => (Phase::Dialing(dial), false),
            Err(error) => (self.failed(error, now), false),
        }
    }

    fn opened(&mut self, link: Link, dial: Box<Dial>, now: Instant) -> Phase {
        self.session.opened(talk(&self.url), now);
        Phase::Greeting(link, dial)
    }

    fn greet(&mut self, mut link: Link, dial: Box<Dial>, now: Instant) -> (Phase, bool) {
        let pumped = self.pump(&mut link, now);
        if !self.session.is_ready() {
            let error = match pumped {
                Ok(()) if now < dial.patience() && !link.is_given_up() => {
                    return (Phase::Greeting(link, dial), false);
                }
                Ok(()) => ConnectError::TimedOut,
                Err(broken) => broken.into(),
            };
            if dial.has_more() {
                self.session.lost();
                return (Phase::Dialing(dial), true);
            }
            self.keep(link, now);
            return (self.failed(error, now), false);
        }
        self.up_since = now;
        match self.first.take() {
            // Nobody waits any more if this fails, and then the client stops us.
            Some(first) => drop(first.send(Ok(()))),
            None => self.session.come_back(now),
        }
        (Phase::Up(link), true)
    }

    /// Sends what is to be sent, and hears what there is to hear.
    fn pump(&mut self, link: &mut Link, now: Instant) -> Result<(), Broken> {
        let sent = self.send(link, now);
        let session = &mut self.session;
        // Even if nothing can be sent any more: the server's last words may be there.
        let more = link.read(&mut |message| session.message(message, now))?;
        sent?;
        self.more |= more;
        // Behind what has come: if it is late, that is because something called back took its time.
        self.session.tick(now);
        self.send(link, now)?;
        match self.session.broken() {
            Some(why) => Err(Broken::Nonsense(why)),
            None => Ok(()),
        }
    }

    fn send(&mut self, link: &mut Link, now: Instant) -> Result<(), Broken> {
        for message in self.session.outbox() {
            link.send(message, now)?;
        }
        link.flush(now).map(drop)
    }

    /// Goes on saying goodbye, once everything before is sent.
    fn close(&mut self, mut link: Link, mut said: bool, until: Instant, now: Instant) -> Phase {
        if !said {
            if self.pump(&mut link, now).is_err() {
                return Phase::Ended;
            }
            let is_sent = !self.session.has_waiting() && matches!(link.flush(now), Ok(true));
            if is_sent || now >= until {
                self.session.say_goodbye(now);
                let _ = self.send(&mut link, now);
                link.close();
                said = true;
            }
        } else {
            // What of the goodbye has not left yet, or is not answered.
            let _ = link.flush(now);
        }
        // A link is dropped only when the other end has closed it, so that what was sent arrives.
        let over = said
            && match link.read(&mut |_| {}) {
                Ok(more) => {
                    self.more |= more;
                    false
                }
                Err(_) => true,
            };
        match over || now >= until {
            true => Phase::Ended,
            false => Phase::Closing { link, said, until },
        }
    }

    /// Tells the caller what there is to tell. What is called back may take its time, but not for
    /// ever: the link waits.
    fn tell(&mut self) {
        for told in self.session.told() {
            match told {
                Told::Event(event) => (self.sink)(event),
                Told::Done(done, result) => done.call(result),
            }
        }
    }

    /// Keeps the socket of datagrams for the next try: to the server, who sends from the same
    /// address is the same client. When it has forgotten that one, there is no use in it any more,
    /// and the host may have another address.
    fn keep(&mut self, link: Link, now: Instant) {
        if let Link::Datagrams(link) = link
            && now < self.keeps_until
        {
            self.kept = Some(*link);
        }
    }

    /// Uses that socket again.
    fn dial_again(&mut self, now: Instant) -> Phase {
        let Some(kept) = self.kept.take() else { return Phase::Pausing(now) };
        let again = Link::Datagrams(Box::new(kept.again(self.options.udp_retries)));
        let dial = Dial::to_nobody(&self.url, &self.options, now);
        self.opened(again, Box::new(dial), now)
    }

    // ---- when there is no link -----------------------------------------------------------------

    /// There will be no link this time.
    fn failed(&mut self, error: ConnectError, now: Instant) -> Phase {
        self.session.lost();
        if let Some(first) = self.first.take() {
            let _ = first.send(Err(error));
            return Phase::Ended;
        }
        if let ConnectError::Untrusted { .. } = error {
            // The certificate is another one than before. Trying again changes nothing.
            self.end(error.to_string());
            return Phase::Ended;
        }
        self.pause(error.to_string(), now)
    }

    /// The link is lost.
    fn lost(&mut self, reason: String, now: Instant) -> Phase {
        log::info!("{}: the link is lost: {reason:?}", self.url.door);
        self.session.lost();
        if let Some(waits) = self.waits.as_mut().filter(|_| now >= self.up_since + STEADY) {
            waits.reset();
        }
        self.pause(reason, now)
    }

    fn pause(&mut self, reason: String, now: Instant) -> Phase {
        self.tell();
        let Some(waits) = &mut self.waits else {
            self.end(reason);
            return Phase::Ended;
        };
        let retry_in = waits.next();
        (self.sink)(Event::Disconnected { reason, retry_in });
        Phase::Pausing(now + retry_in)
    }

    fn end(&mut self, reason: String) {
        self.tell();
        (self.sink)(Event::Ended { reason });
    }
}

impl From<Broken> for ConnectError {
    fn from(broken: Broken) -> ConnectError {
        match broken {
            Broken::Io(error) => ConnectError::Io(error),
            Broken::Closed(words) => {
                let words = if words.is_empty() { "the server closed it at once" } else { &words };
                ConnectError::Io(io::Error::new(ErrorKind::UnexpectedEof, words))
            }
            Broken::Nonsense(why) => ConnectError::NotThatDoor(why),
        }
    }
}
