//! One-time passwords of six digits: RFC 4226 (HOTP) and RFC 6238 (TOTP, 30 s), with HMAC-SHA-1 as authenticator apps use.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;

/// The code of that counter.
#[must_use]
pub fn hotp(secret: &[u8], counter: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0xf);
    let number = bytes[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The code of that moment.
#[must_use]
pub fn totp(secret: &[u8], at: SystemTime) -> String {
    hotp(secret, at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) / 30)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_examples_of_both_standards() {
        let secret = b"12345678901234567890";
        for (counter, code) in ["755224", "287082", "359152", "969429"].into_iter().enumerate() {
            assert_eq!(hotp(secret, counter as u64), code);
        }
        // RFC 6238, appendix B, its last six digits.
        assert_eq!(totp(secret, UNIX_EPOCH + Duration::from_secs(59)), "287082");
        assert_eq!(totp(secret, UNIX_EPOCH + Duration::from_secs(1_111_111_109)), "081804");
    }
}
