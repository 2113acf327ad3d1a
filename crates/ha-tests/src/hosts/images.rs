//! Images of the machine's own engine, given to a host's.
//!
//! The layers of an `overlay2` store are never written to, so hard links do for copies: a second instead of many. A store of
//! another kind hands its images out by `docker save`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;

use ha_core::ports::{ContainerRuntime, RuntimeError};
use ha_docker::DockerRuntime;
use ring::digest;
use serde_json::{Map, Value, json};

use super::error::HostsError;
use super::run::{LONG, command, succeed};

/// Copies each `FROM<tab>TO` of its input, by hard links where that can be. The kernel makes none between two mounts, not even
/// of one file system, and an engine mounts its own folder onto itself; so both are reached through one more mount, of the
/// root, in a namespace of its own.
const LINK: &str = r#"aside=$1
mount --bind / "$aside"
while IFS=$'\t' read -r from to; do
  if [[ $aside$from -ef $from && $aside${to%/*} -ef ${to%/*} ]] && cp -a -l -- "$aside$from" "$aside$to" 2>/dev/null; then
    continue
  fi
  rm -rf -- "$to"
  cp -a --reflink=auto -- "$from" "$to" || exit
done"#;

/// The machine's engine, and what hosts are to have of it.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where it keeps its data.
    pub(crate) root: PathBuf,
    images: Vec<(String, String)>,
}

impl Source {
    /// Looks for the images at the machine's engine.
    pub(crate) fn look(references: &[String]) -> Result<Self, HostsError> {
        // A thread with a runtime of its own, since this may run inside another one.
        let asked = thread::scope(|scope| scope.spawn(|| ask(references)).join());
        let (root, ids) = asked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let mut images = Vec::new();
        for (reference, id) in references.iter().zip(ids) {
            images.push((reference.clone(), id.ok_or_else(|| HostsError::NoImage(reference.clone()))?));
        }
        Ok(Self { root, images })
    }

    /// Whether the images can be linked: they are in an `overlay2` store of this machine.
    pub(crate) fn can_be_linked(&self) -> bool {
        self.images.iter().all(|(_, id)| self.root.join(configuration(id)).exists())
    }

    /// Puts the images into the data of an engine that does not run. `aside` is an empty folder.
    pub(crate) fn link_into(&self, data: &Path, aside: &Path) -> Result<(), HostsError> {
        let mut links = Links { from: &self.root, to: data, paths: BTreeSet::new() };
        let mut names = Map::new();
        for (reference, id) in &self.images {
            self.layers(id)?.iter().try_for_each(|chain| links.layer(chain))?;
            links.add(&configuration(id))?;
            if let Some((name, full)) = name_of(reference) {
                let tags = names.entry(name).or_insert_with(|| json!({}));
                tags[full] = json!(id);
            }
        }
        links.make(aside)?;
        let path = data.join("image/overlay2/repositories.json");
        make_folder_of(&path)?;
        let text = json!({ "Repositories": names }).to_string();
        fs::write(&path, text).map_err(HostsError::file("writing", &path))
    }

    /// Sends the images to an engine that runs.
    pub(crate) fn load_into(&self, socket: &Path) -> Result<(), HostsError> {
        if self.images.is_empty() {
            return Ok(());
        }
        let script = "set -o pipefail; socket=$1; shift; docker save \"$@\" | docker -H \"unix://$socket\" load -q";
        let mut load = command("bash", ["-c", script, "bash"]);
        load.arg(socket).args(self.images.iter().map(|(reference, _)| reference));
        succeed("loading images into a host", &mut load, None, LONG).map(drop)
    }

    /// The ids of an image's layers, each on those below it.
    fn layers(&self, id: &str) -> Result<Vec<String>, HostsError> {
        let path = self.root.join(configuration(id));
        let text = fs::read_to_string(&path).map_err(HostsError::file("reading", &path))?;
        let known: Value = serde_json::from_str(&text).unwrap_or_default();
        let layers = known["rootfs"]["diff_ids"].as_array().ok_or_else(|| HostsError::NotUnderstood {
            what: "reading",
            path,
            problem: "it has no list of layers".to_owned(),
        })?;
        let mut chains: Vec<String> = Vec::new();
        for layer in layers.iter().filter_map(Value::as_str) {
            chains.push(chains.last().map_or_else(|| layer.to_owned(), |below| chained(below, layer)));
        }
        Ok(chains)
    }
}

/// What is to be linked from one engine's data into another's.
struct Links<'a> {
    from: &'a Path,
    to: &'a Path,
    paths: BTreeSet<PathBuf>,
}

impl Links<'_> {
    fn layer(&mut self, chain: &str) -> Result<(), HostsError> {
        let description = Path::new("image/overlay2/layerdb").join(chain.replace(':', "/"));
        if self.paths.contains(&description) {
            return Ok(());
        }
        let read = |path: PathBuf| fs::read_to_string(&path).map_err(HostsError::file("reading", path));
        let content = Path::new("overlay2").join(read(self.from.join(&description).join("cache-id"))?.trim());
        // Mount options have little room, so the engine mounts layers by short links.
        let short = self.to.join("overlay2/l").join(read(self.from.join(&content).join("link"))?.trim());
        make_folder_of(&short)?;
        let target = Path::new("..").join(content.file_name().unwrap_or_default()).join("diff");
        symlink(target, &short).map_err(HostsError::file("linking", &short))?;
        self.add(&content)?;
        self.add(&description)
    }

    fn add(&mut self, path: &Path) -> Result<(), HostsError> {
        make_folder_of(&self.to.join(path))?;
        self.paths.insert(path.to_owned());
        Ok(())
    }

    fn make(&self, aside: &Path) -> Result<(), HostsError> {
        fs::create_dir_all(aside).map_err(HostsError::file("making", aside))?;
        let line = |path: &PathBuf| format!("{}\t{}\n", self.from.join(path).display(), self.to.join(path).display());
        let lines: String = self.paths.iter().map(line).collect();
        let mut script = command("unshare", ["--mount", "--propagation", "private", "bash", "-ec", LINK, "bash"]);
        succeed("linking images into a host", script.arg(aside), Some(&lines), LONG).map(drop)
    }
}

async fn ask_engine(references: &[String]) -> Result<(PathBuf, Vec<Option<String>>), RuntimeError> {
    let engine = DockerRuntime::local();
    let root = engine.engine().await?.root_dir;
    let mut ids = Vec::new();
    for reference in references {
        ids.push(engine.find_image(reference).await?.map(|image| image.id));
    }
    Ok((root.into(), ids))
}

fn ask(references: &[String]) -> Result<(PathBuf, Vec<Option<String>>), HostsError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HostsError::file("making a runtime to ask", "/var/run/docker.sock"))?;
    Ok(runtime.block_on(ask_engine(references))?)
}

/// The id of a layer on those below it (OCI image specification, "Layer ChainID").
fn chained(above: &str, layer: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("{above} {layer}").as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// The name in a reference, and the reference with its tag; none for a bare id.
fn name_of(reference: &str) -> Option<(String, String)> {
    if let Some((name, _)) = reference.split_once('@') {
        return Some((name.to_owned(), reference.to_owned()));
    }
    if reference.starts_with("sha256:") {
        return None;
    }
    let last = reference.rsplit('/').next()?;
    match last.rsplit_once(':') {
        Some((_, tag)) => Some((reference[..reference.len() - tag.len() - 1].to_owned(), reference.to_owned())),
        None => Some((reference.to_owned(), format!("{reference}:latest"))),
    }
}

/// Where an engine keeps what it knows of an image.
fn configuration(id: &str) -> PathBuf {
    Path::new("image/overlay2/imagedb/content").join(id.replace(':', "/"))
}

fn make_folder_of(path: &Path) -> Result<(), HostsError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(HostsError::file("making", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_engines_list() {
        let table = [
            ("postgres:17", Some(("postgres", "postgres:17"))),
            ("postgres", Some(("postgres", "postgres:latest"))),
            ("host:5000/a/b", Some(("host:5000/a/b", "host:5000/a/b:latest"))),
            ("host:5000/a/b:1", Some(("host:5000/a/b", "host:5000/a/b:1"))),
            ("a/b@sha256:00", Some(("a/b", "a/b@sha256:00"))),
            ("sha256:00", None),
        ];
        for (reference, expected) in table {
            let found = name_of(reference);
            let found = found.as_ref().map(|(name, full)| (name.as_str(), full.as_str()));
            assert_eq!(found, expected, "{reference}");
        }
    }

    #[test]
    fn a_chain_is_the_hash_of_both() {
        // printf 'sha256:a sha256:b' | sha256sum
        let expected = "sha256:970a948bffa8de94d6e22d747ba8c95030e6e546909f98f54e99a13005e173a8";
        assert_eq!(chained("sha256:a", "sha256:b"), expected);
    }
}
