//! What a client can be set to.

use std::path::PathBuf;
use std::time::Duration;

use super::trust::Fingerprint;
use super::udp::RetryPolicy;

/// What a client can be set to. [`Options::default`] is what each field says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whose certificates are good enough. Default: [`Trust::System`].
    pub trust: Trust,
    /// How long finding the host, connecting and all handshakes may take together. Default: 10 s.
    pub connect_timeout: Duration,
    /// How long a call may wait for its answer, and a ping before the link counts as lost. Default: 10 s.
    /// (Over `udp` the answer may take until the tries of [`udp_retries`](Self::udp_retries) are used up.)
    pub call_timeout: Duration,
    /// How a lost link is tried again; `None`: not at all, the client ends. Default: [`Pauses::default`].
    pub reconnect: Option<Pauses>,
    /// How long nothing may come before the server is asked whether it is there. Default: 20 s,
    /// which `udp` needs, since its server forgets who is silent.
    pub ping_every: Duration,
    /// How datagrams are sent again until they are answered (`udp` alone). Default: after 200 ms, 5 times.
    pub udp_retries: RetryPolicy,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            trust: Trust::System,
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            reconnect: Some(Pauses::default()),
            ping_every: Duration::from_secs(20),
            udp_retries: RetryPolicy::default(),
        }
    }
}

/// Whose certificates are good enough.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// Those that this machine trusts.
    System,
    /// Those that one of the certificates in this PEM file stands for, and these themselves.
    Ca(PathBuf),
    /// This one alone, whatever it says of its names and dates.
    Fingerprint(Fingerprint),
}

/// How long to wait between tries to connect again. Each pause is somewhere between half and the
/// whole of what stands here, so that those who lost one server do not all come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// Before the first try. Default: 0.5 s. Doubled after each.
    pub first: Duration,
    /// At most. Default: 30 s.
    pub longest: Duration,
    /// Where the chance comes from; `None`: the system. The same seed gives the same pauses.
    pub seed: Option<u64>,
}

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses { first: Duration::from_millis(500), longest: Duration::from_secs(30), seed: None }
    }
}
