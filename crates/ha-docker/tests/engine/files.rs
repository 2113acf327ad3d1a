//! Files in and out.

use ha_core::ports::{ContainerRuntime, HostFile, Mount, RuntimeError};

use crate::execs::shell;
use crate::support::{Owned, PATIENCE, engine};

#[tokio::test]
async fn files_keep_owner_and_mode_and_leave_folders_as_they_are() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    shell(&engine, &own.name, "mkdir -m 700 /kept && chown 999:999 /kept && mkdir /real && ln -s /real /link").await;
    let files = [
        HostFile::new("/kept/secret", "one", 0o600).owned_by(999, 998),
        HostFile::new("/new/deep/er/file", "two", 0o644),
        HostFile::new("/link/file", "three", 0o400),
        HostFile::new("/new/empty", "", 0o755),
    ];
    engine.put_files(&own.name, &files).await.unwrap();
    let facts = shell(
        &engine,
        &own.name,
        "stat -c '%n %a %u:%g' /kept /kept/secret /new /new/deep/er /new/deep/er/file /real/file /new/empty; readlink /link",
    )
    .await;
    assert_eq!(
        facts,
        "/kept 700 999:999\n/kept/secret 600 999:998\n/new 755 0:0\n/new/deep/er 755 0:0\n/new/deep/er/file 644 0:0\n\
         /real/file 400 0:0\n/new/empty 755 0:0\n/real\n"
    );
    let replaced = [HostFile::new("/kept/secret", "another", 0o640).owned_by(1, 2)];
    engine.put_files(&own.name, &replaced).await.unwrap();
    assert_eq!(
        shell(&engine, &own.name, "cat /kept/secret; stat -c ' %a %u:%g' /kept/secret").await,
        "another 640 1:2\n"
    );
    assert_eq!(engine.read_file(&own.name, "/kept/secret").await.unwrap().as_deref(), Some(b"another".as_slice()));
}

#[tokio::test]
async fn a_container_that_was_only_made_takes_files_into_its_volumes() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    engine.ensure_volume(&own.name, &own.labels()).await.unwrap();
    let mut spec = own.shell("cat /data/sub/file");
    spec.mounts = vec![Mount { volume: own.name.clone(), path: "/data".to_owned(), read_only: false }];
    engine.create_container(&spec).await.unwrap();
    engine.put_files(&own.name, &[HostFile::new("/data/sub/file", "kept\n", 0o600)]).await.unwrap();
    // A container later, only the volume is the same.
    assert!(engine.remove_container(&own.name).await.unwrap());
    own.started(&spec).await;
    assert_eq!(engine.wait_container(&own.name, PATIENCE).await.unwrap(), 0);
    let lines = crate::logs::all(&engine, &own.name).await;
    assert_eq!(lines[0].text, "kept");
    let stopped = engine.read_file(&own.name, "/data/sub/file").await.unwrap();
    assert_eq!(stopped.as_deref(), Some(b"kept\n".as_slice()));
}

#[tokio::test]
async fn what_is_no_file_is_none_and_what_is_too_large_is_said() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    shell(
        &engine,
        &own.name,
        "mkdir /folder && ln -s /etc/passwd /link && truncate -s 4194304 /fits && truncate -s 4194305 /large",
    )
    .await;
    for none in ["/missing", "/folder", "/link", "/missing/deeper"] {
        assert_eq!(engine.read_file(&own.name, none).await.unwrap(), None, "{none}");
    }
    assert_eq!(engine.read_file(&own.name, "/fits").await.unwrap().map(|content| content.len()), Some(4 << 20));
    assert!(matches!(engine.read_file(&own.name, "/large").await, Err(RuntimeError::Invalid { .. })));
    let missing = engine.read_file("hatest-docker-none", "/etc/passwd").await;
    assert!(matches!(missing, Err(RuntimeError::NotFound { .. })), "{missing:?}");
}

#[tokio::test]
async fn a_folder_is_not_replaced_by_a_file_and_bad_paths_are_refused() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    shell(&engine, &own.name, "mkdir /folder && echo here > /folder/content").await;
    assert!(engine.put_files(&own.name, &[HostFile::new("/folder", "x", 0o600)]).await.is_err());
    assert_eq!(shell(&engine, &own.name, "cat /folder/content").await, "here\n");
    for bad in ["relative", "/ends/", "/etc/../../up"] {
        let answer = engine.put_files(&own.name, &[HostFile::new(bad, "x", 0o600)]).await;
        assert!(matches!(answer, Err(RuntimeError::Invalid { .. })), "{bad}: {answer:?}");
    }
    let missing = engine.put_files("hatest-docker-none", &[HostFile::new("/x/y", "x", 0o600)]).await;
    assert!(matches!(missing, Err(RuntimeError::NotFound { .. })), "{missing:?}");
}
