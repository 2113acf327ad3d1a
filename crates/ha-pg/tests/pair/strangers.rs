//! Somebody else at a server's address: told no password, and not believed.
//!
//! A small server that speaks the protocol as far as it needs to, and asks for the password in every way that proves
//! nothing; whoever goes on with it is told that it is the primary, of a generation later than every other.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ha_core::layout::{self, GUARD_SCRIPT};
use ha_core::ports::{ProbeError, ReplicationProbe as _};
use ha_core::topology::Topology;
use ha_core::values::Secret;
use ha_pg::{NetworkProbe, Probe};

use crate::engine::{docker, sql};
use crate::pair::{LIMIT, PROBE_PASSWORD, Pair, REPLICATION_PASSWORD, engines, topology, valid, vm1, vm2, with_pair};

/// How a stranger lets its visitors in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asks {
    ClearText,
    Md5,
    /// For nothing: `AuthenticationOk` at once.
    Nothing,
    /// For SCRAM, and then signs with what it does not know.
    Scram,
    /// For SCRAM, and then takes the proof without any signature.
    ScramWithoutEnd,
}

const ALL: [Asks; 5] = [Asks::ClearText, Asks::Md5, Asks::Nothing, Asks::Scram, Asks::ScramWithoutEnd];

struct Stranger {
    address: SocketAddr,
    /// What was said to it in answer to its question.
    told: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Stranger {
    /// Listens until the test's process ends.
    fn listen(at: IpAddr, asks: Asks, system: &str) -> Self {
        let listener = TcpListener::bind((at, 0)).expect("an address of this machine");
        let address = listener.local_addr().expect("it is bound");
        let told: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (heard, system) = (Arc::clone(&told), system.to_owned());
        std::thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                // Visitors break off where they are not satisfied.
                drop(serve(visitor, asks, &system, &heard));
            }
        });
        Self { address, told }
    }

    fn told(&self) -> Vec<Vec<u8>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn topology(&self) -> Arc<Topology> {
        let mut spec = topology("strangers", "192.0.2.1".parse().unwrap(), self.address.ip());
        spec.cluster.demo = true;
        spec.nodes[1].postgres_port = self.address.port();
        valid(&spec)
    }
}

fn say(to: &mut TcpStream, kind: u8, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 4).expect("a short message").to_be_bytes();
    to.write_all(&[&[kind][..], &length, body].concat())
}

fn authenticate(to: &mut TcpStream, code: u32, rest: &[u8]) -> io::Result<()> {
    say(to, b'R', &[&code.to_be_bytes(), rest].concat())
}

/// The body of a message; the very first has no type.
fn hear(from: &mut TcpStream, typed: bool) -> io::Result<(u8, Vec<u8>)> {
    let mut kind = [0];
    if typed {
        from.read_exact(&mut kind)?;
    }
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    from.read_exact(&mut body)?;
    Ok((kind[0], body))
}

