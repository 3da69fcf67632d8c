//! The newest snapshot and the ledger, as documents.

use crate::monitor::Handle;
use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents};
use serde::Serialize;

const SNAPSHOT: &str = "plimsoll://snapshot/latest";
const LEDGER: &str = "plimsoll://ledger";
const JSON: &str = "application/json";

pub(super) fn all() -> Vec<Resource> {
    vec![
        Resource::new(SNAPSHOT, "latest snapshot")
            .with_title("The newest snapshot")
            .with_description("Every figure at the monitor's last tick; null is unknown.")
            .with_mime_type(JSON),
        Resource::new(LEDGER, "ledger")
            .with_title("The ledger")
            .with_description(
                "From live bytes to what the kernel charges, summing up: as text and as JSON.",
            )
            .with_mime_type("text/plain"),
    ]
}

pub(super) fn read(handle: &Handle, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let contents = match uri {
        SNAPSHOT => vec![json(SNAPSHOT, &handle.latest().unwrap_or_else(|| handle.snapshot()))?],
        LEDGER => {
            let ledger = handle.ledger();
            vec![ResourceContents::text(ledger.to_string(), LEDGER), json(LEDGER, &ledger)?]
        }
        other => {
            let message = format!("no resource {other:?}: there are {SNAPSHOT} and {LEDGER}");
            return Err(ErrorData::resource_not_found(message, None));
        }
    };
    Ok(ReadResourceResult::new(contents))
}

fn json(uri: &str, document: &impl Serialize) -> Result<ResourceContents, ErrorData> {
    let text = serde_json::to_string(document);
    let text = text.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(ResourceContents::text(text, uri).with_mime_type(JSON))
}
