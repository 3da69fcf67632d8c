//! `demo`: a small service that leaks on purpose, watched by all there is, told in plain lines; it may die of it at the end.
//!
//! ```text
//! plan.rs      how much of what by when
//! service.rs   the service: pages that are cached, visitors that are never forgotten
//! telling.rs   what happens, in words
//! ending.rs    SIGKILL, as the kernel would
//! ```

mod ending;
mod plan;
mod service;
mod telling;

use super::args::Demo;
use super::fault::Fault;
use super::print::Out;
use plan::{BUDGET, Plan};
use plimsoll::{Budget, CacheSpec, Event, Level, Monitor, Sampling};
use service::Service;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use telling::Teller;

/// A page or two of samples a second: half a megabyte would do for a service that runs for hours.
const SAMPLE_EVERY: u64 = 128 << 10;
/// Events that wait to be told.
const WAITING: usize = 256;
/// Between two pieces of work.
const STEP: Duration = Duration::from_millis(20);

pub(crate) fn run(wanted: &Demo, out: &Out) -> Result<u8, Fault> {
    let plan = Plan::of(Duration::from_secs(wanted.seconds));
    let (sender, events) = sync_channel(WAITING);
    let tell = move |event: &Event| drop(sender.try_send(event.clone()));
    let mut builder = Monitor::builder()
        .budget(Budget::Bytes(BUDGET))
        .interval(plan.interval)
        .leak_window(plan.leak_window)
        // It grows on purpose, and fast: that is what the rest of it is about.
        .growth_limits(1 << 40, 1 << 41)
        .heap_profile(Sampling::every(SAMPLE_EVERY))
        .http(format!("127.0.0.1:{}", wanted.port))
        .http_actions(true)
        .on_event(tell);
    if let Some(file) = &wanted.recorder {
        builder = builder.recorder(file);
    }
    let monitor = builder.start().map_err(told)?;
    let mut service = Service::new();
    let spec = CacheSpec::new("pages").from(Level::Caution);
    monitor.register(spec, service.pages.clone()).map_err(told)?;
    let mut teller = Teller::new(out, monitor.handle(), wanted);
    teller.begin(&plan)?;
    serve(&mut service, &plan, &events, &mut teller)?;
    teller.end()?;
    if wanted.die {
        teller.last_words()?;
        return Err(ending::die());
    }
    Ok(0)
}

fn told(error: plimsoll::Error) -> Fault {
    Fault::new(format!("the demo cannot begin: {error}"))
}

/// Works until its time is up, and tells what happens meanwhile.
fn serve(
    service: &mut Service,
    plan: &Plan,
    events: &Receiver<Event>,
    teller: &mut Teller<'_>,
) -> Result<(), Fault> {
    let began = Instant::now();
    while began.elapsed() < plan.lasts {
        service.work(plan, began.elapsed());
        for event in events.try_iter() {
            teller.event(&event)?;
        }
        teller.look()?;
        std::thread::sleep(STEP);
    }
    Ok(())
}
