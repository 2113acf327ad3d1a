//! Volumes and networks.

use ha_core::ports::{ContainerRuntime, Mount, RuntimeError};

use crate::support::{Owned, PATIENCE, engine};

#[tokio::test]
async fn a_volume_keeps_its_labels_and_content_until_it_is_removed() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    assert_eq!(engine.find_volume(&own.name).await.unwrap(), None);
    let made = engine.ensure_volume(&own.name, &own.labels()).await.unwrap();
    assert_eq!((&made.name, &made.labels), (&own.name, &own.labels()));
    let again = engine.ensure_volume(&own.name, &std::collections::BTreeMap::new()).await.unwrap();
    assert_eq!(again, made, "labels of what is there stay");
    assert_eq!(engine.list_volumes(&own.labels()).await.unwrap(), [made]);
    let of_nobody = std::collections::BTreeMap::from([("of".to_owned(), own.name.clone())]);
    assert_eq!(engine.list_volumes(&of_nobody).await.unwrap(), []);

    let mut spec = own.shell("test -e /data/mark || { echo new > /data/mark; exit 10; }");
    spec.mounts = vec![Mount { volume: own.name.clone(), path: "/data".to_owned(), read_only: false }];
    for code in [10, 0] {
        own.started(&spec).await;
        assert_eq!(engine.wait_container(&own.name, PATIENCE).await.unwrap(), code);
        let in_use = engine.remove_volume(&own.name).await;
        assert!(matches!(in_use, Err(RuntimeError::Refused { status: 409, .. })), "{in_use:?}");
        engine.remove_container(&own.name).await.unwrap();
    }
    spec.mounts[0].read_only = true;
    spec.command = vec!["echo x > /data/other".to_owned()];
    own.started(&spec).await;
    assert_ne!(engine.wait_container(&own.name, PATIENCE).await.unwrap(), 0, "wrote to what is read-only");
    engine.remove_container(&own.name).await.unwrap();

    assert!(engine.remove_volume(&own.name).await.unwrap());
    assert!(!engine.remove_volume(&own.name).await.unwrap());
}

#[tokio::test]
async fn a_volume_without_labels_is_found() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    engine.ensure_volume(&own.name, &std::collections::BTreeMap::new()).await.unwrap();
    assert!(engine.find_volume(&own.name).await.unwrap().unwrap().labels.is_empty());
}

#[tokio::test]
async fn one_network_of_a_name_whoever_asks_and_however_many() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    let labels = own.labels();
    let all = futures_util::future::join_all((0..6).map(|_| engine.ensure_network(&own.name, &labels))).await;
    for answer in all {
        answer.unwrap();
    }
    assert!(engine.remove_network(&own.name).await.expect("the name means one network"));
    assert!(!engine.remove_network(&own.name).await.unwrap(), "there was a second one");
}
