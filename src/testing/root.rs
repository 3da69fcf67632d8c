//! A root directory with the kernel's files, for a real monitor under a limit that a test sets.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory with a control group (v2) as the kernel would show it, for [`Builder::root`](crate::Builder::root). Removed
/// when dropped.
///
/// ```
/// use plimsoll::testing::FakeRoot;
/// let root = FakeRoot::new(512 << 20)?;
/// root.set_charged(100 << 20)?;
/// let monitor = plimsoll::Monitor::builder().root(root.path()).start()?;
/// assert_eq!(monitor.budget_bytes(), 448 << 20);
/// assert!(monitor.budget_provenance().contains("memory.max"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FakeRoot(PathBuf);

const GROUP: &str = "sys/fs/cgroup";
const MOUNT: &str = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

impl FakeRoot {
    /// A group with this limit, charged with nothing, on a machine with 64 GiB.
    ///
    /// # Errors
    /// When the files cannot be written to the system's temporary directory.
    pub fn new(limit_bytes: u64) -> io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("plimsoll-root-{}-{number}", std::process::id());
        let root = FakeRoot(std::env::temp_dir().join(name));
        fs::create_dir_all(root.0.join("proc/self"))?;
        fs::create_dir_all(root.0.join(GROUP))?;
        root.write("proc/meminfo", "MemTotal: 67108864 kB\n")?;
        root.write("proc/self/cgroup", "0::/\n")?;
        root.write("proc/self/mountinfo", MOUNT)?;
        root.write("sys/fs/cgroup/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n")?;
        root.set_limit(Some(limit_bytes))?;
        root.set_charged(0)?;
        Ok(root)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Sets the group's limit; `None` for none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_limit(&self, bytes: Option<u64>) -> io::Result<()> {
        let text = bytes.map_or("max\n".into(), |bytes| format!("{bytes}\n"));
        self.write("sys/fs/cgroup/memory.max", &text)
    }

    /// Sets what the group is charged with, all of it anonymous memory; and the process's resident memory alike.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn set_charged(&self, bytes: u64) -> io::Result<()> {
        let kib = bytes / 1024;
        let status =
            format!("VmRSS:\t{kib} kB\nRssAnon:\t{kib} kB\nRssFile:\t0 kB\nRssShmem:\t0 kB\n");
        self.write("proc/self/status", &status)?;
        self.write("sys/fs/cgroup/memory.current", &format!("{bytes}\n"))?;
        let stat = format!("anon {bytes}\nfile 0\nkernel 0\nsock 0\nshmem 0\nslab_reclaimable 0\n");
        self.write("sys/fs/cgroup/memory.stat", &stat)
    }

    /// Writes any other file below the root, as `proc/self/limits`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> io::Result<()> {
        fs::write(self.0.join(path), text)
    }
}

impl Drop for FakeRoot {
    fn drop(&mut self) {
        // Left behind, it lies in the temporary directory: nothing else depends on it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
