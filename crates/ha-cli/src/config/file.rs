//! From a path to a checked configuration.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::access::{self, MOST_BYTES};
use super::model::Config;
use super::reader::{self, Places, Reading};
use super::warnings;
use crate::diagnostic::{Diagnostic, Source};
use crate::error::{Error, Failure};

/// How a path came to be that of the cluster's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileRules {
    /// It was found where such a file is looked for.
    Found,
    /// Somebody named it: it may be a pipe.
    Named,
}

/// Reads and checks the cluster's file.
pub(super) fn read(path: &Path, rules: FileRules) -> Result<Config, Error> {
    let (bytes, file) = if rules == FileRules::Named && access::is_pipe(path) {
        (access::from_pipe(path)?, None)
    } else {
        let file = access::open(path)?;
        (bytes_of(&file, path)?, Some(file))
    };
    let text = text_of(bytes, path, Source::quotable)?;
    let source = Arc::new(Source::quotable(path, &text));
    if let Some(file) = file {
        // Nothing that it says counts, not even what is wrong with it.
        let writers = access::writers(&file, path, &source);
        if !writers.is_empty() {
            return Err(Error::Configuration(writers));
        }
    }
    let Reading { mut spec, places, mut problems, broken } = reader::read(&source, &text);
    if !broken.everything {
        for problem in spec.validate().err().unwrap_or_default() {
            // What follows only from a value that was refused already would be noise.
            let seen = broken.contains(&problem.path) || problem.related.as_ref().is_some_and(|p| broken.contains(p));
            if !seen {
                problems.push(place(&source, &places, &problem));
            }
        }
    }
    problems.sort_by_key(|problem| problem.at.as_ref().map_or(0, |at| at.start));
    // The folder is known here only; a relative one means beside the file, whatever the working directory is.
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    for node in &mut spec.nodes {
        node.docker_certificates = node.docker_certificates.take().map(|certificates| folder.join(certificates));
    }
    match spec.validate() {
        Ok(topology) if problems.is_empty() => {
            let warnings = warnings::of(&topology, &source, &places);
            Ok(Config { path: path.to_owned(), spec, topology, warnings, places, source })
        }
        _ => Err(Error::Configuration(problems)),
    }
}

/// A problem of the core's, at its place in the file.
fn place(source: &Arc<Source>, places: &Places, problem: &ha_core::topology::Problem) -> Diagnostic {
    let at = places.nearest(&problem.path);
    let diagnostic =
        Diagnostic::new(source, at, problem.path.to_string(), problem.message.clone(), problem.help.clone());
    // A default has no place of its own; the label then stands at the table that it belongs to.
    match problem.related.as_ref().and_then(|path| Some((places.nearest(path)?, path.to_string()))) {
        Some((at, path)) => diagnostic.related_to(at, path),
        None => diagnostic,
    }
}

/// What an opened file holds, and a little more than it may.
pub(super) fn bytes_of(file: &File, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| access::unreadable(path, error))?;
    Ok(bytes)
}

/// The text of a file.
pub(super) fn text_of(bytes: Vec<u8>, path: &Path, source: fn(&Path, &str) -> Source) -> Result<String, Error> {
    if bytes.len() as u64 > MOST_BYTES {
        let message = format!("{} is larger than 1 MiB: it cannot be a cluster's file", path.display());
        return Err(Failure::usage("config-unreadable", message).into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let good = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
        let source = Arc::new(source(path, &good));
        let help = "save it as UTF-8 text";
        Error::Configuration(vec![Diagnostic::new(&source, Some(at..at), "", "is not UTF-8 text", help)])
    })
}
