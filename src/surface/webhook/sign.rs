//! The signature by which a receiver knows who sent a message, and that it is new: Standard Webhooks, version 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key that sender and receiver share.
pub(super) struct Key(Vec<u8>);

impl Key {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// With what would be right.
    pub(super) fn parse(secret: &str) -> Result<Self, &'static str> {
        let usable = "whsec_ and 24 to 64 bytes in base64";
        let encoded = secret.trim().strip_prefix("whsec_").ok_or(usable)?;
        let key = STANDARD.decode(encoded).map_err(|_| usable)?;
        if (24..=64).contains(&key.len()) { Ok(Key(key)) } else { Err(usable) }
    }

    /// The header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, epoch_secs: u64, body: &[u8]) -> String {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{epoch_secs}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
        let signature =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_???", "whsec_YWJj"] {
            assert!(Key::parse(bad).is_err(), "{bad}");
        }
    }
}
