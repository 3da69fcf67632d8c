//! How figures read in a terminal: sizes, counts, times, levels, tables; and the door to stdout.

use super::fault::Fault;
use serde_json::Value;
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// What stands where nothing is known.
pub(crate) const UNKNOWN: &str = "unknown";

/// Where output goes, and whether it may be coloured.
pub(crate) struct Out {
    pub(crate) colour: bool,
}

impl Out {
    /// Colour is for terminals, unless `NO_COLOR` holds anything.
    pub(crate) fn stdout() -> Self {
        let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Out { colour: !asked_not_to && std::io::stdout().is_terminal() }
    }

    /// Writes the text, with a line's end if it has none, and sends it off.
    pub(crate) fn show(&self, text: &str) -> Result<(), Fault> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(tame(text).as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        Ok(stdout.flush()?)
    }

    /// As [`Out::show`]: `code` is what was found or done, though nobody should read of it.
    pub(crate) fn show_with(&self, text: &str, code: u8) -> Result<u8, Fault> {
        match self.show(text) {
            Ok(()) | Err(Fault::Closed) => Ok(code),
            Err(fault) => Err(fault),
        }
    }

    /// A level, a status or a severity in its colour.
    pub(crate) fn word(&self, word: &str) -> String {
        let code = match word {
            "healthy" => "32",
            "caution" | "warning" => "33",
            "critical" | "error" => "1;31",
            _ => return word.to_owned(),
        };
        self.in_colour(word, code)
    }

    pub(crate) fn heading(&self, words: &str) -> String {
        self.in_colour(words, "1")
    }

    fn in_colour(&self, words: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{words}\x1b[0m") } else { words.to_owned() }
    }
}

/// Raw in JSON, and nowhere else here: terminals obey these too. Written so they are the same JSON.
fn tame(text: &str) -> Cow<'_, str> {
    let is_wild = |c: char| ('\u{7f}'..='\u{9f}').contains(&c);
    if !text.contains(is_wild) {
        return Cow::Borrowed(text);
    }
    let tamed = |c| if is_wild(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(tamed).collect()
}

/// What came from elsewhere, without characters that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_turning(c) { '\u{fffd}' } else { c }).collect()
}

/// Marks that turn the direction of what follows them.
fn is_turning(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of the answer; `unknown` where there is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or(UNKNOWN.into(), plain)
}

/// Bytes, in the unit that reads best.
pub(crate) fn size(value: &Value) -> String {
    value.as_f64().map_or(UNKNOWN.into(), bytes)
}

/// From bytes to GiB; may be negative.
pub(crate) fn bytes(bytes: f64) -> String {
    const MIB: f64 = 1_048_576.0;
    match bytes.abs() {
        small if small < 1024.0 => format!("{bytes:.0} B"),
        small if small < MIB => format!("{:.3} MiB", bytes / MIB),
        middle if middle < 1024.0 * MIB => format!("{:.1} MiB", bytes / MIB),
        _ => format!("{:.2} GiB", bytes / MIB / 1024.0),
    }
}

/// A whole number in groups of three, or one with a fraction.
pub(crate) fn count(value: &Value) -> String {
    match (value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)), value.as_f64()) {
        (Some(whole), _) => grouped(whole),
        (None, Some(fraction)) => format!("{fraction:.2}"),
        (None, None) => UNKNOWN.into(),
    }
}

fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let sign = if number < 0 { "-" } else { "" };
    let mut groups = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            groups.push(' ');
        }
        groups.push(digit);
    }
    groups
}

pub(crate) fn percent(value: &Value) -> String {
    value.as_f64().map_or(UNKNOWN.into(), |percent| format!("{percent:.1} %"))
}

/// Seconds, in the two largest units.
pub(crate) fn span(value: &Value) -> String {
    value.as_f64().map_or(UNKNOWN.into(), seconds)
}

