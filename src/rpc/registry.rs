//! The JSON-RPC service: a table of methods, in the classic form and in JSON-RPC 2.0.
//!
//! It speaks both on one connection. The *classic* form is `{"method":M,"params":{…}}`, answered by
//! the bare result. A request that bears `"jsonrpc":"2.0"` is answered by that standard to the
//! letter; from then on everything sent to the connection ends in a newline.

use super::call::{BatchAnswer, Call, Outcome};
use super::connection::{ConnId, End};
use super::effects::Effects;
use super::envelope::{Batch, Element, Envelope, Parsed, parse};
use super::framing::{Fault, Framing, JsonStream};
use super::reply::{CallError, Shape};
use super::service::{Accepted, Service};

/// A method: a plain function over the server's state and one call.
pub type Handler<S> = fn(&mut S, &mut Call<'_, S>) -> Outcome;

/// What is behind a name.
enum Method<S: 'static> {
    Handler(Handler<S>),
    /// Always the same answer.
    Document(String),
}

/// Told of a connection.
pub type Hook<S> = fn(&mut S, &mut Effects<S>, ConnId);

/// The form of connections that have not spoken JSON-RPC 2.0 yet; see [`Effects::form`].
pub const CLASSIC: u8 = 0;

/// The form of connections that have.
pub const VERSION_2: u8 = 1;

/// Bounds on what [`JsonRpc`] takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Bytes of one request or batch.
    pub frame_bytes: usize,
    /// Levels of nesting; the outermost value is level 1.
    pub depth: u16,
    /// Requests in a batch.
    pub batch_items: usize,
}

impl Default for JsonLimits {
    fn default() -> JsonLimits {
        JsonLimits { frame_bytes: 64 * 1024, depth: 64, batch_items: 100 }
    }
}

/// A JSON-RPC service over JSON values back to back.
///
/// In the classic form an id is echoed inside the answer, so answers should be objects there: any
/// other value is sent as it is, without the id.
///
/// Errors are [`CallError`]s: bytes that are no JSON and keys given twice are
/// [`PARSE`](CallError::PARSE), JSON that is no request and frames over
/// [`JsonLimits::frame_bytes`] (which close the connection) are
/// [`INVALID_REQUEST`](CallError::INVALID_REQUEST).
pub struct JsonRpc<S: 'static> {
    /// Sorted by [`rank`].
    methods: Vec<(&'static str, Method<S>)>,
    limits: fn(&S) -> JsonLimits,
    on_opened: Hook<S>,
    on_version_2: Hook<S>,
    on_closed: Hook<S>,
    on_stopping: fn(&mut S, &mut Effects<S>),
}

impl<S: 'static> Default for JsonRpc<S> {
    fn default() -> JsonRpc<S> {
        JsonRpc::new()
    }
}

