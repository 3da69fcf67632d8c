//! What jemalloc's options really came to, and the two that can be set while a process runs.

use super::{flag, looked_up, number, serves_the_heap, set_flag, set_signed, signed, size, text};
use crate::source::AllocatorOptions;

/// `None` when this jemalloc serves nobody.
pub(crate) fn options() -> Option<AllocatorOptions> {
    serves_the_heap().then(read)
}

fn read() -> AllocatorOptions {
    AllocatorOptions {
        opt_background_thread: named(b"opt.background_thread\0", flag),
        background_thread: flag_of::<1>(b"background_thread\0"),
        opt_dirty_decay_ms: named(b"opt.dirty_decay_ms\0", signed),
        dirty_decay_ms: named(b"arenas.dirty_decay_ms\0", signed),
        opt_muzzy_decay_ms: named(b"opt.muzzy_decay_ms\0", signed),
        muzzy_decay_ms: named(b"arenas.muzzy_decay_ms\0", signed),
        opt_narenas: named(b"opt.narenas\0", number).map(u64::from),
        narenas: named(b"arenas.narenas\0", number).map(u64::from),
        tcache_max: named(b"opt.tcache_max\0", size),
        thp: named(b"opt.thp\0", text),
        metadata_thp: named(b"opt.metadata_thp\0", text),
        retain: named(b"opt.retain\0", flag),
        percpu_arena: named(b"opt.percpu_arena\0", text),
        built_with: named(b"config.malloc_conf\0", text).filter(|text| !text.is_empty()),
        of_program: source(b"opt.malloc_conf.global_var\0"),
        of_environment: source(b"opt.malloc_conf.env_var\0"),
    }
}

/// The value of a name of two words.
fn named<T>(name: &[u8], read: fn(&[usize]) -> Option<T>) -> Option<T> {
    read(&looked_up::<2>(name)?)
}

fn flag_of<const LENGTH: usize>(name: &[u8]) -> Option<bool> {
    flag(&looked_up::<LENGTH>(name)?)
}

/// One of the places that options are taken from.
fn source(name: &[u8]) -> Option<String> {
    text(&looked_up::<3>(name)?).filter(|text| !text.is_empty())
}

/// Starts or ends jemalloc's own threads that give unused pages back; what is in force then, `None` when jemalloc does not
/// serve the heap or has no such threads here.
pub(crate) fn set_background_purge(on: bool) -> Option<bool> {
    let name = serves_the_heap().then(|| looked_up::<1>(b"background_thread\0"))??;
    // Refused or not: what is in force says it.
    set_flag(&name, on);
    flag(&name)
}

/// Sets in which time every arena, and those to come, give back what is not used again; what is in force then, `None` when
/// jemalloc does not serve the heap. An arena whose time somebody has set apart from the others' keeps it.
pub(crate) fn set_dirty_decay(millis: i64) -> Option<i64> {
    let name = serves_the_heap().then(|| looked_up::<2>(b"arenas.dirty_decay_ms\0"))??;
    let usual = signed(&name)?;
    if set_signed(&name, millis) {
        let of_arena = looked_up::<3>(b"arena.0.dirty_decay_ms\0")?;
        for arena in 0..named(b"arenas.narenas\0", number)? {
            let mut of_arena = of_arena;
            of_arena[1] = usize::try_from(arena).ok()?;
            if signed(&of_arena) == Some(usual) {
                set_signed(&of_arena, millis);
            }
        }
    }
    signed(&name)
}
