//! The count held against others' figures for the same process: `stats_alloc` around it and below it, jemalloc's bins.

mod bystanders;
#[cfg(feature = "jemalloc")]
mod bins;

use crate::common::harness::Case;

pub(crate) const GROUPS: &[&[Case]] = &[bystanders::CASES];
