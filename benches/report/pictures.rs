//! The picture of the growth.

use super::chart::{Chart, Series, picture};
use super::markdown::{rows, text};
use serde_json::Value;

pub(crate) fn growth(growth: &Value) -> String {
    picture(&[threads(growth), slots(growth), ring_times(growth), ring_bytes(growth)])
}

/// The points of a line; a row that lacks a figure has none.
fn points(rows: &[Value], across: &str, up: impl Fn(&Value) -> Option<f64>) -> Vec<(f64, f64)> {
    rows.iter().filter_map(|row| Some((row.get(across)?.as_f64()?, up(row)?))).collect()
}

/// The median of a field's figures, `by` so many.
fn median(row: &Value, field: &str, by: f64) -> Option<f64> {
    Some(row.get(field)?.get("median")?.as_f64()? / by)
}

fn threads(growth: &Value) -> Chart {
    let series = |name: &'static str| {
        let of_name: Vec<Value> = rows(growth, "threads")
            .iter()
            .filter(|row| text(row, "allocator") == name)
            .cloned()
            .collect();
        Series { name, points: points(&of_name, "threads", |row| median(row, "ratio", 1.0)) }
    };
    Chart {
        title: "64 B alloc+free, times bare jemalloc",
        across: "threads at once",
        series: ["plimsoll", "naive"].map(series).into(),
    }
}

fn slots(growth: &Value) -> Chart {
    let points = points(rows(growth, "slots"), "slots", |row| median(row, "nanos", 1000.0));
    Chart {
        title: "counts(), us",
        across: "slots: threads that ran at once",
        series: vec![Series { name: "counts()", points }],
    }
}

fn ring_times(growth: &Value) -> Chart {
    let series =
        [("a tick", "tick_nanos"), ("metrics()", "metrics_nanos"), ("history()", "history_nanos")];
    let series = series.map(|(name, field)| {
        let points = points(rows(growth, "rings"), "ring", |row| median(row, field, 1000.0));
        Series { name, points }
    });
    Chart { title: "A monitor, us", across: "snapshots in its ring", series: series.into() }
}

fn ring_bytes(growth: &Value) -> Chart {
    let points = points(rows(growth, "rings"), "ring", |row| row.get("bytes")?.as_f64());
    Chart {
        title: "A monitor, bytes",
        across: "snapshots in its ring",
        series: vec![Series { name: "bytes", points }],
    }
}
