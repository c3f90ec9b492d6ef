//! What a client can be set to.

use std::path::PathBuf;
use std::time::Duration;

use super::trust::Fingerprint;
use super::udp::RetryPolicy;

/// What a client can be set to. [`Options::default`] is what each field says.
///
/// A script that trusts one certificate alone, and ends when the link is lost:
///
/// ```no_run
/// use parlance::client::{Client, Options, Trust, Url};
///
/// let url = Url::parse("accounts://ci@chat.example.org/builds")?;
/// let fingerprint = std::env::var("CHAT_FINGERPRINT")?.parse()?;
/// let trust = Trust::Fingerprint(fingerprint);
/// let client = Client::connect_with(
///     &url,
///     &Options { trust, reconnect: None, ..Options::default() },
/// )?;
/// client.log_in("ci", &std::env::var("CHAT_PASSWORD")?)?;
/// client.join(None, None)?;
/// client.say("the build is done")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whose certificates are good enough. Default: [`Trust::System`].
    pub trust: Trust,
    /// How long finding the host, connecting and all handshakes may take together. Default: 10 s.
    pub connect_timeout: Duration,
    /// How long a call may wait for its answer, and a ping before the link counts as lost; a call that has
    /// to wait for others may wait as long for its turn, too. Default: 10 s.
    /// (Over `udp` the answer may take until the tries of [`udp_retries`](Self::udp_retries) are used up.)
    pub call_timeout: Duration,
    /// How a lost link is tried again; `None`: not at all, the client ends. Default: [`Pauses::default`].
    pub reconnect: Option<Pauses>,
    /// How long nothing may come before the server is asked whether it is there. Default: 20 s,
    /// which `udp` needs, since its server forgets who is silent.
    pub ping_every: Duration,
    /// How long saying goodbye may take, and what was submitted before it. Default: 1 s.
    pub goodbye_timeout: Duration,
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
            goodbye_timeout: Duration::from_secs(1),
            udp_retries: RetryPolicy::default(),
        }
    }
}

/// As good as for ever, and no clock overflows.
const EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Pauses are counted from no less: a server that ends every connection at once must not keep a processor busy.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// Requests over datagrams that must be able to wait for their answers: a call, and what the client
/// asks of its own.
const OUTSTANDING_MIN: usize = 8;

impl Options {
    /// The same, with no time longer than a clock can tell.
    pub(super) fn bounded(&self) -> Options {
        let RetryPolicy { base_delay, max_retries, outstanding_max } = self.udp_retries;
        Options {
            trust: self.trust.clone(),
            connect_timeout: self.connect_timeout.min(EVER),
            call_timeout: self.call_timeout.min(EVER),
            reconnect: self.reconnect.map(|pauses| Pauses {
                first: pauses.first.clamp(PAUSE_MIN, EVER),
                longest: pauses.longest.clamp(PAUSE_MIN, EVER),
                seed: pauses.seed,
            }),
            ping_every: self.ping_every.min(EVER),
            goodbye_timeout: self.goodbye_timeout.min(EVER),
            udp_retries: RetryPolicy {
                base_delay: base_delay.min(EVER),
                max_retries,
                outstanding_max: outstanding_max.max(OUTSTANDING_MIN),
            },
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
/// whole of what stands here (a millisecond at least), so that those who lost one server do not all come
/// back at once.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_some_pause_whatever_is_asked_for() {
        let none = Pauses { first: Duration::ZERO, longest: Duration::ZERO, seed: None };
        let options = Options { reconnect: Some(none), ..Options::default() };
        let bounded = Pauses { first: PAUSE_MIN, longest: PAUSE_MIN, seed: None };
        assert_eq!(options.bounded().reconnect, Some(bounded));
    }
}
