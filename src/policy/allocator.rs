//! The health check of jemalloc's options: what really took effect, and what of it is worth a look.
//!
//! No option is a reason to be critical, and what somebody may well have meant is no reason to warn either: it is said.

use super::health::Check;
use super::purge::PoorYield;
use crate::mebibyte::mib;
use crate::source::{AllocatorOptions, Thp};
use serde_json::{Value, json};

/// The name of the check, made when somebody asks.
pub(crate) const ALLOCATOR_OPTIONS: &str = "allocator_options";

/// More resident memory than this beyond jemalloc's own figure is looked into.
const LEAST_SURPLUS: u64 = 32 << 20;

/// What the check goes by. `None` is unknown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// `None` where jemalloc does not serve the heap.
    pub(crate) options: Option<AllocatorOptions>,
    /// The variables that could hold jemalloc's options, as far as they are set: name and value.
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) thp: Thp,
    /// Anonymous memory in huge pages, in bytes; not looked for where there can be none.
    pub(crate) huge: Option<u64>,
    /// Anonymous resident memory of the process, in bytes.
    pub(crate) anon: Option<u64>,
    /// What jemalloc holds resident at most, in bytes.
    pub(crate) resident: Option<u64>,
    /// Whether the monitor was told to have jemalloc's threads run.
    pub(crate) background_wanted: Option<bool>,
    pub(crate) mean_yield: Option<f64>,
    pub(crate) guess_score: Option<f64>,
    /// Why purging is left off for a while.
    pub(crate) suspended: Option<PoorYield>,
}

/// Something to say about the options.
enum Finding {
    /// Surely not meant.
    Warning(String),
    /// Good to know.
    Remark(String),
}

use Finding::{Remark, Warning};

impl Finding {
    fn words(&self) -> &str {
        match self {
            Warning(words) | Remark(words) => words,
        }
    }
}

/// The check, with the options as figures.
pub(crate) fn allocator_check(facts: &Facts) -> (String, Check) {
    let check = match &facts.options {
        None => Check::healthy("jemalloc does not serve the heap: it has no options to report"),
        Some(options) => of_options(facts, options),
    };
    let huge_pages = json!({
        "system": facts.thp.system.map(crate::source::HugePages::as_str),
        "process": facts.thp.process,
        "anon_huge_bytes": facts.huge,
    });
    (ALLOCATOR_OPTIONS.to_owned(), check.with("huge_pages", huge_pages))
}

fn of_options(facts: &Facts, options: &AllocatorOptions) -> Check {
    let found: Vec<_> = [
        unread_variable(facts, options),
        background(facts, options),
        decay(options),
        huge_pages(facts, options),
        suspended(facts),
    ]
    .into_iter()
    .flatten()
    .collect();
    let words: Vec<_> = found.iter().map(Finding::words).collect();
    let message = if words.is_empty() {
        "jemalloc's options hold no surprise".into()
    } else {
        words.join("; ")
    };
    let is_warning = found.iter().any(|finding| matches!(finding, Warning(_)));
    let check = if is_warning { Check::warning(message) } else { Check::healthy(message) };
    check
        .with("options", figures(options))
        .with("options_from", sources(facts, options))
        .with("purge_yield", facts.mean_yield)
        .with("purge_guess_score", facts.guess_score)
}

fn figures(options: &AllocatorOptions) -> Value {
    json!({
        "opt.background_thread": options.opt_background_thread,
        "background_thread": options.background_thread,
        "opt.dirty_decay_ms": options.opt_dirty_decay_ms,
        "arenas.dirty_decay_ms": options.dirty_decay_ms,
        "opt.muzzy_decay_ms": options.opt_muzzy_decay_ms,
        "arenas.muzzy_decay_ms": options.muzzy_decay_ms,
        "opt.narenas": options.opt_narenas,
        "arenas.narenas": options.narenas,
        "opt.tcache_max": options.tcache_max,
        "opt.thp": options.thp,
        "opt.metadata_thp": options.metadata_thp,
        "opt.retain": options.retain,
        "opt.percpu_arena": options.percpu_arena,
        "config.malloc_conf": options.built_with,
    })
}

