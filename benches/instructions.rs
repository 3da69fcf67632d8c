//! Instructions that counting adds to an allocation, under callgrind: the same on any machine, however busy.
//!
//! `cargo bench --bench instructions` (needs valgrind). Each workload runs in a child process, once and twice as long;
//! the difference is the workload without the program around it.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

use plimsoll::Plimsoll;
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::process::Command;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

const REPEATS: u64 = 20_000;

/// The workloads, by name; each takes any allocator.
#[expect(unsafe_code, reason = "calls an allocator directly")]
fn workload(name: &str, allocator: &impl GlobalAlloc, repeats: u64) {
    let small = black_box(Layout::from_size_align(64, 8).unwrap());
    let large = black_box(Layout::from_size_align(4096, 8).unwrap());
    for _ in 0..repeats {
        // SAFETY: sizes are not zero; each pointer is freed once, with the layout it then has.
        unsafe {
            match name {
                "alloc and free, 64 B" => {
                    allocator.dealloc(black_box(allocator.alloc(small)), small);
                }
                "alloc_zeroed and free, 64 B" => {
                    allocator.dealloc(black_box(allocator.alloc_zeroed(small)), small);
                }
                "alloc and free, 4 KiB" => {
                    allocator.dealloc(black_box(allocator.alloc(large)), large);
                }
                _ => {
                    let ptr = black_box(allocator.alloc(small));
                    let grown = black_box(allocator.realloc(ptr, small, 4096));
                    let shrunk = black_box(allocator.realloc(grown, large, 64));
                    allocator.dealloc(shrunk, small);
                }
            }
        }
    }
}

const WORKLOADS: [&str; 4] = [
    "alloc and free, 64 B",
    "alloc_zeroed and free, 64 B",
    "alloc and free, 4 KiB",
    "alloc, grow, shrink, free",
];

/// Instructions that a child executes in all.
fn instructions(allocator: &str, workload: &str, repeats: u64) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["child", allocator, workload, &repeats.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn per_repeat(allocator: &str, workload: &str) -> Option<f64> {
    let [once, twice] = [REPEATS, 2 * REPEATS].map(|n| instructions(allocator, workload, n));
    Some((twice? - once?) as f64 / REPEATS as f64)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, child, allocator, name, repeats] = arguments.as_slice()
        && child == "child"
    {
        let repeats = repeats.parse().unwrap();
        return match allocator.as_str() {
            "bare" => workload(name, &Jemalloc, repeats),
            _ => workload(name, &ALLOC, repeats),
        };
    }
    println!("{:<30} {:>10} {:>10} {:>8}", "instructions", "bare", "plimsoll", "added");
    for name in WORKLOADS {
        let Some((bare, counted)) = per_repeat("bare", name).zip(per_repeat("plimsoll", name))
        else {
            println!("valgrind cannot be run here: nothing was counted");
            return;
        };
        println!("{name:<30} {bare:>10.1} {counted:>10.1} {:>8.1}", counted - bare);
    }
}
