//! The monitor: one thread that reads, judges, remembers and acts, and the handle to it.
//!
//! ```text
//! handle.rs    what it knows, for whoever asks: asking, budget, caches, health, outlook, braking, status
//! builder.rs   settings/            what it should be like; builder, environment, default
//! extending.rs  serving.rs          what is the user's own; how it is shown to others
//! configure.rs                      settings that are changed while it runs
//! run.rs  wake.rs  alarm.rs         the thread and how it is woken: by others, by allocations
//! tick.rs  looks.rs                 read -> judge -> remember -> act; ticks that somebody wants sooner
//! order.rs  evicting.rs  under_way.rs  who wants memory, and who is asked for it, one at a time
//! registry.rs  caches.rs  farewell.rs  the caches; how they are registered, how they have done, how they leave
//! asking.rs                         evictions that a caller asks for, and what they would come to
//! worker.rs                         the thread on which caches' code and purges run
//! purging.rs  purge_job.rs  purge_on_call.rs  purges: begun and learnt from; carried out; called for
//! allocator.rs                      jemalloc's own purging set up, its options checked
//! courier.rs                        the thread on which event sinks run
//! budget.rs                         the budget in force, read again and told to everybody
//! shared.rs                         what the handle and the thread share
//! brake.rs  account.rs  admission.rs  braking.rs  who may grow, and who waits for it
//! leaks.rs  marking.rs              whether it leaks, as of the last tick; the places that grew, by the heap profile
//! profiling.rs                      the heap profile, started and stopped as the settings say
//! prometheus.rs                     the status as Prometheus reads it
//! outlook.rs  explain.rs            what is asked of the last tick's forecast; why memory grows
//! reply.rs                          answers for threads and tasks
//! figures.rs                        the user's own figures, and the thread that reads them
//! recording.rs                      what happens, written into a file that survives the process
//! following.rs                      what a surface on a thread of its own needs
//! ```

mod account;
mod admission;
mod alarm;
mod allocator;
mod asking;
mod brake;
mod braking;
mod budget;
mod builder;
mod caches;
mod configure;
mod courier;
mod evicting;
mod explain;
mod extending;
mod farewell;
mod figures;
mod following;
mod handle;
mod health;
mod leaks;
mod looks;
#[cfg(feature = "profile")]
mod marking;
#[cfg(not(feature = "profile"))]
#[path = "no_marking.rs"]
mod marking;
mod order;
mod outlook;
#[cfg_attr(not(feature = "profile"), path = "no_profiling.rs")]
mod profiling;
#[cfg(feature = "prometheus")]
mod prometheus;
mod purge_job;
mod purge_on_call;
mod purging;
#[cfg_attr(not(feature = "recorder"), path = "no_recording.rs")]
mod recording;
mod registry;
mod reply;
mod run;
mod serving;
mod settings;
mod shared;
mod status;
mod tick;
mod under_way;
mod wake;
mod worker;

pub use admission::Admission;
pub use brake::Brake;
pub use builder::Builder;
pub use caches::CacheHandle;
pub use configure::Configured;
pub use handle::Handle;
#[cfg_attr(not(feature = "otlp"), allow(unused_imports, reason = "what features name"))]
pub(crate) use registry::MOST_CACHES;
pub use settings::WebhookForm;
#[cfg_attr(not(feature = "http"), allow(unused_imports, reason = "what features name"))]
pub(crate) use settings::{Secret, Serving, SocketPlace};
#[cfg_attr(
    not(any(feature = "webhook", feature = "metrics")),
    allow(unused_imports, reason = "what features name")
)]
pub(crate) use wake::Wake;

