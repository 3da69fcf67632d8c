//! `Panel`: one matter, under its name, as lines; or drawn.

use super::theme::Theme;
use super::{caches, chart, events, functions, growth, ledger};
use crate::top::tab::Tab;
use crate::top::view::View;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Chart,
    Growth,
    /// Growth, with every window of the forecast.
    Windows,
    Ledger,
    Caches,
    /// Of the heap profile, with what they allocated through.
    Functions,
    /// Those alone, by their last names.
    TopFunctions,
    Events,
}

impl Panel {
    /// Whose lines a tab has.
    pub(super) const fn of(tab: Tab) -> Self {
        match tab {
            Tab::Overview => Panel::Growth,
            Tab::Growth => Panel::Windows,
            Tab::Ledger => Panel::Ledger,
            Tab::Caches => Panel::Caches,
            Tab::Events => Panel::Events,
            Tab::Profile => Panel::Functions,
        }
    }

    fn name(self, view: &View) -> String {
        match self {
            Panel::Chart => chart::name(view),
            Panel::Growth | Panel::Windows => "growth".into(),
            Panel::Ledger => "ledger".into(),
            Panel::Caches => "caches".into(),
            Panel::Functions | Panel::TopFunctions => functions::name(view),
            Panel::Events => "events, newest first".into(),
        }
    }

    pub(super) fn lines(self, view: &View) -> Vec<Line<'static>> {
        let theme = Theme::new(view.colour);
        match self {
            Panel::Chart => Vec::new(),
            Panel::Growth => growth::lines(view, theme),
            Panel::Windows => growth::all(view, theme),
            Panel::Ledger => ledger::lines(view, theme),
            Panel::Caches => caches::lines(view, theme),
            Panel::Functions => functions::lines(view, theme),
            Panel::TopFunctions => functions::short(view, theme),
            Panel::Events => events::lines(view, theme),
        }
    }

    pub(super) fn draw(
        self,
        frame: &mut Frame<'_>,
        area: Rect,
        view: &View,
        theme: Theme,
        scroll: usize,
    ) {
        let title = Line::styled(format!(" {} ", self.name(view)), theme.heading());
        let block = Block::new().borders(Borders::TOP).border_style(theme.quiet()).title(title);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        if self == Panel::Chart {
            chart::draw(frame, inner, view, theme);
            return;
        }
        let shown: Vec<_> =
            self.lines(view).into_iter().skip(scroll).take(inner.height.into()).collect();
        frame.render_widget(Paragraph::new(shown), inner);
    }
}
