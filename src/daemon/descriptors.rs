//! Room in the descriptor table for as many connections as are configured.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

use super::error::RunError;

/// Descriptors for all that is no connection: listeners, the poll, files, the standard three.
const RESERVE: u64 = 64;

/// Raises the soft limit to what `limits.connections` needs. Where the hard limit is too low, takes
/// what there is and lowers `limits.connections` to it, with a warning.
///
/// # Errors
///
/// The limit leaves no room for a single connection.
pub(super) fn fit(config: &mut Config) -> Result<(), RunError> {
    let wanted = config.limits.connections as u64 + RESERVE;
    let limit = getrlimit(Resource::Nofile);
    let mut soft = limit.current;
    if let Some(raised) = raised(limit, wanted) {
        match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }) {
            Ok(()) => soft = Some(raised),
            Err(error) => log::warn!("the limit on open files cannot be raised: {error}"),
        }
    }
    let Some(soft) = soft else {
        return Ok(());
    };
    let configured = config.limits.connections;
    config.limits.connections = room(soft, configured);
    if config.limits.connections == 0 {
        return Err(RunError::TooFewDescriptors { limit: soft });
    }
    if config.limits.connections < configured {
        log::warn!(
            "a limit of {soft} open files leaves room for {} connections, not for the configured \
             {configured}",
            config.limits.connections
        );
    }
    Ok(())
}

/// How many of the wanted connections a soft limit allows.
fn room(soft: u64, connections: usize) -> usize {
    let allowed = usize::try_from(soft.saturating_sub(RESERVE)).unwrap_or(usize::MAX);
    allowed.min(connections)
}

/// The soft limit to ask for, if asking helps. `None` in a limit is infinity.
fn raised(limit: Rlimit, wanted: u64) -> Option<u64> {
    let current = limit.current?;
    let reachable = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    (reachable > current).then_some(reachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_as_far_as_needed_and_allowed() {
        for (current, maximum, wanted, expected) in [
            (Some(1024), Some(4096), 2000, Some(2000)),
            (Some(1024), Some(4096), 9000, Some(4096)),
            (Some(1024), None, 9000, Some(9000)),
            (Some(1024), Some(4096), 1024, None),
            (Some(4096), Some(4096), 9000, None),
            (None, None, 9000, None),
        ] {
            assert_eq!(raised(Rlimit { current, maximum }, wanted), expected);
        }
    }

    #[test]
    fn connections_are_lowered_to_what_the_reserve_leaves() {
        for (soft, connections, expected) in
            [(1064, 1000, 1000), (1063, 1000, 999), (64, 1000, 0), (3, 1000, 0)]
        {
            assert_eq!(room(soft, connections), expected);
        }
    }
}
