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
/// Below this share of the budget all is normal, in percent: above it every keeper evicts.
const NORMAL_PERCENT: u64 = 80;

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
    /// In both caches at the end.
    pub(crate) held_bytes: u64,
    pub(crate) hit_rate: Option<f64>,
    pub(crate) labels_hit_rate: Option<f64>,
    pub(crate) tiles_hit_rate: Option<f64>,
    pub(crate) p50_micros: u64,
    pub(crate) p99_micros: u64,
    pub(crate) max_micros: u64,
    /// What both caches held, of the budget, on average while the load lasted.
    pub(crate) kept_share: Option<f64>,
    /// From the end of the load until memory stayed below the first threshold.
    pub(crate) below_after_seconds: Option<f64>,
    /// From the end of the load until the monitor said `healthy`.
    pub(crate) healthy_after_seconds: Option<f64>,
    #[serde(flatten)]
    pub(crate) trace: Trace,
}

/// How it went on the way there.
#[derive(Clone, Serialize)]
pub(crate) struct Trace {
    /// Seconds and bytes: the highest of each stretch.
    pub(crate) curve: Vec<(f64, u64)>,
    /// When each phase of the load began.
    pub(crate) phases: Vec<(f64, String)>,
    /// Every line it wrote.
    #[serde(skip)]
    pub(crate) lines: Vec<Value>,
}

/// Too long to be read in the message of a test.
impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").finish_non_exhaustive()
    }
}

impl Figures {
    /// # Errors
    /// When it failed otherwise than by a kill, or said nothing.
    pub(crate) fn of(setup: &Setup, finished: &Finished) -> Result<Self, String> {
        let Finished { strategy, status, oom_kills, lines, samples } = finished;
        if !status.success() && status.signal() != Some(9) {
            return Err(format!("{strategy}: {status}"));
        }
        let told = Told::of(lines).ok_or(format!("{strategy}: said nothing: {status}"))?;
        let samples = match status.success() {
            true => until(samples, told.last_at()),
            false => until_highest(samples),
        };
        let (budget, load_ended) = (setup.budget(), told.load_ended());
        let normal = budget / 100 * NORMAL_PERCENT;
        Ok(Figures {
            strategy,
            survived: status.success(),
            signal: status.signal(),
            oom_kills: *oom_kills,
            lived_seconds: samples.last().map_or(0.0, |sample| sample.at.as_secs_f64()),
            planned: told.planned,
            answered: told.number("answered"),
            lost: told.planned.saturating_sub(told.number("answered")),
            peak_bytes: samples.iter().map(|sample| sample.bytes).max().unwrap_or_default(),
            over_budget_seconds: seconds_over(samples, budget),
            over_limit_seconds: seconds_over(samples, setup.limit),
            evicted_bytes: told.sum("evicted"),
            replaced_bytes: told
                .sum("inserted")
                .saturating_sub(told.sum("evicted") + told.sum("held")),
            held_bytes: told.sum("held"),
            hit_rate: rate(told.sum("hits"), told.sum("misses")),
            labels_hit_rate: told.hit_rate("labels"),
            tiles_hit_rate: told.hit_rate("tiles"),
            p50_micros: told.number("p50_micros"),
            p99_micros: told.number("p99_micros"),
            max_micros: told.number("max_micros"),
            kept_share: told.kept(budget),
            below_after_seconds: load_ended.and_then(|ended| below_after(samples, ended, normal)),
            healthy_after_seconds: load_ended.and_then(|ended| told.healthy_after(ended)),
            trace: Trace { curve: curve(samples), phases: told.phases(), lines: lines.clone() },
        })
    }
}

/// What it said of itself.
struct Told<'a> {
    planned: u64,
    /// The lines of its periods; each holds totals.
    periods: Vec<&'a Value>,
}

impl<'a> Told<'a> {
    /// `None` when it did not even say what it was going to do.
    fn of(lines: &'a [Value]) -> Option<Self> {
        let planned = lines.iter().find_map(|line| line["planned_requests"].as_u64())?;
        let periods = lines.iter().filter(|line| line.get("answered").is_some()).collect();
        Some(Told { planned, periods })
    }

    fn last_at(&self) -> f64 {
        self.periods.last().and_then(|last| last["at"].as_f64()).unwrap_or_default()
    }

    /// A total at the end; 0 for one that ended before its first period did.
    fn number(&self, name: &str) -> u64 {
        self.periods.last().and_then(|last| last[name].as_u64()).unwrap_or_default()
    }

    /// A total of both caches.
    fn sum(&self, name: &str) -> u64 {
        self.periods.last().map_or(0, |last| of_both(last, name))
    }

    fn hit_rate(&self, cache: &str) -> Option<f64> {
        let cache = &self.periods.last()?[cache];
        rate(cache["hits"].as_u64()?, cache["misses"].as_u64()?)
    }

    /// When the last request had been answered; `None` when some never were.
    fn load_ended(&self) -> Option<f64> {
        let is_last = |line: &&&Value| line["answered"].as_u64() == Some(self.planned);
        self.periods.iter().find(is_last)?["at"].as_f64()
    }

    /// The share of the budget that the caches held, on average while there was a load.
    fn kept(&self, budget: u64) -> Option<f64> {
        let loaded = self.periods.iter().filter(|line| line["phase"] != "rest");
        let held: Vec<u64> = loaded.map(|line| of_both(line, "held")).collect();
        (!held.is_empty())
            .then(|| held.iter().sum::<u64>() as f64 / held.len() as f64 / budget as f64)
    }

