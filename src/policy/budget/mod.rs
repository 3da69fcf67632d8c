//! How much the process may use: what the user gave, else what the kernel would allow, less a reserve.

mod reserve;

pub(crate) use reserve::unseen;

use crate::error::Error;
use crate::source::{Bounds, GroupLimit, Whose};
use bytesize::ByteSize;
use reserve::Reserve;
use serde::Serialize;
use std::str::FromStr;
use std::time::Instant;

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
    /// This share of the limit: the control group's, the process's own, or the machine's memory.
    Percent(f64),
}

impl Budget {
    fn of(self, limit: u64) -> u64 {
        match self {
            Budget::Bytes(bytes) => bytes,
            Budget::Percent(percent) => (limit as f64 * percent / 100.0) as u64,
        }
    }
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

/// Whose memory a budget bounds: the limit and the usage are taken from the same level.
///
/// ```
/// // A budget in bytes bounds the process itself, wherever it runs.
/// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
/// assert_eq!(monitor.budget_basis(), plimsoll::Basis::Process);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
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

impl Basis {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Basis::Process => "process",
            Basis::Group => "group",
            Basis::AddressSpace => "address_space",
            Basis::Data => "data",
        }
    }

    fn is_address_space(self) -> bool {
        matches!(self, Basis::AddressSpace | Basis::Data)
    }
}

/// A budget in force.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) bytes: u64,
    /// The limit it was taken from or lies below, where one is known.
    pub(crate) limit: Option<u64>,
    pub(crate) basis: Basis,
    /// Where it comes from, in words.
    pub(crate) provenance: String,
}

/// The lowest of the bounds, with its name.
#[derive(Clone, Debug, PartialEq)]
struct Limit {
    bytes: u64,
    basis: Basis,
    name: String,
    /// Whether it can be known what it counts beside what the meter reads.
    is_watched: bool,
}

/// The lowest; of equals the first, so that a control group that may use all there is, or more, has no limit.
///
/// A budget in bytes is one of resident memory: limits of address space, touched or not, are no measure for it.
fn limit(given: Option<Budget>, bounds: &Bounds) -> Option<Limit> {
    let resident = matches!(given, Some(Budget::Bytes(_)));
    let process = |bytes: Option<u64>, basis, name: &str| {
        let is_watched = basis == Basis::Process;
        bytes.map(|bytes| Limit { bytes, basis, name: name.into(), is_watched })
    };
    let limits = [
        process(bounds.ram, Basis::Process, "the machine's memory"),
        bounds.group.as_ref().map(group_limit),
        process(bounds.address_space, Basis::AddressSpace, "the address space limit (RLIMIT_AS)"),
        process(bounds.data, Basis::Data, "the data limit (RLIMIT_DATA)"),
    ];
    let counts = |limit: &Limit| !resident || !limit.basis.is_address_space();
    limits.into_iter().flatten().filter(counts).min_by_key(|limit| limit.bytes)
}

fn group_limit(limit: &GroupLimit) -> Limit {
    let (words, basis) = match limit.whose {
        Whose::Own => ("the control group's limit", Basis::Group),
        Whose::Above => ("the limit of a control group above the process's own", Basis::Group),
        Whose::OutOfSight => ("the limit of a control group that is not in sight", Basis::Group),
        // Its figures would be those of others.
        Whose::Elsewhere => (
            "the limit of the nearest control group in sight, which does not hold the process",
            Basis::Process,
        ),
    };
    let name = format!("{words} ({})", limit.file);
    Limit { bytes: limit.bytes, basis, name, is_watched: basis == Basis::Group }
}

/// Works out the budget: once at the start, and again whenever a bound has changed or the reserve was learned.
#[derive(Clone, Debug)]
pub(crate) struct Allotment {
    given: Option<Budget>,
    /// What to take when nothing was given and no limit is known.
    default: u64,
    bounds: Bounds,
    limit: Option<Limit>,
    reserve: Reserve,
}

impl Allotment {
    /// # Errors
    /// [`Error::Budget`] for one that cannot be held within these bounds.
    pub(crate) fn new(given: Option<Budget>, bounds: &Bounds, default: u64) -> Result<Self, Error> {
        let limit = limit(given, bounds);
        if let Some(given) = given {
            check(given, limit.as_ref())?;
        }
        let reserve = Reserve::of(limit.as_ref().map_or(0, |limit| limit.bytes));
        Ok(Allotment { given, default, bounds: bounds.clone(), limit, reserve })
    }

