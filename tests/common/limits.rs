//! Limits that the kernel holds this process to: how far its address space may grow, and its mappings.

use std::ffi::c_void;

/// Leaves room for `more` bytes above what is mapped now.
pub(crate) fn limit_address_space(more: u64) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    set_limit(libc::RLIMIT_AS, pages * 4096 + more);
}

pub(crate) fn lift_limit_of_address_space() {
    set_limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
}

fn set_limit(resource: libc::__rlimit_resource_t, bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a valid limit for this process.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}

/// As many mappings as the kernel allows, and no break to move either, until it is dropped.
pub(crate) struct NoMappingLeft {
    start: *mut c_void,
    length: usize,
}

impl NoMappingLeft {
    /// `None` where so many are allowed that making them would take too long, and too much of the kernel's memory.
    pub(crate) fn new() -> Option<Self> {
        let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
        let most: usize = most.trim().parse().unwrap();
        if most > 1 << 20 {
            println!("not tried: vm.max_map_count is {most}");
            return None;
        }
        let length = (2 * most + 16) * 4096;
        let start = map(length).expect("address space");
        // Every other page: neighbours that differ are mappings of their own.
        for page in (0..length / 4096).step_by(2) {
            // SAFETY: a page of the mapping just made, which nobody uses.
            let refused =
                unsafe { libc::mprotect(start.byte_add(page * 4096), 4096, libc::PROT_READ) != 0 };
            if refused {
                break;
            }
        }
        // The last one or two.
        while map(4096).is_some() {}
        set_limit(libc::RLIMIT_DATA, 0);
        Some(NoMappingLeft { start, length })
    }
}

impl Drop for NoMappingLeft {
    fn drop(&mut self) {
        set_limit(libc::RLIMIT_DATA, libc::RLIM_INFINITY);
        // SAFETY: the mapping made in `new`, which nobody uses.
        unsafe { libc::munmap(self.start, self.length) };
    }
}

fn map(length: usize) -> Option<*mut c_void> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
    (start != libc::MAP_FAILED).then_some(start)
}
