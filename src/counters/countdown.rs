//! How many bytes a thread may still allocate until one of its objects is due for the sample.

use std::cell::Cell;

/// Without a sample due, ever.
const NEVER: i64 = i64::MAX;

/// A thread's distance to its next sample, in bytes it allocates: drawn anew, with the mean in force, after each.
///
/// An exponential distance has no memory. So it may be drawn again at any time that does not depend on what was drawn:
/// when the mean has changed, or when bytes were taken off it that were then not allocated.
pub(super) struct Countdown {
    /// The mean it was drawn with; 0: none is in force.
    mean: Cell<u64>,
    left: Cell<i64>,
    random: Cell<u64>,
}

impl Countdown {
    pub(super) const fn new() -> Self {
        Countdown { mean: Cell::new(0), left: Cell::new(NEVER), random: Cell::new(0) }
    }

    /// How many bytes may be allocated before a sample is due.
    pub(super) fn left(&self) -> i64 {
        self.left.get()
    }

    /// Goes by `mean` from now on.
    pub(super) fn adopt(&self, mean: u64) {
        if mean != self.mean.get() {
            self.mean.set(mean);
            self.draw();
        }
    }

    /// Takes off `bytes`; whether that was more than was left, and so another distance was drawn.
    pub(super) fn pass(&self, bytes: i64) -> bool {
        self.left.set(self.left.get().saturating_sub(bytes));
        let is_passed = self.left.get() < 0;
        if is_passed {
            self.draw();
        }
        is_passed
    }

    /// Takes off `earlier` bytes and then those of an object at hand; whether it is in the sample.
    ///
    /// Where `mean` is another than before, the object at hand is the first that it holds for.
    pub(super) fn hits(&self, earlier: i64, object: i64, mean: u64) -> bool {
        if mean == self.mean.get() {
            self.pass(earlier);
        } else {
            self.adopt(mean);
        }
        self.pass(object) && mean != 0
    }

    fn draw(&self) {
        self.left.set(match self.mean.get() {
            0 => NEVER,
            mean => distance(mean, self.random()),
        });
    }

    /// A number from (0, 1], each as likely.
    pub(super) fn random(&self) -> f64 {
        if self.random.get() == 0 {
            self.random.set(seed(std::ptr::from_ref(self).addr()));
        }
        let (next, number) = split_mix(self.random.get());
        self.random.set(next);
        ((number >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// Exponential with mean `mean`: below `s` with the chance 1 - exp(-s / mean), rounded down as it is, for every whole `s`.
fn distance(mean: u64, random: f64) -> i64 {
    // Saturates where it is too much for an `i64`.
    (-random.ln() * mean as f64) as i64
}

/// The next state and its number (Steele, Lea, Flood: SplitMix64).
fn split_mix(state: u64) -> (u64, u64) {
    let next = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (next, mixed ^ (mixed >> 31))
}

/// Another for every thread of a process, and for every run where addresses are random.
fn seed(place: usize) -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static THREADS: AtomicU64 = AtomicU64::new(1);
    // Relaxed: it orders nothing, each gets a number of its own.
    let thread = THREADS.fetch_add(1, Ordering::Relaxed);
    let (_, number) = split_mix(thread.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ place as u64);
    number | 1
}
