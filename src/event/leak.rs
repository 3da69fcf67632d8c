//! What events say of a leak.

use crate::mebibyte::mib;
use crate::policy::leak::{GrownSite, LeakStatus};
use serde::Serialize;

/// How a leak stands: see [`LeakStatus`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LeakFigures {
    /// By how much the floor of unexplained live bytes has risen.
    pub growth_bytes: Option<u64>,
    /// The same in MiB.
    pub growth_mb: Option<f64>,
    /// By how many live objects.
    pub growth_objects: Option<i64>,
    /// Over how many seconds of running.
    pub span_seconds: Option<f64>,
    /// How fast.
    pub bytes_per_hour: Option<f64>,
    /// The functions that hold it, in words, with their standard errors; `None` while they are not known.
    pub functions: Option<String>,
    /// The same as figures.
    pub sites: Vec<GrownSite>,
}

impl LeakFigures {
    pub(crate) fn of(leak: &LeakStatus) -> Self {
        let words: Vec<_> = leak.sites.iter().map(GrownSite::to_string).collect();
        LeakFigures {
            growth_bytes: leak.growth_bytes,
            growth_mb: leak.growth_bytes.map(mib),
            growth_objects: leak.growth_objects,
            span_seconds: leak.span_secs,
            bytes_per_hour: leak.bytes_per_hour,
            functions: (!words.is_empty()).then(|| words.join(", ")),
            sites: leak.sites.clone(),
        }
    }
}
