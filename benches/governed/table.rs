//! The figures side by side, for a terminal.

use super::contest::figures::Figures;
use super::contest::{Outcome, Setup};
use std::fmt::Write;

type Row = (&'static str, fn(&Figures) -> String);

const ROWS: [Row; 15] = [
    ("ended", |f| {
        if f.survived { "by itself".into() } else { format!("killed at {:.1} s", f.lived_seconds) }
    }),
    ("the kernel's OOM kills", |f| known(f.oom_kills, |kills| kills.to_string())),
    ("requests answered", |f| f.answered.to_string()),
    ("requests lost", |f| f.lost.to_string()),
    ("seconds over the budget", |f| format!("{:.2}", f.over_budget_seconds)),
    ("seconds over the limit", |f| format!("{:.2}", f.over_limit_seconds)),
    ("highest, MiB", |f| mib(f.peak_bytes)),
    ("evicted, MiB", |f| mib(f.evicted_bytes)),
    ("replaced by full caches, MiB", |f| mib(f.replaced_bytes)),
    ("hit rate", |f| known(f.hit_rate, share)),
    ("its labels, its tiles", |f| {
        format!("{} {}", known(f.labels_hit_rate, share), known(f.tiles_hit_rate, share))
    }),
    ("caches kept, of the budget", |f| known(f.kept_share, share)),
    ("answered in us, p50 p99 max", |f| {
        format!("{} {} {}", f.p50_micros, f.p99_micros, f.max_micros)
    }),
    ("s until below 80 %", |f| known(f.below_after_seconds, |s| format!("{s:.1}"))),
    ("s until healthy", |f| known(f.healthy_after_seconds, |s| format!("{s:.1}"))),
];

pub(crate) fn text(setup: &Setup, outcome: &Outcome) -> String {
    let mut text = format!("{}; limit {} MiB, ", outcome.place, mib(setup.limit));
    let _ = writeln!(text, "budget {} MiB\n", mib(setup.budget()));
    let line = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>24}")).collect();
        format!("{name:<32}{cells}\n")
    };
    let all = &outcome.contestants;
    text += &line("", all.iter().map(|figures| figures.strategy.to_owned()).collect());
    for (name, cell) in ROWS {
        text += &line(name, all.iter().map(cell).collect());
    }
    text
}

fn known<T>(value: Option<T>, words: impl Fn(T) -> String) -> String {
    value.map_or("-".into(), words)
}

fn mib(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / f64::from(1 << 20))
}

fn share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
