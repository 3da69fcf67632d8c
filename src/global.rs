//! One monitor for the whole process, for those who do not want to carry a handle around.

use crate::error::Error;
use crate::export::report::{HealthReport, MetricsReport};
use crate::monitor::{Builder, Monitor};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The last one started; a stopped one stays, so that its history can be read.
static GLOBAL: Mutex<Option<Arc<Monitor>>> = Mutex::new(None);

/// Starts the process's monitor with settings from the environment.
///
/// # Errors
/// [`Error::AlreadyRunning`] when it runs, and those of [`Builder::start`].
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// plimsoll::start_monitoring()?;
/// assert!(plimsoll::start_monitoring().is_err());
/// assert!(plimsoll::metrics()?.monitor_running);
/// plimsoll::stop_monitoring()?;
/// assert!(!plimsoll::metrics()?.monitor_running);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn start_monitoring() -> Result<Arc<Monitor>, Error> {
    start_monitoring_with(Monitor::builder())
}

/// Starts the process's monitor as `builder` says.
///
/// # Errors
/// [`Error::AlreadyRunning`] when it runs, and those of [`Builder::start`].
pub fn start_monitoring_with(builder: Builder) -> Result<Arc<Monitor>, Error> {
    let _starting = Starting::begin()?;
    if monitor().is_some_and(|monitor| monitor.is_running()) {
        return Err(Error::AlreadyRunning);
    }
    let monitor = Arc::new(builder.start()?);
    let last = GLOBAL.lock().replace(monitor.clone());
    // Dropped with the lock given back, since that may run the caches' own code.
    drop(last);
    Ok(monitor)
}

/// Held while a monitor starts, instead of the lock: starting it runs the program's log subscribers.
struct Starting;

static STARTING: AtomicBool = AtomicBool::new(false);

impl Starting {
    /// Acquire and release, as a lock that is tried once.
    fn begin() -> Result<Self, Error> {
        let started = STARTING.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        started.map(|_| Starting).map_err(|_| Error::AlreadyRunning)
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        STARTING.store(false, Ordering::Release);
    }
}

/// The process's monitor, running or stopped; `None` before the first start.
pub fn monitor() -> Option<Arc<Monitor>> {
    GLOBAL.lock().clone()
}

/// Stops the process's monitor and waits for its thread.
///
/// # Errors
/// [`Error::NotRunning`] when none runs.
pub fn stop_monitoring() -> Result<(), Error> {
    running()?.stop();
    Ok(())
}

/// As [`stop_monitoring`], for callers that must not block.
///
/// # Errors
/// As [`stop_monitoring`].
pub async fn stop_monitoring_async() -> Result<(), Error> {
    running()?.stop_async().await;
    Ok(())
}

fn running() -> Result<Arc<Monitor>, Error> {
    monitor().filter(|monitor| monitor.is_running()).ok_or(Error::NotRunning)
}

/// The process's metrics, also after its monitor was stopped.
///
/// # Errors
/// [`Error::NotRunning`] before the first start.
pub fn metrics() -> Result<MetricsReport, Error> {
    Ok(monitor().ok_or(Error::NotRunning)?.metrics())
}

/// The process's health; a stopped monitor is a critical finding.
///
/// # Errors
/// [`Error::NotRunning`] before the first start.
pub fn health_check() -> Result<HealthReport, Error> {
    Ok(monitor().ok_or(Error::NotRunning)?.health_check())
}

/// As [`health_check`], for callers that must not block.
///
/// # Errors
/// As [`health_check`], and when the system refuses a thread.
pub async fn health_check_async() -> Result<HealthReport, Error> {
    monitor().ok_or(Error::NotRunning)?.health_check_async().await
}
