//! What ha-cli writes into files goes there and back through the programs that read them: every printable character, blanks at both
//! ends, and what means something to a reader.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use ha_core::layout::{REPLICATION_ROLE, keycloak_conf_value, passfile, postgresql_conf_value};
use ha_core::ports::{ContainerRuntime as _, ContainerSpec, HostFile, LogOptions};
use ha_core::values::Secret;
use ha_docker::DockerRuntime;
use ha_tests::{PairOptions, Removal, engine_is_wanted, fresh_name, fresh_secrets};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::host::in_container;

const SPECIAL: &[&str] = &[
    " lead",
    "trail ",
    " both ",
    "  two  ",
    "\ttab\t",
    "\\",
    "a\\",
    "\\\\",
    "\\\\\\",
    " \\ ",
    "\\ ",
    "$",
    "$$",
    "${x}",
    "${a:b}",
    "\\${a}",
    "$${a}",
    "${",
    "a${",
    "#x",
    "!x",
    "=x",
    ":x",
    "a=b:c",
    "\\n",
    "\\u0041",
    "\\x41",
    "\\101",
    "'",
    "''",
    "'q'",
    "\"dq\"",
    "it's",
    "--x",
    "%s",
    "{}",
    ",a,",
    "a,b",
    "\u{a0}x\u{a0}",
    "\u{2003}x",
    "ä€😀",
    "a\\'b",
    "\\'",
    "'; x = 'y",
    "a # b",
];

/// The special ones, each printable character alone, and any mixture, the same in each run.
fn values(mixtures: usize) -> Vec<String> {
    let printable: Vec<char> = (' '..='~').collect();
    let mut random = StdRng::seed_from_u64(7);
    let all: Vec<char> = printable.iter().copied().chain("äß€😀\u{a0}\u{2003}\u{3000}ı\u{e9}".chars()).collect();
    let mut mixture = || -> String {
        let length = random.random_range(1..15);
        (0..length).map(|_| *all.choose(&mut random).unwrap()).collect()
    };
    let mixtures: Vec<_> = (0..mixtures).map(|_| mixture()).collect();
    let plain = SPECIAL.iter().map(|&text| text.to_owned()).chain(printable.iter().map(char::to_string));
    plain.chain(mixtures).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_reads_each_option_as_it_was_given() {
    if !engine_is_wanted() {
        return;
    }
    let values = values(150);
    let conf: String = values
        .iter()
        .enumerate()
        .map(|(number, value)| format!("spi-theme--rt--v{number}={}\n", keycloak_conf_value(value)))
        .collect();
    let cluster = fresh_name();
    let _removal = Removal::of(cluster.as_str(), Vec::new());
    let runtime = DockerRuntime::local();
    let kc = "/opt/keycloak/bin/kc.sh";
    let spec = ContainerSpec {
        name: format!("{cluster}-show-config"),
        image: PairOptions::default().keycloak_image,
        entrypoint: Some(vec![kc.to_owned(), "show-config".to_owned(), "all".to_owned()]),
        labels: [(ha_core::layout::LABEL_CLUSTER.to_owned(), cluster.clone())].into(),
        ..ContainerSpec::default()
    };
    runtime.create_container(&spec).await.unwrap();
    let file = HostFile::new("/opt/keycloak/conf/keycloak.conf", conf, 0o644);
    runtime.put_files(&spec.name, &[file]).await.unwrap();
    runtime.start_container(&spec.name).await.unwrap();
    assert_eq!(runtime.wait_container(&spec.name, Duration::from_secs(120)).await.unwrap(), 0);
    let mut lines = runtime.logs(&spec.name, &LogOptions::default()).await.unwrap();
    let mut read = BTreeMap::new();
    while let Some(line) = lines.next().await {
        let text = line.unwrap().text;
        if let Some((number, value)) =
            text.trim_start().strip_prefix("kc.spi-theme--rt--v").and_then(|it| it.split_once(" =  "))
            && let Some((value, _)) = value.rsplit_once(" (")
        {
            read.insert(number.parse::<usize>().unwrap(), value.to_owned());
        }
    }
    same(&values, |number| read.get(&number).cloned());
}

#[test]
fn postgresql_reads_each_setting_as_it_was_given() {
    if !engine_is_wanted() {
        return;
    }
    let values = values(40);
    let conf: String = values
        .iter()
        .enumerate()
        .map(|(number, value)| format!("rt.v{number} = {}\n", postgresql_conf_value(value)))
        .collect();
    let script = "printf '%s' \"$1\" >/tmp/rt.conf\nchown postgres /tmp/rt.conf\n\
                  i=0; while [ $i -lt $2 ]; do\n\
                  printf '%s\\n' \"$i=[$(gosu postgres postgres -D /tmp -c config_file=/tmp/rt.conf -C rt.v$i)]\"\n\
                  i=$((i + 1)); done";
    let said = in_container(&fresh_name(), &[], script, &[&conf, &values.len().to_string()]);
    let read: BTreeMap<_, _> = said.lines().filter_map(|line| line.split_once("=[")).collect();
    same(&values, |number| Some(read.get(number.to_string().as_str())?.strip_suffix(']')?.to_owned()));
}

/// A password that libpq takes from the passfile opens the door that the server made for it: a role for each, one psql for all.
#[test]
fn libpq_reads_each_password_as_it_was_given() {
    if !engine_is_wanted() {
        return;
    }
    let mut secrets = fresh_secrets();
    let passwords: Vec<_> = values(40).into_iter().filter(|value| !value.trim().is_empty()).collect();
    let (mut roles, mut lines, mut doors) = (String::new(), String::new(), String::new());
    for (number, password) in passwords.iter().enumerate() {
        secrets.replication_password = Secret::new(password.as_str());
        lines += &passfile(&secrets).replacen(REPLICATION_ROLE, &format!("r{number}"), 1);
        roles += &format!("CREATE ROLE r{number} LOGIN PASSWORD '{}';\n", password.replace('\'', "''"));
        doors += &format!("\\c 'host=127.0.0.1 dbname=postgres user=r{number}'\nSELECT current_user;\n");
    }
    let script = "umask 077; mkdir /tmp/d; chown postgres /tmp/d; cd /tmp; printf '%s' \"$2\" >/tmp/passfile\n\
                  gosu postgres initdb -D /tmp/d -N --auth-local=peer --auth-host=scram-sha-256 >/dev/null\n\
                  gosu postgres pg_ctl -D /tmp/d -s -w -l /tmp/log \
                  -o '-c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories=/tmp' start\n\
                  printf '%s' \"$1\" | gosu postgres psql -h /tmp -X -q -v ON_ERROR_STOP=1\n\
                  printf '%s' \"$3\" | PGPASSFILE=/tmp/passfile PGUSER=r0 psql -h 127.0.0.1 -d postgres -w -XAtq || true\n\
                  gosu postgres pg_ctl -D /tmp/d -s -m immediate stop";
    let said = in_container(&fresh_name(), &[], script, &[&roles, &lines, &doors]);
    let got_in: BTreeSet<_> = said.lines().collect();
    same(&passwords, |number| got_in.contains(format!("r{number}").as_str()).then(|| passwords[number].clone()));
}

#[track_caller]
fn same(given: &[String], read: impl Fn(usize) -> Option<String>) {
    let other: Vec<_> = given
        .iter()
        .enumerate()
        .filter(|(number, value)| read(*number).as_ref() != Some(value))
        .map(|(number, value)| (value, read(number)))
        .collect();
    assert!(other.is_empty(), "{} of {} are read otherwise: {other:#?}", other.len(), given.len());
}
