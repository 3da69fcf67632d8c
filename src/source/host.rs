//! What the kernel says of the whole machine: memory size, and how much work waits for memory.

use super::file::KernelFile;
use std::path::{Path, PathBuf};

/// `/proc/meminfo`.
#[derive(Debug)]
pub(super) struct HostSource(PathBuf);

impl HostSource {
    pub(super) fn new(root: &Path) -> Self {
        HostSource(root.join("proc/meminfo"))
    }

    /// The machine's memory in bytes; `None` when it cannot be read.
    pub(super) fn memory_total(&self) -> Option<u64> {
        KernelFile::open(&self.0)?.field("MemTotal")
    }

    /// What of it is not to be had: used by whatever runs, and not given up under pressure.
    pub(super) fn memory_in_use(&self) -> Option<u64> {
        let [total, available] = KernelFile::open(&self.0)?.fields(["MemTotal", "MemAvailable"])?;
        total?.checked_sub(available?)
    }
}

/// Pressure stall information: the share of the last ten seconds in which some or all tasks waited for memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pressure {
    pub(crate) some_percent: Option<f32>,
    pub(crate) full_percent: Option<f32>,
}

#[derive(Debug)]
pub(super) struct PressureSource(Option<KernelFile>);

impl PressureSource {
    /// The cgroup's own figure where there is one, else the machine's.
    pub(super) fn open(root: &Path, cgroup: Option<&Path>) -> Self {
        let own = cgroup.and_then(|dir| KernelFile::open(&dir.join("memory.pressure")));
        PressureSource(own.or_else(|| KernelFile::open(&root.join("proc/pressure/memory"))))
    }

    pub(super) fn read(&self) -> Pressure {
        self.0.as_ref().and_then(|file| file.read(parse)).unwrap_or_default()
    }
}

fn parse(text: &str) -> Pressure {
    let average = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
        line.split_ascii_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
    };
    Pressure { some_percent: average("some"), full_percent: average("full") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_of_ten_seconds() {
        let text = "some avg10=1.50 avg60=0.10 avg300=0.00 total=99\nfull avg10=0.25 avg60=0 avg300=0 total=9\n";
        let expected = Pressure { some_percent: Some(1.5), full_percent: Some(0.25) };
        assert_eq!(parse(text), expected);
        assert_eq!(parse("nothing of the kind"), Pressure::default());
    }

    #[test]
    fn memory_that_cannot_be_read_is_unknown() {
        let nowhere = HostSource::new(Path::new("/nonexistent"));
        assert_eq!((nowhere.memory_total(), nowhere.memory_in_use()), (None, None));
        #[cfg(target_os = "linux")]
        {
            let host = HostSource::new(Path::new("/"));
            assert!(host.memory_total() > Some(64 << 20));
            assert!(host.memory_in_use() > Some(1 << 20));
            assert!(host.memory_in_use() < host.memory_total());
        }
    }
}
