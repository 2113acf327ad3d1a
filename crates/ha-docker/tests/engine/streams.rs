//! What is too much to hold: the output of a program, and whole folders.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use ha_core::ports::{ByteStream, ContainerRuntime, Mount, RuntimeError};
use tar::Archive;

use crate::execs::{shell, spec};
use crate::support::{Owned, PATIENCE, engine, eventually};

async fn whole(mut stream: ByteStream) -> Result<Vec<u8>, RuntimeError> {
    let mut bytes = Vec::new();
    let mut result = Ok(());
    while let Some(piece) = stream.next().await {
        assert!(result.is_ok(), "something came after an error");
        match piece {
            Ok(piece) => bytes.extend(piece),
            Err(error) => result = Err(error),
        }
    }
    result.map(|()| bytes)
}

#[tokio::test]
async fn output_of_any_size_comes_whole_and_its_end_is_the_programs() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    // More than `exec` holds.
    let long = spec("head -c 80000000 /dev/zero | tr '\\0' x; echo a word >&2");
    let bytes = whole(engine.exec_stream(&own.name, &long, PATIENCE).await.unwrap()).await.unwrap();
    assert!(bytes.len() == 80_000_000 && bytes.iter().all(|byte| *byte == b'x'), "{} bytes", bytes.len());
    // What was written before it failed does not pass for the whole.
    let failing = spec("echo half; echo no room >&2; exit 3");
    let error = whole(engine.exec_stream(&own.name, &failing, PATIENCE).await.unwrap()).await.unwrap_err();
    assert!(
        matches!(&error, RuntimeError::ProgramFailed { code: 3, message, .. } if message == "no room"),
        "{error:?}"
    );
    // Nor what was written before its container was killed.
    let mut cut_off = engine.exec_stream(&own.name, &spec("echo half; sleep 100"), PATIENCE).await.unwrap();
    assert_eq!(cut_off.next().await.unwrap().unwrap(), b"half\n");
    engine.remove_container(&own.name).await.unwrap();
    whole(cut_off).await.unwrap_err();
}

#[tokio::test]
async fn a_silent_program_is_given_up_and_one_that_watches_its_input_ends_with_its_reader() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let limit = Duration::from_millis(500);
    let before = Instant::now();
    let error = whole(engine.exec_stream(&own.name, &spec("sleep 100"), limit).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::TimedOut { .. }), "{error:?}");
    assert!(before.elapsed() < Duration::from_secs(5));
    let watches = spec("touch /there; echo begun; cat >/dev/null; rm /there");
    let mut stream = engine.exec_stream(&own.name, &watches, PATIENCE).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), b"begun\n");
    assert_eq!(shell(&engine, &own.name, "ls /there").await, "/there\n");
    drop(stream);
    eventually("the program's end", async || {
        engine.exec(&own.name, &spec("test -e /there"), PATIENCE).await.unwrap().exit_code == 1
    })
    .await;
}

#[tokio::test]
async fn a_folder_of_a_stopped_container_comes_with_what_its_volume_holds() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    engine.ensure_volume(&own.name, &own.labels()).await.unwrap();
    let mut container = own.shell(
        "mkdir -p /data/db/sub && cd /data/db && echo one >file && head -c 9000000 /dev/zero >sub/large && \
         chown 999:998 file && chmod 600 file",
    );
    container.mounts = vec![Mount { volume: own.name.clone(), path: "/data".to_owned(), read_only: false }];
    own.started(&container).await;
    assert_eq!(engine.wait_container(&own.name, PATIENCE).await.unwrap(), 0);
    let bytes = whole(engine.read_folder(&own.name, "/data/db", PATIENCE).await.unwrap()).await.unwrap();
    let mut files = BTreeMap::new();
    for entry in Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (path, header) = (entry.path().unwrap().display().to_string(), entry.header().clone());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(path, (header.uid().unwrap(), header.mode().unwrap() & 0o777, content.len()));
    }
    let name = |text: &str| files.keys().find(|path| path.trim_start_matches("./") == text).map(|path| files[path]);
    assert_eq!(name("file"), Some((999, 0o600, 4)), "{files:?}");
    assert_eq!(name("sub/large").map(|it| it.2), Some(9_000_000), "{files:?}");
    let error = engine.read_folder(&own.name, "/data/none", PATIENCE).await.err().expect("it is not there");
    assert!(matches!(&error, RuntimeError::NotFound { what } if what.contains("/data/none")), "{error:?}");
}
