//! Every folder of `tests/fixtures/cgroup`: what is found there against its `expected.json`, and the table in its
//! README.md.
//!
//! A new tree needs `what` it is (and the budget `given`, if any) in `expected.json`; `GOLDEN=write cargo test --test
//! budget` writes what is found beside it, which is to be read before it is committed.

use plimsoll::Monitor;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn trees() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cgroup")
}

/// The folders, by name.
fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(trees()).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn writes() -> bool {
    std::env::var("GOLDEN").is_ok_and(|wish| wish == "write")
}

fn name(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

fn expected(folder: &Path) -> Map<String, Value> {
    let text = std::fs::read_to_string(folder.join("expected.json"));
    let text = text.unwrap_or_else(|error| panic!("{}: expected.json: {error}", name(folder)));
    serde_json::from_str(&text).unwrap()
}

/// What a monitor finds in the tree, with what it was told.
fn found(folder: &Path, expected: &Map<String, Value>) -> Map<String, Value> {
    let mut builder = Monitor::builder().root(folder).interval(Duration::from_secs(3600));
    if let Some(given) = expected.get("given") {
        builder = builder.budget(given.as_str().unwrap().parse().unwrap());
    }
    let monitor = builder.start().unwrap();
    let snapshot = monitor.snapshot();
    let provenance = monitor.budget_provenance();
    assert_eq!(snapshot.metadata().unwrap().budget_provenance(), Some(provenance.as_str()));
    assert_eq!(snapshot.budget_bytes(), Some(monitor.budget_bytes()));
    let mut found = Map::new();
    for key in ["what", "given"] {
        found.extend(expected.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    for (key, value) in [
        ("limit_bytes", json!(monitor.limit_bytes())),
        ("budget_bytes", json!(monitor.budget_bytes())),
        ("basis", json!(monitor.budget_basis())),
        ("provenance", json!(provenance)),
        ("cgroup_limit_bytes", json!(snapshot.cgroup_limit_bytes())),
        ("cgroup_charged_bytes", json!(snapshot.cgroup_charged_bytes())),
    ] {
        found.insert(key.into(), value);
    }
    found
}

#[test]
fn every_tree_gives_the_budget_that_is_expected_and_stands_in_the_readme() {
    let folders = folders();
    assert!(folders.len() >= 24, "{} trees", folders.len());
    let mut wrong = Vec::new();
    for folder in &folders {
        let expected = expected(folder);
        let found = found(folder, &expected);
        if writes() {
            let text = serde_json::to_string_pretty(&found).unwrap();
            std::fs::write(folder.join("expected.json"), text + "\n").unwrap();
        } else if found != expected {
            wrong.push(format!("{}: found {found:#?}, expected {expected:#?}", name(folder)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // After the folders, since it is made of them.
    check_readme();
}

/// README.md as the folders would have it.
fn table() -> String {
    let mut table = String::from(
        "# Trees of control groups\n\n\
         What a process may find below `/`: each folder is a root directory for `Builder::root`, with what must be\n\
         found in its `expected.json`. `GOLDEN=write cargo test --test budget` writes both that and this table, to be\n\
         read before it is committed.\n\n\
         | tree | what it is | limit | budget | whose | provenance |\n|---|---|---|---|---|---|\n",
    );
    for folder in folders() {
        let expected = expected(&folder);
        let text = |key: &str| expected[key].as_str().unwrap().to_owned();
        let what = text("what");
        let given = expected.get("given").and_then(Value::as_str);
        let given = given.map_or(String::new(), |given| format!("; given: {given}"));
        let (limit, budget) = (&expected["limit_bytes"], &expected["budget_bytes"]);
        let (name, basis, provenance) = (name(&folder), text("basis"), text("provenance"));
        writeln!(
            table,
            "| `{name}` | {what}{given} | {limit} | {budget} | {basis} | {provenance} |"
        )
        .unwrap();
    }
    table
}

fn check_readme() {
    let readme = trees().join("README.md");
    if writes() {
        std::fs::write(&readme, table()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(readme).unwrap(), table());
}
