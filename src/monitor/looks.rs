//! `Looks`: ticks that somebody wants at a time of his own.

use std::time::Instant;

/// The next one, and one after it. Who asks again and again does not put off the first: he gets another.
#[derive(Debug, Default)]
pub(super) struct Looks {
    next: Option<Instant>,
    then: Option<Instant>,
}

impl Looks {
    /// Whoever asks later wants a later one.
    pub(super) fn ask(&mut self, at: Instant) {
        let place = if self.next.is_none() { &mut self.next } else { &mut self.then };
        *place = Some(at);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// A tick is made now.
    pub(super) fn looked(&mut self, now: Instant) {
        if self.next.is_some_and(|next| next <= now) {
            self.next = self.then.take().filter(|then| *then > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn whoever_asks_all_the_time_is_looked_at_all_the_same() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut looks = Looks::default();
        let mut seen = Vec::new();
        for millis in (0..10_000).step_by(500) {
            looks.ask(at(millis + 2000));
            if looks.next().is_some_and(|next| next <= at(millis)) {
                looks.looked(at(millis));
                seen.push(millis);
            }
        }
        assert_eq!(seen, [2000, 4000, 6000, 8000]);
        // Who asked last is looked at two seconds later.
        assert_eq!(looks.next(), Some(at(10_000)));
        looks.looked(at(10_000));
        assert_eq!(looks.next(), Some(at(11_500)));
        looks.looked(at(11_000));
        assert_eq!(looks.next(), Some(at(11_500)), "a tick before it is none of its own");
        looks.looked(at(11_500));
        assert_eq!(looks.next(), None);
    }
}
