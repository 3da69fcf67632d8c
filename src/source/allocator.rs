//! What is known of the allocator besides its figures: its unused pages arena by arena, and its options.

/// An arena that has unused pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arena {
    pub(crate) index: u32,
    /// Bytes in unused pages that are still backed by memory.
    pub(crate) dirty: u64,
}

/// The pages of all arenas at one moment, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) dirty: u64,
    pub(crate) active: u64,
    /// Ever given back to the system, by whomever.
    pub(crate) purged: u64,
}

impl Pages {
    /// What has been taken into use, beyond what was dirty, since `earlier`: these pages were not resident before.
    pub(crate) fn taken_since(self, earlier: Pages) -> u64 {
        let held = |pages: Pages| pages.dirty.saturating_add(pages.active);
        let given_back = self.purged.saturating_sub(earlier.purged);
        held(self).saturating_add(given_back).saturating_sub(held(earlier))
    }
}

/// The options of jemalloc as they really took effect. `None` is unknown, or unknown to this jemalloc.
///
/// `dirty_decay_ms` and the like are those in force now, `opt_*` those with which the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllocatorOptions {
    pub(crate) opt_background_thread: Option<bool>,
    pub(crate) background_thread: Option<bool>,
    /// Milliseconds; at once for 0, never for -1.
    pub(crate) opt_dirty_decay_ms: Option<i64>,
    pub(crate) dirty_decay_ms: Option<i64>,
    pub(crate) opt_muzzy_decay_ms: Option<i64>,
    pub(crate) muzzy_decay_ms: Option<i64>,
    pub(crate) opt_narenas: Option<u64>,
    /// With those made since, and one for huge objects.
    pub(crate) narenas: Option<u64>,
    pub(crate) tcache_max: Option<u64>,
    pub(crate) thp: Option<String>,
    pub(crate) metadata_thp: Option<String>,
    pub(crate) retain: Option<bool>,
    pub(crate) percpu_arena: Option<String>,
    /// Options that jemalloc was built with.
    pub(crate) built_with: Option<String>,
    /// Those that the program has compiled in (`malloc_conf`).
    pub(crate) of_program: Option<String>,
    /// Those that it took from the environment.
    pub(crate) of_environment: Option<String>,
}

impl AllocatorOptions {
    /// Whether jemalloc asks the kernel for huge pages.
    pub(crate) fn asks_for_huge_pages(&self) -> bool {
        self.thp.as_deref() == Some("always")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_or_used_again_is_not_taken() {
        let before = Pages { dirty: 100, active: 400, purged: 7 };
        let purged = Pages { dirty: 0, active: 400, purged: 107 };
        assert_eq!(purged.taken_since(before), 0);
        let used = Pages { dirty: 20, active: 480, purged: 7 };
        assert_eq!(used.taken_since(before), 0, "dirty pages were resident already");
        let grown = Pages { dirty: 0, active: 450, purged: 107 };
        assert_eq!(grown.taken_since(before), 50);
        let unmapped = Pages { dirty: 0, active: 300, purged: 7 };
        assert_eq!(unmapped.taken_since(before), 0);
    }
}
