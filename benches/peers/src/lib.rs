//! What every peer does, whatever its allocator: reads the order, does the work, prints the nanoseconds.
//!
//! `peer weigh THREADS` prints the resident bytes that each of so many waiting threads takes.
//! `peer repeat WORKLOAD TIMES` does it so often on one thread and prints how many operations each time has: for those
//! who count instructions.
//! `peer WORKLOAD THREADS SAMPLES MILLISECONDS` prints one line per sample: the nanoseconds that a core spends on one
//! operation. How much work a sample is follows from how fast it goes here: some MILLISECONDS' worth, so that an
//! allocator that is a hundred times slower takes no longer to measure.

mod random;
mod sample;
mod weigh;
mod workload;

/// Runs the order on the command line; the whole of `main` for most peers.
pub fn run() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(message) = obey(&arguments) {
        eprintln!("{message}");
        std::process::exit(2);
    }
}

fn obey(arguments: &[String]) -> Result<(), String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["weigh", threads] => {
            println!("{}", weigh::resident_per_thread(number(threads)?)?);
            Ok(())
        }
        ["repeat", name, times] => {
            let workload = workload::prepare(name)?;
            (workload.work)(0, number(times)? as u64);
            println!("{}", workload.operations);
            Ok(())
        }
        [name, threads, samples, millis] => {
            let workload = workload::prepare(name)?;
            let nanos = number(millis)? as f64 * 1e6;
            for sample in sample::take(&workload, number(threads)?, number(samples)?, nanos) {
                println!("{sample}");
            }
            Ok(())
        }
        _ => Err(format!(
            "expected WORKLOAD THREADS SAMPLES MILLISECONDS, repeat WORKLOAD TIMES or weigh THREADS, got {words:?}"
        )),
    }
}

/// One at least.
fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or(format!("expected a whole number above 0, got {text:?}"))
}
