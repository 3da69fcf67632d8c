//! A JSON service that keeps one field of every request, and has forgotten why.
//!
//! ```text
//! PLIMSOLL_HTTP=127.0.0.1:9464 PLIMSOLL_HEAP_PROFILE=64KiB PLIMSOLL_LEAK_WINDOW=4s \
//!     cargo run --example leaky_json --features mcp,profile -- 60
//! ```
//!
//! It answers requests for so many seconds (300 unless given), 800 a second, and keeps 1 KiB of each: 0.8 MiB a second. With
//! a heap profile `explain_memory`, `plimsoll explain` and the events name the function, [`trace_of`], within a minute.

use plimsoll::Monitor;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

type Error = Box<dyn std::error::Error>;

/// Requests a second, and the pause between two looks at how many are due: what leaks shall not depend on the machine's speed.
const RATE: f64 = 800.0;
const PAUSE: Duration = Duration::from_millis(10);

/// Requests between two pauses at most.
const AT_ONCE: u64 = 80;

/// The service. Of the requests nothing should be left but their number.
#[derive(Default)]
struct Service {
    answered: u64,
    /// For debugging, once.
    traces: Vec<String>,
}

impl Service {
    fn answer(&mut self, request: &str) -> Result<String, Error> {
        let request: Value = serde_json::from_str(request)?;
        let items = request["items"].as_array().ok_or("no items")?;
        let total: u64 = items.iter().filter_map(|item| item["price"].as_u64()).sum();
        self.traces.push(trace_of(&request));
        self.answered += 1;
        Ok(json!({ "id": request["id"], "total": total }).to_string())
    }
}

/// The field that is kept. A copy: the request itself is dropped.
#[inline(never)]
fn trace_of(request: &Value) -> String {
    request["trace"].as_str().unwrap_or_default().to_owned()
}

fn request(id: u64) -> String {
    let items: Vec<_> =
        (0..20).map(|item| json!({ "name": "thing", "price": id + item })).collect();
    json!({ "id": id, "items": items, "trace": "x".repeat(1024) }).to_string()
}

fn main() -> Result<(), Error> {
    let seconds = std::env::args().nth(1).map_or(Ok(300), |text| text.parse())?;
    let interval = Duration::from_millis(100);
    let monitor = Monitor::builder().budget("256MiB".parse()?).interval(interval).start()?;
    let (mut service, start) = (Service::default(), Instant::now());
    let end = start + Duration::from_secs(seconds);
    while Instant::now() < end && monitor.level() < plimsoll::Level::Critical {
        let due = (start.elapsed().as_secs_f64() * RATE) as u64;
        for id in service.answered..due.min(service.answered + AT_ONCE) {
            service.answer(&request(id))?;
        }
        std::thread::sleep(PAUSE);
    }
    say(&format!("{} requests; {} traces kept", service.answered, service.traces.len()));
    say(&monitor.explain().to_string());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "for whoever started it")]
fn say(words: &str) {
    println!("{words}");
}
