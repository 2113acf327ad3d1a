//! A security key in software: WebAuthn (level 2) with ES256 and attestation "none".

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{digest, error};

use super::cbor;

const USER_PRESENT_AND_VERIFIED: u8 = 0x05;
const HAS_CREDENTIAL: u8 = 0x40;

/// What a page asks of an authenticator.
#[derive(Debug, Clone)]
pub struct Ceremony {
    /// The challenge, base64url.
    pub challenge: String,
    /// The page's origin, such as `https://sso.example.org`.
    pub origin: String,
    /// The relying party, the host name.
    pub rp_id: String,
}

/// A key with one credential.
pub struct Authenticator {
    key: EcdsaKeyPair,
    random: SystemRandom,
    credential_id: [u8; 16],
    /// Signatures so far; `None`: one that keeps no counter and always says 0, as most passkeys do.
    counter: Option<u32>,
}

impl Authenticator {
    /// A new one, with a counter or without.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(counts: bool) -> Result<Self, error::Unspecified> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random)
            .map_err(|_| error::Unspecified)?;
        let mut credential_id = [0; 16];
        random.fill(&mut credential_id)?;
        Ok(Self { key, random, credential_id, counter: counts.then_some(0) })
    }

    /// Makes the credential: what Keycloak's registration form is filled with.
    #[must_use]
    pub fn register(&mut self, ceremony: &Ceremony) -> Vec<(&'static str, String)> {
        let data = self.authenticator_data(ceremony, true);
        let mut attestation = Vec::new();
        cbor::map(3, &mut attestation);
        cbor::text("fmt", &mut attestation);
        cbor::text("none", &mut attestation);
        cbor::text("attStmt", &mut attestation);
        cbor::map(0, &mut attestation);
        cbor::text("authData", &mut attestation);
        cbor::bytes(&data, &mut attestation);
        vec![
            ("clientDataJSON", URL_SAFE_NO_PAD.encode(client_data("webauthn.create", ceremony))),
            ("attestationObject", URL_SAFE_NO_PAD.encode(attestation)),
            ("publicKeyCredentialId", URL_SAFE_NO_PAD.encode(self.credential_id)),
            ("authenticatorLabel", "a key in software".to_owned()),
        ]
    }

    /// Signs a login: what Keycloak's login form is filled with.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn sign(&mut self, ceremony: &Ceremony) -> Result<Vec<(&'static str, String)>, error::Unspecified> {
        let data = self.authenticator_data(ceremony, false);
        let client = client_data("webauthn.get", ceremony);
        let mut signed = data.clone();
        signed.extend_from_slice(digest::digest(&digest::SHA256, client.as_bytes()).as_ref());
        let signature = self.key.sign(&self.random, &signed)?;
        Ok(vec![
            ("clientDataJSON", URL_SAFE_NO_PAD.encode(client)),
            ("authenticatorData", URL_SAFE_NO_PAD.encode(data)),
            ("signature", URL_SAFE_NO_PAD.encode(signature)),
            ("credentialId", URL_SAFE_NO_PAD.encode(self.credential_id)),
        ])
    }

    /// Section 6.1 of the standard.
    fn authenticator_data(&mut self, ceremony: &Ceremony, registration: bool) -> Vec<u8> {
        if let Some(counter) = &mut self.counter {
            *counter += 1;
        }
        let mut data = digest::digest(&digest::SHA256, ceremony.rp_id.as_bytes()).as_ref().to_vec();
        data.push(USER_PRESENT_AND_VERIFIED | if registration { HAS_CREDENTIAL } else { 0 });
        data.extend(self.counter.unwrap_or(0).to_be_bytes());
        if registration {
            // No model is told: 16 zeros.
            data.extend([0; 16]);
            data.extend([0, self.credential_id.len() as u8]);
            data.extend(self.credential_id);
            self.public_key(&mut data);
        }
        data
    }

    /// As a COSE key (RFC 9053): an elliptic curve key, for ES256, on P-256.
    fn public_key(&self, out: &mut Vec<u8>) {
        // Uncompressed: 0x04, x, y.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        cbor::map(5, out);
        for (label, value) in [(1, 2), (3, -7), (-1, 1)] {
            cbor::integer(label, out);
            cbor::integer(value, out);
        }
        for (label, value) in [(-2, x), (-3, y)] {
            cbor::integer(label, out);
            cbor::bytes(value, out);
        }
    }
}

fn client_data(kind: &str, ceremony: &Ceremony) -> String {
    let challenge = ceremony.challenge.trim_end_matches('=');
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{}","crossOrigin":false}}"#, ceremony.origin)
}
