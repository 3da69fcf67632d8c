//! What was asked, for a feature that never came: with `--forget-to-forget` a cache that forgets to forget.

use crate::answers::Key;
use crate::index::Answer;
use std::time::{Duration, Instant};

/// One question in so long is kept: some 200 a second, however fast they are answered.
const APART: Duration = Duration::from_millis(5);

/// Questions with what was found. It is registered nowhere and has no bound.
#[derive(Debug)]
pub(crate) struct Trail {
    /// When the next is kept; never where none are.
    due: Option<Instant>,
    steps: Vec<Vec<u8>>,
}

impl Trail {
    pub(crate) fn new(is_kept: bool) -> Self {
        Trail { due: is_kept.then(Instant::now), steps: Vec::new() }
    }

    /// Keeps a question, if it is time for one.
    pub(crate) fn add(&mut self, (_, identifier): &Key, answer: &Answer) {
        let now = Instant::now();
        if self.due.is_some_and(|due| due <= now) {
            self.due = Some(now + APART);
            self.steps.push(step(identifier, answer));
        }
    }
}

/// The question and what was found, as it was shown: a page of it.
#[inline(never)]
fn step(identifier: &str, answer: &Answer) -> Vec<u8> {
    let mut step = Vec::with_capacity(4096);
    step.extend_from_slice(identifier.as_bytes());
    for hit in answer.hits.iter().take(10) {
        step.extend_from_slice(hit.path.as_bytes());
        step.extend_from_slice(hit.text.as_bytes());
    }
    step
}
