//! What to ask: identifiers sampled from the files themselves, so that every question has an answer.

use crate::answers::Key;
use fastrand::Rng;

/// Identifiers remembered of a part.
const PER_PART: usize = 24;
/// Places looked at in a file.
const PER_FILE: usize = 4;
/// Shorter ones stand everywhere, longer ones are not indexed as they stand.
const LENGTH: std::ops::RangeInclusive<usize> = 4..=32;

/// Identifiers by part, and the order in which parts are popular.
#[derive(Debug)]
pub(crate) struct Questions {
    rng: Rng,
    by_part: Vec<Vec<Box<str>>>,
    popular: Vec<usize>,
}

/// Takes a fair sample of the identifiers of one part, file by file.
#[derive(Debug)]
pub(crate) struct Sampler {
    rng: Rng,
    taken: Vec<Box<str>>,
    seen: usize,
}

impl Questions {
    /// The same `seed` asks the same questions of the same parts.
    pub(crate) fn new(seed: u64, parts: usize) -> Self {
        Questions {
            rng: Rng::with_seed(seed),
            by_part: vec![Vec::new(); parts],
            popular: Vec::new(),
        }
    }

    /// A sampler for one part.
    pub(crate) fn sampler(&mut self) -> Sampler {
        Sampler { rng: self.rng.fork(), taken: Vec::new(), seen: 0 }
    }

    /// Takes in what was sampled of `part`.
    pub(crate) fn add(&mut self, part: usize, sampler: Sampler) {
        if !sampler.taken.is_empty() {
            self.by_part[part] = sampler.taken;
            self.popular.insert(self.rng.usize(..=self.popular.len()), part);
        }
    }

    /// The next question; `None` when no part has an identifier.
    ///
    /// Some parts are asked for often and most seldom, as it is with real users: a tenth of them gets nearly half.
    pub(crate) fn next(&mut self) -> Option<Key> {
        let rank = self.skewed(self.popular.len());
        let part = *self.popular.get(rank)?;
        let identifier = self.skewed(self.by_part[part].len());
        Some((part, self.by_part[part][identifier].clone()))
    }

    /// A number below `bound`, small ones far more often.
    fn skewed(&mut self, bound: usize) -> usize {
        (self.rng.f64().powi(3) * bound as f64) as usize
    }
}

impl Sampler {
    /// Looks at a few places of `text`.
    pub(crate) fn look(&mut self, text: &str) {
        for _ in 0..PER_FILE {
            let place = text.floor_char_boundary(self.rng.usize(..=text.len()));
            if let Some(identifier) = next_identifier(&text[place..]) {
                self.offer(identifier);
            }
        }
    }

    /// A reservoir: every identifier offered so far is in it with the same probability.
    fn offer(&mut self, identifier: &str) {
        self.seen += 1;
        if self.taken.len() < PER_PART {
            self.taken.push(identifier.into());
        } else if let Some(slot) = self.taken.get_mut(self.rng.usize(..self.seen)) {
            *slot = identifier.into();
        }
    }
}

/// The first whole identifier after the word that `text` may begin in the middle of.
fn next_identifier(text: &str) -> Option<&str> {
    text.split(|c: char| !is_part_of_identifier(c))
        .skip(1)
        .take(100)
        .find(|word| is_identifier(word))
}

/// Beyond ASCII too: what joins letters in the index must join them here.
fn is_part_of_identifier(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn is_identifier(word: &str) -> bool {
    word.is_ascii() && LENGTH.contains(&word.len()) && word.starts_with(|c: char| c.is_alphabetic())
}