fn serve(mut visitor: TcpStream, asks: Asks, system: &str, told: &Mutex<Vec<Vec<u8>>>) -> io::Result<()> {
    visitor.set_read_timeout(Some(Duration::from_secs(10)))?;
    // No TLS, no GSSAPI: whoever prefers them goes on without.
    while matches!(hear(&mut visitor, false)?.1.first_chunk(), Some(&[0x04, 0xd2, 0x16, 0x2f | 0x30])) {
        visitor.write_all(b"N")?;
    }
    let answer = |visitor: &mut TcpStream| {
        let (_, body) = hear(visitor, true)?;
        told.lock().unwrap_or_else(PoisonError::into_inner).push(body.clone());
        Ok::<_, io::Error>(body)
    };
    match asks {
        Asks::Nothing => {}
        Asks::ClearText => {
            authenticate(&mut visitor, 3, b"")?;
            answer(&mut visitor)?;
        }
        Asks::Md5 => {
            authenticate(&mut visitor, 5, b"salt")?;
            answer(&mut visitor)?;
        }
        Asks::Scram | Asks::ScramWithoutEnd => {
            authenticate(&mut visitor, 10, b"SCRAM-SHA-256\0\0")?;
            let first = String::from_utf8_lossy(&answer(&mut visitor)?).into_owned();
            let nonce = first.rsplit_once("r=").map_or("", |(_, nonce)| nonce).to_owned();
            let challenge = format!("r={nonce}stranger,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
            authenticate(&mut visitor, 11, challenge.as_bytes())?;
            answer(&mut visitor)?;
            if asks == Asks::Scram {
                authenticate(&mut visitor, 12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")?;
            }
        }
    }
    authenticate(&mut visitor, 0, b"")?;
    for (name, value) in [("server_version", "17.6"), ("client_encoding", "UTF8"), ("server_encoding", "UTF8")] {
        say(&mut visitor, b'S', format!("{name}\0{value}\0").as_bytes())?;
    }
    say(&mut visitor, b'Z', b"I")?;
    loop {
        let (kind, body) = hear(&mut visitor, true)?;
        if kind != b'Q' {
            return Ok(());
        }
        let question = String::from_utf8_lossy(&body).into_owned();
        let row: &[&str] = match question.trim_end_matches('\0') {
            "IDENTIFY_SYSTEM" => &[system, "1", "0/3000148", ""],
            "SHOW in_hot_standby" => &["off"],
            "SHOW ha.generation" => &["99"],
            _ => &[""],
        };
        let count = u16::try_from(row.len()).expect("a few columns").to_be_bytes();
        let column = |name: &str| [name.as_bytes(), &[0; 7], &25_u32.to_be_bytes(), &[0xff; 6], &[0; 2]].concat();
        let columns: Vec<_> = row.iter().flat_map(|_| column("c")).collect();
        say(&mut visitor, b'T', &[&count[..], &columns].concat())?;
        let values = row
            .iter()
            .flat_map(|text| [&u32::try_from(text.len()).expect("short").to_be_bytes(), text.as_bytes()].concat());
        say(&mut visitor, b'D', &[&count[..], &values.collect::<Vec<_>>()].concat())?;
        say(&mut visitor, b'C', b"SHOW\0")?;
        say(&mut visitor, b'Z', b"I")?;
    }
}

/// Whoever asks in a way that proves nothing is told nothing; to SCRAM there is an answer, which is no password.
#[track_caller]
fn told_no_secret(asks: Asks, told: &[Vec<u8>], password: &str) {
    for answer in told {
        let text = String::from_utf8_lossy(answer);
        assert!(!text.contains(password), "{asks:?} was told the password");
    }
    if matches!(asks, Asks::ClearText | Asks::Md5 | Asks::Nothing) {
        assert!(told.is_empty(), "{asks:?} was told {told:?}");
    }
}

#[tokio::test]
async fn the_probe_tells_a_stranger_no_password_and_believes_nothing() {
    for asks in ALL {
        let stranger = Stranger::listen("127.0.0.1".parse().unwrap(), asks, "1");
        let topology = stranger.topology();
        let probe = NetworkProbe::new(topology, Secret::new(PROBE_PASSWORD));
        let error = probe.observe(&vm2(), LIMIT).await.expect_err("a stranger is believed");
        let ProbeError::Unproven { message, .. } = &error else { panic!("{asks:?}: {error:?}") };
        let words = match asks {
            Asks::ClearText => "in clear text",
            Asks::Md5 => "MD5",
            Asks::Nothing | Asks::ScramWithoutEnd => "proves nothing",
            Asks::Scram => "is wrong",
        };
        assert!(message.contains(words), "{asks:?}: {message}");
        told_no_secret(asks, &stranger.told(), PROBE_PASSWORD);
    }
}

#[test]
fn where_a_stranger_has_the_address_the_engine_is_asked() {
    with_pair(async |pair| {
        let stranger = Stranger::listen("127.0.0.1".parse().unwrap(), Asks::Nothing, "1");
        let mut spec = pair.spec();
        spec.cluster.demo = true;
        spec.nodes[1].address = stranger.address.ip().to_string();
        spec.nodes[1].postgres_port = stranger.address.port();
        let probe = Probe::new(valid(&spec), Secret::new(PROBE_PASSWORD), engines());
        let seen = probe.observe(&vm2(), LIMIT).await.unwrap();
        assert!(seen.receiver.is_some(), "the standby itself has answered");
    });
}

/// The guard, on data that would start as a primary's, with one peer. Returns what it says.
fn guard(pair: &Pair, peer: &str, test: &str) -> String {
    let home = format!("/tmp/guard-{test}");
    // Who says nothing is asked twice, not twenty times.
    let script = GUARD_SCRIPT.replace("-ge 20", "-ge 2").replace("=20\n", "=2\n");
    let script = script.replace("/ha/", &format!("{home}/ha/")).replace("/ha ", &format!("{home}/ha "));
    let run = format!(
        "set -eu; mkdir -p {home}/ha/config {home}/bin; cd {home}; cp -a /tmp/copied {home}/data
         pg_controldata data | sed -n 's/^Database system identifier: *//p' >ha/identity
         printf '%s\\n' '*:*:*:ha_replication:{REPLICATION_PASSWORD}' >ha/config/passfile
         cat >ha/config/peers <<'PEERS'\n{peer}\nPEERS
         cat >guard.sh <<'GUARD'\n{script}\nGUARD
         printf '#!/bin/sh\\nexit 0\\n' >bin/sleep; printf '#!/bin/sh\\necho started\\n' >bin/docker-entrypoint.sh
         chmod 0755 bin/*
         PATH={home}/bin:$PATH PGDATA={home}/data sh guard.sh postgres 2>&1
         ls data/standby.signal 2>/dev/null || true; rm -rf {home}"
    );
    docker(&["exec", "-u", "root", &pair.standby(), "sh", "-c", &run])
}

#[test]
fn the_guard_and_every_copy_tell_a_stranger_no_password_and_believe_nothing() {
    with_pair(async |pair| {
        let system = sql(&pair.primary(), "postgres", "SELECT system_identifier FROM pg_control_system()");
        let passfile = layout::PASSFILE_PATH;
        // Data as a primary's, copied as a standby's is.
        let real = layout::conninfo(&pair.topology, &vm2(), pair.topology.node(&vm1()).unwrap());
        docker(&[
            "exec",
            "-u",
            "root",
            &pair.standby(),
            "sh",
            "-c",
            &format!(
                "set -eu; mkdir -p /ha/config; printf '%s\\n' '*:*:*:*:{REPLICATION_PASSWORD}' >{passfile}; \
                 chown -R postgres /ha; chmod 0600 {passfile}; \
                 gosu postgres pg_basebackup -d \"{real}\" -D /tmp/copied -c fast -X none --no-manifest >/dev/null"
            ),
        ]);
        let own = layout::replication_conninfo(&pair.topology, &vm2(), pair.topology.node(&vm1()).unwrap());
        let said = guard(pair, &format!("vm1 {own}"), "real");
        assert!(said.contains("started as a standby: vm1 is the primary"), "one that proves it is believed: {said}");

        let gateway = docker(&[
            "network",
            "inspect",
            "-f",
            "{{(index .IPAM.Config 0).Gateway}}",
            pair.topology.cluster.name.as_str(),
        ]);
        for asks in ALL {
            let stranger = Stranger::listen(gateway.parse().unwrap(), asks, &system);
            let mut spec = pair.spec();
            spec.nodes[0].address = gateway.clone();
            spec.nodes[0].postgres_port = stranger.address.port();
            let topology = valid(&spec);
            let vm1 = topology.node(&vm1()).unwrap();
            let peer = format!("vm1 {}", layout::replication_conninfo(&topology, &vm2(), vm1));
            let said = guard(pair, &peer, &format!("{asks:?}"));
            assert!(said.contains("started as a standby: no answer from vm1"), "{asks:?} is believed: {said}");
            if asks == Asks::Nothing {
                // The lie is a good one.
                let said = guard(pair, &peer.replace("require_auth=scram-sha-256", ""), "gullible");
                assert!(said.contains("vm1 is the primary"), "{said}");
            }
            // A standby's own connection, a copy, and a rewind.
            let conninfo = layout::conninfo(&topology, &vm2(), vm1);
            for program in [
                format!("pg_basebackup -d \"{conninfo}\" -D /tmp/none -w"),
                format!("pg_rewind --dry-run -D /tmp/copied --source-server=\"{conninfo} dbname=postgres\""),
            ] {
                let run = format!("gosu postgres {program} 2>&1 || true");
                let said = docker(&["exec", "-u", "root", &pair.standby(), "sh", "-c", &run]);
                let refused = said.contains("scram-sha-256") || said.contains("incorrect server signature");
                assert!(refused, "{asks:?}: {program}: {said}");
            }
            told_no_secret(asks, &stranger.told(), REPLICATION_PASSWORD);
        }
        docker(&["exec", "-u", "root", &pair.standby(), "rm", "-rf", "/tmp/copied", "/ha"]);
    });
}
