//! What happened, newest first.

use super::theme::Theme;
use crate::events;
use crate::print::{Out, moment, text};
use crate::top::view::View;
use ratatui::text::{Line, Span};
use serde_json::Value;

pub(super) fn lines(view: &View, theme: Theme) -> Vec<Line<'static>> {
    if view.events.is_empty() {
        return vec![Line::styled("nothing yet", theme.quiet())];
    }
    view.events.iter().map(|event| line(event, theme)).collect()
}

/// As `events` shows it, with the time of day alone.
fn line(event: &Value, theme: Theme) -> Line<'static> {
    let day = moment(&event["timestamp"]).len().min("2026-11-28T".len());
    let said = events::line(event, &Out { colour: false });
    let said = said.get(day..).unwrap_or(&said).to_owned();
    Line::from(Span::styled(said, theme.word(&text(&event["level"]))))
}
