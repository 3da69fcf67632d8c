//! Rounds: every allocator does the same work in turn, again and again, so that the machine's moods fall on all alike.
//!
//! Each turn is a new process. A process keeps the addresses it was given, and with them its luck with caches, for
//! as long as it lives: kept alive, it would repeat one draw of that luck, while new ones draw anew and the median
//! is of many. Only one measures at any time.

use super::child::{self, Order};
use super::figures::{Figures, median};
use super::peers::{BARE, Program};

/// What of one allocator was measured.
#[derive(Debug)]
pub(crate) struct Entrant<'a> {
    pub(crate) program: &'a Program,
    /// Per round, its samples.
    rounds: Vec<Vec<f64>>,
    /// Why it is no longer measured.
    pub(crate) failure: Option<String>,
}

impl Entrant<'_> {
    /// Nanoseconds per operation, over all samples.
    pub(crate) fn nanos(&self) -> Option<Figures> {
        Figures::of(&self.rounds.concat())
    }

    fn take_turn(&mut self, order: Order) {
        if self.failure.is_none() {
            match child::measure(self.program, order) {
                Ok(samples) => self.rounds.push(samples),
                Err(reason) => self.failure = Some(reason),
            }
        }
    }
}

/// One order, for some allocators.
#[derive(Debug)]
pub(crate) struct Contest<'a> {
    pub(crate) order: Order,
    pub(crate) entrants: Vec<Entrant<'a>>,
}

impl<'a> Contest<'a> {
    pub(crate) fn new(order: Order, programs: impl Iterator<Item = &'a Program>) -> Self {
        let entrants =
            programs.map(|program| Entrant { program, rounds: vec![], failure: None }).collect();
        Contest { order, entrants }
    }

    /// One turn for each; another one begins every time.
    pub(crate) fn round(&mut self, round: usize) {
        let entrants = self.entrants.len();
        for turn in 0..entrants {
            if let Some(entrant) = self.entrants.get_mut((turn + round) % entrants) {
                entrant.take_turn(self.order);
            }
        }
    }

    /// How `entrant` compares with bare jemalloc: a ratio for each round, of the two that were measured within seconds
    /// of each other, so that what changes more slowly cancels out.
    pub(crate) fn ratio(&self, entrant: &Entrant) -> Option<Figures> {
        let bare = self.entrants.iter().find(|entrant| entrant.program.peer.name == BARE)?;
        let rounds = entrant.rounds.iter().zip(&bare.rounds);
        let ratios: Vec<f64> =
            rounds.filter_map(|(own, bare)| Some(median(own)? / median(bare)?)).collect();
        Figures::of(&ratios)
    }
}
