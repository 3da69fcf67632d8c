//! `benches/README.md`: the figures as tables.

use super::markdown::{micros, rows, short, table, text, thousands};
use serde_json::Value;

pub(crate) fn readme(
    overhead: &Value,
    growth: &Value,
    snapshot: &Value,
    governed: &Value,
    instructions: &str,
) -> String {
    [
        head(overhead),
        machine(overhead),
        targets(overhead),
        compared(overhead),
        without_lto(overhead),
        spread(overhead),
        format!("## Instructions\n\nCounted by callgrind: the same on any machine.\n\n```text\n{instructions}```\n"),
        snapshots(snapshot),
        grown(growth),
        super::governed::section(governed),
    ]
    .join("\n")
}

fn head(overhead: &Value) -> String {
    let quick = if overhead["quick"] == true { " (a quick run: fewer rounds)" } else { "" };
    format!(
        "<!-- Written by `cargo bench --bench report`. Change that, not this. -->\n\
         # What it costs\n\n\
         Written by `cargo bench --bench report`, which runs the five above it in this table{quick}. It needs what jemalloc's build needs \
         (a C compiler, make), and valgrind for the instructions.\n\n{}",
        table(
            &["bench", "what it measures", "command"],
            &[
                [
                    "`overhead`",
                    "workloads over plimsoll, bare allocators and other wrappers, as ratios",
                    "overhead"
                ],
                ["`growth.rs`", "how cost grows with threads, slots and the ring", "growth"],
                ["`snapshot.rs`", "a snapshot and its parts, `counts()`, memory", "snapshot"],
                [
                    "`governed`",
                    "a service under a limit: ungoverned, held by hand, governed",
                    "governed"
                ],
                ["`instructions`", "instructions per operation, by callgrind", "instructions"],
                ["`report`", "these five, written down here", "report"],
                ["`burst.rs`", "how soon a cache is asked when memory is taken fast", "burst"],
                ["`purge.rs`", "giving unused pages back, and touching them again", "purge"],
                ["`recorder.rs`", "what recording costs", "recorder"],
            ]
            .map(|[file, what, name]| vec![
                file.into(),
                what.into(),
                format!("`cargo bench --bench {name}`")
            ]),
        ) + "\n`peers` holds the programs that are compared and their work, `harness` what the benches share. \
             `overhead`, `growth`, `snapshot` and `governed` take `-- --json FILE` and `-- --quick`; `overhead` takes \
             `--only plimsoll,naive` and `--workload pair,json` too, `governed` `--minutes N` for a long run and \
             `--traces DIRECTORY` for every line that its processes wrote.\n"
    )
}

fn machine(overhead: &Value) -> String {
    let machine = &overhead["machine"];
    let line = |name: &str, field: &str| {
        let value = &machine[field];
        let value = value.as_str().map_or(value.to_string(), str::to_owned);
        vec![name.to_owned(), if value == "null" { "unknown".into() } else { value }]
    };
    let mut lines = vec![
        line("processor", "cpu"),
        line("cores", "cores"),
        line("kernel", "kernel"),
        line("compiler", "rustc"),
        line("date, UTC", "date"),
        line("load before", "load"),
    ];
    let seconds = |field: &str| format!("{} s", overhead[field]);
    lines.push(vec!["`overhead`: building".into(), seconds("building_secs")]);
    let rounds = format!("{}, {} rounds", seconds("measuring_secs"), overhead["rounds"]);
    lines.push(vec!["`overhead`: measuring".into(), rounds]);
    format!("## The machine\n\n{}", table(&["", ""], &lines))
}

/// The results of one kind of build.
fn of_build<'a>(overhead: &'a Value, build: &'a str) -> impl Iterator<Item = &'a Value> {
    rows(overhead, "results").iter().filter(move |row| text(row, "build").contains(build))
}

