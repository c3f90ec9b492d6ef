//! `ndjson`: one JSON object a line, `{"type", …}` flat.
//!
//! The protocol of seed 004 over TCP, with ids, private messages, lists and history. Only lines and
//! streams are known here: what a request is and does is told in `flat`.

use super::flat::{self, Refusal, Request};
use super::form::{self, Form};
use super::house::{House, send};
use super::{Fx, NDJSON};
use crate::rpc::framing::{Fault, Framing, Lines};
use crate::rpc::{Accepted, ConnId, End, Service};

/// A line each.
pub(super) static FORM: Form = Form {
    frame: form::line,
    echoes: flat::echoes,
    farewell: flat::farewell,
    ..Form::new(flat::encode)
};

/// The service to listen with.
pub fn service() -> impl Service<House> {
    Ndjson
}

struct Ndjson;

impl Service<House> for Ndjson {
    fn framing(&self, house: &House, _: &Accepted) -> Box<dyn Framing> {
        Box::new(Lines::new(house.settings.json.frame_bytes))
    }

    fn opened(&self, house: &mut House, fx: &mut Fx, conn: ConnId) {
        fx.set_form(conn, NDJSON);
        house.open(fx, conn);
    }

    fn frame(&self, house: &mut House, fx: &mut Fx, conn: ConnId, frame: &[u8]) {
        let request = match Request::parse(frame, house.settings.json.depth) {
            Ok(request) => request,
            Err(refusal) => return send(fx, conn, |out| refusal.write(None, out)),
        };
        let done = request.method.perform(house, fx, conn);
        // Events first: the acknowledgement follows the sender's own.
        house.deliver(fx);
        match done {
            Ok(answer) if answer.is_ack() && request.id.is_none() => {}
            Ok(answer) => send(fx, conn, |out| answer.write(house, request.id, usize::MAX, out)),
            Err(refusal) => send(fx, conn, |out| refusal.write(request.id, out)),
        }
    }

    fn fault(&self, _: &mut House, fx: &mut Fx, conn: ConnId, fault: Fault) {
        let refusal = match fault {
            Fault::TooLong => Refusal::LINE_TOO_LONG,
            _ => Refusal::INVALID_JSON,
        };
        send(fx, conn, |out| refusal.write(None, out));
    }

    fn closed(&self, house: &mut House, fx: &mut Fx, conn: ConnId, _: &End) {
        house.close(fx, conn);
    }

    fn stopping(&self, house: &mut House, fx: &mut Fx) {
        house.farewell(fx, &[NDJSON]);
    }
}
