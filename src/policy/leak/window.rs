//! `Window`: the floors of one length of epoch, what they say, and for how long that is believed.

use super::LeakVerdict;
use super::floor::{Change, Epochs, Floor};
use super::rises::{Rise, Rises, Rule};
use std::time::Duration;

/// Something grows, and has not stopped.
#[derive(Clone, Copy, Debug)]
struct Alarm {
    verdict: LeakVerdict,
    /// Since the first of its rises.
    grown: Change,
    /// The highest that `grown` was, in bytes.
    highest: i64,
    /// A floor is higher if it is by this much: a quarter of what rises were when it began.
    step: i64,
    /// Floors since it was last higher.
    quiet: usize,
}

impl Alarm {
    fn new(verdict: LeakVerdict, rises: &Rises) -> Self {
        let grown = rises.growth(rises.count());
        let step = grown.bytes / (4 * rises.count().max(1)) as i64;
        Alarm { verdict, grown, highest: grown.bytes, step, quiet: 0 }
    }

    fn take(&mut self, change: Change, verdict: LeakVerdict) {
        self.verdict = self.verdict.max(verdict);
        self.grown = self.grown.and(change);
        if self.grown.bytes > self.highest.saturating_add(self.step) {
            (self.highest, self.quiet) = (self.grown.bytes, 0);
        } else {
            self.quiet += 1;
        }
    }

    /// Half of it was given back, or it has stayed for as long as half of what it took to be suspected.
    fn is_over(&self, rule: &Rule) -> bool {
        self.grown.bytes <= self.highest / 2 || self.quiet >= rule.rises / 2
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    rule: Rule,
    epochs: Epochs,
    length: Duration,
    last: Option<Floor>,
    rises: Rises,
    /// No floor of this process has been compared with another yet.
    is_first: bool,
    alarm: Option<Alarm>,
}

impl Window {
    /// Begins with the rises of runs before this one, the last of which ended at a floor as this one begins at its own.
    pub(super) fn new(rule: Rule, window: Duration, start: Duration, before: &[Rise]) -> Self {
        let length = window * rule.windows;
        Window {
            rule,
            epochs: Epochs::new(length, start),
            length,
            last: None,
            rises: Rises::restored(before),
            is_first: true,
            alarm: None,
        }
    }

    /// At the end of an epoch says whether its rises are others.
    pub(super) fn observe(&mut self, at: Duration, figure: Option<Floor>) -> Option<bool> {
        let ended = self.epochs.observe(at, figure);
        ended.map(|(floor, epochs)| self.take(floor, epochs))
    }

    fn take(&mut self, floor: Floor, epochs: u32) -> bool {
        let Some(last) = self.last.replace(floor) else { return false };
        let change = Change::between(last, floor, epochs);
        let is_new = self.rises.take(last, change, std::mem::take(&mut self.is_first));
        let verdict = self.rises.verdict(&self.rule);
        match &mut self.alarm {
            Some(alarm) => alarm.take(change, verdict),
            None if verdict == LeakVerdict::None => {}
            None => self.alarm = Some(Alarm::new(verdict, &self.rises)),
        }
        self.alarm = self.alarm.filter(|alarm| !alarm.is_over(&self.rule));
        is_new
    }

    pub(super) fn end(&mut self) {
        self.alarm = None;
        self.rises = Rises::default();
    }

    pub(super) fn verdict(&self) -> LeakVerdict {
        self.alarm.map_or(LeakVerdict::None, |alarm| alarm.verdict)
    }

    /// What has grown, while something does.
    pub(super) fn grown(&self) -> Option<Change> {
        self.alarm.map(|alarm| alarm.grown)
    }

    pub(super) fn floor(&self) -> Option<Floor> {
        self.last
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    pub(super) fn rises(&self) -> &[Rise] {
        self.rises.kept()
    }

    pub(super) fn rises_needed(&self) -> usize {
        self.rule.rises
    }
}