fn targets(overhead: &Value) -> String {
    let lines: Vec<Vec<String>> = of_build(overhead, "fat")
        .filter(|row| text(row, "allocator") == "plimsoll")
        .map(|row| {
            let ratio = |allocator| {
                let same =
                    |other: &&Value| same_job(row, other) && text(other, "allocator") == allocator;
                of_build(overhead, "fat").find(same).map_or("?".into(), ratio_of)
            };
            let met = match row["met"].as_bool() {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "?",
            };
            vec![
                text(row, "title").to_owned(),
                ratio("plimsoll"),
                format!("{:.2}", row["target"].as_f64().unwrap_or(f64::NAN)),
                met.to_owned(),
                ratio("plimsoll_monitor"),
                ratio("jemalloc_again"),
                ratio("forwarding"),
            ]
        })
        .collect();
    let heads = [
        "ratio to bare jemalloc",
        "plimsoll",
        "target",
        "met",
        "with the monitor",
        "noise: bare again",
        "layout: a wrapper that does nothing",
    ];
    format!(
        "## Plimsoll and its targets\n\nA ratio is the median over the rounds of the ratio within a round. Bare jemalloc \
         measured a second time shows how far it can be trusted, a wrapper that only forwards what a changed layout of \
         the code does. Built with `lto = \"fat\"` and one codegen unit.\n\n{}",
        table(&heads, &lines)
    )
}

fn same_job(one: &Value, other: &Value) -> bool {
    one["workload"] == other["workload"] && one["threads"] == other["threads"]
}

fn ratio_of(row: &Value) -> String {
    let ratio = row["ratio"]["median"].as_f64();
    ratio.map_or("?".to_owned(), |ratio| match ratio {
        ..2.0 => format!("{ratio:.3}"),
        2.0..100.0 => format!("{ratio:.1}"),
        _ => format!("{ratio:.0}"),
    })
}

/// What a title says at the head of a column.
fn column(row: &Value) -> String {
    let name = match text(row, "workload") {
        "pair" => "64 B pair",
        "mixed" => "1000 mixed",
        "hand_over" => "hand-over",
        "vec" => "`Vec`",
        "json" => "JSON",
        other => other,
    };
    let threads = row["threads"].as_u64().unwrap_or(1);
    if threads > 1 { format!("{name}, {threads} threads") } else { name.to_owned() }
}

/// One line for each allocator, one column for each workload.
fn matrix(results: &[&Value]) -> String {
    let mut jobs: Vec<&Value> = vec![];
    let mut allocators: Vec<&Value> = vec![];
    for row in results {
        if !jobs.iter().any(|job| same_job(job, row)) {
            jobs.push(row);
        }
        if !allocators.iter().any(|other| other["allocator"] == row["allocator"]) {
            allocators.push(row);
        }
    }
    let heads: Vec<String> =
        std::iter::once("ratio".to_owned()).chain(jobs.iter().map(|job| column(job))).collect();
    let line = |allocator: &&Value| {
        let cell = |job: &&Value| {
            let same =
                |row: &&&Value| same_job(job, row) && row["allocator"] == allocator["allocator"];
            results.iter().find(same).map_or("missing".to_owned(), |row| ratio_of(row))
        };
        let name = format!("`{}`: {}", text(allocator, "allocator"), text(allocator, "about"));
        std::iter::once(name).chain(jobs.iter().map(cell)).collect()
    };
    let lines: Vec<Vec<String>> = allocators.iter().map(line).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    table(&heads, &lines)
}

fn compared(overhead: &Value) -> String {
    let results: Vec<&Value> = of_build(overhead, "fat").collect();
    let missing: String = rows(overhead, "missing")
        .iter()
        .map(|row| {
            let (name, build, reason) =
                (text(row, "allocator"), text(row, "build"), text(row, "reason"));
            format!("\nMissing: `{name}` ({build}): {reason}\n")
        })
        .collect();
    format!(
        "## Beside others\n\nTime as a multiple of bare jemalloc's. Two of them wrap the system's allocator and no other: \
         hold those against `system`.\n\n{}{missing}",
        matrix(&results)
    )
}

fn without_lto(overhead: &Value) -> String {
    let results: Vec<&Value> = of_build(overhead, "off").collect();
    format!("## Without LTO\n\n`lto = \"off\"`, 16 codegen units.\n\n{}", matrix(&results))
}

