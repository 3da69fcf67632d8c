//! Which figure is held against the budget.

use super::Usage;
use crate::error::Error;
use crate::metric::Values;
use serde::Serialize;
use std::str::FromStr;

/// The figure that is held against the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Meter {
    /// [`Usage::pressure_bytes`](crate::Usage): what the kernel cannot drop (of the control group whose limit the budget is
    /// taken from, else of the process), less unused pages that a purge would return, and less free slots that will be
    /// wanted again; at least what is active and resident. Without `/proc`, the live bytes.
    #[default]
    Pressure,
    /// Resident memory of the process, files included: what `top` shows.
    Rss,
    /// Exact requested bytes.
    LiveBytes,
    /// jemalloc's bytes in size classes, thread caches included: what is live, rounded up.
    Allocated,
    /// What the kernel charges the control group with, page cache included.
    Charged,
}

impl Meter {
    const ALL: [(Meter, &'static str); 5] = [
        (Meter::Pressure, "pressure"),
        (Meter::Rss, "rss"),
        (Meter::LiveBytes, "live_bytes"),
        (Meter::Allocated, "allocated"),
        (Meter::Charged, "charged"),
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        Meter::ALL.iter().find(|(meter, _)| *meter == self).map_or("", |(_, word)| word)
    }

    /// What it reads; `None` when its source is unknown.
    pub(crate) fn read(self, values: &Values, usage: &Usage) -> Option<u64> {
        match self {
            Meter::Pressure => usage.pressure_bytes.or_else(|| values.live_bytes()),
            Meter::Rss => values.process_rss_bytes(),
            Meter::LiveBytes => values.live_bytes(),
            Meter::Allocated => values.jemalloc_allocated_bytes(),
            Meter::Charged => values.cgroup_charged_bytes(),
        }
    }
}

impl FromStr for Meter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let word = text.trim();
        let found = Meter::ALL.iter().find(|(_, name)| *name == word).map(|(meter, _)| *meter);
        found.ok_or(Error::Parse {
            given: text.into(),
            expected: "a meter: pressure, rss, live_bytes, allocated or charged",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;

    #[test]
    fn each_meter_reads_its_own_figure_or_nothing() {
        let (mut values, mut usage) = (Values::unknown(), Usage::default());
        for (meter, _) in Meter::ALL {
            assert_eq!(meter.read(&values, &usage), None);
        }
        values.set(Field::AllocBytes, Some(70));
        values.set(Field::FreeBytes, Some(20));
        assert_eq!(Meter::Pressure.read(&values, &usage), Some(50), "without /proc");
        for (field, figure) in [(Field::Rss, 200), (Field::Allocated, 60), (Field::Charged, 300)] {
            values.set(field, Some(figure));
        }
        usage.pressure_bytes = Some(82);
        let read = Meter::ALL.map(|(meter, _)| meter.read(&values, &usage));
        assert_eq!(read, [82, 200, 50, 60, 300].map(Some));
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