/// Where options were taken from, in the order in which later ones win. The environment's text is not told, only that it
/// was read: what a process was given is its own affair.
fn sources(facts: &Facts, options: &AllocatorOptions) -> Value {
    let read = facts.variables.iter().find(|variable| is_read(variable, options));
    json!({
        "build": options.built_with.is_some(),
        "program": options.of_program.is_some(),
        "environment": read.map(|(name, _)| name),
    })
}

fn is_read((_, value): &(&'static str, String), options: &AllocatorOptions) -> bool {
    options.of_environment.as_ref() == Some(value)
}

/// A variable that is set and was not read: jemalloc reads one of two, as it was built.
fn unread_variable(facts: &Facts, options: &AllocatorOptions) -> Option<Finding> {
    let is_unread =
        |variable: &&(&'static str, String)| !variable.1.is_empty() && !is_read(variable, options);
    let (name, _) = facts.variables.iter().find(is_unread)?;
    let right = if *name == "MALLOC_CONF" { "_RJEM_MALLOC_CONF" } else { "MALLOC_CONF" };
    let words = if options.of_environment.is_some() {
        format!("{name} is set, but jemalloc has its options from elsewhere in the environment")
    } else {
        format!("{name} is set and changes nothing: this jemalloc reads {right}")
    };
    Some(Warning(words))
}

fn background(facts: &Facts, options: &AllocatorOptions) -> Option<Finding> {
    let is_on = options.background_thread?;
    let started = facts.background_wanted.or(options.opt_background_thread)?;
    let is_lost = started && !is_on;
    is_lost.then(|| {
        Warning(
            "jemalloc's background threads were asked for and do not run (a fork ends them)".into(),
        )
    })
}

fn decay(options: &AllocatorOptions) -> Option<Finding> {
    match options.dirty_decay_ms? {
        ..0 => Some(Warning("dirty_decay_ms is -1: jemalloc itself never gives unused pages back".into())),
        0 => Some(Remark("dirty_decay_ms is 0: every unused page goes at once and is zeroed again when it is wanted".into())),
        _ => None,
    }
}

/// Huge pages are no leak, but they look like one: the kernel fills purged holes in again.
fn huge_pages(facts: &Facts, options: &AllocatorOptions) -> Option<Finding> {
    let asked_for = options.asks_for_huge_pages() && facts.thp.process != Some(false);
    if !facts.thp.is_always() && !asked_for {
        return None;
    }
    Some(match filled_in(facts) {
        Some(bytes) => Warning(format!(
            "{:.0} MiB are resident beyond what jemalloc holds: the kernel has filled purged pages in again with \
             transparent huge pages; no leak; jemalloc's option thp:never ends it",
            mib(bytes)
        )),
        None => Remark(
            "transparent huge pages are always on: purged pages may be filled in again".into(),
        ),
    })
}

/// Resident memory beyond jemalloc's own that lies in huge pages: `None` where it is little, or its cause unknown.
fn filled_in(facts: &Facts) -> Option<u64> {
    let (anon, resident, huge) = (facts.anon?, facts.resident?, facts.huge?);
    let surplus = anon.saturating_sub(resident);
    let is_much = surplus > LEAST_SURPLUS.max(anon / 10);
    (is_much && huge >= surplus).then_some(surplus)
}

fn suspended(facts: &Facts) -> Option<Finding> {
    let cause = facts.suspended?.as_str();
    Some(Warning(format!(
        "purging is left off for a while: it gave the system next to nothing back ({cause})"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::health::HealthStatus;
    use crate::source::HugePages;

    fn usual() -> AllocatorOptions {
        AllocatorOptions {
            opt_background_thread: Some(false),
            background_thread: Some(false),
            dirty_decay_ms: Some(10_000),
            thp: Some("default".into()),
            ..AllocatorOptions::default()
        }
    }

    fn facts(options: AllocatorOptions) -> Facts {
        Facts { options: Some(options), ..Facts::default() }
    }

    #[track_caller]
    fn says(facts: &Facts, status: HealthStatus, words: &str) {
        let (name, check) = allocator_check(facts);
        assert_eq!(name, "allocator_options");
        assert_eq!(check.status(), status, "{}", check.message());
        assert!(check.message().contains(words), "{}", check.message());
    }

    #[test]
    fn usual_options_are_well_and_told() {
        let facts = facts(usual());
        says(&facts, HealthStatus::Healthy, "no surprise");
        let json = serde_json::to_value(allocator_check(&facts).1).expect("JSON");
        assert_eq!(json["options"]["arenas.dirty_decay_ms"], 10_000);
        assert_eq!(json["options"]["opt.tcache_max"], Value::Null, "unknown is not 0");
        says(&Facts::default(), HealthStatus::Healthy, "does not serve the heap");
    }

    #[test]
    fn a_variable_that_was_not_read_is_named_with_the_right_one() {
        let wrong =
            Facts { variables: vec![("MALLOC_CONF", "narenas:1".into())], ..facts(usual()) };
        says(&wrong, HealthStatus::Warning, "this jemalloc reads _RJEM_MALLOC_CONF");
        let options = AllocatorOptions { of_environment: Some("narenas:1".into()), ..usual() };
        says(&Facts { options: Some(options.clone()), ..wrong }, HealthStatus::Healthy, "");
        let other =
            Facts { variables: vec![("MALLOC_CONF", "thp:never".into())], ..facts(options) };
        says(&other, HealthStatus::Warning, "from elsewhere");
        let prefixed = vec![("_RJEM_MALLOC_CONF", "narenas:1".into())];
        let wrong = Facts { variables: prefixed, ..facts(usual()) };
        says(&wrong, HealthStatus::Warning, "this jemalloc reads MALLOC_CONF");
        let empty = Facts { variables: vec![("MALLOC_CONF", String::new())], ..facts(usual()) };
        says(&empty, HealthStatus::Healthy, "");
    }

    #[test]
    fn the_environments_text_is_not_told() {
        let options = AllocatorOptions { of_environment: Some("secret:1".into()), ..usual() };
        let facts = Facts { variables: vec![("MALLOC_CONF", "secret:1".into())], ..facts(options) };
        let json = serde_json::to_string(&allocator_check(&facts).1).expect("JSON");
        assert!(
            json.contains(r#""environment":"MALLOC_CONF""#) && !json.contains("secret"),
            "{json}"
        );
    }

    #[test]
    fn odd_decay_times_are_said() {
        let never = AllocatorOptions { dirty_decay_ms: Some(-1), ..usual() };
        says(&facts(never), HealthStatus::Warning, "never gives");
        let at_once = AllocatorOptions { dirty_decay_ms: Some(0), ..usual() };
        says(&facts(at_once), HealthStatus::Healthy, "at once");
    }

    #[test]
    fn threads_that_were_asked_for_and_do_not_run_are_missed() {
        let lost = AllocatorOptions { opt_background_thread: Some(true), ..usual() };
        says(&facts(lost.clone()), HealthStatus::Warning, "fork");
        let switched_off = Facts { background_wanted: Some(false), ..facts(lost) };
        says(&switched_off, HealthStatus::Healthy, "");
        let wanted = Facts { background_wanted: Some(true), ..facts(usual()) };
        says(&wanted, HealthStatus::Warning, "fork");
    }

    #[test]
    fn huge_pages_that_were_filled_in_again_are_no_leak() {
        let thp = Thp { system: Some(HugePages::Always), process: Some(true) };
        let always = Facts { thp, ..facts(usual()) };
        says(&always, HealthStatus::Healthy, "always on");
        let (anon, resident) = (Some(233 << 20), Some(149 << 20));
        let filled_in = Facts { anon, resident, huge: Some(200 << 20), ..always };
        says(&filled_in, HealthStatus::Warning, "84 MiB are resident beyond");
        let elsewhere = Facts { huge: Some(10 << 20), ..filled_in.clone() };
        says(&elsewhere, HealthStatus::Healthy, "always on");
        let disabled = Thp { process: Some(false), ..thp };
        says(&Facts { thp: disabled, ..filled_in }, HealthStatus::Healthy, "no surprise");
        let asked = AllocatorOptions { thp: Some("always".into()), ..usual() };
        says(&facts(asked), HealthStatus::Healthy, "always on");
    }

    #[test]
    fn purging_that_is_left_off_is_said_with_its_cause() {
        let suspended = Facts { suspended: Some(PoorYield::Fragmentation), ..facts(usual()) };
        says(&suspended, HealthStatus::Warning, "(fragmentation)");
    }
}
