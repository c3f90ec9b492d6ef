//! What a client needs to speak over datagrams besides the envelope: sending again what is not
//! answered.

mod retry;

pub use retry::{Due, Retries, RetryPolicy, SendError};
