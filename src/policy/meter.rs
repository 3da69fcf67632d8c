//! Which figure is held against the budget.

use crate::error::Error;
use crate::metric::Values;
use serde::Serialize;
use std::str::FromStr;

/// The figure that is held against the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Meter {
    /// What the process cannot give back: anonymous and shared resident memory and swap, less jemalloc's dirty pages,
    /// which a purge returns; at least what is active and resident. Without `/proc`, the live bytes.
    #[default]
    Pressure,
    /// Resident memory of the process, files included: what `top` shows.
    Rss,
    /// Exact requested bytes.
    LiveBytes,
    /// What the kernel charges the control group with, page cache included.
    Charged,
}

impl Meter {
    const ALL: [(Meter, &'static str); 4] = [
        (Meter::Pressure, "pressure"),
        (Meter::Rss, "rss"),
        (Meter::LiveBytes, "live_bytes"),
        (Meter::Charged, "charged"),
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        Meter::ALL.iter().find(|(meter, _)| *meter == self).map_or("", |(_, word)| word)
    }

    /// What it reads; `None` when its source is unknown.
    pub(crate) fn read(self, values: &Values) -> Option<u64> {
        match self {
            Meter::Pressure => pressure(values).or_else(|| values.live_bytes()),
            Meter::Rss => values.process_rss_bytes(),
            Meter::LiveBytes => values.live_bytes(),
            Meter::Charged => values.cgroup_charged_bytes(),
        }
    }
}

/// Dirty pages that were never touched are not resident: what is active and resident is held all the same.
fn pressure(values: &Values) -> Option<u64> {
    let shmem = values.process_shmem_bytes().unwrap_or(0);
    let anon = values.process_anon_bytes().map(|anon| anon.saturating_add(shmem));
    let resident = anon.or_else(|| values.process_rss_bytes())?;
    let dirty = values.jemalloc_dirty_bytes().unwrap_or(0);
    let active = values.jemalloc_active_bytes().unwrap_or(0);
    let held = resident.saturating_sub(dirty).max(resident.min(active));
    Some(held.saturating_add(values.process_swap_bytes().unwrap_or(0)))
}

impl FromStr for Meter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let word = text.trim();
        let found = Meter::ALL.iter().find(|(_, name)| *name == word).map(|(meter, _)| *meter);
        found.ok_or(Error::Parse {
            given: text.into(),
            expected: "a meter: pressure, rss, live_bytes or charged",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;

    #[test]
    fn each_meter_reads_its_own_figure_or_nothing() {
        let mut values = Values::unknown();
        assert_eq!(Meter::Pressure.read(&values), None);
        values.set(Field::AllocBytes, Some(70));
        values.set(Field::FreeBytes, Some(20));
        assert_eq!(Meter::Pressure.read(&values), Some(50), "without /proc");
        values.set(Field::Rss, Some(200));
        assert_eq!(Meter::Pressure.read(&values), Some(200));
        values.set(Field::Anon, Some(100));
        values.set(Field::Shmem, Some(5));
        values.set(Field::Swap, Some(7));
        values.set(Field::Dirty, Some(30));
        assert_eq!(Meter::Pressure.read(&values), Some(82));
        values.set(Field::Active, Some(95));
        assert_eq!(
            Meter::Pressure.read(&values),
            Some(102),
            "dirty pages that were never resident"
        );
        assert_eq!(Meter::Rss.read(&values), Some(200));
        assert_eq!(Meter::LiveBytes.read(&values), Some(50));
        assert_eq!(Meter::Charged.read(&values), None);
    }

    #[test]
    fn meters_go_by_their_words() {
        for (meter, word) in Meter::ALL {
            assert_eq!(word.parse::<Meter>().expect("a word of the list"), meter);
            assert_eq!(meter.as_str(), word);
        }
        assert!("RSS!".parse::<Meter>().is_err());
    }
}
