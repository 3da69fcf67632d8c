//! An autopsy as one screen: the verdict first, then what grew, who held it, what was asked and given, and how it went.

use super::course::Moment;
use super::grown::{Held, LedgerChange};
use super::sites::SiteHeld;
use super::words::{
    UNKNOWN, change, known_size, moment, percent, plain, size, spaced, span, time_of_day,
};
use super::{Autopsy, given::Given};
use crate::ledger::LineKind;
use std::fmt::Write;

/// Lines of each part: with their headings they fill a screen of 40 lines and no more.
const EVIDENCE: usize = 2;
const PARTS: usize = 2;
const CACHES: usize = 2;
const SITES: usize = 4;
const MOMENTS: usize = 5;
const DAMAGE: usize = 2;
/// Narrower is no screen.
const NARROWEST: usize = 40;

impl Autopsy {
    /// One screen of 40 lines, each of `columns` characters at most (40 at least).
    ///
    /// What does not fit is in the JSON and on the page. Nothing in it is obeyed by a terminal.
    pub fn text(&self, columns: usize) -> String {
        let width = columns.max(NARROWEST);
        let mut page = Page { width, text: String::new() };
        page.wrapped("", &plain(&self.sentence), 4);
        if let Some(cause) = &self.cause {
            page.wrapped("", &plain(cause), 3);
        }
        page.line(&who(self));
        page.line(&state(self));
        evidence(&mut page, self);
        grew(&mut page, self);
        sites(&mut page, self);
        asked(&mut page, &self.given);
        course(&mut page, &self.time_line);
        damage(&mut page, &self.damage);
        page.text
    }
}

struct Page {
    width: usize,
    text: String,
}

impl Page {
    /// Cut where it is too long.
    fn line(&mut self, line: &str) {
        let cut = line.chars().count() > self.width;
        let kept = if cut { self.width - 1 } else { self.width };
        self.text.extend(line.trim_end().chars().take(kept));
        self.text.push_str(if cut { "…\n" } else { "\n" });
    }

    /// Behind `lead`, over several lines, the last of which is cut.
    fn wrapped(&mut self, lead: &str, words: &str, most: usize) {
        let indent = " ".repeat(lead.chars().count());
        let (mut line, mut lines) = (lead.to_owned(), 1);
        let mut words = words.split(' ').peekable();
        while let Some(word) = words.peek() {
            let is_empty = line.len() == lead.len();
            let fits = line.chars().count() + 1 + word.chars().count() <= self.width;
            if is_empty || fits || lines == most {
                line += if is_empty { "" } else { " " };
                line += word;
                words.next();
                continue;
            }
            self.line(&line);
            (line, lines) = (indent.clone(), lines + 1);
        }
        self.line(&line);
    }
}

fn who(autopsy: &Autopsy) -> String {
    let run = &autopsy.run;
    let name = if run.name.is_empty() { UNKNOWN.into() } else { plain(&run.name) };
    let until = autopsy.last_seen.map_or(UNKNOWN.into(), time_of_day);
    let lasted = autopsy.lasted_seconds.map_or(String::new(), |it| format!(" ({})", span(it)));
    let (pid, from) = (run.pid, moment(run.started));
    format!("{name}, pid {pid}, from {from} to {until}{lasted}")
}

fn state(autopsy: &Autopsy) -> String {
    let bytes = |bytes: Option<u64>| known_size(bytes.map(|bytes| bytes as f64));
    let level = autopsy.heartbeat.map_or(UNKNOWN, |heartbeat| heartbeat.level.as_str());
    let most = autopsy.heartbeat.and_then(|heartbeat| heartbeat.peak_usage_bytes);
    format!(
        "last seen {level}, {} used: {} of {}; {} at most",
        percent(autopsy.used_percent),
        bytes(autopsy.used_bytes),
        bytes(autopsy.budget_bytes),
        bytes(most),
    )
}

