//! Which objects are in the sample: asked by the allocator where something is due.

use super::thread::with_tenant;
use crate::sync::{AtomicU64, Ordering, global};

global! {
    /// Mean bytes between two samples; 0: none are taken. Relaxed: a thread that sees it late samples late, which is no error
    /// (the distance to a sample has no memory), and it publishes nothing: the sampler's tables are there before.
    static SAMPLING_MEAN: AtomicU64 = AtomicU64::new(0);
}

/// Mean bytes between two samples from now on: each thread goes by it within half a batch. 0: none are taken.
pub(crate) fn set_sampling_mean(bytes: u64) {
    SAMPLING_MEAN.store(bytes, Ordering::Relaxed);
}

/// Mean bytes between two samples; 0 while none are taken.
#[inline(always)]
pub(crate) fn sampling_mean() -> u64 {
    SAMPLING_MEAN.load(Ordering::Relaxed)
}

/// Whether an object of `bytes` that could not be booked at once is in the sample: with which mean. Asked once for each, and
/// before anything else is done for it; its bytes were taken off what is left then.
pub(crate) fn is_sampled(bytes: u64) -> Option<u64> {
    let (object, mean) = (bytes.cast_signed(), sampling_mean());
    let is_hit = with_tenant(|tenant| {
        let earlier = tenant.taken().saturating_sub(object);
        tenant.countdown.hits(earlier, object, mean)
    });
    is_hit.then_some(mean)
}

/// As [`is_sampled`], for the growth of an object by `bytes`, which are not taken off what is left. Booked or refused, the
/// next call is due: what was left may be more than the countdown has now.
pub(crate) fn is_growth_sampled(bytes: u64) -> Option<u64> {
    let (growth, mean) = (bytes.cast_signed(), sampling_mean());
    let is_hit = with_tenant(|tenant| {
        let is_hit = tenant.countdown.hits(tenant.taken(), growth, mean);
        tenant.leave_nothing();
        is_hit
    });
    is_hit.then_some(mean)
}

/// A number from (0, 1], each as likely, from the calling thread's own source.
pub(crate) fn random() -> f64 {
    with_tenant(|tenant| tenant.countdown.random())
}
