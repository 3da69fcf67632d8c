//! Bad input gets an error that names it and says what would be right.

use crate::support::{BUDGET, alone, builder};
use plimsoll::{Budget, Check, Monitor};
use std::time::Duration;

fn refused(builder: plimsoll::Builder) -> String {
    builder.start().map(drop).unwrap_err().to_string()
}

#[test]
fn thresholds_out_of_order() {
    assert_eq!(
        refused(builder().thresholds(80.0, 70.0, 98.0)),
        "prompt threshold of 70 %: must be above the warning threshold of 80 %"
    );
    assert!(refused(builder().thresholds(20.0, 93.0, 98.0)).contains("warning threshold of 20 %"));
}

#[test]
fn budgets_of_nothing_and_of_more_than_there_is() {
    assert!(
        refused(builder().budget(Budget::Bytes(0))).starts_with("budget of 0 B (0 bytes): must be")
    );
    let too_much = refused(builder().budget(Budget::Bytes(1 << 60)));
    assert!(too_much.starts_with("budget of 1.0 EiB"), "{too_much}");
    assert!(refused(builder().budget(Budget::Percent(120.0))).starts_with("budget of 120 %"));
}

#[test]
fn intervals_rings_and_limits_of_nothing() {
    assert_eq!(
        refused(builder().interval(Duration::ZERO)),
        "interval of 0s: must be from 1ms to 1day"
    );
    assert_eq!(refused(builder().ring(0)), "ring of 0: must be from 1 to 1000000 snapshots");
    assert!(refused(builder().growth_limits(5, 5)).starts_with("growth_critical of 5"));
    assert!(refused(builder().hook_timeout(Duration::ZERO)).starts_with("hook_timeout of 0s"));
    assert!(refused(builder().eviction_target(0)).starts_with("eviction_target of 0"));
}

#[test]
fn metadata_and_checks_with_names_that_cannot_be() {
    let many = (0..17).fold(builder(), |builder, n| builder.metadata(n.to_string(), "x"));
    assert_eq!(refused(many), "metadata of 17 pairs: must be at most 16 pairs");
    assert!(
        refused(builder().metadata("soft_limit_mb", "1")).contains("plimsoll does not use itself")
    );
    assert!(refused(builder().metadata("", "1")).starts_with("metadata of \"\""));
    let check = || Check::healthy("ok");
    assert!(
        refused(builder().check("memory_usage", check)).starts_with("check of \"memory_usage\"")
    );
    assert!(refused(builder().check("count_audit", check)).contains("a name of its own"));
    assert!(refused(builder().check("a", check).check("a", check)).starts_with("check of \"a\""));
}

#[test]
fn an_eviction_of_nothing() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let error = monitor.evict(0).unwrap_err();
    assert_eq!(error.category(), "eviction_error");
    assert!(error.to_string().contains("at least 1 byte"));
}

/// A process of its own: the environment belongs to all threads.
#[test]
fn an_environment_variable_that_does_not_parse() {
    const CASE: &str = "PLIMSOLL_TEST_ENVIRONMENT_CASE";
    if std::env::var(CASE).is_ok() {
        match Monitor::builder().start() {
            Ok(monitor) => {
                println!("budget {} {}", monitor.budget_bytes(), monitor.budget_provenance())
            }
            Err(error) => println!("error {error}"),
        }
        return;
    }
    let said = |variable: &str, value: &str| {
        let test = "input::an_environment_variable_that_does_not_parse";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(CASE, "1")
            .env(variable, value)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(said("PLIMSOLL_BUDGET", "256MiB").contains(&format!("budget {BUDGET} given")));
    assert!(said("PLIMSOLL_BUDGET", "plenty").contains(
        r#"error environment variable PLIMSOLL_BUDGET: cannot read "plenty" as a size such as 512MiB or 80%"#
    ));
    assert!(
        said("PLIMSOLL_BUDGET", "0")
            .contains("error environment variable PLIMSOLL_BUDGET: budget of 0 B")
    );
    assert!(
        said("PLIMSOLL_INTERVAL", "soon").contains("error environment variable PLIMSOLL_INTERVAL")
    );
    assert!(
        said("PLIMSOLL_PROMPT_AT", "5")
            .contains("error environment variable PLIMSOLL_PROMPT_AT: prompt threshold")
    );
}
