//! The work that is measured, the same code for every allocator.

mod hand_over;
mod json;
mod map;
mod mixed;
mod pair;
mod realloc;
mod vec;

/// Work for any number of threads.
pub(crate) struct Workload {
    /// Does thread `.0`'s share of the work `.1` times over.
    pub(crate) work: Box<dyn Fn(usize, u64) + Sync>,
    /// Operations in one repeat.
    pub(crate) operations: u64,
    /// How many threads do it together, where that is not free to choose.
    pub(crate) fixed_threads: Option<usize>,
}

impl Workload {
    /// Work that any number of threads can do, each for itself.
    fn of_each_thread(operations: u64, work: impl Fn(usize, u64) + Sync + 'static) -> Self {
        Workload { work: Box::new(work), operations, fixed_threads: None }
    }
}

/// The workload of that name, its data made.
pub(crate) fn prepare(name: &str) -> Result<Workload, String> {
    Ok(match name {
        "pair" => pair::workload(),
        "pair_of_size" => pair::of_size(pair::SMALL),
        "pair_zeroed" => pair::zeroed(),
        "pair_4k" => pair::of_size(pair::LARGE),
        "mixed" => mixed::workload(),
        "hand_over" => hand_over::workload(),
        "vec" => vec::workload(),
        "realloc" => realloc::workload(),
        "json" => json::workload(),
        "map" => map::workload(),
        _ => {
            let known = "pair, pair_of_size, pair_zeroed, pair_4k, mixed, hand_over, vec, realloc, json, map";
            return Err(format!("no workload {name:?}: expected one of {known}"));
        }
    })
}
