//! The heap profiles beside a recording: what their names say of them.

use super::recording::{ProfileKind, RecordedProfile};
use std::path::Path;

/// Files that are looked at in a directory of profiles; what else lies there is passed over.
const MOST_FILES: usize = 256;

/// A profile that is being written.
pub(super) const UNFINISHED: &str = "new.tmp";

/// Every kind with its word in names.
const KINDS: [(ProfileKind, &str); 4] = [
    (ProfileKind::HighWater, "high_water"),
    (ProfileKind::GaveUp, "gave_up"),
    (ProfileKind::Leak, "leak"),
    (ProfileKind::First, "first"),
];

/// The profiles in `dir`, newest first.
pub(super) fn stored_profiles(dir: &Path) -> Vec<RecordedProfile> {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().take(MOST_FILES);
    let mut profiles: Vec<_> = files.filter_map(|file| of_name(&file.path())).collect();
    profiles.sort_by(|a, b| b.timestamp.total_cmp(&a.timestamp));
    profiles
}

/// `1700000000000000.high_water.123456.symbols.json`: microseconds since 1970, kind, unexplained bytes, `symbols` or `raw`.
#[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "nobody writes one"))]
pub(super) fn file_name(
    wall_micros: u64,
    kind: ProfileKind,
    unexplained: u64,
    symbolized: bool,
) -> String {
    let word = KINDS.iter().find(|(known, _)| *known == kind).map_or("first", |(_, word)| word);
    let symbols = if symbolized { "symbols" } else { "raw" };
    format!("{wall_micros}.{word}.{unexplained}.{symbols}.json")
}

fn of_name(path: &Path) -> Option<RecordedProfile> {
    let mut words = path.file_name()?.to_str()?.split('.');
    let [micros, kind, bytes, symbols, end] = std::array::from_fn(|_| words.next().unwrap_or(""));
    if end != "json" || words.next().is_some() || !["symbols", "raw"].contains(&symbols) {
        return None;
    }
    Some(RecordedProfile {
        path: path.to_owned(),
        kind: KINDS.iter().find(|(_, word)| *word == kind)?.0,
        timestamp: micros.parse::<u64>().ok()? as f64 / 1e6,
        unexplained_bytes: bytes.parse().ok()?,
        symbolized: symbols == "symbols",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let name = |micros, kind, symbols| file_name(micros, kind, 7, symbols);
        for file in [
            name(2_000_000, ProfileKind::Leak, true),
            name(3_000_000, ProfileKind::First, false),
            "2.leak.7.symbols.json.tmp".into(),
            "x.leak.7.symbols.json".into(),
            "2.rumour.7.symbols.json".into(),
            "README".into(),
        ] {
            std::fs::write(dir.path().join(file), "{}").expect("a file");
        }
        let found = stored_profiles(dir.path());
        let [newest, older] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (newest.kind, newest.timestamp, newest.symbolized),
            (ProfileKind::First, 3.0, false)
        );
        assert_eq!(
            (older.kind, older.unexplained_bytes, older.symbolized),
            (ProfileKind::Leak, 7, true)
        );
        assert!(stored_profiles(Path::new("/no/such/directory")).is_empty());
    }
}
