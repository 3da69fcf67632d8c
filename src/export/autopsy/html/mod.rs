//! An autopsy as one page that needs nothing else: no script, no network; light and dark, wide and narrow.
//!
//! ```text
//! chart.rs    figures over time as SVG, whose labels are the page's own text
//! marks.rs    what happened, as numbered flags on the charts
//! charts.rs   which charts there are
//! tables.rs   ledger, caches, places, evictions, the course
//! style.css   how it looks
//! ```

mod chart;
mod charts;
mod marks;
mod tables;

use super::Autopsy;
use super::words::{UNKNOWN, known_size, moment, percent, size, span};
use crate::export::markup::escape;
use crate::recorder::LastRun;
use marks::Marks;

const STYLE: &str = include_str!("style.css");

impl Autopsy {
    /// One page of HTML that needs nothing else: charts, tables, the verdict first.
    ///
    /// Names and messages of the process are escaped. It has no script, asks nobody, and follows the reader's choice of
    /// light or dark.
    pub fn html(&self) -> String {
        let marks = Marks::of(self);
        let name = if self.run.name.is_empty() { UNKNOWN } else { &self.run.name };
        let body = [
            banner(self, name),
            facts(self),
            charts::all(self, &marks),
            tables::all(self, &marks),
            foot(self),
        ];
        let title = escape(&format!("Autopsy of {name}"));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
            body.concat()
        )
    }
}

/// How bad it is: a class of the style.
const fn colour(verdict: LastRun) -> &'static str {
    match verdict {
        LastRun::Running | LastRun::Clean => "healthy",
        LastRun::OomKillConfirmed | LastRun::OomKillProbable | LastRun::Panicked => "critical",
        LastRun::KilledNotByMemory => "warning",
        _ => "unknown",
    }
}

fn banner(autopsy: &Autopsy, name: &str) -> String {
    let items = autopsy.evidence.iter().map(|exhibit| {
        let (finding, source) = (escape(&exhibit.finding), escape(&exhibit.source));
        format!("<li>{finding} <span class=\"source\">{source}</span></li>\n")
    });
    let cause = autopsy.cause.as_ref();
    let cause =
        cause.map_or(String::new(), |it| format!("<p class=\"cause\">{}</p>\n", escape(it)));
    format!(
        "<header class=\"{}\">\n<p class=\"of\">Autopsy of <b>{}</b>, process {}</p>\n<h1>{}</h1>\n{cause}\
         <ul class=\"evidence\">\n{}</ul>\n</header>\n",
        colour(autopsy.verdict),
        escape(name),
        autopsy.run.pid,
        escape(&autopsy.sentence),
        items.collect::<String>(),
    )
}

fn facts(autopsy: &Autopsy) -> String {
    let run = &autopsy.run;
    let bytes = |bytes: Option<u64>| known_size(bytes.map(|bytes| bytes as f64));
    let heartbeat = autopsy.heartbeat;
    let most = heartbeat.and_then(|heartbeat| heartbeat.peak_usage_bytes);
    let used = format!("{} ({})", bytes(autopsy.used_bytes), percent(autopsy.used_percent));
    let facts = [
        ("level at the end", heartbeat.map_or(UNKNOWN.into(), |it| it.level.as_str().to_owned())),
        ("used at the end", used),
        ("used at most", bytes(most)),
        ("budget", bytes(autopsy.budget_bytes)),
        ("limit", bytes(run.limit_bytes)),
        ("budget from", run.budget_provenance.clone()),
        ("began", moment(run.started)),
        ("last seen", autopsy.last_seen.map_or(UNKNOWN.into(), moment)),
        ("lasted", autopsy.lasted_seconds.map_or(UNKNOWN.into(), span)),
    ];
    let each = |(name, value): &(&str, String)| {
        format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(value))
    };
    format!("<dl class=\"facts\">\n{}</dl>\n", facts.iter().map(each).collect::<String>())
}

fn foot(autopsy: &Autopsy) -> String {
    let run = &autopsy.run;
    let damage = autopsy.damage.iter().map(|told| format!("<li>{}</li>\n", escape(told)));
    let damage: String = damage.collect();
    let damage = match damage.is_empty() {
        true => String::new(),
        false => {
            format!("<section>\n<h2>Could not be read</h2>\n<ul>\n{damage}</ul>\n</section>\n")
        }
    };
    let program = run.program.as_ref().map_or(UNKNOWN.into(), |path| path.display().to_string());
    let build = run.build_id.as_deref().unwrap_or(UNKNOWN);
    format!(
        "{damage}<footer>\n<p>Read from {}. Program {}, build {}; plimsoll {}.</p>\n</footer>\n",
        escape(&autopsy.path.display().to_string()),
        escape(&program),
        escape(build),
        escape(&run.plimsoll_version),
    )
}

/// Where nothing is known.
fn size_of(bytes: Option<f64>) -> String {
    bytes.map_or(String::new(), size)
}
