//! What the system knows of a process, and on which processors it may run.
//!
//! Where the system has no such thing, nothing is said and nothing fails.

use std::time::Duration;

/// Processor time a process has used, over all its threads.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CpuTime {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl CpuTime {
    /// That of a process until now.
    #[cfg(target_os = "linux")]
    pub(crate) fn of(pid: u32) -> Option<CpuTime> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command's name stands in parentheses and may itself contain some.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut ticks = fields.split(' ').skip(11).map(|ticks| ticks.parse::<u64>().ok());
        let per_second = rustix::param::clock_ticks_per_second();
        let mut next = || Some(Duration::from_secs_f64(ticks.next()?? as f64 / per_second as f64));
        Some(CpuTime { user: next()?, system: next()? })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(_: u32) -> Option<CpuTime> {
        None
    }

    pub(crate) fn since(self, earlier: CpuTime) -> CpuTime {
        CpuTime {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }

    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

/// Bytes of memory that a process has in use, as pages of its own or shared.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Two processors that this process may run on, if it has as many.
#[cfg(target_os = "linux")]
pub(crate) fn two_processors() -> Option<(usize, usize)> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let allowed = sched_getaffinity(None).ok()?;
    let mut processors = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    Some((processors.next()?, processors.next()?))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn two_processors() -> Option<(usize, usize)> {
    None
}

/// Keeps a process (`None`: this one) on one processor; it does no harm if that fails.
#[cfg(target_os = "linux")]
pub(crate) fn pin(pid: Option<u32>, processor: usize) {
    use rustix::process::Pid;
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut only = CpuSet::new();
    only.set(processor);
    let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let _ = sched_setaffinity(pid, &only);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_: Option<u32>, _: usize) {}