impl<S: 'static> JsonRpc<S> {
    /// A service without methods.
    pub fn new() -> JsonRpc<S> {
        JsonRpc {
            methods: Vec::new(),
            limits: |_| JsonLimits::default(),
            on_opened: |_, _, _| {},
            on_version_2: |_, _, _| {},
            on_closed: |_, _, _| {},
            on_stopping: |_, _| {},
        }
    }

    /// Registers a method; a later one of the same name replaces it.
    pub fn method(self, name: &'static str, handler: Handler<S>) -> JsonRpc<S> {
        self.insert(name, Method::Handler(handler))
    }

    /// Answers `rpc.discover` with this OpenRPC document, which must be JSON.
    pub fn document(self, document: impl Into<String>) -> JsonRpc<S> {
        self.insert("rpc.discover", Method::Document(document.into()))
    }

    fn insert(mut self, name: &'static str, method: Method<S>) -> JsonRpc<S> {
        match self.position(name) {
            Ok(index) => self.methods[index].1 = method,
            Err(index) => self.methods.insert(index, (name, method)),
        }
        self
    }

    /// The names of the registered methods.
    pub fn methods(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.methods.iter().map(|&(name, _)| name)
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.methods.binary_search_by_key(&rank(name), |&(name, _)| rank(name))
    }

    /// Takes the bounds from the state, where they may change at run time.
    pub fn limits(mut self, limits: fn(&S) -> JsonLimits) -> JsonRpc<S> {
        self.limits = limits;
        self
    }

    /// Calls `hook` for each new connection.
    pub fn on_opened(mut self, hook: Hook<S>) -> JsonRpc<S> {
        self.on_opened = hook;
        self
    }

    /// Calls `hook` when a connection first speaks JSON-RPC 2.0, before that request is served.
    pub fn on_version_2(mut self, hook: Hook<S>) -> JsonRpc<S> {
        self.on_version_2 = hook;
        self
    }

    /// Calls `hook` when a connection has ended.
    pub fn on_closed(mut self, hook: Hook<S>) -> JsonRpc<S> {
        self.on_closed = hook;
        self
    }

    /// Calls `hook` when the server is about to stop.
    pub fn on_stopping(mut self, hook: fn(&mut S, &mut Effects<S>)) -> JsonRpc<S> {
        self.on_stopping = hook;
        self
    }

    /// The connection speaks JSON-RPC 2.0 from now on.
    fn upgrade(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId) {
        if fx.form(conn) == CLASSIC {
            fx.set_form(conn, VERSION_2);
            (self.on_version_2)(state, fx, conn);
        }
    }

    /// Serves one request outside a batch.
    fn serve_one(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, request: &Envelope<'_>) {
        if request.v2 {
            self.upgrade(state, fx, conn);
        }
        let line = fx.form(conn) == VERSION_2;
        if request.method.is_none() && !request.v2 && line {
            return refuse(fx, conn, &CallError::INVALID_REQUEST);
        }
        let shape = if request.v2 {
            version_2_shape(request, false)
        } else {
            Shape::Classic { id: request.id, line }
        };
        let mut after = Vec::new();
        if let Err(error) = self.dispatch(state, fx, conn, request, shape, None, &mut after) {
            fx.send_with(conn, |out| shape.write_error(out, &error));
        }
        if !after.is_empty() {
            fx.send(conn, &after);
        }
    }

    /// Serves a batch.
    fn serve_batch(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, batch: Batch<'_>) {
        if batch.v2 {
            self.upgrade(state, fx, conn);
        }
        if fx.form(conn) == CLASSIC || batch.too_long || batch.elements.is_empty() {
            return refuse(fx, conn, &CallError::INVALID_REQUEST);
        }
        let mut answer = BatchAnswer::default();
        let mut after = Vec::new();
        for element in &batch.elements {
            self.serve_element(state, fx, conn, element, &mut answer, &mut after);
            if answer.closes(fx, conn) {
                return;
            }
        }
        answer.end(fx, conn, &mut after);
    }

    fn serve_element(
        &self,
        state: &mut S,
        fx: &mut Effects<S>,
        conn: ConnId,
        element: &Element<'_>,
        answer: &mut BatchAnswer,
        after: &mut Vec<u8>,
    ) {
        let outcome = match element {
            Some(request) if request.v2 => {
                let shape = version_2_shape(request, true);
                self.dispatch(state, fx, conn, request, shape, Some(answer), after)
                    .map_err(|error| (shape, error))
            }
            _ => Err((Shape::V2 { id: None, batched: true }, CallError::INVALID_REQUEST)),
        };
        if let Err((shape, error)) = outcome {
            answer.append(|out| shape.write_error(out, &error));
        }
    }

    /// Finds the method and calls it.
    #[allow(clippy::too_many_arguments)]
    fn dispatch<'a>(
        &self,
        state: &mut S,
        fx: &'a mut Effects<S>,
        conn: ConnId,
        request: &Envelope<'a>,
        shape: Shape<&'a str>,
        batch: Option<&'a mut BatchAnswer>,
        after: &'a mut Vec<u8>,
    ) -> Result<(), CallError> {
        if request.v2 && !request.has_valid_id() {
            return Err(CallError::INVALID_REQUEST);
        }
        let method = request.method.as_deref().ok_or(CallError::INVALID_REQUEST)?;
        let index = self.position(method).map_err(|_| CallError::METHOD_NOT_FOUND)?;
        let positional_too = if request.v2 { '[' } else { '{' };
        if request.params.is_some_and(|params| !params.starts_with(['{', positional_too])) {
            return Err(CallError::INVALID_PARAMS);
        }
        let mut call = Call::new(fx, conn, request.params, shape, batch, after);
        let outcome = match &self.methods[index].1 {
            Method::Handler(handler) => handler(state, &mut call),
            Method::Document(text) => {
                call.answer_with(|_, out| out.extend_from_slice(text.as_bytes()))
            }
        };
        outcome.map(|_| ())
    }
}

/// The order of the table of methods: by length first, since most names differ in it and comparing
/// numbers is cheaper than comparing texts.
fn rank(name: &str) -> (usize, &str) {
    (name.len(), name)
}

/// How a 2.0 request is answered. One that is no valid request is no notification either, so its
/// error is sent.
fn version_2_shape<'a>(request: &Envelope<'a>, batched: bool) -> Shape<&'a str> {
    let valid = request.has_valid_id() && request.method.is_some();
    match request.id {
        None if valid => Shape::Silent,
        id => Shape::V2 { id: id.filter(|_| request.has_valid_id()), batched },
    }
}

/// Sends an error that belongs to no request.
fn refuse<S>(fx: &mut Effects<S>, conn: ConnId, error: &CallError) {
    let shape: Shape<&str> = match fx.form(conn) {
        VERSION_2 => Shape::V2 { id: None, batched: false },
        _ => Shape::Classic { id: None, line: false },
    };
    fx.send_with(conn, |out| shape.write_error(out, error));
}

impl<S: 'static> Service<S> for JsonRpc<S> {
    fn framing(&self, state: &S, _: &Accepted) -> Box<dyn Framing> {
        let limits = (self.limits)(state);
        Box::new(JsonStream::new(limits.frame_bytes, limits.depth))
    }

    fn opened(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId) {
        (self.on_opened)(state, fx, conn);
    }

    fn frame(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, frame: &[u8]) {
        match parse(frame, (self.limits)(state).batch_items) {
            Ok(Parsed::Request(request)) => self.serve_one(state, fx, conn, &request),
            Ok(Parsed::Batch(batch)) => self.serve_batch(state, fx, conn, batch),
            Ok(Parsed::Other) => refuse(fx, conn, &CallError::INVALID_REQUEST),
            Err(_) => refuse(fx, conn, &CallError::PARSE),
        }
    }

    fn fault(&self, _: &mut S, fx: &mut Effects<S>, conn: ConnId, fault: Fault) {
        let error = match fault {
            Fault::TooLong => CallError::INVALID_REQUEST,
            _ => CallError::PARSE,
        };
        refuse(fx, conn, &error);
    }

    fn closed(&self, state: &mut S, fx: &mut Effects<S>, conn: ConnId, _: &End) {
        (self.on_closed)(state, fx, conn);
    }

    fn stopping(&self, state: &mut S, fx: &mut Effects<S>) {
        (self.on_stopping)(state, fx);
    }
}