/// What stands in the sentence above is not told again.
fn evidence(page: &mut Page, autopsy: &Autopsy) {
    let others = autopsy.evidence.iter().skip(1).take(EVIDENCE);
    for (place, exhibit) in others.enumerate() {
        let told = format!("{} ({})", plain(&exhibit.finding), plain(&exhibit.source));
        let lead = if place == 0 { "evidence  " } else { "          " };
        page.line(&format!("{lead}{told}"));
    }
}

fn grew(page: &mut Page, autopsy: &Autopsy) {
    if autopsy.ledger.is_empty() {
        return;
    }
    let row = |name: &str, figures: [String; 5]| {
        figures.iter().fold(format!("{name:20}"), |row, figure| row + &format!("{figure:>12}"))
    };
    let since = if autopsy.was_well_to_the_end { "since first" } else { "since well" };
    let head = ["earliest", "when well", "at peak", "last", since].map(str::to_owned);
    page.line(&row("what grew", head));
    for line in told_of_ledger(&autopsy.ledger) {
        page.line(&row(&format!("  {}", spaced(&line.name)), figures_of(line)));
        if line.name == "live" {
            let caches = autopsy.caches.iter().take(CACHES);
            let told = caches.map(|cache| (format!("    cache {}", plain(&cache.name)), cache));
            let rest = autopsy.unexplained.iter().map(|held| ("    in no cache".to_owned(), held));
            told.chain(rest)
                .for_each(|(name, held)| page.line(&row(&fitted(&name), held_by(held))));
        }
    }
}

fn fitted(name: &str) -> String {
    name.chars().take(19).collect()
}

/// The live bytes and what the kernel counts always; of the rest what changed most.
fn told_of_ledger(ledger: &[LedgerChange]) -> Vec<&LedgerChange> {
    let always = |line: &LedgerChange| {
        line.name == "live"
            || line.kind == LineKind::Sum && ["rss", "charged"].contains(&&*line.name)
    };
    let mut parts: Vec<_> =
        ledger.iter().filter(|line| !always(line) && line.kind == LineKind::Part).collect();
    parts.sort_by_key(|line| std::cmp::Reverse(line.change_bytes.unwrap_or(0).unsigned_abs()));
    parts.truncate(PARTS);
    let is_told = |line: &LedgerChange| always(line) || parts.iter().any(|it| it.name == line.name);
    ledger.iter().filter(|line| is_told(line)).collect()
}

/// What is not in the file is left blank: the time line has not every line of the ledger.
fn cell(bytes: Option<f64>) -> String {
    bytes.map_or(String::new(), size)
}

fn figures_of(line: &LedgerChange) -> [String; 5] {
    let of = |bytes: Option<i64>| cell(bytes.map(|bytes| bytes as f64));
    let by = line.change_bytes.map_or(String::new(), |bytes| change(bytes as f64));
    let earliest = of(line.earliest_bytes);
    [earliest, of(line.when_well_bytes), of(line.at_most_bytes), of(line.last_bytes), by]
}

fn held_by(held: &Held) -> [String; 5] {
    let of = |bytes: Option<u64>| cell(bytes.map(|bytes| bytes as f64));
    let by = held.change_bytes.map_or(String::new(), |bytes| change(bytes as f64));
    let earliest = of(held.earliest_bytes);
    [earliest, of(held.when_well_bytes), of(held.at_most_bytes), of(held.last_bytes), by]
}

fn sites(page: &mut Page, autopsy: &Autopsy) {
    let Some(profile) = &autopsy.profile else { return };
    let since =
        profile.since.map_or(String::new(), |it| format!(" and grew since {}", time_of_day(it)));
    let (taken, mean) = (time_of_day(profile.timestamp), size(profile.mean_bytes as f64));
    page.line(&format!("who held it at {taken}{since} (a sample in {mean})"));
    for (place, site) in autopsy.sites.iter().take(SITES).enumerate() {
        page.line(&site_line(site, page.width));
        if let Some(callers) = callers(site).filter(|_| place == 0) {
            page.line(&format!("    called by {callers}"));
        }
    }
}

