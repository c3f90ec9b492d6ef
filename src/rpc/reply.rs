//! How an answer looks: the classic form, and JSON-RPC 2.0.

use std::borrow::Cow;
use std::fmt;

use super::json;

/// Why a call failed, as the caller is told.
///
/// In JSON-RPC 2.0 it is an error object with this code and message. In the classic form an error
/// of the application's is `{"status":"error","message":M}`, any other `{"error":M,"code":C}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    code: i32,
    message: Cow<'static, str>,
}

impl CallError {
    /// The frame is not valid JSON: -32700.
    pub const PARSE: CallError = CallError::fixed(-32700, "Parse error");
    /// The JSON is not a request: -32600.
    pub const INVALID_REQUEST: CallError = CallError::fixed(-32600, "Invalid request");
    /// No such method: -32601.
    pub const METHOD_NOT_FOUND: CallError = CallError::fixed(-32601, "Method not found");
    /// The parameters do not fit the method: -32602.
    pub const INVALID_PARAMS: CallError = CallError::fixed(-32602, "Invalid params");
    /// The server failed: -32603.
    pub const INTERNAL: CallError = CallError::fixed(-32603, "Internal error");

    /// The code of errors of the application's.
    const APPLICATION: i32 = -32000;

    const fn fixed(code: i32, message: &'static str) -> CallError {
        CallError { code, message: Cow::Borrowed(message) }
    }

    /// An error of the application's (code -32000): the request was sound, the answer is no.
    pub fn application(message: impl Into<Cow<'static, str>>) -> CallError {
        CallError { code: CallError::APPLICATION, message: message.into() }
    }

    /// The error's code.
    pub fn code(&self) -> i32 {
        self.code
    }

    fn write_classic(&self, out: &mut Vec<u8>) {
        if self.code == CallError::APPLICATION {
            out.extend_from_slice(b"{\"status\":\"error\",\"message\":");
            json::string(&self.message, out);
        } else {
            out.extend_from_slice(b"{\"error\":");
            json::string(&self.message, out);
            out.extend_from_slice(b",\"code\":");
            json::signed(self.code.into(), out);
        }
        out.push(b'}');
    }

    fn write_v2(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"code\":");
        json::signed(self.code.into(), out);
        out.extend_from_slice(b",\"message\":");
        json::string(&self.message, out);
        out.push(b'}');
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for CallError {}

impl From<super::Lost> for CallError {
    fn from(_: super::Lost) -> CallError {
        CallError::INTERNAL
    }
}

impl From<super::Busy> for CallError {
    fn from(_: super::Busy) -> CallError {
        CallError::application("Server is busy")
    }
}

/// How one request wants to be answered. `I` is its id, as it stood in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape<I> {
    /// The bare answer; with the id in it, last, if the request bore one.
    Classic {
        id: Option<I>,
        /// The connection has spoken 2.0 before: every value ends in a newline.
        line: bool,
    },
    /// A response object, whose id is `null` where the request's was not to be found.
    V2 {
        id: Option<I>,
        /// Inside a batch: no newline.
        batched: bool,
    },
    /// A 2.0 notification: no answer at all.
    Silent,
}

impl<I: AsRef<str>> Shape<I> {
    /// Appends the answer whose value `encode` writes. False when it failed, and nothing is written.
    pub(super) fn write_result(
        &self,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let start = out.len();
        if let Shape::V2 { .. } = self {
            out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"result\":");
        }
        let encoded = !matches!(self, Shape::Silent) && encode(out);
        if encoded {
            self.finish(out, start);
        } else {
            out.truncate(start);
        }
        encoded
    }

    /// Appends the answer of a call that failed.
    pub(super) fn write_error(&self, out: &mut Vec<u8>, error: &CallError) {
        let start = out.len();
        match self {
            Shape::Silent => return,
            Shape::Classic { .. } => error.write_classic(out),
            Shape::V2 { .. } => {
                out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"error\":");
                error.write_v2(out);
            }
        }
        self.finish(out, start);
    }

    /// Appends what follows the value that began at `start`.
    fn finish(&self, out: &mut Vec<u8>, start: usize) {
        match self {
            Shape::Silent => {}
            Shape::Classic { id, line } => {
                if let Some(id) = id
                    && out.last() == Some(&b'}')
                {
                    out.pop();
                    let empty = out.len() == start + 1;
                    out.extend_from_slice(if empty { b"\"id\":" } else { b",\"id\":" });
                    out.extend_from_slice(id.as_ref().as_bytes());
                    out.push(b'}');
                }
                if *line {
                    out.push(b'\n');
                }
            }
            Shape::V2 { id, batched } => {
                out.extend_from_slice(b",\"id\":");
                out.extend_from_slice(id.as_ref().map_or("null", I::as_ref).as_bytes());
                out.push(b'}');
                if !batched {
                    out.push(b'\n');
                }
            }
        }
    }
}

impl Shape<&str> {
    pub(super) fn into_owned(self) -> Shape<String> {
        match self {
            Shape::Classic { id, line } => Shape::Classic { id: id.map(str::to_string), line },
            Shape::V2 { id, batched } => Shape::V2 { id: id.map(str::to_string), batched },
            Shape::Silent => Shape::Silent,
        }
    }

    /// Whether answers of this shape are told apart by their order alone.
    pub(super) fn needs_order(self) -> bool {
        matches!(self, Shape::Classic { id: None, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(shape: Shape<&str>, value: &str) -> String {
        let mut out = b"before".to_vec();
        shape.write_result(&mut out, |out| {
            out.extend_from_slice(value.as_bytes());
            true
        });
        String::from_utf8(out.split_off(6)).unwrap()
    }

    fn error(shape: Shape<&str>, error: CallError) -> String {
        let mut out = Vec::new();
        shape.write_error(&mut out, &error);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn classic_answers_bear_the_id_last() {
        let classic = |id| Shape::Classic { id, line: false };
        assert_eq!(result(classic(None), r#"{"a":1}"#), r#"{"a":1}"#);
        assert_eq!(result(classic(Some("\"x\"")), r#"{"a":1}"#), r#"{"a":1,"id":"x"}"#);
        assert_eq!(result(classic(Some("7")), "{}"), r#"{"id":7}"#);
        assert_eq!(result(Shape::Classic { id: None, line: true }, "{}"), "{}\n");
        assert_eq!(
            error(classic(Some("7")), CallError::METHOD_NOT_FOUND),
            r#"{"error":"Method not found","code":-32601,"id":7}"#
        );
        assert_eq!(
            error(classic(None), CallError::application("No")),
            r#"{"status":"error","message":"No"}"#
        );
    }

    #[test]
    fn version_2_answers_are_response_objects() {
        let v2 = Shape::V2 { id: Some("1.50"), batched: false };
        assert_eq!(result(v2, "true"), "{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":1.50}\n");
        assert_eq!(
            error(Shape::V2 { id: None, batched: true }, CallError::PARSE),
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#
        );
        assert_eq!(result(Shape::Silent, "true") + &error(Shape::Silent, CallError::PARSE), "");
    }

    #[test]
    fn an_answer_that_cannot_be_encoded_leaves_nothing() {
        let mut out = b"x".to_vec();
        let shape = Shape::V2 { id: Some("1"), batched: false };
        let written = shape.write_result(&mut out, |out| {
            out.push(b'{');
            false
        });
        assert_eq!((written, &out[..]), (false, &b"x"[..]));
    }
}
