//! Purges that callers wait for.

use super::Handle;
use super::reply::{self, NoAnswer, Reply};
use crate::error::Error;
use crate::policy::purge::PurgeResult;
use std::time::{Duration, Instant};

/// How long a caller waits for a purge at most: hundreds of GiB take no longer.
const PATIENCE: Duration = Duration::from_secs(60);

impl Handle {
    /// Gives jemalloc's unused pages back to the system, whatever the level and whether or not the monitor does so by itself,
    /// and waits for what that came to: some 0.1 ms for a MiB. Caches' own code may call this.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// let monitor = plimsoll::Monitor::builder().start()?;
    /// drop(vec![1u8; 4 << 20]);
    /// let result = monitor.purge()?;
    /// println!("{} of {} bytes", result.purged_bytes, result.dirty_before_bytes);
    /// assert!(result.success);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Purge`] where jemalloc does not serve the heap, when called from a log subscriber that runs on the
    /// monitor's own thread, when jemalloc has made no step for a minute (and from then on until it has), or when the
    /// monitor is stopped meanwhile; [`Error::NotRunning`] after it; [`Error::NoAnswer`] after a minute.
    pub fn purge(&self) -> Result<PurgeResult, Error> {
        let reply = self.order_purge()?;
        reply.wait_until(Instant::now() + PATIENCE).unwrap_or_else(|no_answer| {
            Err(match no_answer {
                NoAnswer::Late => Error::NoAnswer(PATIENCE),
                NoAnswer::Closed => Error::NotRunning,
            })
        })
    }

    /// As [`Handle::purge`], for callers that must not block. Needs no particular runtime.
    ///
    /// # Errors
    /// As [`Handle::purge`], but for [`Error::NoAnswer`].
    pub async fn purge_async(&self) -> Result<PurgeResult, Error> {
        self.order_purge()?.await.unwrap_or(Err(Error::NotRunning))
    }

    fn order_purge(&self) -> Result<Reply<Result<PurgeResult, Error>>, Error> {
        if self.shared.wake.is_own_thread() {
            return Err(Error::Purge {
                reason: "called on the monitor's own thread, which it would wait for",
            });
        }
        let (replier, reply) = reply::channel();
        self.shared.submit_purge(replier)?;
        Ok(reply)
    }
}
