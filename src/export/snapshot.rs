//! Snapshots to and from JSON, without loss: the original's keys, and every metric of the table by its name.

use crate::level::Level;
use crate::mebibyte::{mib, mib_of};
use crate::metric::{METRICS, Value, Values};
use crate::snapshot::{Metadata, Snapshot};
use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// Raised when a key changes its meaning; new keys do not raise it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema_version", &SCHEMA_VERSION)?;
        map.serialize_entry("timestamp", &self.timestamp())?;
        map.serialize_entry("uptime_nanos", &self.uptime_nanos)?;
        map.serialize_entry("rss_mb", &self.process_rss_bytes().map(mib))?;
        map.serialize_entry("rss_bytes", &self.process_rss_bytes())?;
        map.serialize_entry("heap_objects", &self.heap_objects())?;
        map.serialize_entry("status", &self.level())?;
        let growth = self.growth_bytes_per_sec().map(mib_of);
        map.serialize_entry("growth_rate_mb_per_sec", &growth)?;
        map.serialize_entry("eviction_count", &self.evictions_total())?;
        map.serialize_entry("metadata", &metadata(self.metadata()).map_err(S::Error::custom)?)?;
        for metric in METRICS {
            map.serialize_entry(metric.name, &metric.get(self))?;
        }
        map.end()
    }
}

/// The original's two keys with their twins in bytes, where the budget comes from, then the user's own.
fn metadata(metadata: Option<&Metadata>) -> Result<Map<String, Json>, serde_json::Error> {
    let mut map = Map::new();
    let Some(metadata) = metadata else { return Ok(map) };
    for (key, bytes) in
        [("soft_limit", metadata.soft_limit_bytes), ("hard_limit", metadata.hard_limit_bytes)]
    {
        map.insert(format!("{key}_mb"), serde_json::to_value(bytes.map(mib))?);
        map.insert(format!("{key}_bytes"), serde_json::to_value(bytes)?);
    }
    map.insert(PROVENANCE.into(), serde_json::to_value(&metadata.budget_provenance)?);
    let user = metadata.user.iter().filter(|(key, _)| !is_reserved(key));
    map.extend(user.map(|(key, value)| (key.clone(), Json::String(value.clone()))));
    Ok(map)
}

const PROVENANCE: &str = "budget_provenance";

/// Keys of the metadata that are not the user's.
pub(crate) fn is_reserved(key: &str) -> bool {
    [PROVENANCE, "soft_limit_mb", "soft_limit_bytes", "hard_limit_mb", "hard_limit_bytes"]
        .contains(&key)
}

/// What is read back; everything else in the JSON follows from it.
#[derive(Deserialize)]
struct Parsed {
    schema_version: u32,
    timestamp: f64,
    uptime_nanos: u64,
    status: Level,
    #[serde(default)]
    metadata: Map<String, Json>,
    #[serde(flatten)]
    figures: Map<String, Json>,
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parsed = Parsed::deserialize(deserializer)?;
        if parsed.schema_version != SCHEMA_VERSION {
            let version = parsed.schema_version;
            return Err(D::Error::custom(format!(
                "schema_version {version}: this is version {SCHEMA_VERSION}"
            )));
        }
        if !(0.0..1e13).contains(&parsed.timestamp) {
            return Err(D::Error::custom(format!(
                "timestamp {}: must be seconds since 1970",
                parsed.timestamp
            )));
        }
        let mut values = figures(&parsed.figures).map_err(D::Error::custom)?;
        values.level = parsed.status;
        Ok(Snapshot {
            wall_micros: (parsed.timestamp * 1e6).round() as u64,
            uptime_nanos: parsed.uptime_nanos,
            values,
            metadata: (!parsed.metadata.is_empty())
                .then(|| Arc::new(read_metadata(&parsed.metadata))),
        })
    }
}

