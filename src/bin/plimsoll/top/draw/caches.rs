//! Every cache: what it holds, how that has changed in a minute, what it gave.

use super::theme::Theme;
use crate::print::{Table, bytes, count, size, text};
use crate::top::view::View;
use ratatui::text::Line;
use serde_json::Value;

pub(super) fn lines(view: &View, theme: Theme) -> Vec<Line<'static>> {
    let caches = view.status["caches"].as_array().map_or(&[][..], Vec::as_slice);
    if caches.is_empty() {
        return vec![Line::styled("none is registered", theme.quiet())];
    }
    let mut table = Table::new("<>>>>><");
    table.row(["", "holds", "in 60 s", "gave", "ceiling", "strikes", ""]);
    for cache in caches {
        table.row(row(cache, view));
    }
    let mut lines: Vec<_> = table.lines(0).lines().map(|line| Line::raw(line.to_owned())).collect();
    if let Some(head) = lines.first_mut() {
        *head = std::mem::take(head).style(theme.quiet());
    }
    lines
}

fn row(cache: &Value, view: &View) -> [String; 7] {
    let grown = view.caches.grown(cache["name"].as_str().unwrap_or_default());
    let signed = |grown: f64| if grown > 0.0 { format!("+{}", bytes(grown)) } else { bytes(grown) };
    let ceiling = &cache["ceiling_bytes"];
    let note = if cache["quarantined"] == true { "quarantined" } else { "" };
    [
        text(&cache["name"]),
        size(&cache["usage_bytes"]),
        grown.map_or_else(|| "-".into(), signed),
        size(&cache["given_bytes"]),
        if ceiling.is_null() { "none".into() } else { size(ceiling) },
        count(&cache["strikes"]),
        note.into(),
    ]
}
