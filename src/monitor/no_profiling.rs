//! In the heap profile's place where it is not built in.

use super::settings::HeapSampling;
use crate::error::Error;

/// # Errors
/// When one is wanted.
pub(super) fn apply(wanted: Option<HeapSampling>) -> Result<(), Error> {
    let expected = "off: this build lacks plimsoll's feature `profile`";
    match wanted {
        None => Ok(()),
        Some(_) => Err(Error::setting("heap_profile", "on", expected)),
    }
}
