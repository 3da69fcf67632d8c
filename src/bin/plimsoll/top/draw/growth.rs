//! Where it is going: growth by every window, time to budget, and what was given so far.

use super::theme::Theme;
use crate::print::{count, size, text};
use crate::status::{evictions, growth, leak, thresholds, to_budget};
use crate::top::view::View;
use ratatui::text::{Line, Span};
use serde_json::Value;

pub(super) fn lines(view: &View, theme: Theme) -> Vec<Line<'static>> {
    let (status, snapshot) = (&view.status, &view.status["snapshot"]);
    let fact = |name: &str, words: String| {
        Line::from(vec![Span::styled(format!("{name:10}"), theme.heading()), words.into()])
    };
    let heap = format!(
        "{} live in {} objects",
        size(&snapshot["live_bytes"]),
        count(&snapshot["live_objects"])
    );
    let mut lines = vec![
        fact("heap", heap),
        fact("growth", growth(&status["forecast"])),
        fact("to budget", to_budget(&status["forecast"]["time_to_budget"])),
    ];
    lines.push(fact("leak", leak(&status["leak"])));
    lines.push(fact("evicted", evictions(&status["evictions"])));
    lines.push(fact("levels", thresholds(&status["thresholds"])));
    lines.push(fact("budget", text(&status["budget"]["provenance"])));
    lines
}

/// As [`lines`], and every window of the forecast.
pub(super) fn all(view: &View, theme: Theme) -> Vec<Line<'static>> {
    let windows = windows(&view.status["forecast"]).into_iter().map(Line::raw);
    lines(view, theme).into_iter().chain(windows).collect()
}

fn windows(forecast: &Value) -> Vec<String> {
    let names = [("ten_seconds", "10 s"), ("minute", "60 s"), ("five_minutes", "5 min")];
    let known = names.into_iter().filter(|(name, _)| forecast[*name].is_object());
    let words = |(name, over): (&str, &str)| {
        let trend = &forecast[name];
        let rate = |figure: &str| &trend[figure]["likely"];
        let (used, live) = (rate("usage_bytes_per_sec"), rate("live_bytes_per_sec"));
        let objects = count(rate("live_objects_per_sec"));
        let (used, live, points) = (size(used), size(live), count(&trend["points"]));
        let over = format!("over {over}");
        format!("{over:10}used {used}/s, live {live}/s, {objects} objects/s, of {points} points")
    };
    known.map(words).collect()
}
