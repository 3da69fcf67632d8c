//! Which unused pages are given back next: a piece at a time, so that a purge can be broken off.

use crate::source::Arena;
use std::time::Duration;

/// How much is given back between two looks at whether it is still wanted: some 3 ms of work.
const SLICE: u64 = 32 << 20;

/// Less than this beyond what shall be kept is not worth another slice.
const LEAST: u64 = 4 << 20;

/// Between two looks at an arena that gives its pages back bit by bit.
const STEP: Duration = Duration::from_millis(10);
const LONGEST_STEP: Duration = Duration::from_millis(50);

/// In which jemalloc gives an arena's unused pages back, however long it is told to take.
const JEMALLOCS_STEPS: u32 = 200;

/// How pages are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A large arena bit by bit, its longest unused pages first, down to what shall be kept.
    Gradual,
    /// Arenas as they are: one at least, and as many as come to a slice.
    AtOnce,
}

/// What is given back next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slice {
    /// All unused pages of these arenas.
    Whole(Vec<u32>),
    /// Those of one arena, until it has `down_to` bytes of them.
    Part { arena: u32, dirty: u64, down_to: u64 },
}

/// The next slice, largest arenas first, while more than `keep` is unused; `None` when enough has been given back. Arenas
/// that are `done` still count, but are left alone: a program that frees without end shall not be purged without end.
pub(crate) fn next_slice(
    arenas: &[Arena],
    done: &[u32],
    keep: u64,
    manner: Manner,
) -> Option<Slice> {
    let dirty: u64 = arenas.iter().map(|arena| arena.dirty).sum();
    let excess = dirty.saturating_sub(keep);
    let mut left: Vec<_> = arenas.iter().filter(|arena| !done.contains(&arena.index)).collect();
    left.sort_unstable_by_key(|arena| std::cmp::Reverse(arena.dirty));
    match manner {
        Manner::AtOnce => whole(&left, excess),
        Manner::Gradual if excess < LEAST => None,
        Manner::Gradual => {
            let largest = left.first()?;
            let is_too_much = largest.dirty > excess.min(SLICE / 2 * 3);
            if is_too_much { Some(part(largest, excess)) } else { whole(&left, excess) }
        }
    }
}

fn part(arena: &Arena, excess: u64) -> Slice {
    let Arena { index, dirty } = *arena;
    Slice::Part { arena: index, dirty, down_to: dirty.saturating_sub(excess) }
}

/// Arenas that can be emptied without falling below what shall be kept.
fn whole(left: &[&Arena], excess: u64) -> Option<Slice> {
    let mut sum = 0;
    let mut chosen = Vec::new();
    for arena in left.iter().filter(|arena| arena.dirty <= excess) {
        if !chosen.is_empty() && sum + arena.dirty > SLICE.min(excess) {
            break;
        }
        sum += arena.dirty;
        chosen.push(arena.index);
    }
    (!chosen.is_empty()).then_some(Slice::Whole(chosen))
}

/// How fast an arena should give back its `dirty` bytes: a look for each of jemalloc's 200 steps, of which the largest takes
/// one hundredth of them, and that no more than a slice.
///
/// Any thread that allocates from the arena may find itself taking a step. It is as large as in jemalloc's own ten
/// seconds, and comes five times as often.
pub(crate) fn pace(dirty: u64) -> Pace {
    let slices = u32::try_from(dirty / 100 / SLICE).unwrap_or(u32::MAX);
    let step = STEP.saturating_mul(slices.saturating_add(1)).min(LONGEST_STEP);
    Pace { step, in_all: step.saturating_mul(JEMALLOCS_STEPS) }
}

/// How fast an arena gives its pages back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Between two looks.
    pub(crate) step: Duration,
    pub(crate) in_all: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arenas(mebibytes: &[u64]) -> Vec<Arena> {
        let arena =
            |(index, dirty): (usize, &u64)| Arena { index: index as u32, dirty: dirty << 20 };
        mebibytes.iter().enumerate().map(arena).collect()
    }

    /// The slices until nothing is left to do; what they take is gone at once.
    fn all(mebibytes: &[u64], keep: u64, manner: Manner) -> (Vec<Slice>, u64) {
        let (mut arenas, mut done, mut slices) = (arenas(mebibytes), vec![], vec![]);
        while let Some(slice) = next_slice(&arenas, &done, keep << 20, manner) {
            let taken = match &slice {
                Slice::Whole(indices) => indices.iter().map(|index| (*index, 0)).collect(),
                Slice::Part { arena, down_to, .. } => vec![(*arena, *down_to)],
            };
            for (index, left) in taken {
                arenas[index as usize].dirty = left;
                done.push(index);
            }
            slices.push(slice);
        }
        (slices, arenas.iter().map(|arena| arena.dirty >> 20).sum())
    }

    #[test]
    fn at_once_every_arena_goes_largest_first_in_slices_of_32_mib() {
        let (slices, left) = all(&[1, 12, 100, 20, 3], 0, Manner::AtOnce);
        let expected = [vec![2], vec![3, 1], vec![4, 0]];
        assert_eq!(slices, expected.map(Slice::Whole));
        assert_eq!(left, 0);
        assert_eq!(all(&[], 0, Manner::AtOnce).0, []);
    }

    #[test]
    fn gradually_no_more_goes_than_may() {
        let (slices, left) = all(&[200, 40, 10], 120, Manner::Gradual);
        assert_eq!(slices, [Slice::Part { arena: 0, dirty: 200 << 20, down_to: 70 << 20 }]);
        assert_eq!(left, 120);
        let (slices, left) = all(&[40, 10, 30], 5, Manner::Gradual);
        assert_eq!(slices[..2], [Slice::Whole(vec![0]), Slice::Whole(vec![2])]);
        assert_eq!(slices[2], Slice::Part { arena: 1, dirty: 10 << 20, down_to: 5 << 20 });
        assert_eq!(left, 5);
        assert_eq!(all(&[100, 3], 100, Manner::Gradual).0, [], "too little beyond it");
    }

    #[test]
    fn whoever_cannot_be_emptied_without_falling_below_is_left_alone() {
        assert_eq!(all(&[200, 20, 10], 150, Manner::AtOnce), (vec![Slice::Whole(vec![1, 2])], 200));
        assert_eq!(all(&[200], 50, Manner::AtOnce), (vec![], 200));
    }

    #[test]
    fn arenas_that_fill_up_again_are_purged_once() {
        let arenas = arenas(&[100, 90]);
        assert_eq!(next_slice(&arenas, &[0, 1], 0, Manner::AtOnce), None);
        assert_eq!(next_slice(&arenas, &[0], 0, Manner::AtOnce), Some(Slice::Whole(vec![1])));
    }

    #[test]
    fn what_is_no_longer_wanted_keeps_everything() {
        for manner in [Manner::AtOnce, Manner::Gradual] {
            assert_eq!(next_slice(&arenas(&[1000]), &[], u64::MAX, manner), None);
        }
    }

    #[test]
    fn a_larger_arena_takes_longer_but_never_longer_than_jemallocs_usual_time() {
        let in_all = |mebibytes: u64| pace(mebibytes << 20).in_all;
        assert_eq!(in_all(10), Duration::from_secs(2));
        assert_eq!(in_all(3199), Duration::from_secs(2));
        assert_eq!(in_all(3200), Duration::from_secs(4));
        assert_eq!(in_all(1 << 30), Duration::from_secs(10));
    }
}
