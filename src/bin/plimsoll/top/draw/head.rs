//! The lines above and below: whose figures they are, the tabs, and the keys or what was just said.

use super::theme::Theme;
use crate::print::{plain, span, text};
use crate::top::tab::Tab;
use crate::top::view::{Note, View};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

const KEYS: &str = "q quit  tab turn  e evict  p profile  ? help";

pub(super) fn title(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let process = &view.status["process"];
    let (name, pid) = (text(&process["name"]), plain(&process["pid"].to_string()));
    let mut line = Line::from(vec![Span::styled(name, theme.heading()), format!(" {pid}").into()]);
    if let Some(why) = &view.lost {
        line.push_span("  ");
        let words = format!("LOST, waiting for it: {}", plain(why));
        line.push_span(Span::styled(words, theme.bad()));
    } else {
        line.push_span(format!("  up {}", span(&process["uptime_seconds"])));
        let version = format!("  plimsoll {}", text(&process["plimsoll_version"]));
        line.push_span(Span::styled(version, theme.quiet()));
    }
    if view.status["monitor_running"] == false {
        line.push_span(Span::styled("  MONITOR STOPPED", theme.bad()));
    }
    frame.render_widget(line, area);
}

/// By name where there is room, else by number, so that all are seen.
pub(super) fn tabs(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let named = |tab: &Tab| format!(" {} {} ", tab.place() + 1, tab.name());
    let numbered = |tab: &Tab| match *tab == view.tab {
        true => named(tab),
        false => format!(" {} ", tab.place() + 1),
    };
    let long: usize = Tab::ALL.iter().map(|tab| named(tab).len()).sum();
    let fits = long <= usize::from(area.width);
    let span = |tab: &Tab| {
        let style = if *tab == view.tab { theme.chosen() } else { theme.quiet() };
        Span::styled(if fits { named(tab) } else { numbered(tab) }, style)
    };
    frame.render_widget(Line::from_iter(Tab::ALL.iter().map(span)), area);
}

pub(super) fn foot(frame: &mut Frame<'_>, area: Rect, view: &View, theme: Theme) {
    let line = match &view.note {
        Some(Note::Good(words)) => Line::styled(plain(words), theme.good()),
        Some(Note::Bad(words)) => Line::styled(plain(words), theme.bad()),
        None => Line::styled(KEYS, theme.quiet()),
    };
    frame.render_widget(line, area);
}
