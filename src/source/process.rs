//! What the kernel says of this process: `/proc/self/status`.

use super::file::KernelFile;
use std::path::Path;

/// The process's own figures. Bytes; as the kernel counts them, in pages. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) rss: Option<u64>,
    pub(crate) rss_peak: Option<u64>,
    pub(crate) anon: Option<u64>,
    pub(crate) file: Option<u64>,
    pub(crate) shmem: Option<u64>,
    pub(crate) virtual_size: Option<u64>,
    /// Private writable memory, touched or not: what `RLIMIT_DATA` bounds.
    pub(crate) data: Option<u64>,
    pub(crate) swap: Option<u64>,
    pub(crate) threads: Option<u64>,
}

#[derive(Debug)]
pub(super) struct ProcessSource(Option<KernelFile>);

impl ProcessSource {
    pub(super) fn open(root: &Path) -> Self {
        ProcessSource(KernelFile::open(&root.join("proc/self/status")))
    }

    pub(super) fn read(&self) -> Process {
        self.0.as_ref().and_then(|file| file.fields(KEYS)).map(figures).unwrap_or_default()
    }
}

/// `USER_HZ`: what the kernel counts in for programs, on every processor that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// When the process was started, in seconds since 1970: to the second, as the kernel says when it booted itself.
pub(crate) fn started(root: &Path) -> Option<f64> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    start_of(&read("proc/self/stat")?, &read("proc/stat")?)
}

/// The 22nd field of `/proc/self/stat`, from the boot on. The second, the name, may hold blanks and brackets itself.
fn start_of(stat: &str, system: &str) -> Option<f64> {
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + ticks / TICKS_PER_SECOND)
}

const KEYS: [&str; 9] =
    ["VmRSS", "VmHWM", "RssAnon", "RssFile", "RssShmem", "VmSize", "VmData", "VmSwap", "Threads"];

/// In the order of `KEYS`.
fn figures(found: [Option<u64>; KEYS.len()]) -> Process {
    let [rss, rss_peak, anon, file, shmem, virtual_size, data, swap, threads] = found;
    Process { rss, rss_peak, anon, file, shmem, virtual_size, data, swap, threads }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(status: &str) -> Process {
        figures(crate::source::file::fields(status, KEYS))
    }

    const STATUS: &str = "Name:\tcat\nVmPeak:\t  9000 kB\nVmSize:\t  8000 kB\nVmHWM:\t  1700 kB\n\
                          VmRSS:\t  1600 kB\nRssAnon:\t   400 kB\nRssFile:\t  1100 kB\nRssShmem:\t   100 kB\n\
                          VmData:\t   700 kB\nVmSwap:\t     0 kB\nThreads:\t3\n";

    #[test]
    fn every_figure_has_its_line() {
        let process = parse(STATUS);
        assert_eq!(process.rss, Some(1600 << 10));
        assert_eq!(process.rss_peak, Some(1700 << 10));
        let parts = [process.anon, process.file, process.shmem];
        assert_eq!(parts.iter().flatten().sum::<u64>(), 1600 << 10);
        assert_eq!(process.virtual_size, Some(8000 << 10));
        assert_eq!(process.data, Some(700 << 10));
        assert_eq!((process.swap, process.threads), (Some(0), Some(3)));
    }

    #[test]
    fn what_is_missing_is_unknown() {
        assert_eq!(parse("Name:\tkthread\nThreads:\t1\n").rss, None);
        assert_eq!(parse(""), Process::default());
        let nowhere = ProcessSource::open(Path::new("/nonexistent"));
        assert_eq!(nowhere.read(), Process::default());
    }

    #[test]
    fn a_start_is_counted_from_the_boot() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 250 9000 100 1\n";
        let system = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n";
        assert_eq!(start_of(stat, system), Some(1_700_000_002.5));
        assert_eq!(start_of(stat, "cpu  1 2 3\n"), None);
        assert_eq!(start_of("7 (a", system), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_real_process_began_a_while_ago() {
        let started = started(Path::new("/")).expect("the kernel says so");
        let now = crate::snapshot::Moment::now().epoch_secs();
        assert!(started <= now + 1.0 && started > now - 86_400.0, "{started} is not before {now}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_real_file_has_it_all() {
        let process = ProcessSource::open(Path::new("/")).read();
        assert!(process.rss > Some(100 << 10));
        assert!(process.rss_peak >= process.rss);
        assert!(process.threads >= Some(1));
    }
}
