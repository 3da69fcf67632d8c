//! Usage and live bytes of the last minutes against the budget.

use super::theme::Theme;
use crate::print::{bytes, size};
use crate::top::view::View;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Sparkline};

/// Less than this and axes would take more than they say.
const LEAST: (u16, u16) = (30, 5);

pub(super) fn name(view: &View) -> String {
    format!("used, live bytes and budget of {}", size(&view.status["budget"]["bytes"]))
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        spark(frame, area, view, theme);
    } else {
        chart(frame, area, view, theme);
    }
}

fn spark(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let points = view.used.points();
    let newest = points.len().saturating_sub(area.width.into());
    let data: Vec<u64> = points.iter().skip(newest).map(|(_, bytes)| *bytes as u64).collect();
    let most = top(view) as u64;
    frame.render_widget(Sparkline::default().data(data).max(most.max(1)).style(theme.used()), area);
}

/// The budget is always in sight.
fn top(view: &View) -> f64 {
    let budget = view.status["budget"]["bytes"].as_f64().unwrap_or(0.0);
    (view.used.most().max(view.live.most()).max(budget) * 1.05).max(1.0)
}

fn chart(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let (used, live) = (view.used.points(), view.live.points());
    let first = used.first().map_or(-1.0, |(time, _)| time.min(-1.0));
    let limit = view.status["budget"]["bytes"].as_f64();
    let limit: Vec<_> = limit.map_or(Vec::new(), |bytes| vec![(first, bytes), (0.0, bytes)]);
    let sets =
        vec![line(&limit, theme.limit()), line(&live, theme.live()), line(&used, theme.used())];
    let most = top(view);
    let chart = Chart::new(sets).x_axis(times(first, theme)).y_axis(sizes(most, theme));
    frame.render_widget(chart.legend_position(None), area);
}

fn line(data: &[(f64, f64)], style: Style) -> Dataset<'_> {
    let set = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line);
    set.style(style).data(data)
}

fn times(first: f64, theme: Theme) -> Axis<'static> {
    let ago = Line::raw(format!("{:.0} s ago", -first));
    let axis = Axis::default().bounds([first, 0.0]).style(theme.quiet());
    axis.labels([ago, Line::raw("now")])
}

fn sizes(most: f64, theme: Theme) -> Axis<'static> {
    let labels = [0.0, most / 2.0, most].map(|part| Line::raw(bytes(part)));
    Axis::default().bounds([0.0, most]).style(theme.quiet()).labels(labels)
}
