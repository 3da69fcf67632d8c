//! The start: the monitor, then what shows it to others.

use crate::error::Error;
use crate::monitor::{Builder, Monitor};
use crate::surface;

impl Builder {
    /// Starts the monitor.
    ///
    /// # Errors
    /// For a setting that makes no sense, from the builder or the environment, and when the system refuses a thread or an
    /// address; then nothing runs.
    pub fn start(self) -> Result<Monitor, Error> {
        let (monitor, serving) = self.bring_up()?;
        // Dropped with an error, and so stopped, if one of them cannot be had.
        surface::start(&monitor, &serving)?;
        Ok(monitor)
    }
}
