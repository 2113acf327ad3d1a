//! What an image brings, seen by a container of it that lives for that moment.

use std::time::Duration;

use futures_util::StreamExt;

use crate::context::Context;
use crate::layout::{self, Component};
use crate::ports::{ContainerRuntime, Image, LogOptions, RuntimeError, Stream};
use crate::topology::Node;

const LIMIT: Duration = Duration::from_secs(30);

/// The programs that an image lacks and ha-cli's scripts need; `None` where it could not be found out, which is for whoever
/// runs the first script to say.
pub(crate) async fn lacks(
    cluster: &Context,
    node: &Node,
    runtime: &dyn ContainerRuntime,
    component: Component,
    image: &Image,
) -> Option<Vec<String>> {
    look(cluster, node, runtime, component, image).await.ok().flatten()
}

async fn look(
    cluster: &Context,
    node: &Node,
    runtime: &dyn ContainerRuntime,
    component: Component,
    image: &Image,
) -> Result<Option<Vec<String>>, RuntimeError> {
    let spec = layout::image_look(&cluster.topology, node, component, image);
    if let Err(RuntimeError::NameTaken { .. }) = runtime.create_container(&spec).await.map(drop) {
        // A run that was killed has left it.
        runtime.remove_container(&spec.name).await?;
        runtime.create_container(&spec).await?;
    }
    let said = read(runtime, &spec.name).await;
    // What cannot be removed now, the next look removes.
    drop(runtime.remove_container(&spec.name).await);
    match said {
        Ok(printed) => Ok(layout::lacking(&printed)),
        Err(error) if layout::says_no_shell(&error.to_string()) => Ok(Some(vec![layout::SHELL.to_owned()])),
        Err(error) => Err(error),
    }
}

async fn read(runtime: &dyn ContainerRuntime, name: &str) -> Result<String, RuntimeError> {
    runtime.start_container(name).await?;
    runtime.wait_container(name, LIMIT).await?;
    let mut logs = runtime.logs(name, &LogOptions::default()).await?;
    let mut printed = String::new();
    while let Some(line) = logs.next().await {
        let line = line?;
        if line.stream == Stream::Stdout {
            printed.push_str(&line.text);
            printed.push('\n');
        }
    }
    Ok(printed)
}
