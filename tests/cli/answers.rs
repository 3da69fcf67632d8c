//! What is only asked: over a URL, an address, a socket, by option and by variable; in words and as JSON.

use crate::blocks::Blocks;
use crate::command::{plimsoll, run};
use crate::support::{BUDGET, MIB};
use crate::target::Target;
use plimsoll::{METRICS, OwnMetric, Unit};

/// Every command that asks, and what its words show.
const ASKED: [(&str, &str); 7] = [
    ("status", "used of 256.0 MiB"),
    ("snapshot", "live_bytes"),
    ("health", "tracker_status"),
    ("explain", "next"),
    ("metrics", "# TYPE"),
    ("events", "monitor_started"),
    ("history", "usage_bytes"),
];

#[test]
fn every_command_answers_over_url_address_and_socket() {
    let target = Target::start();
    let url = target.url();
    let address = url.strip_prefix("http://").unwrap();
    for (command, shows) in ASKED {
        for form in [&url, address, &target.socket()] {
            let run = plimsoll(&[command, form]).well();
            assert!(run.out.contains(shows), "{command} {form}: {}", run.out);
            assert!(!run.out.contains('\x1b'), "no colour where there is no terminal");
        }
        assert!(plimsoll(&[command, "--attach", &url]).well().out.contains(shows), "{command}");
        assert!(target.run(&[command]).well().out.contains(shows), "{command} by variable");
    }
}

#[test]
fn json_is_what_the_process_sent() {
    let target = Target::start();
    let json = |command: &str| target.run(&[command, "--json"]).well().json();
    assert_eq!(json("status")["budget"]["bytes"], BUDGET);
    let snapshot = json("snapshot");
    assert!(METRICS.iter().all(|metric| snapshot.get(metric.name).is_some()));
    assert_eq!(json("health")["status"], "healthy");
    assert_eq!(json("metrics")["metrics"]["budget_bytes"], BUDGET);
    assert_eq!(json("events")["events"][0]["event_type"], "monitor_started");
    assert!(json("explain")["verdict"][0].is_string());
    let history = json("history");
    assert_eq!(history["figures"]["budget_bytes"], serde_json::Value::Null, "not asked for");
    assert!(history["figures"]["live_bytes"].is_array());
}

#[test]
fn words_show_every_figure_with_its_unit() {
    let target = Target::start();
    let shown = target.run(&["snapshot"]).well().out;
    for metric in METRICS {
        let line = shown.lines().find(|line| line.trim().starts_with(&format!("{} ", metric.name)));
        let line = line.unwrap_or_else(|| panic!("{} is missing: {shown}", metric.name));
        let is_size = metric.unit == Unit::Bytes;
        let has_unit = line.ends_with("iB") || line.ends_with(" B") || line.ends_with("unknown");
        assert!(!is_size || has_unit, "{line}");
    }
}

/// A cache's name may hold anything, and what answers may be anybody.
#[test]
fn nothing_that_a_terminal_would_obey_is_shown() {
    let name = "pa\u{1b}]0;owned\u{7}ges\u{9b}2J\rx";
    let target = Target::start();
    let _pages = Blocks::register(&target, name, 2);
    target.monitor.evict(1).unwrap();
    let hostile = |c: char| c.is_control() && c != '\n';
    for (command, _) in ASKED {
        let shown = target.run(&[command]).well().out;
        assert!(!shown.contains(hostile), "{command}: {shown:?}");
        let json = target.run(&[command, "--json"]).well();
        assert!(!json.out.contains(hostile), "{command}: {json:?}");
        json.json();
    }
    let status = target.run(&["status", "--json"]).well().json();
    assert_eq!(status["caches"][0]["name"], name, "the same JSON");
    let metrics = target.run(&["metrics"]).well().out;
    assert!(metrics.contains("pa\u{fffd}]0;owned"), "it is there: {metrics}");
    let forged =
        r#"{"process":{"pid":"\u009b2J"},"next_steps":[{"a":"X"}]}"#.replace("\\u009b", "\u{9b}");
    let forged = forged.replace('X', "\u{9b}2J");
    let server = crate::fixture::Fixture::start([
        ("/api/v1/status", crate::fixture::json(&forged)),
        ("/api/v1/events?since=0", crate::fixture::json("{}")),
        ("/api/v1/explain", crate::fixture::json(&forged)),
    ]);
    for command in ["status", "explain"] {
        let shown = plimsoll(&[command, &server.url()]).well().out;
        assert!(!shown.contains(hostile), "{command}: {shown:?}");
    }
}

