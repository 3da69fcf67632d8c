//! How full the budget is, as a bar with its thresholds marked.

use super::theme::Theme;
use crate::print::{percent, size, text};
use crate::top::view::View;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde_json::Value;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let status = &view.status;
    let (level, snapshot) = (text(&status["level"]), &status["snapshot"]);
    let style = theme.word(&level);
    let share = percent(&snapshot["usage_percent"]);
    let (used, budget) = (size(&snapshot["usage_bytes"]), size(&status["budget"]["bytes"]));
    let words = format!("{level} {share} ");
    let after = format!(" {used} of {budget}");
    let taken = words.chars().count() + after.chars().count() + 2;
    let width = usize::from(area.width).saturating_sub(taken);
    let mut line = Line::styled(words, style);
    if width >= 8 {
        let cells = bar(width, snapshot["usage_percent"].as_f64(), &marks(status));
        line.push_span("[");
        line.push_span(Span::styled(cells, style));
        line.push_span("]");
    }
    line.push_span(after);
    frame.render_widget(line, area);
}

fn marks(status: &Value) -> Vec<f64> {
    let thresholds = status["thresholds"].as_array().into_iter().flatten();
    thresholds.filter_map(|threshold| threshold["percent"].as_f64()).collect()
}

/// `█` for what is used, `|` where a threshold is not reached yet.
fn bar(width: usize, percent: Option<f64>, marks: &[f64]) -> String {
    let cell = |percent: f64| (percent.clamp(0.0, 100.0) / 100.0 * width as f64) as usize;
    let used = percent.map_or(0, cell);
    let marked: Vec<_> = marks.iter().map(|mark| cell(*mark)).collect();
    let each = |place: usize| match place {
        _ if place < used => '█',
        _ if marked.contains(&place) => '|',
        _ if percent.is_none() => '?',
        _ => '·',
    };
    (0..width).map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_the_budget() {
        assert_eq!(bar(10, Some(0.0), &[80.0]), "········|·");
        assert_eq!(bar(10, Some(50.0), &[80.0, 93.0]), "█████···||");
        assert_eq!(bar(10, Some(250.0), &[80.0]), "██████████");
        assert_eq!(bar(4, None, &[]), "????");
        assert_eq!(bar(0, Some(50.0), &[80.0]), "");
    }
}
