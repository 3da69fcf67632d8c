//! The end of a process that is given no time to say anything.

use crate::fault::Fault;

/// SIGKILL to ourselves, as the kernel sends it. It does not return, unless the system refuses.
#[cfg(unix)]
pub(super) fn die() -> Fault {
    use rustix::process::{Signal, getpid, kill_process};
    match kill_process(getpid(), Signal::KILL) {
        // What was sent to oneself may take a moment to arrive.
        Ok(()) => {
            std::thread::sleep(std::time::Duration::from_secs(5));
            Fault::new("a SIGKILL was sent and did not arrive")
        }
        Err(error) => Fault::new(format!("no SIGKILL can be sent: {error}")),
    }
}

#[cfg(not(unix))]
pub(super) fn die() -> Fault {
    std::process::abort()
}
