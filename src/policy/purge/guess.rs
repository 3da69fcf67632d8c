//! Did a purge keep the right number of pages? Each guess is judged by what the program did in the half minute after it.

use std::time::{Duration, Instant};

/// How long a program has to take back what was purged.
const WINDOW: Duration = Duration::from_secs(30);

/// What a new judgement weighs against all before it.
const WEIGHT: f64 = 0.25;

/// A guess that waits for its judgement: one at a time, the others are not judged.
#[derive(Clone, Copy, Debug)]
struct Open {
    since: Instant,
    /// Active when the purge ended.
    active: u64,
    purged: u64,
    kept: u64,
    /// The most that has been taken into use since.
    taken: u64,
}

impl Open {
    /// 1 where exactly those pages were kept that were used again, 0 where every page was guessed wrong.
    fn score(self) -> f64 {
        let known = self.kept.saturating_add(self.purged).max(1);
        let wrong = self.kept.abs_diff(self.taken.min(known));
        1.0 - wrong as f64 / known as f64
    }
}

/// The guess under judgement, and how good they were so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Guesses {
    open: Option<Open>,
    score: Option<f64>,
}

impl Guesses {
    /// A purge has ended that left `kept` bytes unused by guess and gave `purged` back.
    pub(crate) fn begin(&mut self, now: Instant, active: u64, purged: u64, kept: u64) {
        let guess = Open { since: now, active, purged, kept, taken: 0 };
        if purged > 0 {
            self.open.get_or_insert(guess);
        }
    }

    /// Looks at what is active now.
    pub(crate) fn observe(&mut self, now: Instant, active: u64) {
        let Some(open) = &mut self.open else { return };
        open.taken = open.taken.max(active.saturating_sub(open.active));
        if now.saturating_duration_since(open.since) >= WINDOW {
            let score = open.score();
            self.score =
                Some(self.score.map_or(score, |before| before + WEIGHT * (score - before)));
            self.open = None;
        }
    }

    /// The mean of the judgements, the newest weighing a quarter: from 0 to 1; `None` before the first.
    pub(crate) fn score(self) -> Option<f64> {
        self.score
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The score of one guess: 100 purged, `kept` kept, then `taken` taken into use and freed again.
    fn judged(kept: u64, taken: u64) -> f64 {
        let (mut guesses, start) = (Guesses::default(), Instant::now());
        guesses.begin(start, 1000, 100, kept);
        guesses.observe(start + Duration::from_secs(5), 1000 + taken);
        guesses.observe(start + Duration::from_secs(20), 500);
        assert_eq!(guesses.score(), None, "judged too early");
        guesses.observe(start + WINDOW, 1000);
        guesses.score().expect("a judgement")
    }

    #[test]
    fn a_guess_is_as_good_as_the_pages_it_got_right() {
        assert_eq!(judged(0, 0), 1.0, "all purged, nothing wanted back");
        assert_eq!(judged(0, 100), 0.0, "all purged, all taken again");
        assert_eq!(judged(100, 100), 1.0, "kept what was used");
        assert_eq!(judged(100, 0), 0.5, "kept for nothing");
        assert_eq!(judged(100, 150), 0.75, "half of what was purged was taken again");
        assert_eq!(judged(100, 9999), 0.5, "growth beyond both is nobody's fault");
    }

    #[test]
    fn guesses_are_judged_one_at_a_time_and_remembered() {
        let (mut guesses, start) = (Guesses::default(), Instant::now());
        guesses.begin(start, 0, 100, 0);
        guesses.begin(start + Duration::from_secs(1), 0, 900, 900);
        guesses.observe(start + WINDOW, 0);
        assert_eq!(guesses.score(), Some(1.0));
        guesses.observe(start + WINDOW * 2, 100);
        assert_eq!(guesses.score(), Some(1.0), "nothing to judge");
        guesses.begin(start + WINDOW * 2, 0, 100, 0);
        guesses.observe(start + WINDOW * 3, 100);
        assert_eq!(guesses.score(), Some(0.75));
        guesses.begin(start + WINDOW * 4, 0, 0, 0);
        guesses.observe(start + WINDOW * 5, 100);
        assert_eq!(guesses.score(), Some(0.75), "a purge of nothing is no guess");
    }
}
