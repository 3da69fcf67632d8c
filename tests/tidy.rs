//! The layout holds: imports point one way, unsafe code has few addresses, files and lines stay readable, and what is said
//! twice is said alike.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Top-level modules in the order of the flow. A module imports only from those before it.
const FLOW: [&str; 34] = [
    "mebibyte",
    "error",
    "sync",
    "block_on",
    "counters",
    "limit",
    "sampler",
    "allocator",
    "probe",
    "region",
    "source",
    "audit",
    "level",
    "metric",
    "setting",
    "snapshot",
    "ledger",
    "ring",
    "profile",
    "policy",
    "cache",
    "own",
    "adapter",
    "eviction",
    "event",
    "alert",
    "recorder",
    "export",
    "monitor",
    "surface",
    "start",
    "global",
    "testing",
    "lib",
];

/// The files that may hold unsafe code.
const UNSAFE: [&str; 14] = [
    "allocator.rs",
    "allocator/tests.rs",
    "allocator/tests/inner.rs",
    "counters/bell.rs",
    "counters/os.rs",
    "counters/registry.rs",
    "recorder/exit.rs",
    "sampler/exchange.rs",
    "sampler/off.rs",
    "sampler/stack.rs",
    "sampler/state.rs",
    "source/jemalloc/mod.rs",
    "sync.rs",
    "lib.rs",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file: its path below `src`, and its text.
fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut found = Vec::new();
    files_below(&src, &mut found);
    let name = |path: &Path| path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// What ships: the text up to its unit tests.
fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

fn module(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

fn place(module: &str) -> usize {
    let position = FLOW.iter().position(|known| *known == module);
    position.unwrap_or_else(|| {
        panic!("src/{module} has no place in the flow: give it one in tests/tidy.rs")
    })
}

/// The top-level modules that `text` names as `crate::module`.
fn imports(text: &str) -> Vec<&str> {
    let words = text.split("crate::").skip(1);
    let names =
        words.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap());
    names.filter(|name| FLOW.contains(name)).collect()
}

#[test]
fn imports_point_one_way() {
    for (file, text) in sources() {
        let own = module(&file);
        let code: String =
            shipped(&text).lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for import in imports(&code) {
            assert!(
                place(import) <= place(own),
                "src/{file} imports {import}, which comes after it in the flow"
            );
        }
    }
}

#[test]
fn the_flow_is_the_order_of_lib_rs() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules: Vec<_> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(modules, FLOW[..FLOW.len() - 1]);
}

#[test]
fn policy_has_no_clock_and_no_io() {
    for (file, text) in sources().iter().filter(|(file, _)| file.starts_with("policy/")) {
        for forbidden in
            ["Instant::now", "SystemTime", "std::fs", "std::env", "static ", "println!"]
        {
            let code = shipped(text).replace("&'static ", "");
            assert!(!code.contains(forbidden), "src/{file} has {forbidden}");
        }
    }
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    for (file, text) in sources() {
        let reads = shipped(&text).contains("SystemTime::now");
        assert_eq!(reads, file == "snapshot.rs", "src/{file}");
    }
}

#[test]
fn unsafe_code_has_few_addresses() {
    for (file, text) in sources() {
        let has = text.lines().any(|line| {
            let code = line.split("//").next().unwrap();
            code.contains("unsafe {")
                || code.contains("unsafe fn")
                || code.contains("unsafe impl")
                || code.contains("unsafe extern")
        });
        assert!(!has || UNSAFE.contains(&file.as_str()), "src/{file} has unsafe code");
        if has && file != "sync.rs" {
            let head: String = text.split("\nuse ").next().unwrap().split_whitespace().collect();
            let says_why = head.contains("expect(unsafe_code,reason");
            assert!(says_why, "src/{file} does not say why");
        }
    }
}

