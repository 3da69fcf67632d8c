//! Rises: floors that rose one after the other, and whether they do so as a leak does.

use super::LeakVerdict;
use super::floor::{Change, Floor};
use serde::{Deserialize, Serialize};

/// The most rises that any rule looks at.
pub(super) const MOST: usize = 8;

/// Growth below this is nobody's trouble, however small the heap.
const LEAST_BYTES: f64 = 1024.0 * 1024.0;

/// The later half of a leak grows by at least this share of the earlier one: what warms up or fills grows by less.
const KEEPS_UP: f64 = 0.7;

/// No single rise is more than this share of the growth: what was loaded at once is no leak.
const LARGEST: f64 = 0.5;

/// Nor is any less than this share of what they are on average: chance rises between a few loads.
const SMALLEST: f64 = 0.1;

/// How many rises of which length make a leak.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Epochs of so many windows each.
    pub(super) windows: u32,
    pub(super) rises: usize,
    pub(super) percent: f64,
}

/// One floor above the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rise {
    /// The floor from which it rose, in bytes.
    from: u64,
    change: Change,
    /// The first of its process: between it and the one before lies a restart.
    is_first: bool,
}

/// The last rises without a fall between them, oldest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rises {
    kept: [Rise; MOST],
    count: usize,
}

impl Rises {
    pub(super) fn restored(kept: &[Rise]) -> Self {
        let mut rises = Rises::default();
        kept.iter().filter(|rise| rise.change.bytes > 0).for_each(|rise| rises.push(*rise));
        rises
    }

    pub(super) fn kept(&self) -> &[Rise] {
        self.kept.get(..self.count).unwrap_or_default()
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes in how the floor has changed since `before`. Says whether what should be kept is another: a single rise is not
    /// worth it, and comes and goes.
    pub(super) fn take(&mut self, before: Floor, change: Change, is_first: bool) -> bool {
        if change.bytes > 0 {
            self.push(Rise { from: before.bytes, change, is_first });
            return self.count > 1;
        }
        std::mem::take(&mut self.count) > 1
    }

    fn push(&mut self, rise: Rise) {
        if self.count == MOST {
            self.kept.rotate_left(1);
            self.count -= 1;
        }
        if let Some(place) = self.kept.get_mut(self.count) {
            *place = rise;
            self.count += 1;
        }
    }

    /// What the last `count` came to.
    pub(super) fn growth(&self, count: usize) -> Change {
        let changes = self.last(count).iter().map(|rise| rise.change);
        changes.reduce(Change::and).unwrap_or_default()
    }

    fn last(&self, count: usize) -> &[Rise] {
        let kept = self.kept();
        kept.get(kept.len().saturating_sub(count)..).unwrap_or_default()
    }

    /// What a rule says to them: half of its rises and growth is on the way.
    pub(super) fn verdict(&self, rule: &Rule) -> LeakVerdict {
        if self.are_a_leak(rule.rises, rule.percent, LEAST_BYTES) {
            LeakVerdict::Suspected
        } else if self.are_a_leak(rule.rises.div_ceil(2), rule.percent / 2.0, LEAST_BYTES / 2.0) {
            LeakVerdict::Growing
        } else {
            LeakVerdict::None
        }
    }

    fn are_a_leak(&self, needed: usize, percent: f64, bytes: f64) -> bool {
        let last = self.last(needed);
        let Some(first) = last.first().filter(|_| last.len() >= needed) else { return false };
        let growth = sum(last);
        growth >= bytes
            && growth >= first.from as f64 * percent / 100.0
            && are_even(last)
            && keep_up(last)
    }
}

/// By their rates, since between two floors may lie epochs of which nothing is known.
fn are_even(rises: &[Rise]) -> bool {
    let all = rates(rises);
    let (least, most) = (all / rises.len() as f64 * SMALLEST, all * LARGEST);
    rises.iter().all(|rise| (least..=most).contains(&rise.change.rate()))
}

fn rates(rises: &[Rise]) -> f64 {
    rises.iter().map(|rise| rise.change.rate()).sum()
}

fn sum(rises: &[Rise]) -> f64 {
    rises.iter().map(|rise| rise.change.bytes as f64).sum()
}

/// Whether the later halves grew about as much as the earlier ones, each process by itself: one that was restarted warms
/// up again. Where no process was seen rising twice, nothing is known of that, and it is no leak yet.
fn keep_up(rises: &[Rise]) -> bool {
    let (mut earlier, mut later) = (0.0, 0.0);
    for run in rises.chunk_by(|_, next| !next.is_first) {
        let half = run.len() / 2;
        let (first, rest) = run.split_at(half);
        earlier += rates(first);
        later += rates(rest.get(rest.len() - half..).unwrap_or_default());
    }
    earlier > 0.0 && later >= earlier * KEEPS_UP
}
