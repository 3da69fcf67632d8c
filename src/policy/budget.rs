//! How much the process may use: what the user gave, else what the kernel would allow, less a reserve.

use crate::error::Error;
use bytesize::ByteSize;
use std::str::FromStr;

const MIB: u64 = 1 << 20;

/// The smallest budget that makes sense.
const LEAST: u64 = MIB;

/// A budget as a user gives it: bytes, or a share of the limit that was found.
///
/// ```
/// use plimsoll::Budget;
/// assert_eq!("512MiB".parse::<Budget>()?, Budget::Bytes(512 << 20));
/// assert_eq!("80%".parse::<Budget>()?, Budget::Percent(80.0));
/// // Decimal without the i, as the SI prefixes say.
/// assert_eq!("512MB".parse::<Budget>()?, Budget::Bytes(512_000_000));
/// let error = "plenty".parse::<Budget>().unwrap_err();
/// assert_eq!(error.to_string(), r#"cannot read "plenty" as a size such as 512MiB or 80%"#);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// This many bytes.
    Bytes(u64),
    /// This share of the limit: the control group's, or the machine's memory.
    Percent(f64),
}

impl FromStr for Budget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let error =
            || Error::Parse { given: text.into(), expected: "a size such as 512MiB or 80%" };
        match text.trim().strip_suffix('%') {
            Some(percent) => percent.trim().parse().map(Budget::Percent).map_err(|_| error()),
            None => parse_size(text).map(Budget::Bytes).ok_or_else(error),
        }
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Budget::Bytes(bytes) => write!(f, "{}", size(*bytes)),
            Budget::Percent(percent) => write!(f, "{percent} %"),
        }
    }
}

/// `512MiB`, `512MB` (decimal), `1048576`; `None` for anything else, the empty text and negative sizes included.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    ByteSize::from_str(text.trim()).ok().map(|size| size.as_u64())
}

/// Bytes for people: `512.0 MiB`.
pub(crate) fn size(bytes: u64) -> impl std::fmt::Display {
    ByteSize(bytes).display().iec()
}

/// What bounds the process from outside, and where that is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    /// The control group's limit and the file that holds it.
    pub(crate) cgroup: Option<(u64, String)>,
    /// The machine's memory.
    pub(crate) ram: Option<u64>,
}

/// Whose memory a budget bounds: the limit and the usage are taken from the same level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(dead_code, reason = "taken from the limit that is found, which is to come")]
pub(crate) enum Basis {
    /// The process's own resident memory: a budget in bytes, the machine's memory, no limit at all.
    #[default]
    Process,
    /// Everything that the kernel charges the control group whose limit it is.
    Group,
    /// The process's address space (`RLIMIT_AS`).
    AddressSpace,
    /// The process's private writable memory, touched or not (`RLIMIT_DATA`).
    Data,
}

/// A budget in force.
#[derive(Clone, Debug, PartialEq)]
#[allow(dead_code, reason = "read by the meter that is to come")]
pub(crate) struct Resolved {
    pub(crate) bytes: u64,
    /// The limit it was taken from or lies below, where one is known.
    pub(crate) limit: Option<u64>,
    pub(crate) basis: Basis,
    /// Where it comes from, in words.
    pub(crate) provenance: String,
}

/// What the kernel allows, with its name.
struct Limit {
    bytes: u64,
    name: String,
}

impl Bounds {
    /// The lower of the two: a control group that may use more than there is has no limit.
    fn limit(&self) -> Option<Limit> {
        let ram = self.ram.map(|bytes| Limit { bytes, name: "the machine's memory".into() });
        let Some((bytes, file)) = &self.cgroup else { return ram };
        let cgroup = Limit { bytes: *bytes, name: format!("the control group's limit ({file})") };
        match ram {
            Some(ram) if ram.bytes <= cgroup.bytes => Some(ram),
            _ => Some(cgroup),
        }
    }
}

/// Works out the budget in force.
///
/// `default` is what to take when nothing was given and no limit is known.
pub(crate) fn resolve(
    given: Option<Budget>,
    bounds: &Bounds,
    default: u64,
) -> Result<Resolved, Error> {
    match (given, bounds.limit()) {
        (Some(given), Some(limit)) => explicit(given, &limit),
        (Some(Budget::Bytes(bytes)), None) if bytes >= LEAST => {
            let provenance = "given".into();
            Ok(Resolved { bytes, limit: None, basis: Basis::Process, provenance })
        }
        (Some(given), None) => {
            Err(refused(given, 0, "at least 1 MiB; no limit is known to take a share of"))
        }
        (None, Some(limit)) => Ok(found(&limit)),
        (None, None) => {
            let provenance = format!("default of {}: no limit is known here", size(default));
            Ok(Resolved { bytes: default, limit: None, basis: Basis::Process, provenance })
        }
    }
}

