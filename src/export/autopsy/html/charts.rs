//! Which charts there are: what was used of the budget, and who held the live bytes.

use super::chart::{Chart, Figure, Form, Points};
use super::marks::Marks;
use crate::export::autopsy::Autopsy;
use crate::recorder::TimePoint;

pub(super) fn all(autopsy: &Autopsy, marks: &Marks) -> String {
    let points = &autopsy.points;
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return "<p class=\"none\">The file has no time line.</p>\n".into();
    };
    let chart = |title, figures| Chart {
        title,
        figures,
        from: first.timestamp,
        to: last.timestamp.max(autopsy.last_seen.unwrap_or(0.0)),
    };
    let charts =
        [chart("Used of the budget", used(points)), chart("Who held the live bytes", held(points))];
    let drawn: String = charts.iter().map(|chart| chart.html(marks)).collect();
    format!("<section class=\"charts\">\n{drawn}</section>\n")
}

fn figure(
    name: &'static str,
    class: &'static str,
    form: Form,
    points: &[TimePoint],
    of: impl Fn(&TimePoint) -> Option<u64>,
) -> Figure {
    Figure { name, class, form, points: series(points, of), floor: None }
}

fn series(points: &[TimePoint], of: impl Fn(&TimePoint) -> Option<u64>) -> Points {
    points.iter().map(|point| (point.timestamp, of(point).map(|bytes| bytes as f64))).collect()
}

fn used(points: &[TimePoint]) -> Vec<Figure> {
    vec![
        figure("used", "usage", Form::Area, points, |point| point.usage_bytes),
        figure("rss", "rss", Form::Line, points, |point| point.process_rss_bytes),
        figure("budget", "budget", Form::Dashed, points, |point| point.budget_bytes),
    ]
}

/// One on the other: what caches said they held, and all that is live.
fn held(points: &[TimePoint]) -> Vec<Figure> {
    let caches = |point: &TimePoint| point.live_bytes.map(|_| point.caches_bytes.unwrap_or(0));
    let rest = figure("in no cache", "live", Form::Area, points, |point| point.live_bytes);
    vec![
        Figure { floor: Some(series(points, caches)), ..rest },
        figure("in caches", "caches", Form::Area, points, caches),
    ]
}
