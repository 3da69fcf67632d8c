//! What a thread weighs: its stack's used part, the allocator's cache, and whatever a wrapper keeps for it.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread::Builder;

const STACK: usize = 64 << 10;

/// Resident bytes that each of `threads` threads adds, while all have allocated and wait.
pub(crate) fn resident_per_thread(threads: usize) -> Result<f64, String> {
    let (ready, done) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let wait = || {
        let kept = black_box(vec![0u8; 64]);
        ready.wait();
        done.wait();
        drop(kept);
    };
    std::thread::scope(|scope| {
        let before = resident()?;
        for _ in 0..threads {
            let thread = Builder::new().stack_size(STACK).spawn_scoped(scope, wait);
            // Those that were started wait for the one that was not: there is no way on.
            thread.expect("the system has room for the threads");
        }
        ready.wait();
        let added = resident().map(|after| (after - before) / threads as f64);
        done.wait();
        added
    })
}

/// Resident bytes of this process that no file is behind: the program's code comes in by sixteen pages at a time, which
/// would drown what is looked for.
fn resident() -> Result<f64, String> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").map_err(|e| e.to_string())?;
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(kib.ok_or("smaps_rollup has no line Anonymous")? * 1024.0)
}
