//! `haproxy`

use std::net::IpAddr;

use crate::cli::{Globals, HaproxyArgs, OutputFormat};
use crate::config;
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::haproxy::{Listen, render};
use crate::output::Printer;

/// Prints the configuration.
///
/// # Errors
/// What is wrong with the cluster's file, or that JSON was asked for: HAProxy reads none.
pub(super) fn run(globals: &Globals, args: &HaproxyArgs, printer: &Printer) -> Result<Outcome, Error> {
    if printer.format() == OutputFormat::Json {
        let message = "a configuration of HAProxy has one form, and it is not JSON";
        return Err(Failure::usage("no-json", message).help("leave --output json out").into());
    }
    let binds = [
        ("--bind", &args.bind),
        ("--bind-read-only", &args.bind_read_only),
        ("--bind-statistics", &args.bind_statistics),
    ];
    for (index, (option, bind)) in binds.iter().enumerate() {
        if let Some((other, _)) = binds[..index].iter().find(|(_, other)| share(bind, other)) {
            let message = format!("{other} and {option} are both {bind}: HAProxy would give each connection to either");
            return Err(Failure::usage("one-port", message).help("give each a port of its own").into());
        }
    }
    let config = config::load(globals)?;
    let listen = Listen {
        everybody: &args.bind,
        readers: &args.bind_read_only,
        statistics: &args.bind_statistics,
        certificate: args.certificate.as_deref(),
    };
    printer.verbatim(render(&config.topology, listen).as_bytes())?;
    Ok(Outcome::Done)
}

/// Whether a connection may arrive at both: HAProxy opens its ports with `SO_REUSEPORT`, and the kernel shares them out.
fn share(one: &str, other: &str) -> bool {
    let parts = |bind: &str| {
        let (address, port) = bind.rsplit_once(':').unwrap_or_default();
        let address = address.trim_matches(['[', ']']).parse::<IpAddr>().ok().filter(|it| !it.is_unspecified());
        (address, port.parse::<u16>().ok())
    };
    let ((one, one_port), (other, other_port)) = (parts(one), parts(other));
    one_port == other_port && (one.is_none() || other.is_none() || one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_shared_where_one_address_is_every_one() {
        for (one, other) in [
            (":8080", ":8080"),
            ("*:8080", "127.0.0.1:8080"),
            ("192.0.2.1:08080", "0.0.0.0:8080"),
            ("[::]:8080", "[2001:db8::1]:8080"),
            ("[2001:DB8::1]:8080", "[2001:db8:0::1]:8080"),
        ] {
            assert!(share(one, other) && share(other, one), "{one} {other}");
        }
        assert!(!share(":8080", ":8081"));
        assert!(!share("192.0.2.1:8080", "192.0.2.2:8080"));
    }
}
