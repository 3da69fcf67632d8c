//! `peak_alloc`, which wraps the system's allocator and no other.

#[global_allocator]
static ALLOC: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

fn main() {
    peers::run();
}
