//! What a process takes, looked at from outside.

use super::group::Group;
use std::time::Duration;

/// One look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the load began.
    pub(crate) at: Duration,
    /// What counts against the limit: the group's charge, or without a group the resident memory.
    pub(crate) bytes: u64,
}

/// What `pid` takes now; `None` once it has ended.
pub(crate) fn bytes_of(pid: u32, group: Option<&Group>) -> Option<u64> {
    match group {
        Some(group) => group.charged(),
        None => resident(pid),
    }
}

/// What `top` shows.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
