//! Purges that somebody calls for.

use crate::common::harness::cases;
use crate::load::{MIB, events, eventually, filled, keep_unused_pages, leave_unused, ticks};
use plimsoll::{Budget, Builder, Error, Monitor};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

cases![
    a_purge_measures_what_it_gave_back,
    a_task_may_wait_for_one,
    the_ticks_go_on_while_2_gib_are_purged,
    many_callers_are_all_answered,
    a_cache_may_purge_in_its_own_code,
    after_the_stop_it_is_an_error,
    what_frees_no_memory_is_suspended_with_its_cause,
];

/// One that purges nothing by itself.
fn builder() -> Builder {
    Monitor::builder()
        .budget(Budget::Bytes(3 << 30))
        .purge(false)
        .interval(Duration::from_secs(3600))
}

fn a_purge_measures_what_it_gave_back() {
    keep_unused_pages();
    let monitor = builder().start().unwrap();
    let kept = filled(16 * MIB);
    leave_unused(256 * MIB);
    let result = monitor.purge().unwrap();
    assert!(result.success && result.arenas >= 1 && result.slices >= 1, "{result:?}");
    assert!(result.dirty_before_bytes >= 255 * MIB, "{result:?}");
    assert!(result.dirty_after_bytes < MIB, "{result:?}");
    assert!(result.purged_bytes >= 255 * MIB, "{result:?}");
    let fall = result.anon_before_bytes.unwrap() - result.anon_after_bytes.unwrap();
    assert!(fall > 240 * MIB, "{result:?}");
    assert!(result.yield_ratio > Some(0.9), "{result:?}");
    assert_eq!(monitor.snapshot().purges_total(), Some(1));
    let event = events(&monitor, "purge_completed").pop().unwrap();
    assert_eq!((&event["automatic"], &event["kept_bytes"]), (&false.into(), &0.into()));
    assert_eq!(event["purged_bytes"], result.purged_bytes);
    assert!(kept.iter().flatten().all(|byte| *byte == 1), "memory in use was touched");
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn a_task_may_wait_for_one() {
    let monitor = builder().start().unwrap();
    leave_unused(32 * MIB);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut task = pin!(monitor.purge_async());
    let result = loop {
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => break result.unwrap(),
            Poll::Pending => std::thread::park(),
        }
    };
    assert!(result.purged_bytes > 0, "{result:?}");
}

/// As much as the machine can spare, up to 2 GiB.
fn the_ticks_go_on_while_2_gib_are_purged() {
    keep_unused_pages();
    let monitor = builder().interval(Duration::from_millis(1)).start().unwrap();
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    let available: u64 = available.trim().trim_end_matches(" kB").parse().unwrap();
    let bytes = (available * 1024 / 3).min(2 << 30);
    // One before it begins and one after it has ended would come even if it held up all between. A purge of little is over in
    // a few of the scheduler's time slices.
    let most = (0..5).map(|_| ticks_in_a_purge(&monitor, bytes)).find(|meanwhile| *meanwhile > 4);
    assert!(most.is_some(), "no ticks in five purges");
}

fn ticks_in_a_purge(monitor: &Monitor, bytes: u64) -> u64 {
    leave_unused(bytes);
    let before = ticks(monitor);
    let result = monitor.purge().unwrap();
    let meanwhile = ticks(monitor) - before;
    println!("{meanwhile} ticks in {result:?}");
    assert!(result.purged_bytes >= bytes - MIB, "{result:?}");
    meanwhile
}

fn many_callers_are_all_answered() {
    let monitor = Arc::new(builder().start().unwrap());
    leave_unused(64 * MIB);
    let call = |_| {
        let monitor = monitor.clone();
        std::thread::spawn(move || monitor.purge().unwrap())
    };
    let callers: Vec<_> = (0..20).map(call).collect();
    let results: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    let most = results.iter().map(|result| result.purged_bytes).max().unwrap();
    assert!(most >= 32 * MIB, "{results:?}");
}

/// On the thread of the caches, which the purge does not need.
fn a_cache_may_purge_in_its_own_code() {
    let monitor = Arc::new(builder().start().unwrap());
    let within = Arc::downgrade(&monitor);
    monitor
        .register("pages", move |_: u64| {
            drop(filled(8 * MIB));
            within.upgrade().unwrap().purge().unwrap().purged_bytes
        })
        .unwrap();
    let result = monitor.evict(MIB).unwrap();
    assert!(result.claimed_bytes > 0 && result.errors.is_empty(), "{result:?}");
}

fn after_the_stop_it_is_an_error() {
    let monitor = builder().start().unwrap();
    monitor.stop();
    assert!(matches!(monitor.purge(), Err(Error::NotRunning)));
}

/// The kernel's figures stand still, as they do where it does not really get the pages.
fn what_frees_no_memory_is_suspended_with_its_cause() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("proc/self/status", "VmRSS:\t 900000 kB\nRssAnon:\t 900000 kB\nTHP_enabled:\t1\n");
    write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
    let monitor = builder().root(root.path()).start().unwrap();
    for _ in 0..2 {
        assert_eq!(events(&monitor, "purge_suspended").len(), 0);
        leave_unused(64 * MIB);
        // Not 0: what the monitor itself takes meanwhile is allowed for.
        assert!(monitor.purge().unwrap().yield_ratio < Some(0.01));
    }
    let said = eventually("a suspension", || events(&monitor, "purge_suspended").pop());
    assert_eq!((&said["cause"], &said["level"]), (&"huge_pages".into(), &"warning".into()));
    let json = serde_json::to_value(monitor.health_check()).unwrap();
    let message = json["checks"]["allocator_options"]["message"].as_str().unwrap();
    assert!(message.contains("next to nothing back (transparent huge pages)"), "{message}");
    assert_eq!(json["checks"]["allocator_options"]["severity"], "warning");
}