#[test]
fn the_status_shows_caches_sources_and_own_figures() {
    let queued = OwnMetric::gauge("queued_requests", Unit::Count, "Requests.", || Some(1234.0));
    let target = Target::with(|builder| {
        builder
            .metric(queued)
            .memory_source("gpu", || Some(3 * MIB))
            .growth_limits(1 << 50, 1 << 51)
    });
    let _pages = Blocks::register(&target, "pages", 2);
    crate::support::eventually("the figures of a tick", || {
        let shown = target.run(&["status"]).well().out;
        let has = |words: &str| shown.lines().any(|line| line.trim().starts_with(words));
        let shows = has("pages") && has("gpu (reported)") && shown.contains("1 234");
        (shows && shown.contains("3.0 MiB") && shown.contains("2.0 MiB")).then_some(())
    });
}

#[test]
fn events_are_chosen_by_number_age_and_severity() {
    let target = Target::start();
    target.monitor.configure([("warning_at", "75")]).unwrap();
    let types = |arguments: &[&str]| {
        let arguments = [&["events", "--json"], arguments].concat();
        let log = target.run(&arguments).well().json();
        let events = log["events"].as_array().unwrap().clone();
        events.iter().map(|e| e["event_type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(types(&[])[..2], ["monitor_started", "settings_changed"]);
    assert_eq!(types(&["--since", "1"])[0], "settings_changed");
    assert_eq!(types(&["--since", "1h"])[0], "monitor_started");
    assert_eq!(types(&["--severity", "warning"]), Vec::<String>::new());
    assert!(target.run(&["events", "--severity", "error"]).well().out.is_empty());
    let wrong = target.run(&["events", "--since", "soon"]).complaint();
    assert!(wrong.contains("12, 10m"), "{wrong}");
}

#[test]
fn a_history_has_the_figures_and_points_that_were_asked_for() {
    let target = Target::start();
    crate::support::ticks(&target.monitor, 20);
    let shown = target.run(&["history", "--figures", "live_objects", "--points", "4"]).well().out;
    let mut lines = shown.lines();
    assert!(lines.next().unwrap().ends_with("live_objects"), "{shown}");
    assert!((4..=7).contains(&lines.count()), "{shown}");
    assert!(shown.contains("thinned"), "{shown}");
    let wrong = target.run(&["history", "--figures", "heap"]).complaint();
    assert!(wrong.contains("\"heap\""), "{wrong}");
    let wrong = target.run(&["history", "--figures", "a&b=c"]).complaint();
    assert!(wrong.contains("no figure's name"), "{wrong}");
}

#[test]
fn what_cannot_be_reached_is_one_line_that_says_what_would_be_right() {
    let home = tempfile::tempdir().unwrap();
    let complaint = |arguments: &[&str]| run(home.path(), arguments).complaint();
    // Nobody listens at a port that was taken and left again.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (arguments, right) in [
        (&["status", &free.to_string()][..], "PLIMSOLL_HTTP"),
        (&["status", "/nowhere/a.sock"], "plimsoll list"),
        (&["status"], "PLIMSOLL_SOCKET=on"),
        (&["status", "somewhere"], "host:port"),
        (&["status", "https://127.0.0.1"], "ssh -L"),
        (&["status", "--attach", "1"], "PLIMSOLL_SOCKET=on"),
        (&["status", "--timeout", "5"], "5s, 10m"),
        (&["snapshoot"], "'snapshot'"),
        (&["completions", "tcsh"], "zsh"),
    ] {
        let told = complaint(arguments);
        assert!(told.contains(right), "{arguments:?}: {told}");
    }
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let target = Target::start();
    // Gives it a terminal; without such a program there is none to be had here.
    let in_terminal = |variable: (&str, &str)| {
        let line = format!("{} health {}", env!("CARGO_BIN_EXE_plimsoll"), target.url());
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env(variable.0, variable.1);
        script.stdin(std::process::Stdio::null()).output().ok()
    };
    let shown = |variable| Some(String::from_utf8(in_terminal(variable)?.stdout).unwrap());
    if let Some(coloured) = shown(("NO_COLOR", "")) {
        assert!(coloured.contains("\x1b[32mhealthy\x1b[0m"), "{coloured:?}");
        let plain = shown(("NO_COLOR", "1")).unwrap();
        assert!(plain.contains("healthy") && !plain.contains('\x1b'), "{plain:?}");
    }
}
