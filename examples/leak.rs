//! A service that grows without end, to be asked why: a cache that is bounded, and sessions that nobody ends.
//!
//! ```text
//! PLIMSOLL_HTTP=127.0.0.1:9464 cargo run --example leak --features mcp
//! ```
//!
//! It begins to serve, says where, and ends after `LEAK_SECONDS` (300 unless given) or when its budget is used up.

use plimsoll::{Ask, Cache, CacheSpec, Level, Monitor, ShrinkReport};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

type Error = Box<dyn std::error::Error>;

const PAGE: usize = 16 * 1024;
const MOST_PAGES: usize = 512;

/// Pages that were rendered; 8 MiB at most.
#[derive(Default)]
struct Pages(Mutex<Vec<Box<[u8]>>>);

impl Pages {
    fn render(&self) {
        if let Ok(mut pages) = self.0.lock() {
            if pages.len() == MOST_PAGES {
                pages.remove(0);
            }
            pages.push(vec![1; PAGE].into());
        }
    }
}

impl Cache for Pages {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let Ok(mut pages) = self.0.lock() else { return 0.into() };
        let dropped = pages.len().min((ask.bytes as usize).div_ceil(PAGE));
        pages.drain(..dropped);
        ((dropped * PAGE) as u64).into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some((self.0.lock().ok()?.len() * PAGE) as u64)
    }
}

fn main() -> Result<(), Error> {
    let interval = Duration::from_millis(500);
    let monitor = Monitor::builder().budget("256MiB".parse()?).interval(interval).start()?;
    let pages = Arc::new(Pages::default());
    monitor.register(CacheSpec::new("pages").from(Level::Caution), pages.clone())?;
    say(&monitor);
    let seconds = std::env::var("LEAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(300));
    let mut sessions = Vec::new();
    while Instant::now() < end && monitor.level() < Level::Critical {
        // A request: a page from the cache, and a session that is remembered for ever.
        pages.render();
        sessions.extend((0..4).map(|_| vec![0u8; 4000]));
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "for whoever started it")]
fn say(monitor: &Monitor) {
    #[cfg(feature = "http")]
    if let Some(address) = monitor.http_address() {
        println!("http://{address}/mcp");
        return;
    }
    println!("served nowhere: PLIMSOLL_HTTP=127.0.0.1:9464 and the feature `mcp`; {monitor:?}");
}
