//! All that was measured, for people.

use super::report::{Measured, Report};

pub(crate) fn print(report: &Report) {
    let mut before = None;
    for measured in &report.measured {
        let job = (measured.build, measured.job.title);
        if before.replace(job) != Some(job) {
            heading(measured);
        }
        row(measured);
    }
    println!();
    for missing in &report.missing {
        println!("missing: {} ({}): {}", missing.allocator, missing.build, missing.reason);
    }
    let (building, measuring) = (report.building.as_secs(), report.measuring.as_secs());
    println!("{} rounds; built in {building} s, measured in {measuring} s", report.rounds);
    println!(
        "ratio: to bare jemalloc, the median of the rounds' own; jemalloc_again's is the noise"
    );
}

fn heading(measured: &Measured) {
    println!("\n{} ({})", measured.job.title, measured.build.name());
    let unit = format!("ns per {}", measured.job.operation);
    println!(
        "  {:<22}{:>20}{:>14}{:>14}{:>9}{:>16}  {:<12}what it is",
        "allocator", unit, "minimum", "maximum", "ratio", "of rounds", "target"
    );
}

fn row(measured: &Measured) {
    let nanos = measured.nanos;
    print!("  {:<22}{:>20.2}", measured.allocator, nanos.median);
    print!("{:>14.2}{:>14.2}", nanos.minimum, nanos.maximum);
    match measured.ratio {
        Some(ratio) => {
            let range = format!("{:.2} to {:.2}", ratio.minimum, ratio.maximum);
            print!("{:>9.3}{range:>16}", ratio.median);
        }
        None => print!("{:>9}{:>16}", "?", ""),
    }
    println!("  {:<12}{}", verdict(measured), measured.about);
}

fn verdict(measured: &Measured) -> String {
    match (measured.target(), measured.met()) {
        (Some(target), Some(true)) => format!("{target:.2} met"),
        (Some(target), _) => format!("{target:.2} MISSED"),
        _ => String::new(),
    }
}