    /// Takes in what somebody gives from now on; `None` for what is found.
    ///
    /// # Errors
    /// As [`Allotment::new`]; then nothing has changed.
    pub(crate) fn give(&mut self, given: Option<Budget>) -> Result<(), Error> {
        let new = Allotment::new(given, &self.bounds, self.default)?;
        // What was learned of the same limit holds for it still.
        let bytes = |limit: &Option<Limit>| limit.as_ref().map(|limit| limit.bytes);
        let reserve = if bytes(&new.limit) == bytes(&self.limit) {
            self.reserve.clone()
        } else {
            new.reserve.clone()
        };
        *self = Allotment { reserve, ..new };
        Ok(())
    }

    /// Takes in the bounds as they are now; says whether they are others than before. Allocates only then.
    pub(crate) fn rebound(&mut self, bounds: &Bounds) -> bool {
        if *bounds == self.bounds {
            return false;
        }
        self.bounds = bounds.clone();
        let limit = limit(self.given, bounds);
        if limit.is_none() && matches!(self.given, Some(Budget::Percent(_))) {
            // A share of nothing known: the last limit stands.
            return false;
        }
        if limit.as_ref().map(|limit| limit.bytes) != self.limit.as_ref().map(|limit| limit.bytes) {
            self.reserve = Reserve::of(limit.as_ref().map_or(0, |limit| limit.bytes));
        }
        self.limit = limit;
        true
    }

    /// Whether there is a reserve that can be learned, and it is time for another look at what it is for.
    pub(crate) fn is_look_due(&self, now: Instant) -> bool {
        let is_watched = self.limit.as_ref().is_some_and(|limit| limit.is_watched);
        is_watched && self.held_back() && self.reserve.is_due(now)
    }

    /// Takes in a look (see [`Reserve::look`]); says whether the budget changes by it.
    pub(crate) fn look(&mut self, unseen: Option<u64>, now: Instant) -> bool {
        self.reserve.look(unseen, now)
    }

    /// Whether the budget is the limit less a reserve.
    fn held_back(&self) -> bool {
        match (self.given, &self.limit) {
            (None, Some(_)) => true,
            (Some(Budget::Bytes(bytes)), Some(limit)) => bytes > limit.bytes,
            _ => false,
        }
    }

    /// The budget in force.
    pub(crate) fn resolved(&self) -> Resolved {
        match (&self.limit, self.given) {
            (Some(limit), None) => self.found(limit),
            (Some(limit), Some(Budget::Bytes(bytes))) if bytes > limit.bytes => {
                let Resolved { provenance, .. } = self.found(limit);
                let provenance = format!("{provenance}; the {} given lie above it", size(bytes));
                Resolved { provenance, ..self.found(limit) }
            }
            (Some(limit), Some(given)) => explicit(given, limit),
            (None, given) => unlimited(given, self.default),
        }
    }

    fn found(&self, limit: &Limit) -> Resolved {
        let reserve = self.reserve.bytes();
        let (limit_size, reserve_size) = (size(limit.bytes), size(reserve));
        let learned = self.reserve.learned().map(|found| {
            format!(", learned: {} were held there beside what the meter reads", size(found))
        });
        let unreadable = self.bounds.unreadable.as_ref();
        let unreadable = unreadable.map(|file| format!("; {file} cannot be read"));
        let provenance = format!(
            "{limit_size}, {}, less {reserve_size} in reserve{}{}",
            limit.name,
            learned.unwrap_or_default(),
            unreadable.unwrap_or_default()
        );
        // A share of nothing would be no figure: a limit of 0 leaves one byte.
        let bytes = limit.bytes.saturating_sub(reserve).max(1);
        Resolved { bytes, limit: Some(limit.bytes), basis: limit.basis, provenance }
    }
}

fn check(given: Budget, limit: Option<&Limit>) -> Result<(), Error> {
    let Some(limit) = limit else {
        let held = matches!(given, Budget::Bytes(bytes) if bytes >= LEAST);
        let expected = "at least 1 MiB; no limit is known to take a share of";
        return if held { Ok(()) } else { Err(refused(given, 0, expected)) };
    };
    let bytes = given.of(limit.bytes);
    if bytes < LEAST || bytes > limit.bytes {
        let expected = format!("from 1 MiB to {}, {}", size(limit.bytes), limit.name);
        return Err(refused(given, bytes, &expected));
    }
    Ok(())
}

