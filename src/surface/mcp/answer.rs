//! What tools answer: `{success: true, ..., next_step}`, or `{success: false, error, error_type, next_step}`.

use crate::error::Error;
use rmcp::model::CallToolResult;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a tool has found, or why it could not.
pub(super) type Answer = Result<Map<String, Value>, Failure>;

/// A tool that was called rightly and could not do it: the agent is told why, and what to do instead.
#[derive(Debug)]
pub(super) struct Failure(Map<String, Value>);

impl Failure {
    /// `error_type` is one of the original's words, or `request_error` or `permission_error`.
    pub(super) fn new(
        error_type: &str,
        error: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        let (error, next_step): (String, String) = (error.into(), next_step.into());
        let json = json!({ "error": error, "error_type": error_type, "next_step": next_step });
        Failure(object(json))
    }

    /// An argument of the right kind that makes no sense.
    pub(super) fn argument(name: &str, given: impl std::fmt::Display, expected: &str) -> Self {
        let error = format!("{name} of {given}: must be {expected}");
        Failure::new("request_error", error, format!("call again with {name} {expected}"))
    }

    pub(super) fn of(error: &Error, next_step: &str) -> Self {
        let mut json = object(error.to_json());
        json.insert("next_step".into(), next_step.into());
        Failure(json)
    }
}

/// What tools find is an object always.
pub(super) fn object(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// `report` as JSON, with what to do next.
pub(super) fn found(report: impl Serialize, next_step: impl Into<String>) -> Answer {
    let mut json = object(serde_json::to_value(report).unwrap_or_default());
    json.insert("next_step".into(), next_step.into().into());
    Ok(json)
}

/// The same under a name of its own, for reports that say `success` of something else.
pub(super) fn found_as(name: &str, report: impl Serialize, next_step: impl Into<String>) -> Answer {
    let report = serde_json::to_value(report).unwrap_or_default();
    found(Map::from_iter([(name.to_owned(), report)]), next_step)
}

/// As the protocol has it: structured, and the same as text for clients that know no other.
pub(super) fn result(answer: Answer) -> CallToolResult {
    let (success, map) = match answer {
        Ok(map) => (true, map),
        Err(Failure(map)) => (false, map),
    };
    let mut json = Map::from_iter([("success".to_owned(), Value::Bool(success))]);
    json.extend(map.into_iter().filter(|(key, _)| key != "success"));
    let json = rounded(Value::Object(json));
    if success { CallToolResult::structured(json) } else { CallToolResult::structured_error(json) }
}

/// Rates, shares and times to the thousandth: agents pay for each digit.
fn rounded(json: Value) -> Value {
    match json {
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or(Value::Null, |figure| ((figure * 1e3).round() / 1e3).into())
        }
        Value::Array(list) => list.into_iter().map(rounded).collect(),
        Value::Object(map) => map.into_iter().map(|(key, it)| (key, rounded(it))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_say_nothing_are_left_out_and_whole_numbers_stay() {
        let long = json!({ "a": [1.23456, u64::MAX], "b": { "c": -0.0001, "d": null } });
        let short = json!({ "a": [1.235, u64::MAX], "b": { "c": -0.0, "d": null } });
        assert_eq!(rounded(long), short);
    }

    #[test]
    fn what_a_report_says_of_itself_is_not_what_the_tool_says() {
        let answer = found(json!({ "success": false, "x": 1 }), "go on");
        let json = result(answer).structured_content.expect("structured");
        assert_eq!(json, json!({ "success": true, "x": 1, "next_step": "go on" }));
    }
}
