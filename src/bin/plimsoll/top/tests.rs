//! The view over a recorded process, as text; every key; every size.

use super::draw;
use super::heard::Heard;
use super::keys::Wish;
use super::profile::Act;
use super::tab::Tab;
use super::view::{Note, View};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cli/golden").join(name)
}

fn recorded(name: &str) -> Value {
    let text = std::fs::read_to_string(file(name)).expect("a recorded answer");
    serde_json::from_str(&text).expect("JSON")
}

/// A process under pressure, as it once answered.
fn view() -> View {
    let mut view = View::new(false);
    let column = |of: fn(u32) -> f64| (0..40).map(of).collect::<Vec<_>>();
    let figures = json!({
        "timestamp": column(|second| 1_795_861_774.0 + f64::from(second)),
        "usage_bytes": column(|second| 8e6 + 430e3 * f64::from(second)),
        "live_bytes": column(|second| 6e6 + 350e3 * f64::from(second)),
    });
    view.hear(Heard::Status(recorded("status.json")));
    view.hear(Heard::History(json!({ "figures": figures })));
    view.hear(Heard::Events(recorded("events.json")));
    view.hear(Heard::Profile(Err("this process offers no heap profile".into())));
    view
}

fn press(view: &mut View, key: KeyCode) -> Wish {
    view.hear(Heard::Key(KeyEvent::new(key, KeyModifiers::NONE)))
}

fn type_in(view: &mut View, text: &str) {
    text.chars().for_each(|c| assert_eq!(press(view, KeyCode::Char(c)), Wish::Nothing));
}

fn screen(view: &View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a backend");
    terminal.draw(|frame| draw::all(frame, view)).expect("a picture");
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

/// After a change that is meant, `GOLDEN=write cargo test --features cli --bin plimsoll` writes them anew.
#[track_caller]
fn check(name: &str, found: &str) {
    if std::env::var("GOLDEN").is_ok_and(|wish| wish == "write") {
        std::fs::write(file(name), found).expect("a written file");
    }
    assert_eq!(found, std::fs::read_to_string(file(name)).expect("a golden file"), "{name}");
}

#[test]
fn the_picture_of_a_recorded_process() {
    check("top_120x36.txt", &screen(&view(), 120, 36));
    check("top_80x24.txt", &screen(&view(), 80, 24));
    check("top_40x10.txt", &screen(&view(), 40, 10));
}

#[test]
fn every_tab_of_it() {
    let mut view = view();
    let tabs = Tab::ALL.map(|tab| {
        view.turn_to(tab);
        screen(&view, 72, 16)
    });
    check("top_tabs.txt", &tabs.join("-----\n"));
}

#[test]
fn who_holds_it_is_told_by_function_and_whether_it_leaks() {
    let mut view = view();
    let estimate = |value: f64| json!({"value": value, "standard_error": value / 10.0});
    let held = |name: &str, via: Option<&str>, mib: f64| {
        json!({"name": name, "via": via, "live_bytes": estimate(mib * 1_048_576.0),
            "live_objects": estimate(12345.4)})
    };
    let remember = "service::sessions::remember";
    let functions = json!([held(remember, None, 44.0), held("service::gone", None, 0.0)]);
    // Stacks that differ further out.
    let json = held(remember, Some("serde_json::from_slice"), 20.0);
    let sites = json!([json, json, held(remember, None, 4.0)]);
    let profile = json!({"is_running": true, "mean_bytes": 524_288, "functions": functions,
        "sites": sites});
    view.hear(Heard::Profile(Ok(profile)));
    let leak = json!({"verdict": "confirmed", "growth_bytes": 41_943_040, "span_secs": 40.0,
        "sites": [{"name": "service::sessions::remember"}]});
    view.status["leak"] = leak;
    let overview = screen(&view, 120, 36);
    assert!(overview.contains("44.0 MiB  4.4 MiB   12 345  sessions::remember"), "{overview}");
    assert!(overview.contains("leak      confirmed, 40.0 MiB in 40 s"), "{overview}");
    view.turn_to(Tab::Profile);
    let whole = screen(&view, 80, 24);
    assert_eq!(whole.matches(remember).count(), 1, "{whole}");
    assert!(whole.contains("40.0 MiB            24 691    via serde_json::from_slice"), "{whole}");
    assert!(!whole.contains("gone"), "{whole}");
}

#[test]
fn no_size_is_too_small() {
    let mut view = view();
    let widths = [0, 1, 2, 3, 7, 12, 20, 30, 40, 41, 83, 84, 85, 130];
    for (width, height) in widths.iter().flat_map(|w| (0..26).map(|h| (*w, h))) {
        for tab in Tab::ALL {
            view.turn_to(tab);
            screen(&view, width, height);
        }
        view.dialog = Some(super::dialog::Dialog::Help);
        screen(&view, width, height);
        view.dialog = None;
    }
}

#[test]
fn what_is_unknown_is_told_and_nothing_is_made_up() {
    let empty = screen(&View::new(true), 100, 30);
    assert!(empty.contains("unknown") && !empty.contains("0.0 %"), "{empty}");
}

#[test]
fn nothing_that_a_terminal_would_obey_is_drawn() {
    let mut view = view();
    let mut status = view.status.clone();
    status["process"]["name"] = json!("a\u{1b}[2Jb\u{9b}31m");
    status["caches"][0]["name"] = json!("c\u{1b}]0;owned\u{7}\r\n");
    status["budget"]["provenance"] = json!("\u{1b}c");
    view.hear(Heard::Status(status));
    view.hear(Heard::Lost("gone\u{1b}[2J".into()));
    let live = json!({"value": 1, "standard_error": 1});
    let held = json!({"name": "\u{1b}[31mred", "via": "\u{9b}31m", "live_bytes": live});
    view.hear(Heard::Profile(Ok(json!({"functions": [held], "sites": [held]}))));
    for tab in Tab::ALL {
        view.turn_to(tab);
        let drawn = screen(&view, 120, 40);
        assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn:?}");
    }
}

