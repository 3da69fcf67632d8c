//! The status as Prometheus reads it, for programs with a server of their own.

use super::Handle;
use crate::export::prometheus::{Exposition, write};

impl Handle {
    /// Everything that is known now as Prometheus reads it: for a route of one's own.
    ///
    /// Some hundred series for a program, and seven to ten for each of its caches, of which there are at most 256. Costs what
    /// [`Handle::status`] does, and some tens of microseconds more.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// use plimsoll::Exposition;
    ///
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let wanted = Exposition::accepted_by(Some("text/plain"));
    /// let (head, body) = (wanted.content_type(), monitor.prometheus(wanted));
    /// assert!(head.starts_with("text/plain") && body.contains("\nplimsoll_budget_bytes 67108864\n"));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn prometheus(&self, exposition: Exposition) -> String {
        // A page of few caches fits.
        let mut text = String::with_capacity(24 << 10);
        write(&mut text, &self.status(), exposition);
        text
    }
}
