//! What has grown most since all was well: the name that an operator needs, not one more threshold.

use crate::ledger::{CacheLine, Ledger, LineKind};

/// What grew, and by how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grown {
    /// `cache NAME`, `live_bytes_of_no_cache`, or a line of the ledger.
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// What grew most from `before` to `now`; `None` when nothing that is known has grown.
///
/// A cache that was not there before has grown by all it holds. What the caches took is no growth of the rest.
pub(crate) fn grown(before: &Ledger, now: &Ledger) -> Option<Grown> {
    let caches = now.caches.iter().filter_map(|line| {
        let bytes = line.reported_bytes?.saturating_sub(held(&before.caches, &line.name));
        Some(Grown { name: format!("cache {}", line.name), bytes })
    });
    let caches: Vec<_> = caches.collect();
    let parts = now.lines.iter().filter(|line| line.kind == LineKind::Part);
    let lines = parts.filter_map(|line| {
        let growth = line.bytes - before.line(line.name)?.bytes;
        let is_live = line.name == "live";
        let by_caches = if is_live { caches.iter().map(|cache| cache.bytes).sum() } else { 0 };
        let name = if is_live { "live_bytes_of_no_cache" } else { line.name };
        let bytes = growth.max(0).cast_unsigned().saturating_sub(by_caches);
        Some(Grown { name: name.to_owned(), bytes })
    });
    lines
        .chain(caches.iter().cloned())
        .filter(|grown| grown.bytes > 0)
        .max_by_key(|grown| grown.bytes)
}

fn held(caches: &[CacheLine], name: &str) -> u64 {
    let known = caches.iter().find(|line| line.name == name);
    known.and_then(|line| line.reported_bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;
    use crate::snapshot::{Moment, Snapshot};
    use crate::source::Readings;
    use std::time::Duration;

    fn ledger(live: u64, rss: u64, caches: &[(&str, Option<u64>)]) -> Ledger {
        let mut snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        for (field, figure) in [(Field::AllocBytes, live), (Field::FreeBytes, 0), (Field::Rss, rss)]
        {
            snapshot.values.set(field, Some(figure));
        }
        let line = |(name, reported_bytes): &(&str, Option<u64>)| CacheLine {
            name: (*name).to_owned(),
            reported_bytes: *reported_bytes,
        };
        Ledger { caches: caches.iter().map(line).collect(), ..Ledger::of(&snapshot) }
    }

    fn named(before: &Ledger, now: &Ledger) -> Option<(String, u64)> {
        grown(before, now).map(|grown| (grown.name, grown.bytes))
    }

    #[test]
    fn what_grew_most_has_a_name() {
        let before = ledger(100, 150, &[("pages", Some(40)), ("mute", None)]);
        let said = |live, rss, pages| {
            named(&before, &ledger(live, rss, &[("pages", Some(pages)), ("mute", None)]))
        };
        assert_eq!(said(300, 350, 230), Some(("cache pages".into(), 190)));
        assert_eq!(said(300, 350, 60), Some(("live_bytes_of_no_cache".into(), 180)));
        assert_eq!(said(110, 900, 50), Some(("outside_heap".into(), 740)));
        assert_eq!(said(90, 140, 10), None, "nothing grew");
    }

    #[test]
    fn a_new_cache_has_grown_by_all_it_holds() {
        let before = ledger(100, 150, &[]);
        let now = ledger(200, 250, &[("new", Some(90))]);
        assert_eq!(named(&before, &now), Some(("cache new".into(), 90)));
    }
}
