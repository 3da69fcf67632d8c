//! What came from elsewhere, as text of a page or a picture and nothing else.

/// Neither tags nor the end of an attribute, and no character that is not seen: XML has no way to say controls.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if is_unseen(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What a terminal or a browser obeys instead of showing it: controls, and marks that turn the direction of what follows.
pub(super) fn is_unseen(c: char) -> bool {
    let is_turning = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || is_turning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_markup() {
        let hostile = "<script>alert('x')</script>\" onload=\"a&b\u{1b}[2J\u{202e}";
        let escaped = escape(hostile);
        assert!(!escaped.contains(['<', '>', '"', '\'', '\u{1b}', '\u{202e}']), "{escaped}");
        assert!(escaped.contains("&lt;script&gt;") && escaped.contains("a&amp;b"));
    }
}
