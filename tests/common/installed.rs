//! The wrapper as the global allocator of a test binary: over jemalloc with the feature, else over the system's.

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

#[cfg(not(feature = "jemalloc"))]
#[global_allocator]
static ALLOC: plimsoll::Plimsoll<std::alloc::System> = plimsoll::Plimsoll::new(std::alloc::System);
