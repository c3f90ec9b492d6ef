//! What a service asks of the transport.

use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use super::Error;
use super::connection::{ConnId, End, Stage};
use super::deferred::{Meanwhile, Ticket};
use super::group::GroupId;
use super::handle::Handle;
use super::limits::Limits;
use super::link::Link;
use super::listener::{ListenerId, Listeners};
use super::service::Service;
use super::timer::{Deadline, TimerId, Timers};
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::transport::Transport;
use super::worker::{Busy, Completion, Lost, Workers};

/// The effects queue: everything a handler may ask of the transport.
///
/// Calls return at once and touch no socket. Bytes land, in the order of the calls, in the outboxes
/// of their receivers; the flush at the end of the turn hands them to the kernel, one write a
/// connection. A connection or group that is gone is not an error: the call does nothing.
pub struct Effects<S: 'static> {
    pub(super) transport: Transport,
    pub(super) listeners: Listeners,
    pub(super) services: Vec<Rc<dyn Service<S>>>,
    pub(super) timers: Timers<S>,
    pub(super) workers: Workers,
    pub(super) handle: Handle<S>,
    pub(super) registry: mio::Registry,
    pub(super) stop_requested: bool,
    pub(super) unix_ms: u64,
}

/// A service that a server knows; see [`Effects::add_service`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServiceId(pub(super) u16);

