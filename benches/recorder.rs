//! What recording costs: a record by `pwrite` and through a map, in a loop and as ticks find the file; a tick with a recorder and
//! without; reading a recording. Ratios within one run: `cargo bench --bench recorder`.
#![allow(unsafe_code, reason = "a map to compare with")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use plimsoll::{Monitor, Plimsoll, Recording};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: Plimsoll<std::alloc::System> = Plimsoll::new(std::alloc::System);

const FILE: usize = 1 << 20;
const RECORD: usize = 128;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    println!("{:<44} {:>12} {:>12}", "a record of 128 bytes, ns (median)", "pwrite", "map");
    for place in [dir.path(), Path::new("/dev/shm")] {
        let Ok(file) = tempfile::tempfile_in(place) else { continue };
        file.write_all_at(&vec![1; FILE], 0).unwrap();
        let map = Map::of(&file);
        let pwrite = |at: usize| file.write_all_at(&[7; RECORD], at as u64).unwrap();
        let store = |at: usize| map.write(&[7; RECORD], at);
        let name = place.display();
        let (a, b) = (in_a_loop(&pwrite), in_a_loop(&store));
        println!("{:<44} {a:>12.0} {b:>12.0}", format!("in a loop, {name}"));
        let (a, b) = (after_writeback(&file, &pwrite), after_writeback(&file, &store));
        println!("{:<44} {a:>12.0} {b:>12.0}", format!("after a writeback, {name}"));
    }
    ticks(dir.path());
    reading(dir.path());
}

/// Of every record on its own, with the clock's own reading in it.
fn median(mut nanos: Vec<f64>) -> f64 {
    nanos.sort_by(f64::total_cmp);
    nanos[nanos.len() / 2]
}

fn in_a_loop(write: &impl Fn(usize)) -> f64 {
    let rounds = (0..50).map(|_| {
        let start = Instant::now();
        (0..1000).for_each(|record| write(record * RECORD % FILE));
        start.elapsed().as_nanos() as f64 / 1000.0
    });
    median(rounds.collect())
}

fn after_writeback(file: &File, write: &impl Fn(usize)) -> f64 {
    let rounds = (0..300).map(|record| {
        file.sync_data().unwrap();
        let start = Instant::now();
        write(record * RECORD % FILE);
        start.elapsed().as_nanos() as f64
    });
    median(rounds.collect())
}

/// The file as memory.
struct Map(*mut u8);

impl Map {
    fn of(file: &File) -> Self {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a mapping at an address of the kernel's choice; nothing is replaced.
        let map =
            unsafe { libc::mmap(std::ptr::null_mut(), FILE, access, kind, file.as_raw_fd(), 0) };
        assert_ne!(map, libc::MAP_FAILED);
        Map(map.cast())
    }

    fn write(&self, record: &[u8; RECORD], at: usize) {
        assert!(at + RECORD <= FILE);
        // SAFETY: within the mapping, which nobody else has, and no shorter than the file, which nobody cuts.
        unsafe { std::ptr::copy_nonoverlapping(record.as_ptr(), self.0.add(at), RECORD) };
        std::hint::black_box(self.0);
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping of exactly this address and length.
        unsafe { libc::munmap(self.0.cast(), FILE) };
    }
}

/// Processor time of the monitor's thread, with and without, in turn.
fn ticks(dir: &Path) {
    let mut with = Vec::new();
    let mut without = Vec::new();
    for round in 0..5 {
        without.push(tick_nanos(None));
        with.push(tick_nanos(Some(&dir.join(format!("run{round}")))));
    }
    let (with, without) = (median(with), median(without));
    println!(
        "\na tick, us of processor time: {:.1} with a recorder, {:.1} without: {:.1} more",
        with / 1e3,
        without / 1e3,
        (with - without) / 1e3
    );
}

fn tick_nanos(recorder: Option<&Path>) -> f64 {
    let builder = Monitor::builder().interval(Duration::from_millis(1)).ring(100);
    let builder = match recorder {
        Some(path) => builder.recorder(path),
        None => builder,
    };
    let monitor = builder.start().unwrap();
    let ticks = || monitor.metrics().profiler.total_snapshots_taken;
    std::thread::sleep(Duration::from_millis(200));
    let (before, start) = (ticks(), thread_nanos("plimsoll"));
    std::thread::sleep(Duration::from_millis(800));
    (thread_nanos("plimsoll") - start) / (ticks() - before) as f64
}

/// The first figure of `schedstat`.
fn thread_nanos(name: &str) -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let mut named = threads.filter(|thread| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    });
    let thread = named.next().unwrap().path();
    let stat = std::fs::read_to_string(thread.join("schedstat")).unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn reading(dir: &Path) {
    let path = dir.join("run0");
    let times = (0..20).map(|_| {
        let start = Instant::now();
        std::hint::black_box(Recording::open(&path).unwrap());
        start.elapsed().as_nanos() as f64
    });
    println!("reading a recording: {:.1} ms", median(times.collect()) / 1e6);
}
