//! Telling whether a container is what it should be.

use sha2::{Digest, Sha256};

use crate::ports::{ContainerSpec, HostFile};

/// A short hash of a container's description and of the files that go with it. Files that hold secrets must not be
/// among them: a hash of a weak secret gives it away to whoever can guess, and labels are not secret.
#[must_use]
pub fn spec_hash(spec: &ContainerSpec, files: &[HostFile]) -> String {
    let mut hash = Sha256::new();
    let text = serde_json::to_vec(spec).expect("a description of plain values serialises");
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

/// The first 16 hexadecimal digits: enough to tell versions of one thing apart.
pub(super) fn short(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