#[test]
fn an_eviction_is_asked_twice_before_it_is_wished() {
    let mut view = view();
    assert_eq!(press(&mut view, KeyCode::Char('e')), Wish::Nothing);
    assert!(screen(&view, 80, 24).contains("How much"));
    (0..8).for_each(|_| assert_eq!(press(&mut view, KeyCode::Backspace), Wish::Nothing));
    assert_eq!(press(&mut view, KeyCode::Enter), Wish::Nothing, "nothing is no size");
    assert!(matches!(&view.note, Some(Note::Bad(words)) if words.contains("64MiB")));
    type_in(&mut view, "2MiB");
    assert_eq!(press(&mut view, KeyCode::Enter), Wish::Plan(2 << 20));
    let plan = json!({"asks": [{"cache": "projects", "bytes": 2 << 20}]});
    view.hear(Heard::Plan { bytes: 2 << 20, plan });
    assert!(screen(&view, 80, 24).contains("2.0 MiB of projects"));
    assert_eq!(press(&mut view, KeyCode::Enter), Wish::Nothing, "Enter is no yes");
    assert_eq!(press(&mut view, KeyCode::Char('y')), Wish::Evict(2 << 20));
    view.hear(Heard::Done(Ok("freed 2.1 MiB of 2.0 MiB".into())));
    assert!(screen(&view, 80, 24).contains("freed 2.1 MiB"));
}

#[test]
fn esc_leaves_every_question() {
    let mut view = view();
    for key in ['e', 'p', '?'] {
        press(&mut view, KeyCode::Char(key));
        assert!(view.dialog.is_some(), "{key}");
        assert_eq!(press(&mut view, KeyCode::Esc), Wish::Nothing);
        assert!(view.dialog.is_none(), "{key}");
    }
    view.hear(Heard::Plan { bytes: 1, plan: Value::Null });
    assert_eq!(press(&mut view, KeyCode::Esc), Wish::Nothing);
    assert!(view.dialog.is_none());
}

#[test]
fn where_nothing_may_be_changed_it_is_said_why() {
    let mut view = view();
    view.status["surfaces"]["actions"] = json!(false);
    assert_eq!(press(&mut view, KeyCode::Char('e')), Wish::Nothing);
    assert!(view.dialog.is_none());
    assert!(screen(&view, 80, 24).contains("PLIMSOLL_HTTP_ACTIONS=on"));
    press(&mut view, KeyCode::Char('p'));
    assert_eq!(press(&mut view, KeyCode::Char('s')), Wish::Nothing, "not started");
    press(&mut view, KeyCode::Char('p'));
    assert_eq!(press(&mut view, KeyCode::Char('t')), Wish::Profile(Act::Take));
    assert_eq!(view.tab, Tab::Profile);
}

#[test]
fn keys_turn_and_scroll_and_end() {
    let mut view = view();
    for (key, tab) in [
        (KeyCode::Tab, Tab::Growth),
        (KeyCode::Right, Tab::Ledger),
        (KeyCode::Left, Tab::Growth),
        (KeyCode::Char('5'), Tab::Events),
        (KeyCode::Char('9'), Tab::Events),
    ] {
        assert_eq!(press(&mut view, key), Wish::Nothing);
        assert_eq!(view.tab, tab, "{key:?}");
    }
    let events = view.events.len();
    (0..100).for_each(|_| assert_eq!(press(&mut view, KeyCode::PageDown), Wish::Nothing));
    assert_eq!(view.scroll, events - 1, "the last line stays in sight");
    press(&mut view, KeyCode::Up);
    assert_eq!(view.scroll, events - 2);
    assert_eq!(press(&mut view, KeyCode::Char('r')), Wish::Look);
    assert_eq!(press(&mut view, KeyCode::Char('q')), Wish::Quit);
    let stop = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    press(&mut view, KeyCode::Char('e'));
    assert_eq!(view.hear(Heard::Key(stop)), Wish::Quit, "in a question too");
}

#[test]
fn a_lost_process_keeps_its_last_figures_and_another_run_begins_anew() {
    let mut view = view();
    view.hear(Heard::Lost("http://127.0.0.1:1 cannot be reached".into()));
    let drawn = screen(&view, 100, 30);
    assert!(drawn.contains("LOST") && drawn.contains("24.3 MiB of 32.0 MiB"), "{drawn}");
    press(&mut view, KeyCode::Char('e'));
    assert!(screen(&view, 100, 30).contains("does not answer") && view.dialog.is_none());
    let mut again = view.status.clone();
    again["process"]["run"] = json!("another");
    view.hear(Heard::Status(again));
    assert!(!screen(&view, 100, 30).contains("LOST"));
    assert!(view.events.is_empty() && view.used.points().len() == 1);
}
