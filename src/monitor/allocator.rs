//! jemalloc's own purging as the settings ask for it, and the health check of what its options came to.

use super::settings::{Settings, word};
use super::shared::Shared;
use crate::error::Error;
use crate::policy::allocator::{Facts, allocator_check};
use crate::policy::health::Check;
use crate::snapshot::Snapshot;
use crate::source::{
    AllocatorOptions, Thp, anonymous_huge_bytes, options, set_background_purge, set_dirty_decay,
};
use std::time::{Duration, Instant};

/// The variables that jemalloc may read its options from: with a prefix to its functions' names, and without.
const VARIABLES: [&str; 2] = ["_RJEM_MALLOC_CONF", "MALLOC_CONF"];

/// Sets what the settings ask for, and notes in their report what is in force.
pub(super) fn set_up(settings: &mut Settings) -> Result<(), Error> {
    // First the threads: whoever gives back pages in a new time shall be there.
    if let Some(on) = settings.background_purge {
        let in_force = set_background_purge(on);
        settings.confirm("background_purge", word(on), in_force.map(word))?;
    }
    if let Some(decay) = settings.dirty_decay {
        let millis = i64::try_from(decay.as_millis()).unwrap_or(i64::MAX);
        let in_force = set_dirty_decay(millis).map(shown);
        settings.confirm("dirty_decay", &shown(millis), in_force.as_deref())?;
    }
    note_what_is_left_alone(settings);
    Ok(())
}

fn note_what_is_left_alone(settings: &mut Settings) {
    let Some(options) = options() else { return };
    if let Some(on) = options.background_thread.filter(|_| settings.background_purge.is_none()) {
        settings.note("background_purge", format!("left as it is: {}", word(on)));
    }
    if let Some(millis) = options.dirty_decay_ms.filter(|_| settings.dirty_decay.is_none()) {
        settings.note("dirty_decay", format!("left as it is: {}", shown(millis)));
    }
}

fn shown(millis: i64) -> String {
    let duration = u64::try_from(millis).map(Duration::from_millis);
    duration.map_or("never".into(), |time| humantime::format_duration(time).to_string())
}

/// Reads what the check goes by, and makes it. Where huge pages may be, that costs milliseconds in a large process.
pub(super) fn check(shared: &Shared, newest: &Snapshot, now: Instant) -> (String, Check) {
    let lessons = *shared.lessons.lock();
    let (thp, options) = (Thp::read(&shared.root), options());
    let may_be_huge =
        thp.is_always() || options.as_ref().is_some_and(AllocatorOptions::asks_for_huge_pages);
    let variable = |name| Some((name, std::env::var_os(name)?.to_string_lossy().into_owned()));
    allocator_check(&Facts {
        options,
        variables: VARIABLES.into_iter().filter_map(variable).collect(),
        thp,
        huge: may_be_huge.then(|| anonymous_huge_bytes(&shared.root)).flatten(),
        anon: newest.process_anon_bytes(),
        resident: newest.jemalloc_resident_bytes(),
        background_wanted: shared.settings().background_purge,
        mean_yield: lessons.mean_yield,
        guess_score: lessons.guess_score,
        suspended: lessons.suspension.filter(|s| now < s.until).map(|s| s.cause),
    })
}
