//! `dhat`, which wraps the system's allocator and no other, with its profiler running.

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

fn main() {
    // Testing mode writes no file at the end; what it does until then is the same.
    let _profiler = dhat::Profiler::builder().testing().build();
    peers::run();
}
