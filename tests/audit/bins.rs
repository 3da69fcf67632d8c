//! jemalloc's own count of regions and large extents.
