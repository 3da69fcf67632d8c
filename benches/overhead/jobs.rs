//! The workloads, with how many threads, and what plimsoll's ratio to bare jemalloc should be at most.

/// One workload on some threads.
#[derive(Debug)]
pub(crate) struct Job {
    /// Its file in `benches/peers/src/workload`.
    pub(crate) workload: &'static str,
    pub(crate) threads: usize,
    pub(crate) title: &'static str,
    /// What the nanoseconds are per.
    pub(crate) operation: &'static str,
    /// The most that plimsoll may cost.
    pub(crate) target: f64,
    /// Whether it is measured without LTO too.
    pub(crate) without_lto: bool,
}

impl Job {
    const fn new(
        workload: &'static str,
        threads: usize,
        title: &'static str,
        operation: &'static str,
        target: f64,
    ) -> Self {
        Job { workload, threads, title, operation, target, without_lto: false }
    }

    const fn without_lto_too(mut self) -> Self {
        self.without_lto = true;
        self
    }
}

pub(crate) const JOBS: [Job; 11] = [
    Job::new("pair", 1, "64 B alloc+free, 1 thread", "pair", 1.12).without_lto_too(),
    Job::new("pair", 2, "64 B alloc+free, 2 threads", "pair", 1.12).without_lto_too(),
    Job::new("pair", 8, "64 B alloc+free, 8 threads", "pair", 1.15),
    Job::new("mixed", 1, "1000 mixed sizes, freed shuffled, 1 thread", "object", 1.10),
    Job::new("mixed", 2, "1000 mixed sizes, freed shuffled, 2 threads", "object", 1.10),
    Job::new("hand_over", 2, "allocated here, freed on another thread", "object", 1.05),
    Job::new("vec", 1, "Vec growing by push to 64 KiB", "Vec", 1.03),
    Job::new("realloc", 1, "raw realloc steps, 64 B to 8 KiB and back", "realloc", 1.03),
    Job::new("json", 1, "1 MB of JSON parsed and dropped, 1 thread", "document", 1.03)
        .without_lto_too(),
    Job::new("json", 2, "1 MB of JSON parsed and dropped, 2 threads", "document", 1.03)
        .without_lto_too(),
    Job::new("map", 1, "BTreeMap of strings, built and dropped", "entry", 1.03),
];

/// Those whose share is told without LTO too.
pub(crate) const WITHOUT_LTO: [&str; 3] = ["jemalloc", "plimsoll", "naive"];
