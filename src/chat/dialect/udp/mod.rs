//! `udp`: one JSON object a datagram, `{"type","id", …}` flat.
//!
//! The protocol of seed 004 over datagrams. A client sends a request again until it is answered, so
//! a request that comes again is done once (`window`); events are sent once and may get lost,
//! which their `seq` shows. What a request is and does is told in `flat`. How many datagrams
//! a peer may send, what it is sent before its address is confirmed, and when it has been silent for
//! too long is the transport's business.

#[cfg(all(test, feature = "client"))]
mod simulation;
mod window;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use super::flat::{self, Answer, Method, Refusal, Request};
use super::form::Form;
use super::house::{House, send};
use super::{Fx, UDP};
use crate::chat::RoomRef;
use crate::rpc::framing::{Fault, Framing, LengthPrefix, length_prefix};
use crate::rpc::{Accepted, Admission, ConnId, End, Service, json};

use window::{Kept, Window};

/// How many times longer than other peers one may be silent that has never pinged.
const PATIENCE_BEFORE_PING: u32 = 15;

/// What the dialect is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpSettings {
    /// The longest datagram that is taken and sent, in bytes.
    pub datagram_bytes: usize,
    /// How long a peer may be silent before it is forgotten; 15 times that before it first pings.
    pub idle_timeout: Duration,
    /// How many requests of each peer are remembered, so that none is done twice.
    pub remembered_ids: usize,
    /// Whether a peer on an address that is not loopback is sent little until it has sent its token
    /// back.
    pub require_token: bool,
}

impl Default for UdpSettings {
    fn default() -> UdpSettings {
        UdpSettings {
            datagram_bytes: 8 * 1024,
            idle_timeout: Duration::from_secs(60),
            remembered_ids: 1024,
            require_token: true,
        }
    }
}

/// What the dialect keeps in the house.
#[derive(Default)]
pub(super) struct Own {
    peers: HashMap<ConnId, Peer>,
    /// The key is nobody else's, so that nobody can make two datagrams look alike.
    hasher: RandomState,
}

/// What is known of a peer besides its session.
struct Peer {
    /// 16 hex digits that only whoever receives at its address can know.
    token: Box<str>,
    /// The longest datagram that it is sent, and that is taken from it: a reload changes that of
    /// those who come later.
    datagram_bytes: usize,
    window: Window,
}

/// A datagram each. What stands in front of it is for the transport alone.
pub(super) static FORM: Form = Form {
    frame: length_prefix::frame,
    echoes: flat::echoes,
    farewell: flat::farewell,
    ..Form::new(flat::encode)
};

/// The service to listen for datagrams with.
pub fn service() -> impl Service<House> {
    Udp
}

struct Udp;

impl Service<House> for Udp {
    fn framing(&self, house: &House, _: &Accepted) -> Box<dyn Framing> {
        Box::new(LengthPrefix::new(house.settings.udp.datagram_bytes))
    }

    fn stranger(
        &self,
        house: &mut House,
        _: &mut Fx,
        from: SocketAddr,
        datagram: &[u8],
        reply: &mut Vec<u8>,
    ) -> Option<Admission> {
        match judge_stranger(house, datagram) {
            Verdict::Admit => {
                let UdpSettings { require_token, idle_timeout, .. } = house.settings.udp;
                Some(Admission {
                    confirmed: !require_token || from.ip().to_canonical().is_loopback(),
                    patience: idle_timeout.saturating_mul(PATIENCE_BEFORE_PING),
                })
            }
            Verdict::Refuse(id, refusal) => {
                refusal.write(id, reply);
                None
            }
            Verdict::PassOver => None,
        }
    }

    fn opened(&self, house: &mut House, fx: &mut Fx, conn: ConnId) {
        fx.set_form(conn, UDP);
        house.open(fx, conn);
        let token = format!("{:016x}", house.chat.random()).into();
        let datagram_bytes = house.settings.udp.datagram_bytes;
        let peer = Peer { token, datagram_bytes, window: Window::default() };
        house.own.udp.peers.insert(conn, peer);
    }

    fn frame(&self, house: &mut House, fx: &mut Fx, conn: ConnId, datagram: &[u8]) {
        let Some(peer) = house.own.udp.peers.get(&conn) else { return };
        if datagram.len() > peer.datagram_bytes {
            return send(fx, conn, |out| Refusal::LINE_TOO_LONG.write(None, out));
        }
        let depth_max = house.settings.json.depth;
        let (request, token) = Request::parse_with_token(datagram, depth_max);
        if let Some(token) = token
            && !fx.is_confirmed(conn)
            && json::unescape(token).as_deref() == Some(&*peer.token)
        {
            fx.confirm(conn);
        }
        match request {
            // Were it answered, two servers, each the other's peer by forged joins, could be set to
            // answering each other without end.
            Ok(Request { method: Method::Answer, .. }) => {}
            Ok(Request { id: Some(id), method }) => {
                serve(house, fx, conn, (id, &method), datagram);
            }
            Ok(Request { id: None, .. }) => {
                send(fx, conn, |out| Refusal::INVALID_ID.write(None, out));
            }
            Err(refusal) => send(fx, conn, |out| refusal.write(None, out)),
        }
    }

