//! The process's own limits, from `/proc/self/limits`.

use super::file::KernelFile;
use std::path::{Path, PathBuf};

/// Soft limits in bytes. `None` is no limit, and unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rlimits {
    /// `RLIMIT_AS`.
    pub(super) address_space: Option<u64>,
    /// `RLIMIT_DATA`.
    pub(super) data: Option<u64>,
}

#[derive(Debug)]
pub(super) struct RlimitSource(PathBuf);

impl RlimitSource {
    pub(super) fn new(root: &Path) -> Self {
        RlimitSource(root.join("proc/self/limits"))
    }

    pub(super) fn read(&self) -> Rlimits {
        KernelFile::open(&self.0).and_then(|file| file.read(parse)).unwrap_or_default()
    }
}

/// Lines such as `Max address space         unlimited            unlimited            bytes`, the soft limit first.
fn parse(text: &str) -> Rlimits {
    let soft = |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    Rlimits { address_space: soft("Max address space "), data: soft("Max data size ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_limits_count_and_unlimited_is_none() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max data size             1073741824           unlimited            bytes     \n\
                    Max resident set          5                    5                    bytes     \n\
                    Max address space         unlimited            2147483648           bytes     \n";
        assert_eq!(parse(text), Rlimits { address_space: None, data: Some(1 << 30) });
        assert_eq!(parse("Max address space\n"), Rlimits::default(), "cut short");
        assert_eq!(parse("Max address space         -1\nMax data size lots\n"), Rlimits::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_real_file_has_both_lines() {
        let text = std::fs::read_to_string("/proc/self/limits").expect("the file");
        assert!(text.contains("\nMax address space ") && text.contains("\nMax data size "));
    }
}
