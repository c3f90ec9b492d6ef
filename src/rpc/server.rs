//! The server: one `Poll`, one loop, and the order of its phases.

use mio::{Events, Poll, Token, Waker};
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Error;
use super::connection::{ConnId, Connection, End, Stage};
use super::effects::{Effects, ServiceId};
use super::framing::Keepalive;
use super::handle::{Handle, Message};
use super::limits::Limits;
use super::link::Link;
use super::listener::{FIRST_TOKEN, Listeners};
use super::service::{Accepted, Service};
use super::timer::Deadline;
use super::timer::Timers;
use super::transport::{DATAGRAMS_TURN_MAX, Transport};
use super::worker::Workers;

/// How many events one turn takes from the system.
const EVENTS_MAX: usize = 4096;

/// The waker's token; no listener gets that far.
const WAKER: Token = Token(usize::MAX);

/// How many messages from other threads one turn takes.
const MESSAGES_SHARE: usize = 1024;

/// Worker threads, and jobs that may wait for one, unless set otherwise.
const WORKERS: usize = 2;
const WORKER_QUEUE_MAX: usize = 64;

/// A single-threaded server: the sockets, the loop, and the state `S` that its handlers share.
///
/// The thread that calls [`run`](Self::run) owns everything. A *turn* is one pass of the loop:
///
/// 1. wait for events, until the nearest deadline;
/// 2. accept;
/// 3. read, decode and dispatch, each connection and all together up to a share;
/// 4. messages from other threads, among them completions of worker jobs;
/// 5. deadlines and timers;
/// 6. tell services which connections ended;
/// 7. flush: write to every connection with output, once;
/// 8. free what is closed.
pub struct Server<S: 'static> {
    poll: Poll,
    events: Events,
    messages: Receiver<Message<S>>,
    pub(super) state: S,
    pub(super) fx: Effects<S>,
    /// What every read goes into; connections keep only what is incomplete.
    pub(super) scratch: Vec<u8>,
    /// What the frames of this turn hold.
    pub(super) frames_bytes: usize,
}