impl<S: 'static> Effects<S> {
    // ---- bytes ---------------------------------------------------------------------------------

    /// Sends `bytes` to one connection, after all that was published to it so far.
    pub fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.transport.send(conn, |buffer| buffer.extend_from_slice(bytes));
    }

    /// Like [`send`](Self::send), with the bytes written by `encode`, which must only append. Where
    /// the connection takes no output any more it is not called.
    pub fn send_with(&mut self, conn: ConnId, encode: impl FnOnce(&mut Vec<u8>)) {
        self.transport.send(conn, encode);
    }

    /// Says that what was just sent to a connection is so many bytes shorter than what was encoded
    /// for it, which is what compressing costs by. They count against the connection's share of the
    /// turn like those that it was sent.
    pub fn count_saved(&mut self, conn: ConnId, bytes: usize) {
        self.transport.count_saved(conn, bytes);
    }

    /// Like [`send_with`](Self::send_with), with a look at the transport for `encode`.
    pub(super) fn send_looking(
        &mut self,
        conn: ConnId,
        encode: impl FnOnce(&Effects<S>, &mut Vec<u8>),
    ) {
        if self.transport.begin_answer(conn) {
            let mut answers = std::mem::take(&mut self.transport.answers);
            let start = answers.len();
            encode(self, &mut answers);
            self.transport.answers = answers;
            self.transport.end_answer(conn, start);
        }
    }

    /// Sends what `encode` appends to every member of `group` but `except`. Encoded once, and not
    /// at all when nobody would get it.
    pub fn publish(
        &mut self,
        group: GroupId,
        except: Option<ConnId>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        self.transport.publish(group, except, encode);
    }

    // ---- groups --------------------------------------------------------------------------------

    /// Makes an empty group.
    pub fn new_group(&mut self) -> GroupId {
        self.transport.groups.insert()
    }

    /// Removes a group. What was published to it still reaches its members.
    pub fn remove_group(&mut self, group: GroupId) {
        self.transport.remove_group(group);
    }

    /// Adds a connection to a group: it receives what is published from now on.
    pub fn join_group(&mut self, group: GroupId, conn: ConnId) {
        self.transport.join_group(group, conn);
    }

    /// Takes a connection out of a group: it receives nothing that is published from now on.
    pub fn leave_group(&mut self, group: GroupId, conn: ConnId) {
        self.transport.leave_group(group, conn);
    }

    /// How many connections are in a group.
    pub fn group_len(&self, group: GroupId) -> usize {
        self.transport.groups.get(group).map_or(0, |group| group.members.len())
    }

    // ---- connections ---------------------------------------------------------------------------

    /// Closes a connection in good order: what was sent to it still arrives; what it sent and was
    /// not served yet is dropped.
    pub fn close(&mut self, conn: ConnId) {
        self.transport.close(conn, End::Service);
    }

    /// Closes a connection at once, without what is still queued for it.
    pub fn abort(&mut self, conn: ConnId) {
        self.transport.kill(conn, End::Service);
    }

    /// Whether a connection still takes output.
    pub fn is_open(&self, conn: ConnId) -> bool {
        self.transport.get(conn).is_some_and(|connection| connection.takes_output())
    }

    /// The peer's address. `None` when the connection is gone.
    pub fn peer_addr(&self, conn: ConnId) -> Option<SocketAddr> {
        self.transport.get(conn).map(|connection| connection.peer)
    }

    /// Whether a connection is encrypted. (One over loopback may be as good: see
    /// [`peer_addr`](Self::peer_addr).)
    pub fn is_secure(&self, conn: ConnId) -> bool {
        self.transport.get(conn).is_some_and(|connection| connection.link.is_secure())
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.transport.connections.len()
    }

    /// The word kept with a connection by [`set_session`](Self::set_session); 0 at first.
    pub fn session(&self, conn: ConnId) -> u64 {
        self.transport.get(conn).map_or(0, |connection| connection.session)
    }

    /// Keeps a word of the application's with a connection, such as the number of its session.
    pub fn set_session(&mut self, conn: ConnId, session: u64) {
        if let Some(connection) = self.transport.get_mut(conn) {
            connection.session = session;
        }
    }

    /// Which of its service's forms a connection is sent; 0 at first.
    pub fn form(&self, conn: ConnId) -> u8 {
        self.transport.get(conn).map_or(0, |connection| connection.form)
    }

    /// Sets the form a connection is sent. The numbers are the service's own.
    pub fn set_form(&mut self, conn: ConnId, form: u8) {
        if let Some(connection) = self.transport.get_mut(conn) {
            connection.form = form;
        }
    }

    /// The service a connection belongs to.
    pub fn service_of(&self, conn: ConnId) -> Option<ServiceId> {
        self.transport.get(conn).map(|connection| ServiceId(connection.service))
    }

    /// Notes that a datagram peer has the address that it sends from: from now on it is sent
    /// everything, not only three times the bytes that came from it.
    pub fn confirm(&mut self, conn: ConnId) {
        if let Some(link) = self.transport.datagram_link_mut(conn)
            && !link.is_confirmed()
        {
            link.confirm();
            self.transport.unconfirmed -= 1;
        }
    }

    /// Whether a peer is known to have the address that it sends from: always so with a stream, and
    /// with a datagram peer that was admitted so or [confirmed](Self::confirm).
    pub fn is_confirmed(&self, conn: ConnId) -> bool {
        self.transport.get(conn).is_some_and(|connection| match &connection.link {
            Link::Datagram(link) => link.is_confirmed(),
            _ => true,
        })
    }

    /// Sets how long nothing may come from a datagram peer before its connection ends with
    /// [`End::Silent`]; counted from when something came last. Does nothing to a stream.
    pub fn set_patience(&mut self, conn: ConnId, patience: Duration) {
        self.transport.set_patience(conn, patience);
    }

    // ---- later ---------------------------------------------------------------------------------

    /// Opens a ticket: an answer that will come later.
    pub fn defer(&mut self, conn: ConnId, meanwhile: Meanwhile) -> Ticket {
        if let Some(connection) = self.transport.get_mut(conn) {
            connection.tickets += 1;
            connection.holds += u32::from(meanwhile == Meanwhile::Wait);
        }
        Ticket { conn, meanwhile }
    }

    /// Settles a ticket; to be called before its answer is sent. `None` when the connection takes
    /// no answer any more.
    pub fn settle(&mut self, ticket: Ticket) -> Option<ConnId> {
        let id = ticket.conn;
        let now = self.transport.now;
        let connection = self.transport.get_mut(id)?;
        let until = now + connection.limits.flush;
        connection.tickets -= 1;
        connection.holds -= u32::from(ticket.meanwhile == Meanwhile::Wait);
        if connection.stage == Stage::HalfClosed && connection.tickets == 0 {
            self.transport.set_deadline(until, id, Deadline::Flush);
            self.transport.mark_dirty(id.slot);
        } else {
            self.transport.resume(id.slot);
        }
        self.is_open(id).then_some(id)
    }

    /// Whether [`work`](Self::work) would refuse a job now.
    pub fn is_busy(&self) -> bool {
        self.workers.is_busy()
    }

    /// Runs `job` on a worker thread, then `done` on the loop with its result; `done` runs in any
    /// case, with [`Lost`] if the job panicked.
    ///
    /// # Errors
    /// [`Busy`] when too many jobs are waiting; then neither `job` nor `done` runs.
    pub fn work<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut S, &mut Effects<S>, Result<T, Lost>) + Send + 'static,
    ) -> Result<(), Busy> {
        if self.workers.is_busy() {
            return Err(Busy);
        }
        let completion = Completion::new(self.handle.clone(), done);
        self.workers.submit(Box::new(move || completion.finish(job())));
        Ok(())
    }

    pub(super) fn job_completed(&mut self) {
        self.workers.completed();
    }

    /// Calls `callback` after `delay`.
    pub fn after(
        &mut self,
        delay: Duration,
        callback: impl FnOnce(&mut S, &mut Effects<S>) + 'static,
    ) -> TimerId {
        self.timers.insert(self.transport.now + delay, Box::new(callback))
    }

    /// Cancels a timer; does nothing when it has come up already.
    pub fn cancel(&mut self, timer: TimerId) {
        self.timers.cancel(timer);
    }

    /// When this turn began, by the monotonic clock.
    pub fn now(&self) -> Instant {
        self.transport.now
    }

    /// When this turn began, in milliseconds since the Unix epoch.
    pub fn unix_ms(&self) -> u64 {
        self.unix_ms
    }

    // ---- the server ----------------------------------------------------------------------------

    /// Adds a service, to be listened for with [`listen`](Self::listen).
    pub fn add_service(&mut self, service: impl Service<S> + 'static) -> ServiceId {
        self.services.push(Rc::new(service));
        ServiceId((self.services.len() - 1) as u16)
    }

    /// Opens a listener for a service. Port 0 takes a free port.
    ///
    /// # Errors
    /// [`Error::Address`] when `address` names none, [`Error::Listen`] when it cannot be listened
    /// on.
    pub fn listen(
        &mut self,
        address: impl ToSocketAddrs + std::fmt::Debug,
        service: ServiceId,
    ) -> Result<ListenerId, Error> {
        self.listeners.open(&self.registry, address, service)
    }

    /// Opens a listener for datagrams. Port 0 takes a free port. What its peers are sent and published
    /// must be made of frames by [`length_prefix::frame`](super::framing::length_prefix::frame); each
    /// goes out as one datagram, without the length.
    ///
    /// Where a listener was closed on the same address and still has peers, it opens again: they stay
    /// with the service they had, and those who come from now on are `service`'s.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    pub fn listen_datagrams(
        &mut self,
        address: impl ToSocketAddrs + std::fmt::Debug,
        service: ServiceId,
    ) -> Result<ListenerId, Error> {
        self.listeners.open_datagrams(&self.registry, address, service)
    }

    /// Has a listener speak TLS from now on, or no longer; the connections it accepted go on as they
    /// are. One that was opened in this turn has accepted none yet.
    #[cfg(feature = "tls")]
    pub fn set_tls(&mut self, listener: ListenerId, tls: Option<&Tls>) {
        self.listeners.set_tls(listener, tls.cloned());
    }

    /// Closes a listener; the connections it accepted stay. (One of datagrams keeps its socket for
    /// as long as it has peers.)
    pub fn unlisten(&mut self, listener: ListenerId) {
        self.listeners.close(listener);
    }

    /// The address a listener is bound to.
    pub fn listener_addr(&self, listener: ListenerId) -> Option<SocketAddr> {
        self.listeners.addr(listener)
    }

    /// The bounds for new connections.
    pub fn limits(&self) -> &Limits {
        &self.transport.limits
    }

    /// Sets the bounds for new connections; those that are there keep theirs.
    pub fn set_limits(&mut self, limits: Limits) {
        self.transport.limits = Rc::new(limits);
    }

    /// A handle to reach this server from other threads.
    pub fn handle(&self) -> Handle<S> {
        self.handle.clone()
    }

    /// Stops the server in good order: it accepts no one any more, tells its services, flushes what
    /// is queued, closes everyone (bounded by [`Limits::flush`]), and [`run`](super::Server::run)
    /// returns.
    pub fn stop(&mut self) {
        self.stop_requested = true;
    }

    /// Begins a turn: everything in it happens at one time.
    pub(super) fn begin_turn(&mut self) {
        self.transport.begin_turn();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.unix_ms = since.map_or(0, |since| since.as_millis() as u64);
    }
}