/// The path of an allocation: no lock, clock, format, panic, or collection.
#[test]
fn the_allocators_path_is_bare() {
    let path = ["allocator.rs", "sync.rs"];
    let beside_it = ["mod.rs", "model.rs", "reading.rs", "tag.rs", "tests.rs"];
    for (file, text) in sources() {
        let on_path = path.contains(&file.as_str())
            || file.starts_with("counters/")
                && !file.starts_with("counters/tests")
                && file != "counters/model.rs"
            || file.strip_prefix("sampler/").is_some_and(|file| !beside_it.contains(&file));
        if !on_path {
            continue;
        }
        let code: String = text.lines().map(|line| line.split("//").next().unwrap()).collect();
        // The fallback for platforms without pthreads and the models' heap are not on the path that is tested.
        let code = code
            .replace("const { assert!", "")
            .replace("Box::into_raw(Box::new(Chunk::new()))", "")
            .replace("Box::from_raw", "");
        for forbidden in [
            "Mutex",
            "Instant",
            "format!",
            "panic!",
            "unwrap()",
            "expect(\"",
            "assert!",
            "Vec<",
            "Box::new",
            "String",
            "println",
        ] {
            assert!(!code.contains(forbidden), "src/{file} has {forbidden}");
        }
    }
}

#[test]
fn files_say_what_they_are_and_stay_readable() {
    for (file, text) in sources() {
        assert!(text.starts_with("//! "), "src/{file} does not begin with a sentence");
        let lines = shipped(&text).lines().count();
        assert!(lines <= 420, "src/{file} has {lines} lines: which two concepts does it hold?");
        // The rows of the table in metric.rs are as wide as they are.
        let prose = if file == "metric.rs" { "" } else { shipped(&text) };
        for (number, line) in prose.lines().enumerate() {
            assert!(line.chars().count() <= 140, "src/{file}:{} is too long to read", number + 1);
        }
    }
}

/// README's table of metrics, as the code would write it.
fn metric_table() -> String {
    let word = |value: &dyn erased::Words| value.words();
    let mut table = String::from(
        "| metric | unit | kind | exactness | source | what it is |\n|---|---|---|---|---|---|\n",
    );
    for metric in plimsoll::METRICS {
        let [unit, kind, exactness, source] =
            [word(&metric.unit), word(&metric.kind), word(&metric.exactness), word(&metric.source)];
        table += &format!(
            "| `{}` | {unit} | {kind} | {exactness} | {source} | {} |\n",
            metric.name, metric.help
        );
    }
    table
}

mod erased {
    /// The serialised word of an enum, with spaces.
    pub(crate) trait Words {
        fn words(&self) -> String;
    }

    impl<T: serde::Serialize> Words for T {
        fn words(&self) -> String {
            serde_json::to_value(self).unwrap().as_str().unwrap().replace('_', " ")
        }
    }
}

#[test]
fn the_readmes_table_is_the_codes() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let table = metric_table();
    assert!(readme.contains(&table), "README.md should contain:\n{table}");
}

#[test]
fn the_readme_names_every_variable_and_feature() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let settings = ["mod", "serving"].map(|file| {
        std::fs::read_to_string(root().join(format!("src/monitor/settings/{file}.rs"))).unwrap()
    });
    let settings = settings.concat();
    let variables = settings.split('"').filter(|word| word.starts_with("PLIMSOLL_"));
    for variable in variables {
        assert!(readme.contains(&format!("`{variable}`")), "README.md does not name {variable}");
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let features = manifest.split("[features]").nth(1).unwrap().split("\n[").next().unwrap();
    for feature in features.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name)
    {
        let known = feature == "default" || readme.contains(&format!("`{feature}`"));
        assert!(known, "README.md does not name the feature {feature}");
    }
}

/// README's Rust programs are doctests of the crate's own, so that they cannot rot: `lib.rs` includes them.
#[test]
fn the_readmes_programs_are_tested() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(lib.contains("include_str!(\"../README.md\")"));
}