impl<S: 'static> Server<S> {
    /// A server with default [`Limits`] and nothing to listen on yet.
    ///
    /// # Errors
    /// [`Error::Poll`] when the system gives no event queue.
    pub fn new(state: S) -> Result<Server<S>, Error> {
        Server::with(|_| state)
    }

    /// Like [`new`](Self::new), for a state that needs something of the transport, such as a group.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(init: impl FnOnce(&mut Effects<S>) -> S) -> Result<Server<S>, Error> {
        let poll = Poll::new().map_err(Error::Poll)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(Error::Poll)?);
        let registry = poll.registry().try_clone().map_err(Error::Poll)?;
        let (sender, messages) = channel();
        let mut fx = Effects {
            transport: Transport::new(Limits::default()),
            listeners: Listeners::default(),
            services: Vec::new(),
            timers: Timers::new(),
            workers: Workers::new(WORKERS, WORKER_QUEUE_MAX),
            handle: Handle::new(sender, waker),
            registry,
            stop_requested: false,
            unix_ms: 0,
        };
        fx.begin_turn();
        Ok(Server {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            messages,
            state: init(&mut fx),
            fx,
            scratch: vec![0; super::dispatch::READ_BYTES],
            frames_bytes: 0,
        })
    }

    /// Sets how many worker threads there are, and how many jobs may wait for one. To be called
    /// before there are jobs.
    pub fn set_workers(&mut self, threads: usize, queue_max: usize) {
        self.fx.workers = Workers::new(threads, queue_max);
    }

    /// Opens a listener for a service; gives the address it is bound to. Port 0 takes a free port.
    ///
    /// # Errors
    /// As [`Effects::listen`].
    pub fn listen(
        &mut self,
        address: impl ToSocketAddrs + std::fmt::Debug,
        service: impl Service<S> + 'static,
    ) -> Result<SocketAddr, Error> {
        let service = self.fx.add_service(service);
        let listener = self.fx.listen(address, service)?;
        Ok(self.fx.listener_addr(listener).expect("a listener just opened is there"))
    }

    /// Opens a listener for datagrams; gives the address it is bound to. Port 0 takes a free port.
    ///
    /// # Errors
    /// As [`Effects::listen_datagrams`].
    pub fn listen_datagrams(
        &mut self,
        address: impl ToSocketAddrs + std::fmt::Debug,
        service: impl Service<S> + 'static,
    ) -> Result<SocketAddr, Error> {
        let service = self.fx.add_service(service);
        let listener = self.fx.listen_datagrams(address, service)?;
        Ok(self.fx.listener_addr(listener).expect("a listener just opened is there"))
    }

    /// The state that handlers share.
    pub fn state(&mut self) -> &mut S {
        &mut self.state
    }

    /// What may be asked of the transport, before the loop runs or between turns.
    pub fn effects(&mut self) -> &mut Effects<S> {
        &mut self.fx
    }

    /// The state and the transport together, as a handler has them.
    pub fn parts(&mut self) -> (&mut S, &mut Effects<S>) {
        (&mut self.state, &mut self.fx)
    }

    /// A handle to reach this server from other threads.
    pub fn handle(&self) -> Handle<S> {
        self.fx.handle()
    }

    /// Runs turns until [`Effects::stop`] or [`Handle::stop`], then closes everything.
    ///
    /// # Errors
    /// [`Error::Poll`] when the event queue fails.
    pub fn run(&mut self) -> Result<(), Error> {
        while !self.fx.stop_requested {
            self.turn(None)?;
        }
        self.shut_down()
    }

    /// Runs one turn; waits for an event at most `timeout` (`None`: as long as it takes).
    ///
    /// # Errors
    /// [`Error::Poll`] when the event queue fails.
    pub fn turn(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        self.wait(timeout)?;
        self.fx.begin_turn();
        self.take_events();
        self.accept();
        self.serve_input();
        self.take_messages();
        self.take_timers();
        self.tell_ends();
        self.fx.transport.flush();
        self.reap();
        Ok(())
    }

    /// Phase 1: waits for events, but not when there is work left.
    fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        let timeout = self.time_to_wait(timeout);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other.map_err(Error::Poll),
        }
    }

    fn time_to_wait(&self, timeout: Option<Duration>) -> Option<Duration> {
        let transport = &self.fx.transport;
        let work_left = !transport.ready.is_empty()
            || !transport.ended.is_empty()
            || !transport.gone.is_empty()
            || !transport.dirty.is_empty()
            || !transport.groups.touched.is_empty();
        if work_left {
            return Some(Duration::ZERO);
        }
        let deadlines = [transport.deadlines.next(), self.fx.timers.next()];
        let mut next = deadlines.into_iter().flatten().min();
        if let Some(attempt) = self.fx.listeners.next_attempt(transport.now) {
            next = Some(next.map_or(attempt, |next| next.min(attempt)));
        }
        let until_next = next.map(|next| next.saturating_duration_since(Instant::now()));
        match (until_next, timeout) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Notes what the events say; the work is done phase by phase.
    fn take_events(&mut self) {
        let Effects { transport, listeners, .. } = &mut self.fx;
        for event in &self.events {
            let token = event.token();
            if token == WAKER {
                continue;
            }
            if token.0 >= FIRST_TOKEN {
                listeners.mark_ready(token);
                continue;
            }
            let slot = token.0 as u32;
            let Some(connection) = transport.connections.get_mut(token.0) else { continue };
            if event.is_writable() && (connection.blocked || connection.link.holds_output()) {
                connection.blocked = false;
                transport.mark_dirty(slot);
            }
            transport.note_readable(slot, event);
        }
    }

    /// Phase 2.
    fn accept(&mut self) {
        let Server { state, fx, .. } = self;
        let mut accepted = Vec::new();
        fx.listeners.accept(fx.transport.now, |link, peer, service| {
            accepted.push((link, peer, service));
        });
        for (link, peer, service) in accepted {
            if let Some(id) = fx.admit(state, link, peer, service) {
                let service = Rc::clone(&fx.services[service.0 as usize]);
                service.opened(state, fx, id);
            }
        }
    }

    /// Phase 4.
    fn take_messages(&mut self) {
        for _ in 0..MESSAGES_SHARE {
            let Ok(message) = self.messages.try_recv() else { return };
            message(&mut self.state, &mut self.fx);
        }
        // More may be waiting, and their wake-up may have been taken already.
        self.fx.handle.post(|_, _| {});
    }

    /// Phase 5.
    fn take_timers(&mut self) {
        let now = self.fx.transport.now;
        while let Some((id, what)) = self.fx.transport.deadlines.pop(now) {
            self.fx.transport.expire(id, what);
        }
        let mark = self.fx.timers.mark();
        while let Some(callback) = self.fx.timers.pop(now, mark) {
            callback(&mut self.state, &mut self.fx);
        }
    }

    /// Phase 6: those who ended have left all their groups by now, so no one is told of a leave
    /// who is leaving too. Where telling it makes very many datagrams, the other ends wait for the
    /// next turn; one is told in any case.
    fn tell_ends(&mut self) {
        let datagrams_max = self.fx.transport.datagrams.saturating_add(DATAGRAMS_TURN_MAX);
        while !self.fx.transport.ended.is_empty() {
            let mut ended = std::mem::take(&mut self.fx.transport.ended).into_iter();
            for id in ended.by_ref() {
                self.tell_end(id);
                if self.fx.transport.datagrams > datagrams_max {
                    break;
                }
            }
            if ended.len() > 0 {
                let later = std::mem::take(&mut self.fx.transport.ended);
                self.fx.transport.ended = ended.chain(later).collect();
                return;
            }
        }
    }

    fn tell_end(&mut self, id: ConnId) {
        let Some(connection) = self.fx.transport.get_mut(id) else { return };
        connection.told = true;
        let Some(end) = connection.end.take() else { return };
        let (service, peer) = (connection.service as usize, connection.peer);
        log_end(id, peer, &end);
        let service = Rc::clone(&self.fx.services[service]);
        service.closed(&mut self.state, &mut self.fx, id, &end);
    }

    /// Phase 8: frees the slots of connections whose link is finished.
    fn reap(&mut self) {
        let Effects { transport, listeners, .. } = &mut self.fx;
        let gone = std::mem::take(&mut transport.gone);
        for id in gone {
            match transport.get(id) {
                Some(connection) if connection.told => {
                    let connection = transport.connections.remove(id.slot as usize);
                    if let Link::Datagram(link) = &connection.link {
                        transport.unconfirmed -= usize::from(!link.is_confirmed());
                        listeners.forget_peer(link.listener, connection.peer);
                    }
                }
                Some(_) => transport.gone.push(id),
                None => {}
            }
        }
    }

    /// Closes everything in good order, for at most `Limits::flush`.
    fn shut_down(&mut self) -> Result<(), Error> {
        self.fx.listeners.close_all();
        for service in self.fx.services.clone() {
            service.stopping(&mut self.state, &mut self.fx);
        }
        let transport = &mut self.fx.transport;
        let ids: Vec<ConnId> = (transport.connections.iter())
            .map(|(slot, connection)| ConnId { slot: slot as u32, serial: connection.serial })
            .collect();
        for id in ids {
            transport.close(id, End::Stop);
        }
        let deadline = Instant::now() + transport.limits.flush;
        while !self.fx.transport.connections.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.turn(Some(left))?;
        }
        Ok(())
    }
}

