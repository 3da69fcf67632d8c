//! What the kernel says of the whole machine: memory size, and how much work waits for memory.

use super::file::KernelFile;
use std::path::Path;

/// The machine's memory in bytes; `None` when `/proc/meminfo` cannot be read.
pub(crate) fn memory_total(root: &Path) -> Option<u64> {
    KernelFile::open(&root.join("proc/meminfo"))?.field("MemTotal")
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
        assert_eq!(memory_total(Path::new("/nonexistent")), None);
        #[cfg(target_os = "linux")]
        assert!(memory_total(Path::new("/")) > Some(64 << 20));
    }
}
