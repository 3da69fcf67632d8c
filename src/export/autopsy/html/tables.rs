//! What grew, who held it, what was asked and given, and how it went: as tables.

use super::marks::Marks;
use super::size_of;
use crate::export::autopsy::Autopsy;
use crate::export::autopsy::course::Moment;
use crate::export::autopsy::given::Given;
use crate::export::autopsy::grown::{Held, LedgerChange};
use crate::export::autopsy::sites::SiteHeld;
use crate::export::autopsy::words::{UNKNOWN, change, moment, size, spaced, time_of_day};
use crate::export::markup::escape;
use crate::ledger::LineKind;

pub(super) fn all(autopsy: &Autopsy, marks: &Marks) -> String {
    [
        sites(autopsy),
        ledger(autopsy),
        caches(autopsy),
        given(&autopsy.given),
        course(&autopsy.time_line, marks),
    ]
    .concat()
}

fn section(title: &str, note: &str, body: &str) -> String {
    let note =
        if note.is_empty() { String::new() } else { format!("<p class=\"note\">{note}</p>\n") };
    format!("<section>\n<h2>{title}</h2>\n{note}{body}</section>\n")
}

/// `heads` with a leading `>` stand to the right, as figures do; those with `~` are left out where it is narrow.
fn table(heads: &[&str], rows: &str) -> String {
    let each = |head: &&str| match head.split_at(1) {
        (">", head) => format!("<th scope=\"col\" class=\"n\">{head}</th>"),
        ("~", head) => format!("<th scope=\"col\" class=\"remedy\">{head}</th>"),
        _ => format!("<th scope=\"col\">{head}</th>"),
    };
    let heads: String = heads.iter().map(each).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn number(text: &str) -> String {
    format!("<td class=\"n\">{}</td>", escape(text))
}

fn sites(autopsy: &Autopsy) -> String {
    let Some(profile) = &autopsy.profile else { return String::new() };
    let most = autopsy.sites.iter().map(|site| site.live_bytes).fold(1.0, f64::max);
    let rows: String = autopsy.sites.iter().map(|site| site_row(site, most)).collect();
    let since = profile.since.map_or(String::new(), |it| format!(", grown since {}", moment(it)));
    let note = format!(
        "Heap profile of {}{since}; a sample in {}. Estimates, with their standard error. Names from the {}.",
        moment(profile.timestamp),
        size(profile.mean_bytes as f64),
        profile.symbols,
    );
    let heads = ["function", ">holds", ">+-", ">grown", ">+-", ">objects"];
    section("Who held it", &escape(&note), &table(&heads, &rows))
}

fn site_row(site: &SiteHeld, most: f64) -> String {
    let share = (site.live_bytes / most * 100.0).clamp(0.0, 100.0);
    let stack: String =
        site.stack.iter().map(|name| format!("<li>{}</li>", escape(name))).collect();
    let tag = site.tag.iter().chain(&site.thread).map(|word| format!(" <em>{}</em>", escape(word)));
    let grown = if site.has_grown() { " class=\"grown\"" } else { "" };
    format!(
        "<tr{grown}><td class=\"function\"><details><summary><code>{}</code>{}</summary><ol>{stack}</ol></details>\
         <div class=\"bar\" style=\"width:{share:.1}%\"></div></td>{}{}{}{}{}</tr>\n",
        escape(&site.name),
        tag.collect::<String>(),
        number(&size(site.live_bytes)),
        number(&size(site.live_standard_error)),
        number(&site.grown_bytes.map_or(String::new(), change)),
        number(&size_of(site.grown_standard_error)),
        number(&format!("{:.0}", site.live_objects)),
    )
}

/// When figures are of, and since when they have changed.
fn moments(autopsy: &Autopsy) -> [&'static str; 5] {
    let since = if autopsy.was_well_to_the_end { ">since the earliest" } else { ">since well" };
    [">earliest", ">when well", ">at peak", ">last", since]
}

fn ledger(autopsy: &Autopsy) -> String {
    let lines = &autopsy.ledger;
    if lines.is_empty() {
        return section("What grew", "", "<p class=\"none\">The file has no ledger.</p>\n");
    }
    let row = |line: &LedgerChange| {
        let (sign, class) = match line.kind {
            LineKind::Sum => ("=", " class=\"sum\""),
            LineKind::Part => ("+", ""),
        };
        let of = |bytes: Option<i64>| number(&size_of(bytes.map(|bytes| bytes as f64)));
        let by = line.change_bytes.map_or(String::new(), |bytes| change(bytes as f64));
        format!(
            "<tr{class}><td>{sign} {}</td>{}{}{}{}{}<td class=\"remedy\">{}</td></tr>\n",
            escape(&spaced(&line.name)),
            of(line.earliest_bytes),
            of(line.when_well_bytes),
            of(line.at_most_bytes),
            of(line.last_bytes),
            number(&by),
            escape(&line.remedy),
        )
    };
    let rows: String = lines.iter().map(row).collect();
    let [earliest, well, peak, last, since] = moments(autopsy);
    let heads = ["ledger", earliest, well, peak, last, since, "~what makes it smaller"];
    section("What grew", "", &table(&heads, &rows))
}

fn caches(autopsy: &Autopsy) -> String {
    let row = |name: &str, held: &Held| {
        let of = |bytes: Option<u64>| number(&size_of(bytes.map(|bytes| bytes as f64)));
        let by = held.change_bytes.map_or(String::new(), |bytes| change(bytes as f64));
        format!(
            "<tr><td>{}</td>{}{}{}{}{}</tr>\n",
            escape(name),
            of(held.earliest_bytes),
            of(held.when_well_bytes),
            of(held.at_most_bytes),
            of(held.last_bytes),
            number(&by)
        )
    };
    let mut rows: String = autopsy.caches.iter().map(|cache| row(&cache.name, cache)).collect();
    rows.extend(autopsy.unexplained.iter().map(|held| row("in no cache", held)));
    if rows.is_empty() {
        return String::new();
    }
    let [earliest, well, peak, last, since] = moments(autopsy);
    let heads = ["live bytes of", earliest, well, peak, last, since];
    section("Caches", "As they said themselves.", &table(&heads, &rows))
}

fn given(given: &Given) -> String {
    let total = |total: Option<u64>| total.map_or(UNKNOWN.into(), |total| total.to_string());
    let bytes = |bytes: u64| size(bytes as f64);
    let facts = [
        ("evictions", total(given.evictions_total)),
        ("freed by them", given.evicted_bytes_total.map_or(UNKNOWN.into(), bytes)),
        ("purges", total(given.purges_total)),
        ("freed too little", given.failed.to_string()),
        ("nobody left to ask", given.gave_up.to_string()),
        ("taken again", given.refill_storms.to_string()),
    ];
    let each = |(name, value): &(&str, String)| {
        format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(value))
    };
    let facts: String = facts.iter().map(each).collect();
    let row = |cache: &super::super::given::CacheGave| {
        let (asks, freed) = (number(&cache.asks.to_string()), number(&bytes(cache.freed_bytes)));
        format!("<tr><td>{}</td>{asks}{freed}</tr>\n", escape(&cache.name))
    };
    let rows: String = given.by_cache.iter().map(row).collect();
    let caches = match rows.is_empty() {
        true => String::new(),
        false => table(&["cache", ">asked", ">freed, measured"], &rows),
    };
    section("Asked and given", "", &format!("<dl class=\"facts\">\n{facts}</dl>\n{caches}"))
}

fn course(moments: &[Moment], marks: &Marks) -> String {
    let row = |moment: &Moment| {
        let number_of = marks.number(moment).map_or(String::new(), |number| number.to_string());
        let level = moment.level.map_or("", |level| level.as_str());
        let times = match moment.count {
            1 => String::new(),
            count => format!(" (the last of {count})"),
        };
        format!(
            "<tr><td class=\"n\">{number_of}</td><td>{}</td><td class=\"level {level}\">{level}</td>{}<td>{}{times}</td></tr>\n",
            time_of_day(moment.timestamp),
            number(&size_of(moment.usage_bytes.map(|bytes| bytes as f64))),
            escape(&moment.words),
        )
    };
    let rows: String = moments.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads = [">flag", "time (UTC)", "level", ">used", "what happened"];
    let table = format!("<div class=\"wordy\">\n{}</div>\n", table(&heads, &rows));
    section("Time line", "", &table)
}
