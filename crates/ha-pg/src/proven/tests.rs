//! What a server says at a log-in, byte by byte.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message").to_be_bytes();
    [&[kind][..], &length, body].concat()
}

fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes(), rest].concat())
}

fn offer() -> Vec<u8> {
    authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
}

fn challenge(iterations: &str) -> Vec<u8> {
    authentication(11, format!("r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={iterations}").as_bytes())
}

/// What the driver reads where the server says all that, so many bytes at a time, and then closes.
async fn read(said: &[Vec<u8>], at_once: usize) -> Result<Vec<u8>, Unproven> {
    let (near, mut far) = duplex(at_once);
    let said = said.concat();
    let server = tokio::spawn(async move {
        // The other side gives up where it has heard enough.
        drop(far.write_all(&said).await);
    });
    let mut heard = Vec::new();
    let result = Proven::new(near).read_to_end(&mut heard).await;
    server.await.expect("it only writes");
    match result {
        Ok(_) => Ok(heard),
        Err(error) => Err(*error.get_ref().and_then(|it| it.downcast_ref()).expect("an error of our own")),
    }
}

#[tokio::test]
async fn whoever_proves_it_is_let_through_unchanged() {
    let said = [
        offer(),
        challenge("4096"),
        authentication(12, b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="),
        authentication(0, b""),
        message(b'S', b"server_version\x0017.6\0"),
        message(b'Z', b"I"),
        // Afterwards nothing is looked at: this is a row.
        message(b'D', &[0; 100_000]),
    ];
    for at_once in [1, 2, 5, 7, 1024, 1 << 20] {
        assert_eq!(read(&said, at_once).await, Ok(said.concat()), "{at_once} bytes at once");
    }
}

#[tokio::test]
async fn nothing_of_whoever_does_not_prove_it_reaches_the_driver() {
    let ok = || authentication(0, b"");
    let table = [
        (vec![ok()], Unproven::NoProof),
        (vec![authentication(3, b"")], Unproven::ClearText),
        (vec![authentication(5, b"salt")], Unproven::Md5),
        (vec![authentication(7, b"")], Unproven::OtherMethod),
        (vec![authentication(10, b"SCRAM-SHA-256-PLUS\0\0")], Unproven::OtherMethod),
        (vec![authentication(10, b"OAUTHBEARER\0\0")], Unproven::OtherMethod),
        // One that begins well.
        (vec![offer(), ok()], Unproven::NoProof),
        (vec![offer(), authentication(3, b"")], Unproven::ClearText),
        (vec![offer(), challenge("4096"), ok()], Unproven::NoProof),
        (vec![offer(), challenge("4096"), authentication(3, b"")], Unproven::ClearText),
        (vec![offer(), challenge("4096"), challenge("4096")], Unproven::Nonsense),
        (vec![offer(), challenge("1")], Unproven::Weak),
        (vec![offer(), challenge("4095")], Unproven::Weak),
        (vec![offer(), challenge("-1")], Unproven::Signature),
        (vec![offer(), authentication(11, b"\xff")], Unproven::Signature),
        // No log-in at all.
        (vec![message(b'Z', b"I")], Unproven::Nonsense),
        (vec![message(b'R', b"")], Unproven::Nonsense),
        (vec![b"HTTP/1.1 400 Bad Request\r\n".to_vec()], Unproven::Nonsense),
        (vec![b"R\xff\xff\xff\xff".to_vec()], Unproven::Nonsense),
        (vec![b"E\0\0\0\0".to_vec()], Unproven::Nonsense),
    ];
    for (said, why) in table {
        for at_once in [1, 1 << 20] {
            assert_eq!(read(&said, at_once).await, Err(why), "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_passed_on_at_any_point() {
    let refusal = || message(b'E', b"SFATAL\0C57P03\0Mstarting up\0\0");
    for said in [vec![refusal()], vec![offer(), refusal()], vec![offer(), challenge("4096"), refusal()]] {
        assert_eq!(read(&said, 3).await, Ok(said.concat()));
    }
    // It proves nothing: what follows it is looked at as before.
    assert_eq!(read(&[refusal(), authentication(0, b"")], 3).await, Err(Unproven::NoProof));
}

#[tokio::test]
async fn half_a_message_is_not_passed_on() {
    let mut half = offer();
    half.truncate(12);
    assert_eq!(read(&[half], 3).await, Ok(Vec::new()));
}
