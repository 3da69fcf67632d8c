//! The heap profile's top functions: who allocated what is live, and through what.

use super::theme::Theme;
use crate::print::{Table, bytes, count, items, plain, size};
use crate::top::profile::Profile;
use crate::top::view::View;
use ratatui::text::Line;
use serde_json::Value;
use std::collections::BTreeMap;

/// So many ways a function.
const MOST_WAYS: usize = 3;

pub(super) fn name(view: &View) -> String {
    match &view.profile {
        Profile::Known(profile) if profile["is_running"] == false => {
            "heap profile: off, p starts it".into()
        }
        Profile::Known(profile) => {
            format!("heap profile, a sample in {}", size(&profile["mean_bytes"]))
        }
        _ => "heap profile".into(),
    }
}

/// By their last names, for where there is little room.
pub(super) fn short(view: &View, theme: Theme) -> Vec<Line<'static>> {
    told(view, theme, |table, function, _| table.row(row(function, last_names(&name_of(function)))))
}

/// Each with the libraries' functions that allocated for it.
pub(super) fn lines(view: &View, theme: Theme) -> Vec<Line<'static>> {
    told(view, theme, |table, function, sites| {
        table.row(row(function, name_of(function)));
        ways(function, sites).for_each(|way| table.row(way));
    })
}

fn told(view: &View, theme: Theme, tell: fn(&mut Table, &Value, &[Value])) -> Vec<Line<'static>> {
    let profile = match &view.profile {
        Profile::Known(profile) => profile,
        Profile::None(why) => return vec![Line::styled(plain(why), theme.quiet())],
        Profile::Unknown => return vec![Line::styled("not asked yet", theme.quiet())],
    };
    let held: Vec<_> =
        items(&profile["functions"]).iter().filter(|of| value(&of["live_bytes"]) > 0.0).collect();
    if held.is_empty() {
        return vec![Line::styled("no samples yet", theme.quiet())];
    }
    let mut table = Table::new(">>><");
    table.row(["live", "+-", "objects", "by"]);
    held.iter().for_each(|function| tell(&mut table, function, items(&profile["sites"])));
    let mut lines: Vec<_> = table.lines(0).lines().map(|line| Line::raw(line.to_owned())).collect();
    if let Some(head) = lines.first_mut() {
        *head = std::mem::take(head).style(theme.quiet());
    }
    lines
}

fn value(estimate: &Value) -> f64 {
    estimate["value"].as_f64().unwrap_or(f64::NAN)
}

fn name_of(of: &Value) -> String {
    of["name"].as_str().map(plain).unwrap_or_default()
}

fn row(of: &Value, name: String) -> [String; 4] {
    let (live, objects) = (&of["live_bytes"], value(&of["live_objects"]).round() as i64);
    let error = live["standard_error"].as_f64().map_or_else(String::new, bytes);
    [bytes(value(live)), error, count(&serde_json::json!(objects)), name]
}

/// What a function's largest sites allocated through, the most first. Without an error: only the largest sites are known.
fn ways(function: &Value, sites: &[Value]) -> impl Iterator<Item = [String; 4]> {
    let mut by_way: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for site in sites.iter().filter(|site| site["name"] == function["name"]) {
        let Some(via) = site["via"].as_str() else { continue };
        let (live, objects) = by_way.entry(via).or_default();
        *live += value(&site["live_bytes"]);
        *objects += value(&site["live_objects"]);
    }
    let mut ways: Vec<_> = by_way.into_iter().collect();
    ways.sort_by(|(_, a), (_, b)| b.0.total_cmp(&a.0));
    ways.into_iter().take(MOST_WAYS).map(|(via, (live, objects))| {
        let objects = count(&serde_json::json!(objects.round() as i64));
        [bytes(live), String::new(), objects, format!("  via {}", plain(via))]
    })
}

/// `service::remember`; one with type parameters is left as it is.
fn last_names(name: &str) -> String {
    let mut parts = name.rsplitn(3, "::");
    match (parts.next(), parts.next()) {
        (Some(last), Some(before)) if !name.contains('<') => format!("{before}::{last}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_the_end_of_it() {
        assert_eq!(last_names("service::sessions::remember"), "sessions::remember");
        assert_eq!(last_names("main"), "main");
        assert_eq!(last_names("<a::B as c::D>::e"), "<a::B as c::D>::e");
    }
}
