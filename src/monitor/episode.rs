//! One eviction under way: who takes part, what was asked of whom, and what came of it. Decides nothing itself
//! (`policy/eviction.rs` does) and waits for nothing (`evicting.rs` does).

use super::order::Order;
use super::registry::Entry;
use super::worker::Answer;
use crate::eviction;
use crate::policy::eviction::{deserves_strike, next_ask};
use std::sync::Arc;
use std::time::Instant;

/// A cache and how it has done in the eviction under way.
struct Participant {
    entry: Arc<Entry>,
    asks: u32,
    strikes: u32,
}

/// How far an eviction has come.
pub(super) enum Stage {
    Surveying,
    Asking { index: usize, bytes: u64 },
    Done,
}

/// The eviction under way.
pub(super) struct Episode {
    pub(super) order: Order,
    pub(super) started: Instant,
    participants: Vec<Participant>,
    pub(super) stage: Stage,
    pub(super) outcome: eviction::Outcome,
}

impl Episode {
    pub(super) fn new(order: Order, entries: &[Arc<Entry>], counting: bool, now: Instant) -> Self {
        let participant =
            |entry: &Arc<Entry>| Participant { entry: entry.clone(), asks: 0, strikes: 0 };
        let outcome = eviction::Outcome {
            freed_bytes: counting.then_some(0),
            ..eviction::Outcome::default()
        };
        Episode {
            order,
            started: now,
            participants: entries.iter().map(participant).collect(),
            stage: Stage::Surveying,
            outcome,
        }
    }

    /// Ends it with an error.
    pub(super) fn fail(&mut self, error: String) {
        self.outcome.errors.push(error);
        self.stage = Stage::Done;
    }

    /// What has been given so far: measured, or claimed where nothing is counted.
    pub(super) fn given(&self) -> u64 {
        self.outcome.freed_bytes.unwrap_or(self.outcome.claimed_bytes)
    }

    /// Chooses the next cache to ask, and notes that it is asked.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Arc<Entry>, u64)> {
        let missing = self.order.target.saturating_sub(self.given());
        let candidates: Vec<_> = self
            .participants
            .iter()
            .map(|p| p.entry.candidate(now, p.asks, p.strikes, self.order.by.may_ask(&p.entry)))
            .collect();
        let (index, bytes) = next_ask(&candidates, missing)?;
        let participant = self.participants.get_mut(index)?;
        participant.asks += 1;
        self.stage = Stage::Asking { index, bytes };
        let name = &participant.entry.spec.name;
        if !self.outcome.asked.contains(name) {
            self.outcome.asked.push(name.clone());
        }
        Some((participant.entry.clone(), bytes))
    }

    pub(super) fn record(&mut self, answer: Answer, now: Instant) {
        let Stage::Asking { index, bytes } = self.stage else { return };
        let Some(participant) = self.participants.get_mut(index) else { return };
        let claimed = *answer.claimed.as_ref().unwrap_or(&0);
        let given = answer.freed.unwrap_or(claimed);
        self.outcome.claimed_bytes = self.outcome.claimed_bytes.saturating_add(claimed);
        if let Some(freed) = &mut self.outcome.freed_bytes {
            *freed = freed.saturating_add(answer.freed.unwrap_or(0));
        }
        if deserves_strike(given, bytes) {
            participant.strikes += 1;
        }
        // Its usage is what it was less what it gave, until it is asked again.
        participant.entry.note_given(given);
        match answer.claimed {
            Ok(_) => participant.entry.forgive(),
            Err(message) => {
                participant.entry.put_into_quarantine(now);
                let error = format!("{}: panicked: {message}", participant.entry.spec.name);
                self.outcome.errors.push(error);
            }
        }
    }
}