fn site_line(site: &SiteHeld, width: usize) -> String {
    let grown = site.grown_bytes.map_or(String::new(), change);
    let error = size(site.grown_standard_error.unwrap_or(site.live_standard_error));
    let tag = site.tag.as_ref().map_or(String::new(), |tag| format!(" [{}]", plain(tag)));
    let held = size(site.live_bytes);
    let figures = format!("{held:>11}{grown:>12} +- {error:9} ");
    let name = format!("{}{tag}", plain(&site.name));
    let room = width.saturating_sub(figures.chars().count());
    figures + &its_end(&name, room)
}

/// The end of a path says more than its beginning.
fn its_end(name: &str, room: usize) -> String {
    let surplus = name.chars().count().saturating_sub(room);
    if surplus == 0 {
        return name.to_owned();
    }
    format!("…{}", name.chars().skip(surplus + 1).collect::<String>())
}

/// The functions above the one that gives the site its name.
fn callers(site: &SiteHeld) -> Option<String> {
    let is_it = |name: &str| gives_name(name, &site.name);
    let above = site.stack.iter().skip_while(|name| !is_it(name)).skip_while(|name| is_it(name));
    let names: Vec<_> = above.take(3).map(|name| plain(name)).collect();
    (!names.is_empty()).then(|| names.join(", by "))
}

/// Whether a site is called after that function: a closure after the function that it stands in.
fn gives_name(function: &str, site: &str) -> bool {
    let closure = function.strip_prefix(site);
    closure.is_some_and(|rest| rest.is_empty() || rest.starts_with("::{"))
}

fn asked(page: &mut Page, given: &Given) {
    let total = |figure: Option<u64>| figure.map_or(UNKNOWN.into(), |figure| figure.to_string());
    let freed = known_size(given.evicted_bytes_total.map(|bytes| bytes as f64));
    let mut line = format!(
        "{} evictions freed {freed}, {} purges",
        total(given.evictions_total),
        total(given.purges_total)
    );
    let times = |count: u64| if count == 1 { "once".into() } else { format!("{count} times") };
    if given.gave_up > 0 {
        let _ = write!(line, "; nobody was left to ask, {}", times(given.gave_up));
    }
    if given.refill_storms > 0 {
        let _ = write!(line, "; what was given was taken again, {}", times(given.refill_storms));
    }
    page.wrapped("asked and given  ", &line, 2);
    let caches = given.by_cache.iter().take(3).map(|cache| {
        let (name, freed) = (plain(&cache.name), size(cache.freed_bytes as f64));
        format!("{name} gave {freed}, asked {}", times(cache.asks))
    });
    let caches: Vec<_> = caches.collect();
    if !caches.is_empty() {
        page.line(&format!("                 {}", caches.join("; ")));
    }
}

/// The first, and the last ones.
fn course(page: &mut Page, moments: &[Moment]) {
    if moments.is_empty() {
        return;
    }
    page.line("time line");
    let left_out = moments.len().saturating_sub(MOMENTS);
    for (place, moment) in moments.iter().enumerate() {
        if left_out > 0 && place == 1 {
            page.line(&format!("  ... {} more ...", left_out + 1));
        }
        if left_out == 0 || place == 0 || place > left_out + 1 {
            page.line(&moment_line(moment));
        }
    }
}

fn moment_line(moment: &Moment) -> String {
    let used = cell(moment.usage_bytes.map(|bytes| bytes as f64));
    let level = moment.level.map_or("", |level| level.as_str());
    let times =
        if moment.count > 1 { format!(" (the last of {})", moment.count) } else { String::new() };
    let (at, words) = (time_of_day(moment.timestamp), plain(&moment.words));
    format!("  {at}  {level:8} {used:>10}  {words}{times}")
}

fn damage(page: &mut Page, damage: &[String]) {
    if damage.is_empty() {
        return;
    }
    page.line("could not be read");
    for told in damage.iter().take(DAMAGE) {
        page.line(&format!("  {}", plain(told)));
    }
    if damage.len() > DAMAGE {
        page.line(&format!("  and {} more", damage.len() - DAMAGE));
    }
}
