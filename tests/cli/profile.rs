//! `plimsoll profile`: a table, files, and the sampling started and stopped.

use crate::target::Target;
use plimsoll::{HeapProfiler, Sampling};

/// Holds 8 MiB, from a function of that name.
#[inline(never)]
fn hold_orders() -> Vec<Vec<u8>> {
    (0..128).map(|_| vec![1; 64 << 10]).collect()
}

fn sampled() -> Target {
    Target::with(|builder| builder.http_actions(true).heap_profile(Sampling::every(16 << 10)))
}

#[test]
fn the_functions_that_hold_most_are_a_table() {
    let target = sampled();
    let held = hold_orders();
    let run = target.run(&["profile", "--limit", "5"]).well();
    assert!(run.out.starts_with("runs, one sample every 0.016 MiB on average\n"), "{}", run.out);
    let line = run.out.lines().find(|line| line.contains("hold_orders")).expect("its line");
    assert!(line.contains("MiB") && line.contains('%'), "{line}");
    let json = target.run(&["profile", "--json", "--limit", "1"]).well().json();
    assert_eq!(json["sites"].as_array().expect("sites").len(), 1);
    HeapProfiler::stop();
    drop(held);
}

#[test]
fn files_for_pprof_browsers_and_flame_graph_tools() {
    let target = sampled();
    let held = hold_orders();
    let path = |name: &str| target.home().join(name);
    let [pprof, svg, stacks] = ["heap.pb.gz", "flame.svg", "stacks.txt"].map(path);
    let run = target.run(&[
        "profile",
        "--pprof",
        pprof.to_str().unwrap(),
        "--flamegraph",
        svg.to_str().unwrap(),
        "--collapsed",
        stacks.to_str().unwrap(),
    ]);
    assert_eq!(run.well().out.lines().count(), 3);
    HeapProfiler::stop();
    assert_eq!(std::fs::read(pprof).unwrap()[..2], [0x1f, 0x8b], "gzip");
    assert!(std::fs::read_to_string(svg).unwrap().contains("hold_orders"));
    assert!(std::fs::read_to_string(stacks).unwrap().contains("hold_orders"));
    let told = target.run(&["profile", "--pprof", "/nowhere/heap"]).complaint();
    assert!(told.contains("/nowhere/heap"), "{told}");
    drop(held);
}

#[test]
fn it_starts_and_stops_the_sampling() {
    let target = sampled();
    let run = target.run(&["profile", "--stop"]).well();
    assert_eq!(run.out, "the heap profile does not run\n");
    assert!(!HeapProfiler::is_running());
    let run = target.run(&["profile", "--start=64KiB"]).well();
    assert!(run.out.contains("runs: one sample every 64.0 KiB"), "{}", run.out);
    assert!(HeapProfiler::is_running());
    let told = target.run(&["profile", "--stop", "--start"]).complaint();
    assert!(told.contains("--st"), "{told}");
    HeapProfiler::stop();
}