/// Times, for those who want more than ratios.
fn spread(overhead: &Value) -> String {
    let shown = ["jemalloc", "plimsoll", "naive"];
    let line = |row: &Value| {
        let (nanos, ratio) = (&row["nanos_per_operation"], &row["ratio"]);
        vec![
            text(row, "title").to_owned(),
            text(row, "allocator").to_owned(),
            text(row, "operation").to_owned(),
            short(&nanos["median"]),
            format!("{} to {}", short(&nanos["minimum"]), short(&nanos["maximum"])),
            format!("{} to {}", short(&ratio["minimum"]), short(&ratio["maximum"])),
        ]
    };
    let lines: Vec<_> = of_build(overhead, "fat")
        .filter(|row| shown.contains(&text(row, "allocator")))
        .map(line)
        .collect();
    let heads = [
        "workload",
        "allocator",
        "operation",
        "ns, median",
        "ns, all samples",
        "ratio, all rounds",
    ];
    format!(
        "## Times\n\nNanoseconds that a core spends on one operation (all cores that are busy, by all operations). The \
         allocators take turns, each turn in a new process.\n\n{}",
        table(&heads, &lines)
    )
}

fn snapshots(snapshot: &Value) -> String {
    let line = |row: &Value| {
        let figures = &row["figures"];
        let [median, minimum, maximum] = ["median", "minimum", "maximum"].map(|name| {
            let figure = &figures[name];
            if text(row, "unit") == "ns" { micros(figure) } else { short(figure) }
        });
        let unit = if text(row, "unit") == "ns" { "us" } else { "bytes" };
        let target = &row["target"];
        let target = if unit == "us" { micros(target) } else { short(target) };
        let met = row["met"].as_bool().map_or("", |met| if met { "yes" } else { "**no**" });
        let target = if target == "?" { String::new() } else { target };
        vec![
            text(row, "name").to_owned(),
            format!("{median} {unit}"),
            format!("{minimum} to {maximum}"),
            target,
            met.to_owned(),
        ]
    };
    let lines: Vec<_> = rows(snapshot, "rows").iter().map(line).collect();
    format!(
        "## A snapshot, `counts()`, memory\n\nWith 100 000 objects live.\n\n{}",
        table(&["", "median", "all samples", "target", "met"], &lines)
    )
}

fn grown(growth: &Value) -> String {
    let threads: Vec<_> = rows(growth, "threads")
        .iter()
        .filter(|row| text(row, "allocator") == "plimsoll")
        .map(|row| {
            let range = format!(
                "{} to {}",
                short(&row["ratio"]["minimum"]),
                short(&row["ratio"]["maximum"])
            );
            vec![
                row["threads"].to_string(),
                short(&row["nanos_per_pair"]["median"]),
                ratio_of(row),
                range,
            ]
        })
        .collect();
    let slots: Vec<_> = rows(growth, "slots")
        .iter()
        .map(|row| vec![row["slots"].to_string(), micros(&row["nanos"]["median"])])
        .collect();
    let rings: Vec<_> = rows(growth, "rings")
        .iter()
        .map(|row| {
            let names = ["tick", "snapshot", "latest", "metrics", "history"];
            let times = names.map(|name| micros(&row[format!("{name}_nanos")]["median"]));
            let bytes = thousands(row["bytes"].as_f64().unwrap_or(f64::NAN));
            [row["ring"].to_string(), bytes].into_iter().chain(times).collect()
        })
        .collect();
    format!(
        "## How cost grows\n\n![How cost grows with threads, slots and the ring](growth.svg)\n\n\
         64 B allocated and freed, plimsoll:\n\n{}\n\
         `counts()`, with so many slots leased:\n\n{}\n\
         A monitor whose ring is full (microseconds; a tick is what its thread spends of a core on one, waking up included):\n\n{}",
        table(&["threads", "ns per pair", "ratio", "of rounds"], &threads),
        table(&["slots", "us"], &slots),
        table(
            &[
                "snapshots",
                "bytes",
                "a tick",
                "`snapshot()`",
                "`latest()`",
                "`metrics()`",
                "`history()`"
            ],
            &rings
        ),
    )
}
