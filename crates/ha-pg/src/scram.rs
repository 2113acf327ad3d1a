//! SCRAM-SHA-256 verifiers as PostgreSQL keeps them in `pg_authid.rolpassword`.
//!
//! `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`, the last three in base64 (PostgreSQL 17, `pg_authid`;
//! the keys are those of RFC 5802, section 3). From a verifier one can tell whether a password fits, not the password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ha_core::values::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// A verifier of a password, with a new salt.
pub(crate) fn verifier(password: &Secret) -> String {
    postgres_protocol::password::scram_sha_256(password.expose().as_bytes())
}

/// Whether `verifier` is a SCRAM verifier of this password.
pub(crate) fn fits(verifier: &str, password: &Secret) -> bool {
    let Some(parts) = Parts::parse(verifier) else { return false };
    // As the server does: prepared text where RFC 4013 allows it, else the bytes as they are.
    let prepared = stringprep::saslprep(password.expose()).unwrap_or_else(|_| password.expose().into());
    let salted = salted_password(prepared.as_bytes(), &parts.salt, parts.iterations);
    let stored: [u8; 32] = Sha256::digest(mac(&salted, &[b"Client Key"])).into();
    stored[..] == parts.stored_key[..] && mac(&salted, &[b"Server Key"])[..] == parts.server_key[..]
}

struct Parts {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Parts {
    fn parse(verifier: &str) -> Option<Self> {
        let (iterations, rest) = verifier.strip_prefix("SCRAM-SHA-256$")?.split_once(':')?;
        let (salt, keys) = rest.split_once('$')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let decode = |text: &str| STANDARD.decode(text).ok();
        Some(Self {
            iterations: iterations.parse().ok().filter(|&count| count > 0)?,
            salt: decode(salt)?,
            stored_key: decode(stored_key)?,
            server_key: decode(server_key)?,
        })
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// `Hi` of RFC 5802: PBKDF2 with one block of output.
fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut round = mac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut result = round;
    for _ in 1..iterations {
        round = mac(password, &[&round]);
        result.iter_mut().zip(round).for_each(|(byte, other)| *byte ^= other);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_fits_its_password_and_no_other() {
        for password in ["s3cret", "", "with blanks and 'quotes\\", "Grüße ½", "\u{00a0}no-break\u{00ad}"] {
            let verifier = verifier(&Secret::new(password));
            assert!(fits(&verifier, &Secret::new(password)), "{password:?}");
            assert!(!fits(&verifier, &Secret::new(format!("{password}x"))), "{password:?}");
        }
    }

    #[test]
    fn two_verifiers_of_one_password_differ() {
        let password = Secret::new("s3cret");
        assert_ne!(verifier(&password), verifier(&password));
    }

    #[test]
    fn the_example_of_rfc_7677_fits() {
        // Section 3: user "user", password "pencil". The keys follow from its salt and iteration count.
        let salted = salted_password(b"pencil", &STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(), 4096);
        let client_key = mac(&salted, &[b"Client Key"]);
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        let nonces = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let message =
            format!("n=user,r=rOprNGfwEbeRWgbNEkqO,{nonces},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,{nonces}");
        let signature = mac(&stored_key, &[message.as_bytes()]);
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, signed)| key ^ signed).collect();
        assert_eq!(STANDARD.encode(proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    }

    #[test]
    fn what_is_no_scram_verifier_fits_nothing() {
        let password = Secret::new("s3cret");
        for verifier in ["", "md5d3a7", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:$:", "SCRAM-SHA-256$4096:!$!:!", "s3cret"] {
            assert!(!fits(verifier, &password), "{verifier:?}");
        }
    }
}
