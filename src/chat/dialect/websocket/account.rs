//! Accounts in `parlance.v1`: `register`, `login` and `logout`.
//!
//! What comes of a name and a password is the desk's to say. Here it is decided over which
//! connections a password may come, and how the answer looks.

use std::borrow::Cow;
use std::net::IpAddr;

use super::super::Fx;
use super::super::desk::Verdict;
use super::super::house::{House, send, session_of};
use super::forms::write_text;
use super::v1::{Refusal, Request, answer, answer_named, parts, refuse, text};
use super::{take_client_name, words};
use crate::chat::Error;
use crate::rpc::ConnId;

/// Whether somebody on this connection can log in.
pub(super) fn is_to_be_had(house: &House, fx: &Fx, conn: ConnId) -> bool {
    let peer = fx.peer_addr(conn);
    house.desk.is_some() && peer.is_some_and(|peer| is_private(fx.is_secure(conn), peer.ip()))
}

/// Whether nobody else reads what goes over a connection.
fn is_private(secure: bool, peer: IpAddr) -> bool {
    secure || peer.to_canonical().is_loopback()
}

pub(super) fn register(
    house: &mut House,
    fx: &mut Fx,
    request: &Request<'_>,
) -> Result<(), Refusal> {
    let (name, password) = credentials(house, fx, request)?;
    let asked = Asked::of(request);
    house.register(fx, request.conn, (&name, &password), |house, fx, conn, verdict| {
        asked.end(house, fx, conn, verdict);
    });
    Ok(())
}

pub(super) fn login(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let (name, password) = credentials(house, fx, request)?;
    let asked = Asked::of(request);
    house.login(fx, request.conn, (&name, &password), |house, fx, conn, verdict| {
        asked.end(house, fx, conn, verdict);
    });
    Ok(())
}

/// `"body":{"name":"ann","password":"correct horse"}`
fn credentials<'a>(
    house: &House,
    fx: &Fx,
    request: &Request<'a>,
) -> Result<(Cow<'a, str>, Cow<'a, str>), Refusal> {
    if !is_to_be_had(house, fx, request.conn) {
        return Err(Refusal(Cow::Borrowed("Not over this connection")));
    }
    let [name, password] = parts(house, request, ["name", "password"])?;
    Ok((text(name)?, text(password)?))
}

/// What is kept of a request whose answer comes later.
struct Asked {
    action: &'static str,
    id: Option<String>,
}

impl Asked {
    fn of(request: &Request<'_>) -> Asked {
        Asked { action: request.action, id: request.id.map(str::to_owned) }
    }

    fn end(self, house: &mut House, fx: &mut Fx, conn: ConnId, verdict: Verdict) {
        let id = self.id.as_deref();
        let Some(session) = session_of(fx, conn) else { return };
        match verdict {
            Ok(()) => {
                // The others in the room hear of the new name before anything that follows.
                house.deliver(fx);
                let request = Request { conn, action: self.action, id, body: None };
                answer_named(house, fx, &request, session);
            }
            Err(refusal) => {
                refuse(fx, conn, (Some(self.action), id), &Refusal(refusal.words(words)))
            }
        }
    }
}

pub(super) fn logout(house: &mut House, fx: &mut Fx, request: &Request<'_>) -> Result<(), Refusal> {
    let session = session_of(fx, request.conn).ok_or(Error::SessionClosed)?;
    if !house.chat.is_signed_in(session) {
        return Err(Refusal(Cow::Borrowed("Not logged in")));
    }
    house.log_out(fx, session);
    house.deliver(fx);
    let name = take_client_name(house, fx, request.conn)?;
    answer(fx, request, |out| write_text("name", &name, out));
    Ok(())
}

/// Tells somebody whose account was removed; it is logged out already.
pub(super) fn expelled(house: &mut House, fx: &mut Fx, conn: ConnId) {
    match take_client_name(house, fx, conn) {
        Ok(name) => send(fx, conn, |out| {
            out.extend_from_slice(b"{\"event\":\"logged_out\"");
            write_text("name", &name, out);
            out.push(b'}');
        }),
        Err(error) => {
            log::error!("websocket: a client cannot be named by its id: {error}");
            fx.close(conn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_comes_over_tls_or_from_this_machine() {
        for peer in ["192.0.2.7", "10.0.0.1", "::", "2001:db8::1", "::ffff:192.0.2.7"] {
            let peer = peer.parse().expect("an address");
            assert!(is_private(true, peer));
            assert!(!is_private(false, peer), "{peer}");
        }
        for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(is_private(false, peer.parse().expect("an address")), "{peer}");
        }
    }
}
