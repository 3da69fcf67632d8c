//! The view on a terminal of any size: a line of what it is, a gauge, what was turned to, and a line of keys.

mod caches;
mod chart;
mod dialog;
mod events;
mod functions;
mod gauge;
mod growth;
mod head;
mod ledger;
mod panel;
mod theme;

use super::tab::Tab;
use super::view::View;
use panel::Panel;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use theme::Theme;

/// From so many columns on, panels stand side by side.
const TWO_COLUMNS: u16 = 84;

pub(super) fn all(frame: &mut Frame<'_>, view: &View) {
    let theme = Theme::new(view.colour);
    let rows = [1, 1, 1].map(Constraint::Length);
    let rows = rows.into_iter().chain([Constraint::Fill(1), Constraint::Length(1)]);
    let areas = Layout::vertical(rows).split(frame.area());
    let [title, level, tabs, body, foot] = *areas else { return };
    head::title(frame, title, view, theme);
    gauge::draw(frame, level, view, theme);
    head::tabs(frame, tabs, view, theme);
    head::foot(frame, foot, view, theme);
    match view.tab {
        Tab::Overview if body.width >= TWO_COLUMNS => wide(frame, body, view, theme),
        Tab::Overview => stack(frame, body, &narrow(view, body.height), view, theme),
        tab => alone(frame, body, tab, view, theme),
    }
    dialog::draw(frame, view, theme);
}

/// Everything at once.
fn wide(frame: &mut Frame<'_>, body: Rect, view: &View, theme: Theme) {
    let (events, rest) = (body.height / 4, Constraint::Fill(1));
    let [top, bottom] = Layout::vertical([rest, Constraint::Length(events)]).areas(body);
    let halves = Layout::horizontal([Constraint::Fill(1); 2]).spacing(2);
    let [left, right] = halves.areas(top);
    let chart = left.height.saturating_sub(wanted(Panel::Ledger, view)).max(7);
    stack(frame, left, &[(Panel::Chart, chart), (Panel::Ledger, u16::MAX)], view, theme);
    let of = |panel| (panel, wanted(panel, view));
    let panels = [of(Panel::Growth), of(Panel::Caches), (Panel::TopFunctions, u16::MAX)];
    stack(frame, right, &panels, view, theme);
    stack(frame, bottom, &[(Panel::Events, u16::MAX)], view, theme);
}

/// What matters most comes first; the rest is behind the other tabs.
fn narrow(view: &View, height: u16) -> [(Panel, u16); 4] {
    let of = |panel| (panel, wanted(panel, view));
    let chart = (height / 3).clamp(3, 8);
    [(Panel::Chart, chart), of(Panel::Growth), of(Panel::Caches), (Panel::Events, u16::MAX)]
}

/// Its lines, and one for its name.
fn wanted(panel: Panel, view: &View) -> u16 {
    u16::try_from(panel.lines(view).len() + 1).unwrap_or(u16::MAX)
}

/// One under the other, each as high as it wants, while there is room for two lines of it.
fn stack(frame: &mut Frame<'_>, area: Rect, panels: &[(Panel, u16)], view: &View, theme: Theme) {
    let mut left = area;
    for (panel, wanted) in panels {
        let height = left.height.min(*wanted);
        if height < 2 {
            continue;
        }
        panel.draw(frame, Rect { height, ..left }, view, theme, 0);
        left = Rect { y: left.y + height, height: left.height - height, ..left };
    }
}

fn alone(frame: &mut Frame<'_>, body: Rect, tab: Tab, view: &View, theme: Theme) {
    let mut area = body;
    if tab == Tab::Growth && body.height >= 8 {
        let least = body.height / 2;
        let height = body.height.saturating_sub(wanted(Panel::Windows, view)).max(least);
        let chart = Rect { height, ..body };
        Panel::Chart.draw(frame, chart, view, theme, 0);
        area = Rect { y: body.y + chart.height, height: body.height - chart.height, ..body };
    }
    Panel::of(tab).draw(frame, area, view, theme, view.scroll);
}

/// How many lines the tab has that may be scrolled.
pub(super) fn lines_of(view: &View) -> usize {
    if view.tab == Tab::Overview { 0 } else { Panel::of(view.tab).lines(view).len() }
}
