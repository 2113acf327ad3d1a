//! As much of CBOR (RFC 8949) as an authenticator writes: small integers, texts, bytes and maps.

/// Type and length, or a number, in the shortest form.
fn head(kind: u8, number: u64, out: &mut Vec<u8>) {
    let kind = kind << 5;
    if number < 24 {
        out.push(kind | number as u8);
    } else if let Ok(number) = u8::try_from(number) {
        out.extend([kind | 24, number]);
    } else {
        let number = u16::try_from(number).expect("an authenticator writes nothing that long");
        out.push(kind | 25);
        out.extend(number.to_be_bytes());
    }
}

pub(super) fn integer(number: i64, out: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => head(0, number, out),
        Err(_) => head(1, number.unsigned_abs() - 1, out),
    }
}

pub(super) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    head(2, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    head(3, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// The head of a map with that many entries; each is a key and a value.
pub(super) fn map(entries: usize, out: &mut Vec<u8>) {
    head(5, entries as u64, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        // RFC 8949, appendix A.
        assert_eq!(written(&|out| integer(10, out)), [0x0a]);
        assert_eq!(written(&|out| integer(1000, out)), [0x19, 0x03, 0xe8]);
        assert_eq!(written(&|out| integer(-1, out)), [0x20]);
        assert_eq!(written(&|out| integer(-100, out)), [0x38, 0x63]);
        assert_eq!(written(&|out| bytes(&[1, 2, 3, 4], out)), [0x44, 1, 2, 3, 4]);
        assert_eq!(written(&|out| text("IETF", out)), [0x64, 0x49, 0x45, 0x54, 0x46]);
        assert_eq!(written(&|out| map(2, out)), [0xa2]);
    }
}
