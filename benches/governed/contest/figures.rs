//! What came of a contestant: from what it took, looked at from outside, and from the lines that it wrote.

use super::Setup;
use super::contestant::Finished;
use super::sample::Sample;
use serde::Serialize;
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

/// Points of a curve: more cannot be told apart in a picture.
const POINTS: usize = 400;
/// Below this share of the budget the lowest level is left again, in percent: 7 points below the first threshold.
pub(crate) const LEAVE_PERCENT: u64 = 73;

/// The figures of one contestant. Bytes, seconds, microseconds, shares of 1; `null` is unknown, or never came.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) strategy: &'static str,
    /// It ended by itself, after the last request and the rest.
    pub(crate) survived: bool,
    /// The signal that ended it: 9 is a kill.
    pub(crate) signal: Option<i32>,
    /// The kernel's own count of what it killed in the group.
    pub(crate) oom_kills: Option<u64>,
    /// When it was last looked at.
    pub(crate) lived_seconds: f64,
    pub(crate) planned: u64,
    pub(crate) answered: u64,
    pub(crate) lost: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) over_budget_seconds: f64,
    /// The kernel lets nothing past a control group's limit: with one, this is 0 and a kill.
    pub(crate) over_limit_seconds: f64,
    /// Evicted by command, as the caches counted.
    pub(crate) evicted_bytes: u64,
    /// Replaced by full caches themselves.
    pub(crate) replaced_bytes: u64,
    pub(crate) hit_rate: Option<f64>,
    pub(crate) labels_hit_rate: Option<f64>,
    pub(crate) tiles_hit_rate: Option<f64>,
    pub(crate) p50_micros: u64,
    pub(crate) p99_micros: u64,
    pub(crate) max_micros: u64,
    /// What both caches held, of the budget, on average while the load lasted.
    pub(crate) kept_share: Option<f64>,
    /// From the end of the load until memory stayed below the line at which the lowest level is left.
    pub(crate) below_after_seconds: Option<f64>,
    /// From the end of the load until the monitor said `healthy`.
    pub(crate) healthy_after_seconds: Option<f64>,
    /// Seconds and bytes: the highest of each stretch.
    pub(crate) curve: Vec<(f64, u64)>,
    /// When each phase of the load began.
    pub(crate) phases: Vec<(f64, String)>,
    /// Every line it wrote.
    #[serde(skip)]
    pub(crate) lines: Vec<Value>,
}

impl Figures {
    /// # Errors
    /// When it failed otherwise than by a kill, or said nothing.
    pub(crate) fn of(setup: &Setup, finished: &Finished) -> Result<Self, String> {
        let Finished { strategy, status, oom_kills, lines, samples } = finished;
        let samples = if status.success() { samples } else { until_highest(samples) };
        if !status.success() && status.signal() != Some(9) {
            return Err(format!("{strategy}: {status}"));
        }
        let hello = lines.iter().find(|line| line.get("planned_requests").is_some());
        let hello = hello.ok_or(format!("{strategy}: said nothing: {status}"))?;
        let told: Vec<&Value> =
            lines.iter().filter(|line| line.get("answered").is_some()).collect();
        let last = told.last().copied().unwrap_or(&Value::Null);
        let load_ends = hello["load_seconds"].as_f64().unwrap_or_default();
        let number = |name: &str| last[name].as_u64().unwrap_or_default();
        let (planned, answered) =
            (hello["planned_requests"].as_u64().unwrap_or_default(), number("answered"));
        let (labels, tiles) = (&last["labels"], &last["tiles"]);
        let sum = |name: &str| -> u64 {
            [labels, tiles].iter().filter_map(|cache| cache[name].as_u64()).sum()
        };
        let (inserted, evicted_bytes, held) = (sum("inserted"), sum("evicted"), sum("held"));
        Ok(Figures {
            strategy,
            survived: status.success(),
            signal: status.signal(),
            oom_kills: *oom_kills,
            lived_seconds: samples.last().map_or(0.0, |sample| sample.at.as_secs_f64()),
            planned,
            answered,
            lost: planned.saturating_sub(answered),
            peak_bytes: samples.iter().map(|sample| sample.bytes).max().unwrap_or_default(),
            over_budget_seconds: seconds_over(samples, setup.budget()),
            over_limit_seconds: seconds_over(samples, setup.limit),
            evicted_bytes,
            replaced_bytes: inserted.saturating_sub(evicted_bytes + held),
            hit_rate: rate(sum("hits"), sum("misses")),
            labels_hit_rate: hit_rate(labels),
            tiles_hit_rate: hit_rate(tiles),
            p50_micros: number("p50_micros"),
            p99_micros: number("p99_micros"),
            max_micros: number("max_micros"),
            kept_share: kept(&told, load_ends, setup.budget()),
            below_after_seconds: below_after(
                samples,
                load_ends,
                setup.budget() / 100 * LEAVE_PERCENT,
            ),
            healthy_after_seconds: healthy_after(&told, load_ends),
            curve: curve(samples),
            phases: phases(&told),
            lines: lines.clone(),
        })
    }
}

