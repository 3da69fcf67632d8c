//! What the handle tells of the last tick: how much is used, and where that is going.

use super::Handle;
use crate::policy::forecast::Forecast;
use crate::policy::usage::Usage;

impl Handle {
    /// Where the usage is going, as of the last tick: its growth, what it is that grows, and when the budget is used up.
    ///
    /// An estimate, made anew at every tick in memory that was taken once; see [`Forecast`].
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// use plimsoll::{Growth, Monitor};
    /// let monitor = Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let forecast = monitor.forecast();
    /// match (forecast.growth, forecast.bytes_per_object) {
    ///     (Growth::Objects, Some(bytes)) => println!("objects of some {bytes:.0} bytes grow in number"),
    ///     _ => println!("{forecast}"),
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn forecast(&self) -> Forecast {
        self.shared.history.lock().forecast
    }

    /// What was used at the last tick, as an interval: all unknown before the first.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let usage = monitor.usage();
    /// println!("{:?} to {:?} bytes", usage.low_bytes, usage.high_bytes);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn usage(&self) -> Usage {
        self.shared.history.lock().usage
    }

    /// The highest usage of any tick, in percent of the budget; `None` while it is unknown.
    pub fn peak_usage_percent(&self) -> Option<f64> {
        self.shared.history.lock().peak_usage_percent
    }
}