    fn healthy_after(&self, load_ended: f64) -> Option<f64> {
        let at = |line: &Value| line["at"].as_f64();
        let mut after =
            self.periods.iter().filter(|line| at(line).is_some_and(|at| at >= load_ended));
        Some(at(after.find(|line| line["level"] == "healthy")?)? - load_ended)
    }

    fn phases(&self) -> Vec<(f64, String)> {
        let named =
            |line: &&Value| Some((line["at"].as_f64()?, line["phase"].as_str()?.to_owned()));
        let mut phases: Vec<(f64, String)> = self.periods.iter().filter_map(named).collect();
        phases.dedup_by(|(_, phase), (_, before)| phase == before);
        phases
    }
}

fn of_both(line: &Value, name: &str) -> u64 {
    ["labels", "tiles"].iter().filter_map(|cache| line[cache][name].as_u64()).sum()
}

/// A process that has said its last word is being taken apart.
fn until(samples: &[Sample], last: f64) -> &[Sample] {
    let alive = samples.iter().take_while(|sample| sample.at.as_secs_f64() <= last).count();
    samples.split_at(alive).0
}

/// A killed process is taken apart before it is seen to have ended: it lived until it was at its highest.
fn until_highest(samples: &[Sample]) -> &[Sample] {
    let highest = samples.iter().enumerate().max_by_key(|(_, sample)| sample.bytes);
    highest.map_or(samples, |(index, _)| samples.split_at(index + 1).0)
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

/// Since when memory has been at `line` or below; `None` when it was above it at the end.
fn below_after(samples: &[Sample], load_ends: f64, line: u64) -> Option<f64> {
    let after = samples.iter().skip_while(|sample| sample.at.as_secs_f64() < load_ends);
    let after: Vec<&Sample> = after.collect();
    let above = after.iter().rposition(|sample| sample.bytes > line);
    let first = after.get(above.map_or(0, |above| above + 1))?;
    Some((first.at.as_secs_f64() - load_ends).max(0.0))
}

fn curve(samples: &[Sample]) -> Vec<(f64, u64)> {
    let stretch = samples.len().div_ceil(POINTS).max(1);
    let highest = |samples: &[Sample]| {
        let sample = samples.iter().max_by_key(|sample| sample.bytes)?;
        Some((sample.at.as_secs_f64(), sample.bytes))
    };
    samples.chunks(stretch).filter_map(highest).collect()
}

// As in group.rs.
#[cfg(test)]
#[allow(unused_imports, dead_code, reason = "without a harness nobody calls them")]
mod tests {
    use super::*;

    /// One look every 100 ms.
    fn samples(bytes: &[u64]) -> Vec<Sample> {
        let at = |number: usize| Duration::from_millis(100 * number as u64);
        let samples = bytes.iter().enumerate();
        samples.map(|(number, &bytes)| Sample { at: at(number), bytes }).collect()
    }

    #[test]
    fn time_over_a_line_is_that_until_the_next_look() {
        let samples = samples(&[10, 11, 12, 10, 11, 9]);
        assert_eq!(seconds_over(&samples, 10), 0.3);
        assert_eq!(seconds_over(&samples, 12), 0.0);
        assert_eq!(seconds_over(&[], 0), 0.0);
    }

    #[test]
    fn normal_is_what_stays_below() {
        let samples = samples(&[9, 5, 9, 9, 5, 5]);
        assert_eq!(below_after(&samples, 0.1, 5).map(|s| (s * 10.0).round()), Some(3.0));
        assert_eq!(below_after(&samples, 0.4, 5), Some(0.0));
        assert_eq!(below_after(&samples, 0.1, 4), None, "above it to the end");
        assert_eq!(below_after(&samples, 1.0, 5), None, "not looked at any more");
    }

    #[test]
    fn a_killed_process_lived_until_it_was_at_its_highest() {
        let samples = samples(&[1, 8, 9, 9, 3, 0]);
        assert_eq!(until_highest(&samples).len(), 4);
        assert!(until_highest(&[]).is_empty());
        assert_eq!(until(&samples, 0.2).len(), 3, "and any other until its last word");
    }

    #[test]
    fn what_was_said_is_added_up() {
        let cache = |held: u64| serde_json::json!({"held": held, "hits": 1, "misses": 3});
        let line = |at: f64, answered: u64, phase: &str, level: &str| {
            serde_json::json!({"at": at, "answered": answered, "phase": phase, "level": level,
                "labels": cache(10), "tiles": cache(30)})
        };
        let lines = [
            serde_json::json!({"event_type": "monitor_started"}),
            serde_json::json!({"planned_requests": 7}),
            line(1.0, 5, "fill", "caution"),
            line(2.0, 7, "fill", "caution"),
            line(3.5, 7, "rest", "healthy"),
        ];
        let told = Told::of(&lines).unwrap();
        assert_eq!((told.planned, told.number("answered"), told.sum("held")), (7, 7, 40));
        assert_eq!((told.load_ended(), told.healthy_after(2.0)), (Some(2.0), Some(1.5)));
        assert_eq!((told.kept(80), told.hit_rate("tiles")), (Some(0.5), Some(0.25)));
        let phases = [(1.0, "fill".to_owned()), (3.5, "rest".to_owned())];
        assert_eq!(told.phases(), phases);
        assert!(Told::of(&lines[..1]).is_none(), "it never said what it was going to do");
    }
}