/// A killed process is taken apart before it is seen to have ended: it lived until it was at its highest.
fn until_highest(samples: &[Sample]) -> &[Sample] {
    let highest = samples.iter().enumerate().max_by_key(|(_, sample)| sample.bytes);
    highest.map_or(samples, |(index, _)| samples.split_at(index + 1).0)
}

fn hit_rate(cache: &Value) -> Option<f64> {
    rate(cache["hits"].as_u64()?, cache["misses"].as_u64()?)
}

fn rate(hits: u64, misses: u64) -> Option<f64> {
    let all = hits + misses;
    (all > 0).then(|| hits as f64 / all as f64)
}

/// How long more than `line` was taken: a look stands for the time until the next.
fn seconds_over(samples: &[Sample], line: u64) -> f64 {
    let over = |pair: &&[Sample]| pair.first().is_some_and(|sample| sample.bytes > line);
    let length = |pair: &[Sample]| match pair {
        [from, to] => to.at - from.at,
        _ => Duration::ZERO,
    };
    samples.windows(2).filter(over).map(length).sum::<Duration>().as_secs_f64()
}

fn kept(told: &[&Value], load_ends: f64, budget: u64) -> Option<f64> {
    let held = |line: &&&Value| line["at"].as_f64().is_some_and(|at| at < load_ends);
    let shares: Vec<f64> = told
        .iter()
        .filter(held)
        .filter_map(|line| {
            let bytes = line["labels"]["held"].as_f64()? + line["tiles"]["held"].as_f64()?;
            Some(bytes / budget as f64)
        })
        .collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// Since when memory has been at `line` or below; `None` when it was above it at the end.
fn below_after(samples: &[Sample], load_ends: f64, line: u64) -> Option<f64> {
    let after = samples.iter().skip_while(|sample| sample.at.as_secs_f64() < load_ends);
    let after: Vec<&Sample> = after.collect();
    let above = after.iter().rposition(|sample| sample.bytes > line);
    let first = after.get(above.map_or(0, |above| above + 1))?;
    Some((first.at.as_secs_f64() - load_ends).max(0.0))
}

fn healthy_after(told: &[&Value], load_ends: f64) -> Option<f64> {
    let mut after =
        told.iter().filter(|line| line["at"].as_f64().is_some_and(|at| at >= load_ends));
    let healthy = after.find(|line| line["level"] == "healthy")?;
    Some(healthy["at"].as_f64()? - load_ends)
}

fn curve(samples: &[Sample]) -> Vec<(f64, u64)> {
    let stretch = samples.len().div_ceil(POINTS).max(1);
    let highest = |samples: &[Sample]| {
        let sample = samples.iter().max_by_key(|sample| sample.bytes)?;
        Some((sample.at.as_secs_f64(), sample.bytes))
    };
    samples.chunks(stretch).filter_map(highest).collect()
}

fn phases(told: &[&Value]) -> Vec<(f64, String)> {
    let mut phases: Vec<(f64, String)> = vec![];
    for line in told {
        let (Some(at), Some(phase)) = (line["at"].as_f64(), line["phase"].as_str()) else {
            continue;
        };
        if phases.last().is_none_or(|(_, last)| last != phase) {
            phases.push((at, phase.to_owned()));
        }
    }
    phases
}
