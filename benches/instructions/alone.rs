//! The counting alone: plimsoll over an allocator that does nothing. No allocator's own figures blur it.

use crate::callgrind::{self, Counted};
use plimsoll::Plimsoll;
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

/// Gives out the same block every time.
struct Nothing;

static mut BLOCK: [u64; 8] = [0; 8];

// SAFETY: a promise that this bench alone relies on: it uses no object, and has one at a time.
#[expect(unsafe_code, reason = "an allocator")]
unsafe impl GlobalAlloc for Nothing {
    #[inline]
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        (&raw mut BLOCK).cast()
    }

    #[inline]
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, _: Layout, _: usize) -> *mut u8 {
        ptr
    }
}

const REPEATS: u64 = 20_000;

/// Does the work of a child, if this process is one.
pub(crate) fn is_child() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, child, allocator, workload, repeats] = arguments.as_slice() else { return false };
    if child != "alone" {
        return false;
    }
    let repeats = repeats.parse().unwrap_or(0);
    match allocator.as_str() {
        "bare" => repeat(&Nothing, workload, repeats),
        _ => repeat(&Plimsoll::new(Nothing), workload, repeats),
    }
    println!("1");
    true
}

fn repeat(allocator: &impl GlobalAlloc, workload: &str, repeats: u64) {
    match workload {
        "pair" => (0..repeats).for_each(|_| pair(allocator)),
        _ => (0..repeats).for_each(|_| resize(allocator)),
    }
}

const SMALL: Layout = Layout::new::<[u64; 8]>();
const LARGE: Layout = Layout::new::<[u64; 64]>();

#[inline(always)]
#[expect(unsafe_code, reason = "calls an allocator directly")]
fn pair(allocator: &impl GlobalAlloc) {
    // SAFETY: sizes are not zero; what is freed was just allocated, and is not used.
    unsafe { allocator.dealloc(black_box(allocator.alloc(SMALL)), SMALL) }
}

/// Grows and shrinks.
#[inline(always)]
#[expect(unsafe_code, reason = "calls an allocator directly")]
fn resize(allocator: &impl GlobalAlloc) {
    // SAFETY: as in `pair`; each resize names the layout that the object then has.
    unsafe {
        let grown =
            black_box(allocator.realloc(black_box(&raw mut BLOCK).cast(), SMALL, LARGE.size()));
        black_box(allocator.realloc(grown, LARGE, SMALL.size()));
    }
}

/// Its instructions.
pub(crate) fn count() -> Result<Vec<Counted>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let count = |(workload, title): (&str, &str)| {
        let run = |allocator| {
            callgrind::per_operation(&program, &["alone", allocator, workload], REPEATS)
        };
        Ok(Counted { title: title.into(), bare: run("bare")?, counting: run("plimsoll")? })
    };
    [
        ("pair", "the counting of an allocation and its free"),
        ("resize", "the counting of two reallocs"),
    ]
    .into_iter()
    .map(count)
    .collect()
}
