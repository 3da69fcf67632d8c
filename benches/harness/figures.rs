//! Many measurements in three numbers.

use serde::Serialize;

/// The middle, the least and the most of some measurements.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) median: f64,
    pub(crate) minimum: f64,
    pub(crate) maximum: f64,
}

impl Figures {
    /// `None` of nothing.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Figures {
            median: median_of_sorted(&sorted)?,
            minimum: *sorted.first()?,
            maximum: *sorted.last()?,
        })
    }
}

fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// The middle of some measurements; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    Some(Figures::of(values)?.median)
}
