//! Telling whether a container is what it should be.

use sha2::{Digest, Sha256};

use crate::ports::{ContainerSpec, HostFile};
use crate::secrets::Secrets;
use crate::values::SystemIdentifier;

/// A short hash of a container's description and of the files that go with it. Files that hold secrets must not be
/// among them: a hash of a weak secret gives it away to whoever can guess, and labels are not secret.
#[must_use]
pub fn spec_hash(spec: &ContainerSpec, files: &[HostFile]) -> String {
    let mut hash = Sha256::new();
    // A container that was made before its cluster had an id is as good as one with the label; the image is in the description anyway.
    let mut spec = spec.clone();
    for label in [super::LABEL_ID, super::LABEL_IMAGE] {
        spec.labels.remove(label);
    }
    let text = serde_json::to_vec(&spec).expect("a description of plain values serialises");
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(&text);
    for file in files {
        hash.update(file.path.as_bytes());
        hash.update([0]);
        hash.update(file.mode.to_be_bytes());
        hash.update((file.content.len() as u64).to_be_bytes());
        hash.update(&file.content);
    }
    short(&hash.finalize())
}

/// What tells whether a node was set up with these secrets, without giving them away: all six go in at once, so that
/// nobody can try one after the other, and the system identifier, so that no two clusters share a value.
#[must_use]
pub fn secrets_fingerprint(secrets: &Secrets, system: SystemIdentifier) -> String {
    fingerprint_of(SET_UPS[0], secrets, system)
}

/// Whether a text is the [fingerprint](secrets_fingerprint) of these secrets, written by whatever version.
#[must_use]
pub fn is_fingerprint_of(text: &str, secrets: &Secrets, system: SystemIdentifier) -> bool {
    SET_UPS.iter().any(|set_up| fingerprint_of(set_up, secrets, system) == text)
}

/// Count what is set up with the secrets, the newest first: another number has `up` do all of it once more.
const SET_UPS: [&[u8]; 2] = [b"ha-cli secrets 4", b"ha-cli secrets 3"];

fn fingerprint_of(set_up: &[u8], secrets: &Secrets, system: SystemIdentifier) -> String {
    let mut hash = Sha256::new();
    hash.update(set_up);
    hash.update(system.0.to_be_bytes());
    for secret in secrets.all() {
        let text = secret.expose().as_bytes();
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}

/// The first 16 hexadecimal digits: enough to tell versions of one thing apart.
pub(super) fn short(digest: &[u8]) -> String {
    hex(&digest[..8])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Secret;

    #[test]
    fn another_secret_or_another_cluster_has_another_fingerprint() {
        let secrets = Secrets {
            keycloak_db_password: Secret::new("a"),
            replication_password: Secret::new("b"),
            probe_password: Secret::new("c"),
            keycloak_admin_password: Secret::new("d"),
            keycloak_client_secret: Secret::new("e"),
            keycloak_bootstrap_secret: Secret::new("f"),
        };
        let print = |secrets: &Secrets| secrets_fingerprint(secrets, SystemIdentifier(1));
        let first = print(&secrets);
        assert_eq!(first, print(&secrets));
        assert_ne!(first, secrets_fingerprint(&secrets, SystemIdentifier(2)));
        // An earlier version's is known again, and is another one.
        let earlier = fingerprint_of(SET_UPS[1], &secrets, SystemIdentifier(1));
        assert_ne!(first, earlier);
        for (text, system, is_one) in
            [(&first, 1, true), (&earlier, 1, true), (&first, 2, false), (&String::new(), 1, false)]
        {
            assert_eq!(is_fingerprint_of(text, &secrets, SystemIdentifier(system)), is_one, "{text} {system}");
        }
        // Moving a character from one to the next is a change, too.
        let moved =
            Secrets { replication_password: Secret::new(""), probe_password: Secret::new("bc"), ..secrets.clone() };
        assert_ne!(first, print(&moved));
        let other = Secrets { keycloak_admin_password: Secret::new("D"), ..secrets };
        assert_ne!(first, print(&other));
    }
}
