//! The load: requests that come at their times, whether earlier ones have been answered or not.

use crate::Result;
use crate::latency::Latencies;
use crate::plan::{Due, Phase, Plan};
use crate::service::{Request, Service};
use fastrand::Rng;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// Threads that serve. The moments of the plan are dealt out to them in turn.
const THREADS: usize = 2;

/// Threads at work.
pub(crate) struct Load {
    pub(crate) started: Instant,
    threads: Vec<JoinHandle<u64>>,
}

/// Starts to send what the plan says.
pub(crate) fn start(
    plan: &Arc<Plan>,
    service: &Arc<Service>,
    latencies: &Arc<Latencies>,
    seed: u64,
) -> Result<Load> {
    let started = Instant::now();
    let spawn = |number: usize| {
        let (plan, service, latencies) = (plan.clone(), service.clone(), latencies.clone());
        let asker = Asker { service, latencies, rng: Rng::with_seed(seed << 8 | number as u64) };
        let thread = std::thread::Builder::new().name(format!("serve-{number}"));
        thread.spawn(move || asker.ask_all(&plan, started, number))
    };
    let threads = (0..THREADS).map(spawn).collect::<std::io::Result<_>>()?;
    Ok(Load { started, threads })
}

impl Load {
    /// Whether an answer is still to come.
    pub(crate) fn goes_on(&self) -> bool {
        self.threads.iter().any(|thread| !thread.is_finished())
    }

    /// Waits for the last answer.
    ///
    /// # Errors
    /// When an answer was wrong.
    pub(crate) fn finish(self) -> Result<()> {
        let joined = self.threads.into_iter().map(JoinHandle::join);
        let wrong: Option<u64> = joined.map(|wrong| wrong.ok()).sum();
        match wrong {
            Some(0) => Ok(()),
            Some(wrong) => Err(format!("{wrong} answers were wrong").into()),
            None => Err("a thread that serves has panicked".into()),
        }
    }
}

/// One thread's part.
struct Asker {
    service: Arc<Service>,
    latencies: Arc<Latencies>,
    rng: Rng,
}

impl Asker {
    /// Says how many answers were wrong.
    fn ask_all(mut self, plan: &Plan, started: Instant, number: usize) -> u64 {
        let mut wrong = 0;
        for at in plan.moments().skip(number).step_by(THREADS) {
            let (Some(phase), due) = (plan.phase(at), started + at) else { break };
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            // The other threads leave out this moment, so what is due is due here.
            wrong += self.ask(plan.due(at), phase, due);
        }
        wrong
    }

    fn ask(&mut self, requests: Due, phase: &Phase, due: Instant) -> u64 {
        let (labels, tiles) = (self.service.keys.labels, self.service.keys.tiles);
        let mut wrong = 0;
        for number in 0..requests.labels + requests.tiles {
            let request = if number < requests.labels {
                Request::Label(self.key(labels, phase.region))
            } else {
                Request::Tile(self.key(tiles, phase.region))
            };
            wrong += u64::from(!self.service.answer(request));
            // From when it was due, not from when its turn came: waiting behind others is waiting.
            self.latencies.record(due.elapsed());
        }
        wrong
    }

    /// A key near the beginning of the region wanted: the tenth of the keys nearest to it has 46 % of the requests.
    fn key(&mut self, keys: u32, region: f64) -> u32 {
        let near = (self.rng.f64().powi(3) * f64::from(keys)) as u32;
        let from = (region * f64::from(keys)) as u32;
        (from + near) % keys
    }
}