fn seconds(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e12) as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match whole {
        _ if seconds < 1.0 => format!("{:.0} ms", seconds.max(0.0) * 1000.0),
        _ if seconds < 10.0 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{minutes} min {} s", whole % 60),
        3600..86_400 => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A moment, in UTC to the second.
pub(crate) fn moment(value: &Value) -> String {
    let epoch = value.as_f64().filter(|epoch| (0.0..1e11).contains(epoch));
    let time = epoch.map(|epoch| std::time::UNIX_EPOCH + Duration::from_secs_f64(epoch));
    time.map_or(UNKNOWN.into(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// A figure as its name says what it counts.
pub(crate) fn figure(name: &str, value: &Value) -> String {
    let per_second = |text: String| match value.is_number() {
        true => format!("{text}/s"),
        false => text,
    };
    match name {
        _ if name.ends_with("_bytes_per_sec") => per_second(size(value)),
        _ if name.ends_with("_per_sec") => per_second(count(value)),
        _ if name.ends_with("_bytes") || name.ends_with("_bytes_total") => size(value),
        _ if name.ends_with("_percent") => percent(value),
        _ if name.ends_with("_secs") || name.ends_with("_seconds") => span(value),
        _ => count(value),
    }
}

/// Those of a list; none of what is no list.
pub(crate) fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// Rows of cells, each column as wide as it must be.
pub(crate) struct Table {
    /// `<` or `>` a column: to the left, to the right.
    sides: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(sides: impl Into<String>) -> Self {
        Table { sides: sides.into(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The rows as lines, indented; nothing stands at their ends.
    pub(crate) fn lines(&self, indent: usize) -> String {
        let widths: Vec<_> =
            (0..self.sides.chars().count()).map(|column| self.width(column)).collect();
        let mut lines = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).zip(self.sides.chars());
            let cells: Vec<_> =
                cells.map(|((cell, width), side)| pad(cell, *width, side)).collect();
            let line = cells.join("  ");
            lines += &format!("{:indent$}{}\n", "", line.trim_end());
        }
        lines
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(|cell| seen(cell)).max().unwrap_or(0)
    }
}

fn pad(cell: &str, width: usize, side: char) -> String {
    let room = " ".repeat(width.saturating_sub(seen(cell)));
    if side == '>' { room + cell } else { cell.to_owned() + &room }
}

/// How many characters are seen of it: none of a colour's code.
fn seen(cell: &str) -> usize {
    let mut in_code = false;
    let is_seen = |c: &char| {
        let was_in_code = in_code;
        in_code = (in_code && *c != 'm') || *c == '\x1b';
        !was_in_code && !in_code
    };
    cell.chars().filter(is_seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_read_as_their_names_say() {
        for (name, value, expected) in [
            ("live_bytes", json!(1_572_864), "1.5 MiB"),
            ("live_bytes", json!(-2048), "-0.002 MiB"),
            ("live_bytes", json!(0), "0 B"),
            ("live_bytes", json!(3_221_225_472_u64), "3.00 GiB"),
            ("live_bytes", Value::Null, "unknown"),
            ("alloc_bytes_total", json!(1_048_576), "1.0 MiB"),
            ("growth_bytes_per_sec", json!(-1_048_576.0), "-1.0 MiB/s"),
            ("growth_bytes_per_sec", Value::Null, "unknown"),
            ("growth_objects_per_sec", json!(1.5), "1.50/s"),
            ("usage_percent", json!(64.44), "64.4 %"),
            ("time_to_budget_secs", json!(9.96), "10.0 s"),
            ("duration_seconds", json!(0.0014), "1 ms"),
            ("time_to_budget_secs", json!(75.0), "1 min 15 s"),
            ("time_to_budget_secs", json!(90_061.0), "1 d 1 h"),
            ("live_objects", json!(1_234_567), "1 234 567"),
            ("live_objects", json!(u64::MAX), "18 446 744 073 709 551 615"),
            ("live_objects", json!(-123), "-123"),
        ] {
            assert_eq!(figure(name, &value), expected, "{name} {value}");
        }
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(moment(&json!(1_790_000_000.5)), "2026-09-21T14:13:20Z");
        assert_eq!(moment(&json!(-1)), "unknown");
    }

    #[test]
    fn columns_keep_their_width_in_colour() {
        for colour in [false, true] {
            let out = Out { colour };
            let mut table = Table::new("<>");
            table.row([out.word("critical"), "1".into()]);
            table.row(["é".to_owned(), "20".into()]);
            let lines = table.lines(1).replace("\x1b[1;31m", "").replace("\x1b[0m", "");
            assert_eq!(lines, " critical   1\n é         20\n");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_passed_on() {
        assert_eq!(text(&json!("a\u{1b}[2Jb\n")), "a\u{fffd}[2Jb\u{fffd}");
    }
}
