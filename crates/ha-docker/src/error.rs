//! What an engine says when it does not do something, in the words of the port. All of it is here.

use std::net::{IpAddr, SocketAddr};

use bollard::errors::Error;
use ha_core::ports::RuntimeError;

use crate::transport::{Failure, FailureKind};

/// `subject` is what the call was about, for "there is no …".
pub(crate) fn convert(endpoint: &str, subject: &str, error: Error) -> RuntimeError {
    match error {
        Error::DockerResponseServerError { status_code, message } => answer(status_code, message, subject),
        Error::DockerStreamError { error } => answer(500, error, subject),
        Error::JsonDataError { message, .. } => not_understood(&message),
        Error::JsonSerdeError { err } => not_understood(&err.to_string()),
        Error::HttpHeaderNotFoundError(header) => not_understood(&format!("no header {header}")),
        // bollard hides this one from its chain of sources, and it is where the transport reports.
        Error::IOError { err } => match Failure::find(&err) {
            Some(failure) => no_connection(endpoint, failure),
            None => RuntimeError::Broken { source: Box::new(err) },
        },
        other => RuntimeError::Broken { source: Box::new(other) },
    }
}

fn not_understood(message: &str) -> RuntimeError {
    RuntimeError::Refused { status: 200, message: format!("something that is not understood: {message}") }
}

fn no_connection(endpoint: &str, failure: Failure) -> RuntimeError {
    let endpoint = endpoint.to_owned();
    match failure.kind {
        FailureKind::Unreachable => RuntimeError::Unreachable { endpoint, source: Box::new(failure) },
        FailureKind::Untrusted => RuntimeError::Untrusted { endpoint, source: Box::new(failure) },
        FailureKind::Denied => {
            tracing::debug!(%endpoint, %failure, "denied");
            RuntimeError::PermissionDenied { endpoint }
        }
    }
}

/// An answer with an error in it. Docker's own codes are few, so its messages decide; they differ between versions.
pub(crate) fn answer(status: u16, message: String, subject: &str) -> RuntimeError {
    let says = |part: &str| message.contains(part);
    if says("no space left on device") {
        return RuntimeError::NoSpace { message };
    }
    if (says("address already in use") || says("port is already allocated"))
        && let Some(at) = socket_in(&message)
    {
        return RuntimeError::PortTaken { address: at.ip().to_string(), port: at.port() };
    }
    if says("cannot assign requested address")
        && let Some(at) = socket_in(&message)
    {
        return RuntimeError::AddressNotThere { address: at.ip().to_string() };
    }
    match status {
        404 => RuntimeError::NotFound { what: missing_in(&message).unwrap_or_else(|| subject.to_owned()) },
        409 if says("The container name") && says("is already in use") => RuntimeError::NameTaken {
            name: quoted_in(&message).map_or(subject, |name| name.trim_start_matches('/')).to_owned(),
        },
        _ => RuntimeError::Refused { status, message },
    }
}

/// What is missing is not always what the call was about: a container cannot start without its network.
fn missing_in(message: &str) -> Option<String> {
    for (prefix, kind) in
        [("No such container: ", "container"), ("No such image: ", "image"), ("no such image: ", "image")]
    {
        if let Some((_, name)) = message.split_once(prefix) {
            return Some(format!("{kind} {}", name.split_whitespace().next()?.trim_end_matches(':')));
        }
    }
    if let Some(name) = message.strip_suffix(": no such volume") {
        return Some(format!("volume {}", name.trim_start_matches("get ")));
    }
    let words: Vec<&str> = message.split_whitespace().collect();
    words
        .windows(3)
        .find(|three| three[0] == "network" && three[2].starts_with("not"))
        .map(|three| format!("network {}", three[1]))
}

fn quoted_in(message: &str) -> Option<&str> {
    message.split('"').nth(1).filter(|name| !name.is_empty())
}

/// The first address with a port in a message.
fn socket_in(message: &str) -> Option<SocketAddr> {
    message.split_whitespace().find_map(|word| {
        let word = word.trim_end_matches([':', ',', '.', ')', '(']);
        let word = word.strip_suffix("/tcp").or_else(|| word.strip_suffix("/udp")).unwrap_or(word);
        socket(word)
    })
}

/// `127.0.0.1:80`, `[::1]:80`, `:::80` (20.10 means `[::]:80`), `127.0.0.1:80:172.17.0.2:80` (from 28 on).
fn socket(word: &str) -> Option<SocketAddr> {
    if let Ok(at) = word.parse() {
        return Some(at);
    }
    if let Some((address, rest)) = word.strip_prefix('[').and_then(|word| word.split_once("]:")) {
        return at(address, rest.split(':').next()?);
    }
    if let Some(found) = word.rsplit_once(':').and_then(|(address, port)| at(address, port)) {
        return Some(found);
    }
    let mut parts = word.split(':');
    at(parts.next()?, parts.next()?)
}

fn at(address: &str, port: &str) -> Option<SocketAddr> {
    Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests;
