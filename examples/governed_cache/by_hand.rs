//! Held by hand, as it is often written: look once a second, evict a share above a threshold.

use crate::Result;
use crate::service::Service;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);
/// The share of the budget above which something must go: where the governor begins, too.
const THRESHOLD: f64 = 0.80;
/// What stays of each cache.
const KEPT: f64 = 0.75;

/// Watches from a thread of its own until the program ends.
pub(crate) fn start(budget: u64, service: Arc<Service>) -> Result<()> {
    let threshold = (budget as f64 * THRESHOLD) as u64;
    resident_bytes().ok_or("/proc/self/status does not tell the resident memory")?;
    std::thread::Builder::new().name("by-hand".into()).spawn(move || watch(threshold, &service))?;
    Ok(())
}

fn watch(threshold: u64, service: &Service) {
    loop {
        std::thread::sleep(EVERY);
        if resident_bytes().is_some_and(|resident| resident > threshold) {
            evict(&service.labels);
            evict(&service.tiles);
        }
    }
}

fn evict(store: &Store) {
    store.evict_to((store.held_bytes() as f64 * KEPT) as u64);
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
