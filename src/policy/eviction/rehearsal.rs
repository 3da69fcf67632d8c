//! What an eviction would ask, of whom, if every cache gave what it was asked for.

use super::episode::{Answer, Ask, Episode, Scope};
use super::record::Records;
use super::terms::View;
use std::time::Instant;

/// The asks that `scope` would come to for `need`, in order. Nothing is asked, noted or learnt.
pub(crate) fn rehearse(
    scope: Scope,
    need: u64,
    records: &Records,
    mut views: Vec<View>,
    now: Instant,
) -> Vec<Ask> {
    let mut records = records.clone();
    let mut episode = Episode::new(scope, need);
    let mut asks = Vec::new();
    while let Some(ask) = episode.next(views.iter().copied(), &mut records, now) {
        let answer = Answer { given: ask.bytes, claimed: ask.bytes, failed: false };
        episode.answered(answer, &mut records);
        for view in views.iter_mut().filter(|view| view.id == ask.id) {
            view.usage = view.usage.map(|usage| usage.saturating_sub(ask.bytes));
        }
        asks.push(ask);
    }
    asks
}

#[cfg(test)]
mod tests {
    use super::super::terms::{CacheId, Terms};
    use super::*;

    #[test]
    fn a_rehearsal_goes_on_to_the_next_cache_and_notes_nothing() {
        let view = |id, tier, usage| {
            let terms = Terms { tier, ..Terms::default() };
            View { id: CacheId(id), terms, usage: Some(usage), idle: None, available: true }
        };
        let records = Records::default();
        let views = vec![view(1, 1, 500), view(2, 0, 300)];
        let asks = rehearse(Scope::Command, 400, &records, views, Instant::now());
        let asks: Vec<_> = asks.iter().map(|ask| (ask.id.0, ask.bytes)).collect();
        assert_eq!(asks, [(2, 300), (1, 100)]);
        assert_eq!(records.iter().count(), 0);
    }
}
