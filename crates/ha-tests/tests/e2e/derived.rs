//! Pairs whose PostgreSQL runs in an image that is made from the usual one.

use ha_core::ports::{ContainerRuntime as _, HostFile, ImageBuild};
use ha_tests::{Pair, PairOptions, fresh_name};

use crate::host::{label, try_docker};

/// An image that is removed with this.
pub(crate) struct Image(pub(crate) String);

impl Drop for Image {
    fn drop(&mut self) {
        let _ = try_docker(&["image", "rm", "-f", &self.0]);
    }
}

/// A pair of servers, of which nothing runs yet, and its image: what `dockerfile` adds, with these files beside it.
pub(crate) async fn pair(what: &str, dockerfile: &str, files: Vec<HostFile>) -> (Pair, Image) {
    let image = Image(format!("{}-{what}:1", fresh_name()));
    let options = PairOptions { postgres_image: image.0.clone(), ..PairOptions::postgres_only() };
    let pair = Pair::prepare(options).await.unwrap();
    let label = label(pair.topology().cluster.name.as_str());
    let (key, value) = label.split_once('=').unwrap();
    let from = format!("FROM {}\n{dockerfile}", PairOptions::default().postgres_image);
    let mut context = vec![HostFile::new("Dockerfile", from, 0o644)];
    context.extend(files);
    let labels = [(key.to_owned(), value.to_owned())].into();
    pair.runtime().build_image(&ImageBuild { tag: image.0.clone(), context, labels }).await.unwrap();
    (pair, image)
}