impl<S: 'static> Effects<S> {
    /// Takes a new connection in, unless there are too many.
    fn admit(
        &mut self,
        state: &S,
        mut link: Link,
        peer: SocketAddr,
        service: ServiceId,
    ) -> Option<ConnId> {
        let transport = &mut self.transport;
        if transport.connections.len() >= transport.limits.connections {
            log::debug!("{peer}: refused, {} connections already", transport.connections.len());
            return None;
        }
        let serial = transport.next_serial();
        let entry = transport.connections.vacant_entry();
        let slot = entry.key();
        let local = link
            .prepare(&self.registry, Token(slot))
            .inspect_err(|error| log::warn!("{peer}: cannot be served: {error}"))
            .ok()?;
        let accepted = Accepted { peer, local, secure: link.is_secure() };
        let framing = self.services[service.0 as usize].framing(state, &accepted);
        let keepalive = framing.keepalive().filter(|_| framing.is_open());
        let limits = Rc::clone(&transport.limits);
        entry.insert(Connection::new(link, serial, service.0, peer, Some(framing), limits));
        let id = ConnId { slot: slot as u32, serial };
        transport.set_opening_deadlines(id, keepalive);
        log::debug!("{id} {peer}: connected");
        Some(id)
    }
}

impl Transport {
    /// The deadlines of a connection that was just accepted.
    fn set_opening_deadlines(&mut self, id: ConnId, keepalive: Option<Keepalive>) {
        let (now, limits) = (self.now, Rc::clone(&self.limits));
        if let Some(silence) = limits.silence {
            self.set_deadline(now + silence, id, Deadline::Silence);
        }
        if !self.get(id).is_some_and(Connection::is_established) {
            self.set_deadline(now + limits.handshake, id, Deadline::Handshake);
        }
        self.begin_keepalive(id, keepalive);
    }

    fn note_readable(&mut self, slot: u32, event: &mio::event::Event) {
        let connection = &mut self.connections[slot as usize];
        let hung_up = event.is_read_closed() || event.is_error();
        if !hung_up && !event.is_readable() {
            return;
        }
        connection.readable = true;
        // Every later event says so again.
        let hangs_up = hung_up && !connection.hung_up;
        connection.hung_up |= hung_up;
        if event.is_error() && !connection.takes_input() {
            // Reading is what would notice a reset, and this connection is not read.
            let id = ConnId { slot, serial: connection.serial };
            let kind = std::io::ErrorKind::ConnectionReset;
            self.kill(id, End::Link(kind.into()));
        } else if hangs_up && connection.paused {
            self.time_deaf_end(slot);
        } else if connection.takes_input() || connection.stage == Stage::Lingering {
            self.queue(slot);
        }
    }
}

fn log_end(id: ConnId, peer: SocketAddr, end: &End) {
    match end {
        End::Slow(_) => log::warn!("{id} {peer}: {end}"),
        _ => log::debug!("{id} {peer}: {end}"),
    }
}