use parking_lot::Mutex;
use reply::Reply;
use shared::Shared;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// A running monitor. Dropping it stops it.
///
/// It takes snapshots at an interval, holds them against the budget, asks registered caches for memory when the budget is
/// used up, and answers questions about all of it. Every method can be called from any thread; none waits for a
/// tick, and none makes an allocation elsewhere wait.
///
/// ```
/// use plimsoll::Monitor;
/// use std::sync::{Arc, Mutex};
///
/// #[global_allocator]
/// static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// fn main() -> Result<(), plimsoll::Error> {
///     let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
///     let pages = Arc::new(Mutex::new(vec![vec![0u8; 4096]; 1000]));
///     monitor.register("pages", move |bytes: u64| {
///         let mut pages = pages.lock().unwrap();
///         let keep = pages.len().saturating_sub(bytes.div_ceil(4096) as usize);
///         let freed = pages.len() - keep;
///         pages.truncate(keep);
///         freed as u64 * 4096
///     })?;
///     let result = monitor.evict(1 << 20)?;
///     assert_eq!(result.memory_freed_bytes, Some(1 << 20));
///     Ok(())
/// }
/// ```
///
/// Everything that can be asked of it is in [`Handle`], to which it dereferences.
pub struct Monitor {
    handle: Handle,
    thread: Mutex<Option<JoinHandle<()>>>,
    has_stopped: Mutex<Option<Reply<()>>>,
    surfaces: Mutex<Vec<Box<dyn Surface>>>,
}

/// Something that shows a monitor to others, on threads of its own, and ends with it. Dropped, it is told to end and not
/// waited for.
pub(crate) trait Surface: Send {
    /// Ends it, and waits for its threads in bounded time.
    fn stop(&mut self);
}

impl Deref for Monitor {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.handle.fmt(f)
    }
}

impl Monitor {
    /// A monitor with defaults for everything.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(shared: Arc<Shared>, thread: JoinHandle<()>, has_stopped: Reply<()>) -> Self {
        let (thread, has_stopped) = (Mutex::new(Some(thread)), Mutex::new(Some(has_stopped)));
        Monitor { handle: Handle { shared }, thread, has_stopped, surfaces: Mutex::default() }
    }

    /// A way to ask this monitor that does not keep it running.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// From now on `surface` ends with the monitor.
    #[cfg_attr(
        not(any(feature = "http", feature = "metrics", feature = "otlp", feature = "webhook")),
        allow(dead_code, reason = "only surfaces ask")
    )]
    pub(crate) fn attach(&self, surface: impl Surface + 'static) {
        self.surfaces.lock().push(Box::new(surface));
    }

    /// Stops the monitor and waits for its thread: milliseconds, whatever the interval. History can still be read.
    ///
    /// A cache whose code is running is not waited for.
    pub fn stop(&self) {
        self.signal_stop();
        if self.shared.wake.is_own_thread() {
            // Called by something that runs on the very thread it would wait for. What shows it is only told to end.
            drop(std::mem::take(&mut *self.surfaces.lock()));
            return;
        }
        // Held while joining, so that a second caller comes back no earlier than the first.
        let mut thread = self.thread.lock();
        let Some(thread) = thread.take() else { return };
        let mut surfaces = std::mem::take(&mut *self.surfaces.lock());
        if self.shared.pid != std::process::id() {
            // In a forked child the threads do not exist; joining them would never end.
            std::mem::forget((thread, surfaces));
            return;
        }
        if thread.join().is_err() {
            // Its loop catches panics; what is left of one is not ours to pass on from a destructor.
            self.shared.stopped.store(true, Ordering::Relaxed);
        }
        // After the thread, so that they can still tell of its end.
        surfaces.iter_mut().for_each(|surface| surface.stop());
    }

    /// As [`Monitor::stop`], for callers that must not block.
    pub async fn stop_async(&self) {
        self.signal_stop();
        // In a forked child there is nobody to wait for.
        if self.shared.pid == std::process::id() {
            let has_stopped = self.has_stopped.lock().take();
            if let Some(has_stopped) = has_stopped {
                // Closed without an answer means that it has ended too.
                let _ = has_stopped.await;
            }
            self.end_surfaces().await;
        }
        self.stop();
    }

    /// Ends what shows it, on a thread for that purpose: callers may be slow to go.
    async fn end_surfaces(&self) {
        let mut surfaces = std::mem::take(&mut *self.surfaces.lock());
        if surfaces.is_empty() {
            return;
        }
        let (replier, have_ended) = reply::channel();
        let thread = std::thread::Builder::new().name("plimsoll-stop".into()).spawn(move || {
            surfaces.iter_mut().for_each(|surface| surface.stop());
            replier.send(());
        });
        // Without a thread they were dropped, and so told to end.
        if thread.is_ok() {
            let _ = have_ended.await;
        }
    }

    fn signal_stop(&self) {
        self.shared.tape.note_unwinding();
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.wake.notify();
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop();
    }
}
