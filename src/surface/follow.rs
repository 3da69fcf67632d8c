//! A thread that follows the monitor: woken by its ticks and events and by deadlines of its own, and ended with it.

use crate::counters::use_reserve;
use crate::error::Error;
use crate::monitor::{Handle, Monitor, Surface, Wake};
use crate::snapshot::Moment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How long a stop waits for what is being sent.
const PATIENCE: Duration = Duration::from_secs(2);

/// When nothing is due.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// What the thread does.
pub(super) trait Follow: Send + 'static {
    /// Looks at the monitor; says when to look again if it has no news until then.
    fn look(&mut self, handle: &Handle, at: Moment) -> Option<Instant>;

    /// The last look, after the monitor's end.
    fn finish(&mut self, handle: &Handle, at: Moment);
}

struct Follower {
    wake: Arc<Wake>,
    stopping: Arc<AtomicBool>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a thread of that name, which ends with the monitor.
///
/// # Errors
/// When the system refuses the thread.
pub(super) fn follow(
    monitor: &Monitor,
    name: &'static str,
    follow: impl Follow,
) -> Result<(), Error> {
    let (wake, stopping) = (Arc::new(Wake::default()), Arc::new(AtomicBool::new(false)));
    let (told, ended) = sync_channel(1);
    let run = {
        let (handle, wake, stopping) = (monitor.handle(), wake.clone(), stopping.clone());
        move || run(&handle, &wake, &stopping, follow, &told)
    };
    let thread = Builder::new().name(name.into()).spawn(run);
    let thread = thread
        .map_err(|source| Error::Monitoring { what: "starting the thread of a surface", source })?;
    monitor.attach(Follower { wake, stopping, ended, thread: Some(thread) });
    Ok(())
}

impl Surface for Follower {
    fn stop(&mut self) {
        self.say();
        let Some(thread) = self.thread.take().filter(|_| !self.wake.is_own_thread()) else {
            return;
        };
        if self.ended.recv_timeout(PATIENCE).is_ok() {
            // It panics nowhere: what it does is caught.
            let _ = thread.join();
        }
    }
}

impl Follower {
    fn say(&self) {
        // Relaxed: whoever is woken afterwards sees it, and that synchronises.
        self.stopping.store(true, Ordering::Relaxed);
        self.wake.notify();
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.say();
    }
}

fn run(
    handle: &Handle,
    wake: &Arc<Wake>,
    stopping: &AtomicBool,
    mut follow: impl Follow,
    told: &SyncSender<()>,
) {
    use_reserve();
    wake.attend();
    handle.wake_by_news(wake.clone());
    let mut is_well = true;
    while !stopping.load(Ordering::Relaxed) {
        let looked = catch_unwind(AssertUnwindSafe(|| follow.look(handle, Moment::now())));
        if looked.is_err() && is_well {
            let message = format!("{}: panicked; it goes on", name());
            let _ = catch_unwind(AssertUnwindSafe(|| handle.report_error(message)));
        }
        is_well = looked.is_ok();
        let next = looked.ok().flatten().unwrap_or_else(|| Instant::now() + FAR);
        wake.sleep_until(next, || false);
    }
    let _ = catch_unwind(AssertUnwindSafe(|| follow.finish(handle, Moment::now())));
    // Nobody waits any more if that took long.
    let _ = told.send(());
}

fn name() -> String {
    std::thread::current().name().unwrap_or("a surface").to_owned()
}
