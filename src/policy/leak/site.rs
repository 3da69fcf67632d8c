//! Which places in the program grew: what two differences of heap profiles agree on.

use crate::mebibyte::mib_of;
use serde::{Deserialize, Serialize};

/// So many are told.
pub(crate) const TOLD: usize = 5;

/// Twice the standard error: in 39 of 40 cases what did not grow shows less.
const CERTAIN: f64 = 2.0;

/// Sites that explain so much of the growth explain it.
const MOST: f64 = 0.5;

/// How much one place in the program holds more than before: an estimate, from the samples of a heap profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrownSite {
    /// The function, where it is known, or where in which file.
    pub name: String,
    /// Live bytes more than before.
    pub bytes: f64,
    /// Its standard error, in bytes.
    pub standard_error: f64,
}

/// The places in the program that hold more than at an earlier moment, by two heap profiles: largest first, five at most,
/// and only those that grew by more than chance would show.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GrownSince {
    /// How long ago the earlier profile was taken, in seconds.
    pub since_secs: f64,
    /// The places.
    pub sites: Vec<GrownSite>,
}

impl GrownSite {
    pub(crate) fn new(name: String, bytes: f64, standard_error: f64) -> Self {
        GrownSite { name, bytes, standard_error }
    }

    /// Whether it grew by more than chance would show.
    pub fn is_certain(&self) -> bool {
        self.bytes > CERTAIN * self.standard_error
    }
}

impl std::fmt::Display for GrownSite {
    /// `search::remember (12.3 MiB, standard error 0.4 MiB)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [bytes, error] = [self.bytes, self.standard_error].map(mib_of);
        write!(f, "{} ({bytes:.1} MiB, standard error {error:.1} MiB)", self.name)
    }
}

/// The places that grew in both of two spans of time, with what they grew in both together, largest first; none unless
/// they explain half of the `growth` of both.
pub(crate) fn agreed(first: &[GrownSite], second: &[GrownSite], growth: f64) -> Vec<GrownSite> {
    let certain = |sites: &'_ [GrownSite], name: &str| {
        sites.iter().find(|site| site.name == name && site.is_certain()).cloned()
    };
    let both = second.iter().filter(|site| site.is_certain());
    let both = both.filter_map(|later| Some(together(&certain(first, &later.name)?, later)));
    let mut both: Vec<_> = both.collect();
    both.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    let explained: f64 = both.iter().map(|site| site.bytes).sum();
    if explained < growth * MOST {
        return Vec::new();
    }
    both.truncate(TOLD);
    both
}

fn together(earlier: &GrownSite, later: &GrownSite) -> GrownSite {
    GrownSite {
        bytes: earlier.bytes + later.bytes,
        standard_error: earlier.standard_error.hypot(later.standard_error),
        ..later.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(key: u64, bytes: f64, standard_error: f64) -> GrownSite {
        GrownSite { name: key.to_string(), bytes, standard_error }
    }

    fn keys(sites: &[GrownSite]) -> Vec<&str> {
        sites.iter().map(|site| site.name.as_str()).collect()
    }

    #[test]
    fn two_spans_agree_on_what_grew_in_both() {
        let first = [site(1, 50.0, 10.0), site(2, 40.0, 5.0), site(3, 30.0, 20.0)];
        let second = [site(2, 60.0, 12.0), site(1, 15.0, 10.0), site(3, 90.0, 1.0)];
        let both = agreed(&first, &second, 150.0);
        assert_eq!(keys(&both), ["2"], "1 was not certain later, 3 not earlier");
        assert_eq!((both[0].bytes, both[0].standard_error), (100.0, 13.0));
    }

    #[test]
    fn they_must_explain_half_of_the_growth() {
        let sites = [site(1, 50.0, 10.0), site(2, 70.0, 5.0)];
        assert_eq!(keys(&agreed(&sites, &sites, 480.0)), ["2", "1"]);
        assert!(agreed(&sites, &sites, 481.0).is_empty());
    }

    #[test]
    fn what_shrank_or_was_not_there_is_no_leak() {
        let shrank = [site(1, -50.0, 1.0)];
        assert!(agreed(&shrank, &shrank, 0.0).is_empty());
        assert!(agreed(&[], &[site(1, 50.0, 1.0)], 10.0).is_empty());
    }
}