fn explicit(given: Budget, limit: &Limit) -> Result<Resolved, Error> {
    let bytes = match given {
        Budget::Bytes(bytes) => bytes,
        Budget::Percent(percent) => (limit.bytes as f64 * percent / 100.0) as u64,
    };
    if bytes < LEAST || bytes > limit.bytes {
        let expected = format!("from 1 MiB to {}, {}", size(limit.bytes), limit.name);
        return Err(refused(given, bytes, &expected));
    }
    let provenance = match given {
        Budget::Bytes(_) => format!("given; {} is {}", limit.name, size(limit.bytes)),
        Budget::Percent(_) => format!("{given} of {}, {}", size(limit.bytes), limit.name),
    };
    Ok(Resolved { bytes, limit: Some(limit.bytes), basis: Basis::Process, provenance })
}

fn found(limit: &Limit) -> Resolved {
    let reserve = reserve(limit.bytes);
    let provenance =
        format!("{}, {}, less {} in reserve", size(limit.bytes), limit.name, size(reserve));
    let bytes = limit.bytes - reserve;
    Resolved { bytes, limit: Some(limit.bytes), basis: Basis::Process, provenance }
}

/// What is left for the kernel's own charges and for what grows between two ticks.
fn reserve(limit: u64) -> u64 {
    (limit / 10).clamp(64 * MIB, 512 * MIB).min(limit / 4)
}

fn refused(given: Budget, bytes: u64, expected: &str) -> Error {
    Error::Budget { given: given.to_string(), bytes, expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn bounds(cgroup: Option<u64>, ram: Option<u64>) -> Bounds {
        Bounds { cgroup: cgroup.map(|bytes| (bytes, "memory.max".into())), ram }
    }

    fn bytes(given: Option<Budget>, cgroup: Option<u64>, ram: Option<u64>) -> u64 {
        resolve(given, &bounds(cgroup, ram), 3 * GIB).expect("a budget").bytes
    }

    #[test]
    fn the_lower_bound_less_a_reserve() {
        assert_eq!(bytes(None, Some(GIB), Some(8 * GIB)), GIB - GIB / 10);
        assert_eq!(bytes(None, Some(100 * GIB), Some(8 * GIB)), 8 * GIB - 512 * MIB);
        assert_eq!(bytes(None, None, Some(8 * GIB)), 8 * GIB - 512 * MIB);
        assert_eq!(bytes(None, Some(128 * MIB), None), 96 * MIB, "a reserve is a quarter at most");
        assert_eq!(bytes(None, None, None), 3 * GIB);
    }

    #[test]
    fn an_explicit_budget_wins() {
        assert_eq!(bytes(Some(Budget::Bytes(GIB)), Some(2 * GIB), None), GIB);
        assert_eq!(bytes(Some(Budget::Percent(50.0)), Some(2 * GIB), None), GIB);
        assert_eq!(bytes(Some(Budget::Bytes(GIB)), None, None), GIB);
    }

    #[test]
    fn a_budget_that_cannot_be_held_is_named() {
        let refused = |given| {
            resolve(Some(given), &bounds(None, Some(2 * GIB)), GIB).unwrap_err().to_string()
        };
        assert_eq!(
            refused(Budget::Bytes(0)),
            "budget of 0 B (0 bytes): must be from 1 MiB to 2.0 GiB, the machine's memory"
        );
        assert!(refused(Budget::Bytes(3 * GIB)).starts_with("budget of 3.0 GiB"));
        assert!(refused(Budget::Percent(101.0)).starts_with("budget of 101 %"));
        assert!(refused(Budget::Percent(f64::NAN)).contains("must be from 1 MiB"));
        assert!(refused(Budget::Percent(-5.0)).contains("must be from 1 MiB"));
        let nowhere = resolve(Some(Budget::Percent(50.0)), &bounds(None, None), GIB);
        assert!(nowhere.unwrap_err().to_string().contains("no limit is known"));
    }

    #[test]
    fn provenance_is_in_words() {
        let words = |given, cgroup| {
            resolve(given, &bounds(cgroup, Some(8 * GIB)), GIB).expect("a budget").provenance
        };
        assert_eq!(
            words(None, Some(GIB)),
            "1.0 GiB, the control group's limit (memory.max), less 102.4 MiB in reserve"
        );
        assert_eq!(
            words(Some(Budget::Percent(50.0)), None),
            "50 % of 8.0 GiB, the machine's memory"
        );
    }

    #[test]
    fn sizes_that_do_not_parse_are_refused() {
        for text in ["", "MiB", "-1MiB", "12 potatoes", "%", "x%"] {
            assert!(text.parse::<Budget>().is_err(), "{text:?}");
        }
        assert_eq!(parse_size("1048576"), Some(MIB));
        assert_eq!(parse_size(" 1 GiB "), Some(GIB));
    }
}
