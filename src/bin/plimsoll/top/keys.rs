//! What a key does: a change of the view, or a wish that the process is asked for.

use super::dialog::{Dialog, MOST_TYPED, NOT_ALLOWED};
use super::profile::Act;
use super::tab::Tab;
use super::view::{Note, View};
use bytesize::ByteSize;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What is to be done besides drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Quit,
    /// Ask for everything now.
    Look,
    /// What an eviction of so many bytes would ask.
    Plan(u64),
    Evict(u64),
    Profile(Act),
}

pub(super) fn press(view: &mut View, key: KeyEvent) -> Wish {
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return Wish::Quit;
    }
    match view.dialog.take() {
        None => plainly(view, key.code),
        Some(Dialog::Help) => Wish::Nothing,
        Some(Dialog::Amount(typed)) => typing(view, typed, key.code),
        Some(Dialog::Confirm { bytes, plan }) => confirming(view, bytes, plan, key.code),
        Some(Dialog::Profile { may_act }) => profiling(view, may_act, key.code),
    }
}

fn plainly(view: &mut View, key: KeyCode) -> Wish {
    view.note = None;
    match key {
        KeyCode::Char('q') => return Wish::Quit,
        KeyCode::Char('r') => return Wish::Look,
        KeyCode::Char('?' | 'h') => view.dialog = Some(Dialog::Help),
        KeyCode::Char('e') => ask_how_much(view),
        KeyCode::Char('p') => view.dialog = Some(Dialog::Profile { may_act: view.may_act() }),
        KeyCode::Char(number) => {
            if let Some(tab) = Tab::numbered(number) {
                view.turn_to(tab);
            }
        }
        KeyCode::Tab | KeyCode::Right => view.turn_to(view.tab.step(1)),
        KeyCode::BackTab | KeyCode::Left => view.turn_to(view.tab.step(Tab::ALL.len() - 1)),
        KeyCode::Down => view.scroll_by(1),
        KeyCode::Up => view.scroll_by(-1),
        KeyCode::PageDown => view.scroll_by(10),
        KeyCode::PageUp => view.scroll_by(-10),
        KeyCode::Home => view.scroll = 0,
        _ => {}
    }
    Wish::Nothing
}

fn ask_how_much(view: &mut View) {
    if view.lost.is_some() {
        view.note = Some(Note::Bad("the process does not answer".into()));
    } else if view.may_act() {
        view.dialog = Some(Dialog::Amount(view.sensible_amount()));
    } else {
        view.note = Some(Note::Bad(format!("evictions are {NOT_ALLOWED}")));
    }
}

fn typing(view: &mut View, mut typed: String, key: KeyCode) -> Wish {
    match key {
        KeyCode::Esc => return Wish::Nothing,
        KeyCode::Enter => {
            if let Some(bytes) = amount(&typed) {
                return Wish::Plan(bytes);
            }
            view.note = Some(Note::Bad(format!("{typed:?} is no size: 64MiB, 1GiB")));
        }
        KeyCode::Backspace => {
            typed.pop();
        }
        KeyCode::Char(c) if is_of_a_size(c) && typed.len() < MOST_TYPED => typed.push(c),
        _ => {}
    }
    view.dialog = Some(Dialog::Amount(typed));
    Wish::Nothing
}

const fn is_of_a_size(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '.'
}

fn amount(typed: &str) -> Option<u64> {
    typed.parse::<ByteSize>().ok().map(|size| size.as_u64()).filter(|bytes| *bytes > 0)
}

fn confirming(view: &mut View, bytes: u64, plan: serde_json::Value, key: KeyCode) -> Wish {
    match key {
        KeyCode::Char('y') => {
            view.note = Some(Note::Good("the caches are asked".into()));
            return Wish::Evict(bytes);
        }
        KeyCode::Esc | KeyCode::Char('n' | 'q') => {}
        // Neither yes nor no: it stays asked.
        _ => view.dialog = Some(Dialog::Confirm { bytes, plan }),
    }
    Wish::Nothing
}

fn profiling(view: &mut View, may_act: bool, key: KeyCode) -> Wish {
    let act = match key {
        KeyCode::Char('t') => Act::Take,
        KeyCode::Char('s') if may_act => Act::Start,
        KeyCode::Char('x') if may_act => Act::Stop,
        _ => return Wish::Nothing,
    };
    view.turn_to(Tab::Profile);
    Wish::Profile(act)
}