/// A budget in bytes bounds the process, a share of a limit whatever that limit bounds.
fn explicit(given: Budget, limit: &Limit) -> Resolved {
    let (basis, provenance) = match given {
        Budget::Bytes(_) => {
            (Basis::Process, format!("given; {} is {}", limit.name, size(limit.bytes)))
        }
        Budget::Percent(_) => {
            (limit.basis, format!("{given} of {}, {}", size(limit.bytes), limit.name))
        }
    };
    Resolved { bytes: given.of(limit.bytes).max(1), limit: Some(limit.bytes), basis, provenance }
}

fn unlimited(given: Option<Budget>, default: u64) -> Resolved {
    let (bytes, provenance) = match given {
        Some(Budget::Bytes(bytes)) => (bytes, "given".into()),
        _ => (default, format!("default of {}: no limit is known here", size(default))),
    };
    Resolved { bytes, limit: None, basis: Basis::Process, provenance }
}

fn refused(given: Budget, bytes: u64, expected: &str) -> Error {
    Error::Budget { given: given.to_string(), bytes, expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const GIB: u64 = 1 << 30;

    fn bounds(cgroup: Option<u64>, ram: Option<u64>) -> Bounds {
        let file = "/cg/memory.max".into();
        let group =
            |bytes| GroupLimit { bytes, whose: Whose::Own, file, throttles: false, level: 0 };
        Bounds { group: cgroup.map(group), ram, ..Bounds::default() }
    }

    fn resolve(given: Option<Budget>, bounds: &Bounds) -> Resolved {
        Allotment::new(given, bounds, 3 * GIB).expect("a budget").resolved()
    }

    fn bytes(given: Option<Budget>, cgroup: Option<u64>, ram: Option<u64>) -> u64 {
        resolve(given, &bounds(cgroup, ram)).bytes
    }

    #[test]
    fn the_lower_bound_less_a_reserve() {
        assert_eq!(bytes(None, Some(GIB), Some(8 * GIB)), GIB - GIB / 10);
        assert_eq!(bytes(None, Some(100 * GIB), Some(8 * GIB)), 8 * GIB - 512 * MIB);
        assert_eq!(bytes(None, None, Some(8 * GIB)), 8 * GIB - 512 * MIB);
        assert_eq!(bytes(None, Some(128 * MIB), None), 96 * MIB, "a reserve is a quarter at most");
        assert_eq!(bytes(None, Some(0), None), 1);
        assert_eq!(bytes(None, None, None), 3 * GIB);
    }

    #[test]
    fn limits_of_the_process_itself_count_too() {
        let all = bounds(Some(4 * GIB), Some(8 * GIB));
        let basis = |address_space, data| {
            resolve(None, &Bounds { address_space, data, ..all.clone() }).basis
        };
        assert_eq!(basis(None, None), Basis::Group);
        assert_eq!(basis(Some(5 * GIB), Some(6 * GIB)), Basis::Group);
        assert_eq!(basis(Some(3 * GIB), None), Basis::AddressSpace);
        assert_eq!(basis(Some(3 * GIB), Some(2 * GIB)), Basis::Data);
        let share = Bounds { address_space: Some(GIB), ..all.clone() };
        assert_eq!(resolve(Some(Budget::Percent(50.0)), &share).basis, Basis::AddressSpace);
        let given = resolve(Some(Budget::Bytes(2 * GIB)), &share);
        assert_eq!((given.bytes, given.limit), (2 * GIB, Some(4 * GIB)), "resident memory");
        let equal = resolve(None, &bounds(Some(8 * GIB), Some(8 * GIB)));
        assert_eq!(equal.basis, Basis::Process, "a limit of all there is, is none");
    }

    #[test]
    fn an_explicit_budget_wins() {
        assert_eq!(bytes(Some(Budget::Bytes(GIB)), Some(2 * GIB), None), GIB);
        assert_eq!(bytes(Some(Budget::Percent(50.0)), Some(2 * GIB), None), GIB);
        assert_eq!(bytes(Some(Budget::Bytes(GIB)), None, None), GIB);
        let basis = |given| resolve(Some(given), &bounds(Some(2 * GIB), None)).basis;
        assert_eq!(basis(Budget::Bytes(GIB)), Basis::Process);
        assert_eq!(basis(Budget::Percent(50.0)), Basis::Group);
    }

    #[test]
    fn a_budget_that_cannot_be_held_is_named() {
        let refused = |given| {
            Allotment::new(Some(given), &bounds(None, Some(2 * GIB)), GIB).unwrap_err().to_string()
        };
        assert_eq!(
            refused(Budget::Bytes(0)),
            "budget of 0 B (0 bytes): must be from 1 MiB to 2.0 GiB, the machine's memory"
        );
        assert!(refused(Budget::Bytes(3 * GIB)).starts_with("budget of 3.0 GiB"));
        assert!(refused(Budget::Percent(101.0)).starts_with("budget of 101 %"));
        assert!(refused(Budget::Percent(f64::NAN)).contains("must be from 1 MiB"));
        assert!(refused(Budget::Percent(-5.0)).contains("must be from 1 MiB"));
        let nowhere = Allotment::new(Some(Budget::Percent(50.0)), &bounds(None, None), GIB);
        assert!(nowhere.unwrap_err().to_string().contains("no limit is known"));
    }

    #[test]
    fn provenance_is_in_words() {
        let words = |given, cgroup| resolve(given, &bounds(cgroup, Some(8 * GIB))).provenance;
        assert_eq!(
            words(None, Some(GIB)),
            "1.0 GiB, the control group's limit (/cg/memory.max), less 102.4 MiB in reserve"
        );
        assert_eq!(
            words(Some(Budget::Percent(50.0)), None),
            "50 % of 8.0 GiB, the machine's memory"
        );
    }

    #[test]
    fn a_limit_that_changes_changes_the_budget() {
        let mut found = Allotment::new(None, &bounds(Some(GIB), None), GIB).expect("a budget");
        assert!(!found.rebound(&bounds(Some(GIB), None)), "nothing has changed");
        assert!(found.rebound(&bounds(Some(GIB / 2), None)));
        assert_eq!(found.resolved().bytes, GIB / 2 - 64 * MIB);
        assert!(found.rebound(&bounds(None, None)));
        assert_eq!(found.resolved().provenance, "default of 1.0 GiB: no limit is known here");
    }

    #[test]
    fn a_given_budget_yields_to_a_limit_below_it_as_long_as_that_lasts() {
        let given = Some(Budget::Bytes(GIB));
        let mut allotment = Allotment::new(given, &bounds(Some(2 * GIB), None), GIB).expect("one");
        assert!(allotment.rebound(&bounds(Some(512 * MIB), None)));
        let lowered = allotment.resolved();
        assert_eq!((lowered.bytes, lowered.basis), (448 * MIB, Basis::Group));
        assert_eq!(
            lowered.provenance,
            "512.0 MiB, the control group's limit (/cg/memory.max), less 64.0 MiB in reserve; \
             the 1.0 GiB given lie above it"
        );
        assert!(allotment.rebound(&bounds(Some(2 * GIB), None)));
        let again = allotment.resolved();
        assert_eq!((again.bytes, again.basis), (GIB, Basis::Process));
    }

    #[test]
    fn a_share_follows_its_limit_and_never_becomes_a_share_of_nothing() {
        let half = Some(Budget::Percent(50.0));
        let mut allotment = Allotment::new(half, &bounds(Some(2 * GIB), None), GIB).expect("one");
        assert!(allotment.rebound(&bounds(Some(GIB), None)));
        assert_eq!(allotment.resolved().bytes, GIB / 2);
        assert!(!allotment.rebound(&bounds(None, None)));
        assert_eq!(allotment.resolved().bytes, GIB / 2);
    }

    #[test]
    fn a_reserve_is_learned_for_a_budget_that_was_found_only() {
        let bounds = bounds(Some(GIB), None);
        let now = Instant::now();
        let given = Allotment::new(Some(Budget::Bytes(MIB)), &bounds, GIB).expect("one");
        assert!(!given.is_look_due(now));
        let mut found = Allotment::new(None, &bounds, GIB).expect("one");
        for at in (0..50).map(|look| now + Duration::from_secs(5 * look)) {
            assert!(found.is_look_due(at));
            found.look(Some(200 * MIB), at);
        }
        let learned = found.resolved();
        assert_eq!(learned.bytes, 824 * MIB);
        assert!(learned.provenance.ends_with(
            "less 200.0 MiB in reserve, learned: 200.0 MiB were held there beside what the meter reads"
        ));
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
