//! Settings that are changed while the monitor runs.

use crate::support::{BUDGET, Boxes, MIB, alone, ballast, builder, events, eventually, ticks};
use plimsoll::{Level, Origin};
use std::time::Duration;

#[test]
fn a_change_is_in_force_at_once_and_told() {
    let _alone = alone();
    let monitor = builder().interval(Duration::from_secs(3600)).start().unwrap();
    eventually("the first tick", || monitor.latest());
    let _ballast = ballast(50.0);
    let changes = [("budget", format!("{}", BUDGET / 2 + 16 * MIB)), ("prompt_at", "96".into())];
    let configured = monitor.configure(changes).unwrap();
    assert_eq!(configured.updated_fields, ["budget", "prompt_at"]);
    assert_eq!(configured.old_values["prompt_at"], "93");
    assert_eq!(monitor.budget_bytes(), BUDGET / 2 + 16 * MIB);
    let level = || Some(monitor.level()).filter(|level| *level == Level::Caution);
    eventually("it is judged by the new budget, in no hour", level);
    let soft = monitor.snapshot().metadata().unwrap().soft_limit_bytes();
    assert_eq!(soft, Some(((BUDGET / 2 + 16 * MIB) as f64 * 0.8) as u64));
    assert_eq!(events(&monitor, "settings_changed").len(), 1);
    assert_eq!(events(&monitor, "budget_changed").len(), 1);
    let setting = monitor.settings().into_iter().find(|s| s.name == "prompt_at").unwrap();
    assert_eq!((setting.value.as_str(), setting.origin), ("96", Origin::Changed));
}

#[test]
fn all_of_it_or_nothing() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let before = monitor.settings();
    for changes in [
        vec![("budget", "128MiB"), ("ring", "5")],
        vec![("budget", "128MiB"), ("interval", "soon")],
        vec![("warning_at", "85"), ("budget", "900000TiB")],
        vec![("emergency_at", "80")],
    ] {
        let error = monitor.configure(changes.clone()).unwrap_err();
        assert!(!error.to_string().contains("PLIMSOLL"), "no variable is to blame: {error}");
        assert_eq!(monitor.settings(), before, "{changes:?}");
        assert_eq!(monitor.budget_bytes(), BUDGET);
    }
    assert!(monitor.configure([("interval", "5ms")]).unwrap().updated_fields.is_empty());
    ticks(&monitor, 3);
    assert!(events(&monitor, "settings_changed").is_empty(), "nothing has changed");
    monitor.stop();
    assert!(monitor.configure([("interval", "1s")]).is_err());
}

#[test]
fn one_change_does_not_undo_another() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    monitor.configure([("warning_at", "70")]).unwrap();
    monitor.configure([("leave_below", "5")]).unwrap();
    let thresholds = monitor.status().thresholds;
    assert_eq!((thresholds[0].percent, thresholds[0].leave_percent), (70.0, 65.0));
}

#[test]
fn one_cache_alone_can_be_asked() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let (a, b) = (Boxes::filled(2 * MIB), Boxes::filled(2 * MIB));
    monitor.register("a", a.closure()).unwrap();
    monitor.register("b", b.closure()).unwrap();
    let result = monitor.evict_from("b", 8 * MIB).unwrap();
    assert_eq!((result.success, result.evicted), (false, vec!["b".to_owned()]));
    assert_eq!((a.bytes(), b.bytes()), (2 * MIB, 0), "though more was wanted than it had");
    let error = monitor.evict_from("c", MIB).unwrap_err().to_string();
    assert!(error.contains("\"c\"") && error.contains("[a, b]"), "{error}");
}
