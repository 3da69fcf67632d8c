//! `/metrics`: the form that is asked for, and figures that are the process's.

use super::client::{address, ask, get, served};
use super::support::{BUDGET, Boxes, MIB, alone, builder, ticks};
use plimsoll::{Exposition, METRICS};

const OPEN: &str = "accept: application/openmetrics-text;version=1.0.0;q=0.8\r\n";

/// The number of the sample of that name and those labels.
fn sample(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn a_scraper_gets_the_form_it_likes_best() {
    let _alone = alone();
    let monitor = served(builder());
    let to = address(&monitor);
    let text = get(to, "/metrics");
    assert_eq!(text.status, 200);
    assert_eq!(text.header("content-type"), Some(Exposition::text().content_type()));
    assert!(!text.body.contains("# EOF"));
    let lines = format!("accept: text/plain;q=0.2\r\n{OPEN}");
    for headers in [OPEN, lines.as_str()] {
        let open = ask(to, "/metrics", headers);
        assert_eq!(open.header("content-type"), Some(Exposition::open_metrics().content_type()));
        assert!(open.body.ends_with("\n# EOF\n"), "{headers}");
    }
}

#[test]
fn the_figures_are_the_process_s() {
    let _alone = alone();
    let monitor = served(builder());
    monitor.register("boxes \"of\" 1", Boxes::filled(MIB).closure()).unwrap();
    ticks(&monitor, 3);
    monitor.evict(MIB / 2).unwrap();
    let page = get(address(&monitor), "/metrics").body;
    assert_eq!(sample(&page, "plimsoll_budget_bytes"), Some(BUDGET as f64));
    assert!(sample(&page, "plimsoll_live_objects") > Some(10.0));
    assert_eq!(sample(&page, r#"plimsoll_level{level="healthy"}"#), Some(1.0));
    let given = sample(&page, r#"plimsoll_cache_evicted_bytes_total{cache="boxes \"of\" 1"}"#);
    assert!(given >= Some((MIB / 2) as f64), "{given:?}");
    let snapshot = monitor.snapshot();
    for metric in METRICS.iter().filter(|metric| metric.get(&snapshot).is_some()) {
        // A forecast may have come since.
        let name = metric.prometheus_name();
        let is_there = sample(&page, &name).is_some() || name.contains("growth");
        assert!(is_there || name.contains("time_to_budget"), "{name}\n{page}");
    }
}
