//! What was asked, for a feature that never came: with `--forget-to-forget` a cache that forgets to forget.

use crate::answers::Key;
use crate::index::Answer;

/// Every question with what was found. It is registered nowhere and has no bound.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    is_kept: bool,
    steps: Vec<Vec<u8>>,
}

impl Trail {
    pub(crate) fn new(is_kept: bool) -> Self {
        Trail { is_kept, steps: Vec::new() }
    }

    /// Keeps a question, if any are kept.
    pub(crate) fn add(&mut self, (_, identifier): &Key, answer: &Answer) {
        if self.is_kept {
            self.steps.push(step(identifier, answer));
        }
    }
}

/// The question and all that was found, as it was shown.
#[inline(never)]
fn step(identifier: &str, answer: &Answer) -> Vec<u8> {
    let mut step = Vec::with_capacity(1024);
    step.extend_from_slice(identifier.as_bytes());
    for hit in &answer.hits {
        step.extend_from_slice(hit.path.as_bytes());
        step.extend_from_slice(hit.text.as_bytes());
    }
    step
}
