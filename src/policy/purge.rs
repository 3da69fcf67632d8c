//! When unused pages are given back to the system.

use crate::level::Level;

/// Fewer dirty pages than this are not worth a purge.
const LEAST: u64 = 32 << 20;

/// Whether to purge: dirty pages above a twentieth of the budget once the warning threshold is reached, or above a
/// fifth at any time.
pub(crate) fn is_due(dirty: Option<u64>, budget: u64, level: Level) -> bool {
    let Some(dirty) = dirty else { return false };
    let near_the_line = level >= Level::Caution && dirty > LEAST.max(budget / 20);
    near_the_line || dirty > LEAST.max(budget / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_the_line_a_twentieth_and_always_a_fifth() {
        let budget = 4 << 30;
        let twentieth = budget / 20 + 1;
        assert!(is_due(Some(twentieth), budget, Level::Caution));
        assert!(!is_due(Some(twentieth), budget, Level::Healthy));
        assert!(is_due(Some(budget / 5 + 1), budget, Level::Healthy));
        assert!(!is_due(Some(LEAST), 64 << 20, Level::Critical), "little is left alone");
        assert!(!is_due(None, budget, Level::Critical));
    }
}
