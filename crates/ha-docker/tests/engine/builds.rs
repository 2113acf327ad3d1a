//! Images built from files in memory.

use std::process::Command;

use ha_core::ports::{ContainerRuntime, HostFile, ImageBuild, RuntimeError};

use crate::support::{Owned, PATIENCE, engine, image};

fn build(own: &Owned, dockerfile: &str) -> ImageBuild {
    ImageBuild {
        tag: format!("{}:1", own.name),
        context: vec![
            HostFile::new("Dockerfile", dockerfile, 0o644),
            HostFile::new("files/greeting", "built in memory\n", 0o640),
        ],
        labels: own.labels(),
    }
}

/// The port has no way to remove an image, so the client does.
struct Tagged(String);
impl Drop for Tagged {
    fn drop(&mut self) {
        let removed = Command::new("docker").args(["image", "rm", "-f", &self.0]).output();
        if !removed.is_ok_and(|output| output.status.success()) {
            eprintln!("the image {} is left behind", self.0);
        }
    }
}

#[tokio::test]
async fn an_image_is_built_labelled_and_runs() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    let build = build(&own, &format!("FROM {}\nCOPY files/greeting /greeting\nENV BUILT=yes\n", image()));
    let made = engine.build_image(&build).await.unwrap();
    let _tagged = Tagged(build.tag.clone());
    assert_eq!(made.labels.get("ha-docker-test"), Some(&own.name));
    assert!(made.id.starts_with("sha256:") && made.environment.contains(&"BUILT=yes".to_owned()), "{made:?}");
    assert_eq!(engine.find_image(&build.tag).await.unwrap(), Some(made.clone()));

    let mut spec = own.shell("cat /greeting; stat -c %a /greeting");
    spec.image = made.id.clone();
    own.started(&spec).await;
    assert_eq!(engine.wait_container(&own.name, PATIENCE).await.unwrap(), 0);
    let lines: Vec<_> = crate::logs::all(&engine, &own.name).await.into_iter().map(|line| line.text).collect();
    assert_eq!(lines, ["built in memory", "640"]);
    assert_eq!(engine.find_container(&own.name).await.unwrap().unwrap().image_id, made.id);
}

#[tokio::test]
async fn a_build_that_fails_says_how() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    let failing = build(&own, &format!("FROM {}\nRUN echo on the way; exit 9\n", image()));
    let Err(RuntimeError::BuildFailed { message, .. }) = engine.build_image(&failing).await else {
        panic!("a failing build was content");
    };
    assert!(message.contains("on the way") && message.contains('9'), "{message}");
    let nonsense = build(&own, "NONSENSE\n");
    assert!(matches!(engine.build_image(&nonsense).await, Err(RuntimeError::BuildFailed { .. })));
    assert_eq!(engine.find_image(&failing.tag).await.unwrap(), None);
}
