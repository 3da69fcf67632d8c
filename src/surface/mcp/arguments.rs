//! What the tools are called with, and what is wrong with it.
//!
//! What does not fit a tool's schema (an argument that does not exist, is missing, or of another type) is a protocol error,
//! -32602: the caller has not read the schema. A value of the right type that makes no sense (out of range, a cache that is
//! not there, a size that does not parse) is a tool's error, `isError`: the specification of 2025-11-25 has it so
//! ("Input validation errors (e.g., date in wrong format, value out of range)"), because the model sees those and can
//! correct itself, and may never see the former.

use super::answer::Failure;
use rmcp::ErrorData;
use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What `trigger_eviction` takes, in MiB.
pub(super) const TARGETS: RangeInclusive<f64> = 10.0..=4096.0;

/// What `get_memory_snapshots` takes.
pub(super) const LIMITS: RangeInclusive<u32> = 3..=100;

/// What `get_heap_profile` takes.
#[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "nobody looks at it"))]
pub(super) const SITES: RangeInclusive<u32> = 1..=50;

/// So many figures of a snapshot are told at once.
pub(super) const MOST_FIGURES: usize = 12;

/// Nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Of `get_memory_metrics`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    /// Names of figures to tell instead of the usual ones, at most 12: for example live_bytes, jemalloc_dirty_bytes.
    #[serde(default)]
    #[schemars(length(max = 12))]
    pub(super) figures: Vec<String>,
}

/// Of `get_memory_snapshots`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Snapshots {
    /// How many snapshots at most, spread evenly over the time; every change of level is told besides.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 3, max = 100))]
    pub(super) limit: u32,
    /// Only the last so many seconds; the whole history (up to a day) without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 1))]
    pub(super) last_seconds: Option<f64>,
    /// Names of figures, at most 12; usage_bytes, live_bytes, live_objects and process_rss_bytes without it.
    #[serde(default)]
    #[schemars(length(max = 12))]
    pub(super) figures: Vec<String>,
}

/// Of `get_heap_profile`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "nobody looks at it"))]
pub(super) struct Profile {
    /// How many sites at most, the largest first.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 50))]
    pub(super) limit: u32,
    /// The profile_id of an earlier answer: tells what grew since then. The last four are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) since: Option<u64>,
}

/// Of `trigger_eviction`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Eviction {
    /// How much the caches should give, in MiB.
    #[serde(default = "default_target")]
    #[schemars(range(min = 10, max = 4096))]
    pub(super) target_mb: f64,
    /// Only say which caches would be asked for how much. Always allowed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// Of `unload`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unload {
    /// The name of a registered cache, as `get_memory_status` lists it.
    pub(super) cache: String,
    /// Only say how much it would be asked for. Always allowed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

fn default_limit() -> u32 {
    10
}

fn default_target() -> f64 {
    256.0
}

/// What `configure_memory` can change, as [`Handle::configure`](crate::Handle::configure) does, and what to write.
pub(super) const SETTINGS: [(&str, &str); 12] = [
    ("budget", "what the process may use: 512MiB, or 80% of the limit"),
    ("interval", "time between two snapshots while memory is no concern: 30s"),
    ("warning_at", "percent of the budget where `caution` begins: 50 to 95"),
    ("prompt_at", "percent where `warning` begins: 60 to 99, above warning_at"),
    ("emergency_at", "percent where `critical` begins: 70 to 100, above prompt_at"),
    ("leave_below", "percent points below which a level is left: 7"),
    ("growth_warning", "growth a second that is a warning: 5MiB"),
    ("growth_critical", "growth a second that is critical: 10MiB"),
    ("eviction_target", "the most that one automatic eviction asks for: 512MiB"),
    ("hook_timeout", "how long a cache may take to answer: 5s"),
    (
        "heap_profile",
        "whether the heap is sampled, so that call sites are known: on, off, or a mean such as 512KiB",
    ),
    ("purge", "whether unused pages are given back by themselves: on or off"),
];

/// As the caller sent them.
pub(super) struct Arguments(pub(super) JsonObject);

impl Arguments {
    /// As the tool wants them.
    ///
    /// # Errors
    /// Names the first that does not fit.
    pub(super) fn parse<T: DeserializeOwned>(self) -> Result<T, ErrorData> {
        from_object(&self.0).map_err(|error| {
            let at_fault = self.0.iter().find(|(name, value)| is_wrong::<T>(name, value));
            let message = at_fault.map_or(error.clone(), |(name, _)| format!("{name}: {error}"));
            ErrorData::invalid_params(format!("invalid arguments: {message}"), None)
        })
    }

    /// Settings by their names.
    ///
    /// # Errors
    /// For a name that is none, and for a value that is no text, number or truth value.
    pub(super) fn settings(self) -> Result<Vec<(String, String)>, ErrorData> {
        let pair = |(name, value): (String, Value)| {
            if !SETTINGS.iter().any(|(known, _)| *known == name) {
                return Err(unknown(&name));
            }
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(on) => if on { "on" } else { "off" }.to_owned(),
                _ => return Err(mistyped(&name)),
            };
            Ok((name, text))
        };
        self.0.into_iter().map(pair).collect()
    }
}

fn from_object<T: DeserializeOwned>(object: &JsonObject) -> Result<T, String> {
    serde_json::from_value(Value::Object(object.clone())).map_err(|error| error.to_string())
}

/// Whether one argument alone is refused for what it is, and not for those that are missing beside it.
fn is_wrong<T: DeserializeOwned>(name: &str, value: &Value) -> bool {
    let alone = Map::from_iter([(name.to_owned(), value.clone())]);
    let refused = |error: String| !error.starts_with("missing field");
    from_object::<T>(&alone).err().is_some_and(refused)
}

fn unknown(name: &str) -> ErrorData {
    let known: Vec<_> = SETTINGS.iter().map(|(name, _)| *name).collect();
    let message = format!("unknown field `{name}`, expected one of {}", known.join(", "));
    ErrorData::invalid_params(format!("invalid arguments: {message}"), None)
}

fn mistyped(name: &str) -> ErrorData {
    let message = format!("invalid arguments: {name}: expected a text, a number, true or false");
    ErrorData::invalid_params(message, None)
}

/// # Errors
/// For a value that is not within `range`.
pub(super) fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<T, Failure> {
    if range.contains(&value) {
        return Ok(value);
    }
    let expected = format!("from {} to {}", range.start(), range.end());
    Err(Failure::argument(name, value, &expected))
}

/// The schema of what a tool is called with, without what clients stumble over or have no use for.
pub(super) fn schema<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // `uint32` and the like are no formats of JSON Schema: JavaScript clients warn of each.
    RecursiveTransform(|schema: &mut schemars::Schema| drop(schema.remove("format")))
        .transform(&mut schema);
    for key in ["$schema", "title", "description"] {
        schema.remove(key);
    }
    let object = schema.as_object().cloned().unwrap_or_default();
    Arc::new(object)
}

/// That of `configure_memory`.
pub(super) fn settings_schema() -> Arc<JsonObject> {
    let property = |(name, description): (&str, &str)| {
        let schema = json!({ "type": ["string", "number", "boolean"], "description": description });
        (name.to_owned(), schema)
    };
    let properties: JsonObject = SETTINGS.into_iter().map(property).collect();
    Arc::new(Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties)),
        ("additionalProperties".to_owned(), json!(false)),
        ("minProperties".to_owned(), json!(1)),
    ]))
}