    /// There is no stream that could be faulty.
    fn fault(&self, _: &mut House, _: &mut Fx, _: ConnId, _: Fault) {}

    fn closed(&self, house: &mut House, fx: &mut Fx, conn: ConnId, _: &End) {
        house.own.udp.peers.remove(&conn);
        house.close(fx, conn);
    }

    fn stopping(&self, house: &mut House, fx: &mut Fx) {
        house.farewell(fx, &[UDP]);
    }
}

// ---- strangers ---------------------------------------------------------------------------------

/// What becomes of a stranger's datagram.
enum Verdict<'a> {
    /// It is a join that can be done. (Were it found out only when it is done, the peer would have to
    /// be ended again, and what comes right behind it would be lost.)
    Admit,
    /// It is answered, with the id it bears.
    Refuse(Option<&'a str>, Refusal),
    /// It is not even answered.
    PassOver,
}

/// Looks at a stranger's datagram and changes nothing.
fn judge_stranger<'a>(house: &House, datagram: &'a [u8]) -> Verdict<'a> {
    if datagram.len() > house.settings.udp.datagram_bytes {
        return Verdict::Refuse(None, Refusal::LINE_TOO_LONG);
    }
    let request = match Request::parse_with_token(datagram, house.settings.json.depth).0 {
        Ok(request) => request,
        Err(refusal) => return Verdict::Refuse(None, refusal),
    };
    let Request { id, method } = request;
    if method == Method::Answer {
        // Errors are among them, and all that strangers are told. Were they answered, two servers
        // could be set to answering each other without end.
        return Verdict::PassOver;
    }
    if id.is_none() {
        return Verdict::Refuse(None, Refusal::INVALID_ID);
    }
    let refusal = match method {
        Method::Join { room, user } => {
            let (room, user) = (room.unwrap_or_default(), user.unwrap_or_default());
            let checked = house.chat.check_room_name(&room);
            let join = |()| house.chat.check_newcomer(&user, RoomRef::NameOrId(&room));
            match checked.and_then(join) {
                Ok(()) => return Verdict::Admit,
                Err(error) => error.into(),
            }
        }
        Method::Unknown => Refusal::UNKNOWN_TYPE,
        _ => Refusal::JOIN_FIRST,
    };
    Verdict::Refuse(id, refusal)
}

// ---- peers -------------------------------------------------------------------------------------

/// Does a request of a peer, unless it is one that was done already, and answers it.
fn serve(
    house: &mut House,
    fx: &mut Fx,
    conn: ConnId,
    (id, method): (&str, &Method<'_>),
    datagram: &[u8],
) {
    match method {
        Method::Join { .. } | Method::Message { .. } | Method::Leave => {
            serve_once(house, fx, conn, (id, method), datagram);
        }
        _ => {
            if *method == Method::Ping {
                fx.set_patience(conn, house.settings.udp.idle_timeout);
            }
            let bytes_max = house.own.udp.peers.get(&conn).map_or(0, |peer| peer.datagram_bytes);
            match method.perform(house, fx, conn) {
                Ok(answer) => send(fx, conn, |out| answer.write(house, Some(id), bytes_max, out)),
                Err(refusal) => send(fx, conn, |out| refusal.write(Some(id), out)),
            }
        }
    }
}

fn serve_once(
    house: &mut House,
    fx: &mut Fx,
    conn: ConnId,
    (id, method): (&str, &Method<'_>),
    datagram: &[u8],
) {
    let hash = house.own.udp.hasher.hash_one(datagram);
    let Some(peer) = house.own.udp.peers.get(&conn) else { return };
    if let Some(known) = peer.window.find(hash) {
        return send(fx, conn, |out| known.write(id, &peer.token, out));
    }
    let answer = match method.perform(house, fx, conn) {
        Ok(answer) => kept(house, answer),
        Err(refusal) => Kept::Refused(Box::new(refusal)),
    };
    let remembered_max = house.settings.udp.remembered_ids;
    let Some(peer) = house.own.udp.peers.get_mut(&conn) else { return };
    send(fx, conn, |out| answer.write(id, &peer.token, out));
    peer.window.remember(hash, answer, remembered_max);
    // Behind the answer: who has not sent its token back is sent answers first.
    house.deliver(fx);
}

/// An answer as it is remembered.
fn kept(house: &House, answer: Answer) -> Kept {
    match answer {
        Answer::Said { seq } => Kept::Said(seq),
        Answer::Joined { room, seq } => {
            Kept::Joined(Box::new((flat::epoch(house, room).into(), seq)))
        }
        _ => Kept::Done,
    }
}
