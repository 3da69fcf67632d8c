//! Tables in Markdown, and numbers in words.

use serde_json::Value;

/// A table: the heads, then the rows.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let rule: Vec<String> = (0..heads.len()).map(|column| side(rows, column).to_owned()).collect();
    let rows: String = rows.iter().map(|row| line(row)).collect();
    line(&heads) + &line(&rule) + &rows
}

/// Numbers to the right, words to the left.
fn side(rows: &[Vec<String>], column: usize) -> &'static str {
    let cell = rows.first().and_then(|row| row.get(column));
    let is_number = cell.is_some_and(|cell| cell.starts_with(|c: char| c.is_ascii_digit()));
    if is_number { "---:" } else { "---" }
}

/// A figure with three digits or so; `?` where it is unknown.
pub(crate) fn short(value: &Value) -> String {
    match value.as_f64() {
        None => "?".to_owned(),
        Some(number) if number.abs() >= 10_000.0 => thousands(number),
        Some(number) if number.abs() >= 100.0 => format!("{number:.0}"),
        Some(number) if number.abs() >= 10.0 => format!("{number:.1}"),
        Some(number) => format!("{number:.2}"),
    }
}

/// Groups of three digits, a space between them.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// Nanoseconds as microseconds.
pub(crate) fn micros(nanos: &Value) -> String {
    short(&nanos.as_f64().map(|nanos| nanos / 1000.0).into())
}

/// Text of a field; empty where there is none.
pub(crate) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The rows of a field; none where there are none.
pub(crate) fn rows<'a>(document: &'a Value, field: &str) -> &'a [Value] {
    document.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
