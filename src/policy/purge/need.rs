//! When unused pages are given back to the system, and how many are kept.

use super::slice::Manner;
use crate::level::Level;
use std::time::Duration;

/// Fewer dirty pages than this are not worth a purge, unless they stand against the wall.
const LEAST: u64 = 32 << 20;

/// How urgently unused pages should be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// With a rest between purges: pages that are wanted again would be zeroed for nothing.
    Routine,
    /// At once: usage and unused pages together have nearly reached the budget, and the kernel counts both.
    Wall,
}

impl Need {
    /// The least time between two purges.
    pub(crate) const fn rest(self) -> Duration {
        match self {
            Need::Routine => Duration::from_secs(1),
            Need::Wall => Duration::from_millis(100),
        }
    }
}

/// What the decision goes by, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) dirty: Option<u64>,
    pub(crate) usage: Option<u64>,
    pub(crate) budget: u64,
    pub(crate) level: Level,
    /// What the program will probably take into use again; `None` before that can be known.
    pub(crate) demand: Option<u64>,
}

/// A purge that should be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) need: Need,
    pub(crate) manner: Manner,
    /// Unused pages to keep, in bytes.
    pub(crate) keep: u64,
    /// Whether `keep` is a guess at what the program will take into use again, and can be judged as one.
    pub(crate) is_guess: bool,
}

impl Situation {
    /// The purge that should be made. Pages that will probably be used again are kept, except in an emergency.
    pub(crate) fn wants(self) -> Option<Wanted> {
        let need = need(self.dirty, self.usage, self.budget, self.level)?;
        if need == Need::Wall || self.level == Level::Critical {
            return Some(Wanted { need, manner: Manner::AtOnce, keep: 0, is_guess: false });
        }
        let keep = self.demand.unwrap_or(0);
        let wanted =
            Wanted { need, manner: Manner::Gradual, keep, is_guess: self.demand.is_some() };
        (self.dirty?.saturating_sub(keep) > LEAST).then_some(wanted)
    }
}

/// Whether to purge: dirty pages above a twentieth of the budget once the warning threshold is reached, above a fifth at
/// any time, or above a fiftieth when usage and they together come to 95 % of the budget.
fn need(dirty: Option<u64>, usage: Option<u64>, budget: u64, level: Level) -> Option<Need> {
    let dirty = dirty?;
    let together = usage.unwrap_or(0).saturating_add(dirty);
    if together >= budget / 100 * 95 && dirty > budget / 50 {
        return Some(Need::Wall);
    }
    let near_the_line = level >= Level::Caution && dirty > LEAST.max(budget / 20);
    (near_the_line || dirty > LEAST.max(budget / 5)).then_some(Need::Routine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_the_line_a_twentieth_and_always_a_fifth() {
        let budget = 4 << 30;
        let twentieth = budget / 20 + 1;
        let routine = Some(Need::Routine);
        assert_eq!(need(Some(twentieth), Some(0), budget, Level::Caution), routine);
        assert_eq!(need(Some(twentieth), Some(0), budget, Level::Healthy), None);
        assert_eq!(need(Some(budget / 5 + 1), Some(0), budget, Level::Healthy), routine);
        assert_eq!(
            need(Some(LEAST), Some(0), 64 << 20, Level::Critical),
            None,
            "little is left alone"
        );
        assert_eq!(need(None, Some(0), budget, Level::Critical), None);
    }

    #[test]
    fn against_the_wall_little_counts() {
        let budget = 64 << 20;
        assert_eq!(need(Some(8 << 20), Some(54 << 20), budget, Level::Caution), Some(Need::Wall));
        assert_eq!(need(Some(8 << 20), Some(50 << 20), budget, Level::Caution), None);
        assert_eq!(need(Some(1 << 20), Some(64 << 20), budget, Level::Critical), None);
    }

    #[test]
    fn what_will_be_used_again_is_kept_but_not_in_an_emergency() {
        let mib = |mebibytes: u64| mebibytes << 20;
        let situation = Situation {
            dirty: Some(mib(300)),
            usage: Some(mib(500)),
            budget: mib(1024),
            level: Level::Healthy,
            demand: Some(mib(100)),
        };
        let gradual =
            Wanted { need: Need::Routine, manner: Manner::Gradual, keep: mib(100), is_guess: true };
        assert_eq!(situation.wants(), Some(gradual));
        let little_beyond = Situation { demand: Some(mib(270)), ..situation };
        assert_eq!(little_beyond.wants(), None);
        let unknown = Situation { demand: None, ..situation };
        assert_eq!(unknown.wants(), Some(Wanted { keep: 0, is_guess: false, ..gradual }));
        let wall = Situation { usage: Some(mib(700)), ..situation };
        let at_once = Wanted { need: Need::Wall, manner: Manner::AtOnce, keep: 0, is_guess: false };
        assert_eq!(wall.wants(), Some(at_once));
        let critical = Situation { level: Level::Critical, ..little_beyond };
        assert_eq!(critical.wants(), Some(Wanted { need: Need::Routine, ..at_once }));
    }
}
