//! Transparent huge pages: whether the kernel may back this process's memory with them, and how much of it is.

use super::file::KernelFile;
use std::path::Path;

/// When the kernel uses huge pages by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HugePages {
    /// Wherever they fit.
    Always,
    /// Where a program asks for them.
    OnAdvice,
    Never,
}

impl HugePages {
    /// The kernel's word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            HugePages::Always => "always",
            HugePages::OnAdvice => "madvise",
            HugePages::Never => "never",
        }
    }
}

/// What is known of them. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thp {
    pub(crate) system: Option<HugePages>,
    /// Whether the process allows them (`prctl(PR_SET_THP_DISABLE)` does not).
    pub(crate) process: Option<bool>,
}

impl Thp {
    /// Reads the two short files that tell it, below `root`.
    pub(crate) fn read(root: &Path) -> Self {
        let enabled = root.join("sys/kernel/mm/transparent_hugepage/enabled");
        let system = KernelFile::open(&enabled).and_then(|file| file.read(chosen)?);
        let status = KernelFile::open(&root.join("proc/self/status"));
        let process = status.and_then(|file| file.field("THP_enabled"));
        Thp { system, process: process.map(|enabled| enabled != 0) }
    }

    /// Whether the kernel makes huge pages of this process's memory unasked.
    pub(crate) fn is_always(self) -> bool {
        self.system == Some(HugePages::Always) && self.process != Some(false)
    }
}

/// Bytes of the process in huge pages. The kernel walks all its memory for that: 1 to 45 ms, never to be spent in a tick.
pub(crate) fn anonymous_huge_bytes(root: &Path) -> Option<u64> {
    KernelFile::open(&root.join("proc/self/smaps_rollup"))?.field("AnonHugePages")
}

/// The word in brackets: `always [madvise] never`.
fn chosen(text: &str) -> Option<HugePages> {
    let (_, rest) = text.split_once('[')?;
    let all = [HugePages::Always, HugePages::OnAdvice, HugePages::Never];
    all.into_iter()
        .find(|pages| rest.split_once(']').is_some_and(|(word, _)| word == pages.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_brackets_is_in_force() {
        assert_eq!(chosen("always [madvise] never\n"), Some(HugePages::OnAdvice));
        assert_eq!(chosen("[always] madvise never\n"), Some(HugePages::Always));
        assert_eq!(chosen("always madvise [never]\n"), Some(HugePages::Never));
        assert_eq!(chosen("always madvise never"), None);
        assert_eq!(chosen("[inherit]"), None);
    }

    #[test]
    fn it_is_read_below_the_root_and_unknown_where_there_is_nothing() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(Thp::read(root.path()), Thp::default());
        assert_eq!(anonymous_huge_bytes(root.path()), None);
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            std::fs::write(path, text).expect("a file");
        };
        write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
        assert!(Thp::read(root.path()).is_always(), "the process's own word is unknown");
        write("proc/self/status", "Name:\tx\nTHP_enabled:\t0\n");
        let thp = Thp { system: Some(HugePages::Always), process: Some(false) };
        assert_eq!(Thp::read(root.path()), thp);
        assert!(!thp.is_always(), "the process has them switched off");
        write(
            "proc/self/smaps_rollup",
            "5555-7fff ---p 0 00:00 0 [rollup]\nAnonHugePages:    4096 kB\n",
        );
        assert_eq!(anonymous_huge_bytes(root.path()), Some(4 << 20));
    }
}