fn figures(figures: &Map<String, Json>) -> Result<Values, String> {
    let mut values = Values::unknown();
    for metric in METRICS {
        let Some(figure) = figures.get(metric.name).filter(|figure| !figure.is_null()) else {
            continue;
        };
        let value =
            figure.as_u64().map(Value::Integer).or_else(|| figure.as_f64().map(Value::Float));
        let value = value.ok_or_else(|| format!("{}: {figure} is no number", metric.name))?;
        metric
            .set(&mut values, value)
            .map_err(|()| format!("{}: {figure} is no whole number", metric.name))?;
    }
    Ok(values)
}

fn read_metadata(map: &Map<String, Json>) -> Metadata {
    let bytes = |key: &str| map.get(key).and_then(Json::as_u64);
    let user = map.iter().filter(|(key, _)| !is_reserved(key));
    Metadata {
        soft_limit_bytes: bytes("soft_limit_bytes"),
        hard_limit_bytes: bytes("hard_limit_bytes"),
        budget_provenance: map.get(PROVENANCE).and_then(Json::as_str).map(str::to_owned),
        user: user
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{CountField, Field, FloatField};
    use crate::snapshot::Moment;
    use crate::source::Readings;
    use std::time::Duration;

    fn snapshot() -> Snapshot {
        let mut snapshot =
            Snapshot::new(Moment::now(), Duration::from_nanos(123_456_789), &Readings::default());
        for (field, figure) in [
            (Field::AllocObjects, 9_007_199_254_740_993),
            (Field::FreeObjects, 7),
            (Field::Rss, 3 << 20),
            (Field::Usage, 0),
            (Field::Budget, 10),
        ] {
            snapshot.values.set(field, Some(figure));
        }
        snapshot.values.set_count(CountField::Evictions, Some(2));
        snapshot.values.set_float(FloatField::Growth, Some(-0.1));
        snapshot.values.level = Level::Warning;
        let user = [("service".to_owned(), "search".to_owned())].into();
        let metadata = Metadata {
            soft_limit_bytes: Some(8),
            hard_limit_bytes: Some(9),
            budget_provenance: Some("given".into()),
            user,
        };
        snapshot.metadata = Some(Arc::new(metadata));
        snapshot
    }

    #[test]
    fn to_json_and_back_is_the_same_snapshot() {
        for snapshot in
            [snapshot(), Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default())]
        {
            let json = serde_json::to_string(&snapshot).expect("JSON");
            let back: Snapshot = serde_json::from_str(&json).expect("a snapshot");
            assert_eq!(back, snapshot);
            assert_eq!(back.wall_micros, snapshot.wall_micros);
        }
    }

    #[test]
    fn the_originals_keys_are_there() {
        let json = serde_json::to_value(snapshot()).expect("JSON");
        assert_eq!(json["rss_mb"], 3.0);
        assert_eq!(json["rss_bytes"], 3 << 20);
        assert_eq!(json["heap_objects"], 9_007_199_254_740_986_u64);
        assert_eq!(json["usage_percent"], 0.0);
        assert_eq!(json["status"], "warning");
        assert_eq!(json["eviction_count"], 2);
        assert!(json["growth_rate_mb_per_sec"].is_f64());
        assert_eq!(json["metadata"]["soft_limit_bytes"], 8);
        assert_eq!(json["metadata"]["budget_provenance"], "given");
        assert_eq!(json["metadata"]["service"], "search");
        assert!(json["jemalloc_active_bytes"].is_null(), "unknown is null");
    }

    #[test]
    fn bad_json_is_an_error_that_names_it() {
        let refused = |change: fn(&mut Json)| {
            let mut json = serde_json::to_value(snapshot()).expect("JSON");
            change(&mut json);
            serde_json::from_value::<Snapshot>(json).expect_err("a refusal").to_string()
        };
        assert!(
            refused(|json| json["process_rss_bytes"] = "big".into()).contains("process_rss_bytes")
        );
        assert!(
            refused(|json| json["process_rss_bytes"] = (-1).into()).contains("no whole number")
        );
        assert!(refused(|json| json["timestamp"] = (-1.0).into()).contains("seconds since 1970"));
        assert!(refused(|json| json["schema_version"] = 99.into()).contains("schema_version 99"));
        assert!(refused(|json| json["status"] = "panic".into()).contains("panic"));
    }
}
