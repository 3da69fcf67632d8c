//! Evictions that a caller asks for, and what they would come to.

use super::order::{Order, Orderer};
use super::reply::{self, NoAnswer, Replier, Reply};
use super::{Handle, worker};
use crate::error::Error;
use crate::eviction::{EvictionPlan, EvictionResult};
use crate::policy::eviction::CacheId;
use std::time::{Duration, Instant};

type Asker<T> = Replier<Result<T, Error>>;
type Answer<T> = Reply<Result<T, Error>>;

impl Handle {
    /// Asks the registered caches for `target_bytes`, least important first, and waits for what they gave.
    ///
    /// # Errors
    /// [`Error::Eviction`] when the target is zero, when called from within a cache's own code, or when the monitor is
    /// stopped meanwhile; [`Error::NotRunning`] after it. Freeing too little is no error but a result without success.
    pub fn evict(&self, target_bytes: u64) -> Result<EvictionResult, Error> {
        self.wait(self.order(target_bytes, Orderer::Caller)?)
    }

    /// As [`Handle::evict`], for callers that must not block. Needs no particular runtime.
    ///
    /// # Errors
    /// As [`Handle::evict`].
    pub async fn evict_async(&self, target_bytes: u64) -> Result<EvictionResult, Error> {
        self.order(target_bytes, Orderer::Caller)?.await.unwrap_or(Err(Error::NotRunning))
    }

    /// Asks one cache alone for `target_bytes`, and waits for what it gave.
    ///
    /// # Errors
    /// As [`Handle::evict`], and for a name that no cache has.
    pub fn evict_from(&self, cache: &str, target_bytes: u64) -> Result<EvictionResult, Error> {
        self.wait(self.order_from(cache, target_bytes)?)
    }

    /// As [`Handle::evict_from`], for callers that must not block.
    ///
    /// # Errors
    /// As [`Handle::evict_from`].
    pub async fn evict_from_async(
        &self,
        cache: &str,
        target_bytes: u64,
    ) -> Result<EvictionResult, Error> {
        self.order_from(cache, target_bytes)?.await.unwrap_or(Err(Error::NotRunning))
    }

    fn order_from(&self, cache: &str, target: u64) -> Result<Answer<EvictionResult>, Error> {
        let entries = self.shared.caches.all();
        let id = entries.iter().find(|entry| entry.spec.name == cache).map(|entry| entry.id);
        if id.is_none() {
            let names: Vec<_> = entries.iter().map(|entry| entry.spec.name.as_str()).collect();
            let reason = format!("no cache is called {cache:?}: there are [{}]", names.join(", "));
            return Err(Error::Eviction { target_bytes: target, freed_bytes: Some(0), reason });
        }
        self.order_by(target, Orderer::Caller, id)
    }

    /// What [`Handle::evict`] would ask of whom, if every cache gave what it was asked for; asks what they hold and nothing
    /// else.
    ///
    /// # Errors
    /// As [`Handle::evict`].
    ///
    /// ```
    /// # let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// monitor.register("pages", |bytes: u64| bytes)?;
    /// let plan = monitor.plan_eviction(1 << 20)?;
    /// assert_eq!((plan.asks[0].cache.as_str(), plan.planned_bytes), ("pages", 1 << 20));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn plan_eviction(&self, target_bytes: u64) -> Result<EvictionPlan, Error> {
        self.wait(self.order(target_bytes, Orderer::DryRun)?)
    }

    /// As [`Handle::plan_eviction`], for callers that must not block.
    ///
    /// # Errors
    /// As [`Handle::evict`].
    pub async fn plan_eviction_async(&self, target_bytes: u64) -> Result<EvictionPlan, Error> {
        self.order(target_bytes, Orderer::DryRun)?.await.unwrap_or(Err(Error::NotRunning))
    }

    fn wait<T>(&self, reply: Answer<T>) -> Result<T, Error> {
        let patience = self.patience();
        reply.wait_until(Instant::now() + patience).unwrap_or_else(|no_answer| {
            Err(match no_answer {
                NoAnswer::Late => Error::NoAnswer(patience),
                NoAnswer::Closed => Error::NotRunning,
            })
        })
    }

    fn order<T>(&self, target: u64, by: fn(Asker<T>) -> Orderer) -> Result<Answer<T>, Error> {
        self.order_by(target, by, None)
    }

    fn order_by<T>(
        &self,
        target: u64,
        by: fn(Asker<T>) -> Orderer,
        only: Option<CacheId>,
    ) -> Result<Answer<T>, Error> {
        let refused = |reason: &str| Error::Eviction {
            target_bytes: target,
            freed_bytes: Some(0),
            reason: reason.into(),
        };
        if target == 0 {
            return Err(refused("the target must be at least 1 byte"));
        }
        if worker::evicts() {
            return Err(refused(
                "called from within a cache's own code or a log subscriber, which it would wait for",
            ));
        }
        let (replier, reply) = reply::channel();
        let order = Order { target, by: by(replier), only };
        self.shared.submit(order)?;
        Ok(reply)
    }

    /// Every cache may use its whole time-out, several times; then the answer is not worth waiting for.
    fn patience(&self) -> Duration {
        let caches = u32::try_from(self.shared.caches.all().len()).unwrap_or(u32::MAX);
        self.shared
            .settings()
            .hook_timeout
            .saturating_mul(caches.saturating_add(2))
            .saturating_mul(2)
    }
}
