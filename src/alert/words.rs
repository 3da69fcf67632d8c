//! Summaries: a text with `{names}` in it, and what stands for each.

use serde_json::Value;

/// Puts in what `lookup` says for every name; `unknown` where it says nothing.
pub(super) fn fill(template: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        filled.push_str(&lookup(name).unwrap_or("unknown".into()));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// A figure for people: bytes by their unit, the rest to one decimal at most.
pub(super) fn figure(name: &str, value: f64) -> String {
    let is_bytes = name.contains("bytes") && !name.contains("per") && value >= 0.0;
    if is_bytes {
        return bytesize::ByteSize(value as u64).to_string();
    }
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

/// An event's field for people.
pub(super) fn field(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(figure(name, number.as_f64()?)),
        Value::Array(all) => {
            let words: Vec<_> = all.iter().filter_map(|one| field(name, one)).collect();
            Some(words.join(", "))
        }
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_replaced_and_the_unknown_is_said_to_be() {
        let lookup = |name: &str| (name == "a").then(|| "1".to_owned());
        assert_eq!(fill("{a} of {b}, {", lookup), "1 of unknown, {");
        assert_eq!(fill("{a}{a}", lookup), "11");
    }

    #[test]
    fn figures_are_for_people() {
        assert_eq!(figure("usage_percent", 93.149), "93.1");
        assert_eq!(figure("budget_bytes", 67_108_864.0), "64.0 MiB");
        assert_eq!(figure("growth_bytes_per_sec", 12.0), "12");
        assert_eq!(field("evicted", &json!(["a", "b"])).as_deref(), Some("a, b"));
        assert_eq!(field("grew", &json!(null)), None);
        assert_eq!(field("success", &json!(false)).as_deref(), Some("false"));
    }
}
