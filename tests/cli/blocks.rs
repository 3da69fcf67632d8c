//! A cache of blocks of 1 MiB each, which gives what it is asked for.

use crate::support::MIB;
use crate::target::Target;
use plimsoll::{Ask, Cache, CacheHandle, ShrinkReport};
use std::sync::{Arc, Mutex};

#[derive(Clone)]
pub(crate) struct Blocks(Arc<Mutex<Vec<Vec<u8>>>>);

impl Blocks {
    /// So many, registered under this name.
    pub(crate) fn register(target: &Target, name: &str, count: usize) -> (Self, CacheHandle) {
        let blocks = Blocks(Arc::new(Mutex::new(vec![vec![1; 1 << 20]; count])));
        let handle = target.monitor.register(name, blocks.clone()).unwrap();
        (blocks, handle)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Cache for Blocks {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let mut blocks = self.0.lock().unwrap();
        let kept = blocks.len().saturating_sub(ask.bytes.div_ceil(MIB) as usize);
        let freed = blocks.len() - kept;
        blocks.truncate(kept);
        ShrinkReport::from(freed as u64 * MIB)
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.count() as u64 * MIB)
    }
}
