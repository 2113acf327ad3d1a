//! Puts files in their place: all of each or none, with their rights from the first moment on.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Failure};

/// What happens to a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays, and nothing is written.
    Never,
    /// It is replaced.
    Always,
}

/// One file to be written.
pub struct FileToWrite<'a> {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub content: &'a str,
    /// Who may do what with it, as in `chmod`.
    pub mode: u32,
}

/// Writes the files in their order. Each appears complete or not at all; where one cannot be put in its place, those of
/// this call that were new are taken away again.
///
/// # Errors
/// A file exists and is to stay, or one cannot be written.
pub fn install(files: &[FileToWrite<'_>], overwrite: Overwrite) -> Result<(), Error> {
    if overwrite == Overwrite::Never {
        refuse_existing(files.iter().map(|file| file.path.as_path()))?;
    }
    // Everything that can fail for want of space or rights happens before anything takes its final name.
    let staged: Vec<_> = files.iter().map(stage).collect::<Result<_, _>>()?;
    let mut placed: Vec<&Path> = Vec::new();
    for (temporary, file) in staged.into_iter().zip(files) {
        let result = match overwrite {
            // Fails where the file has appeared in the meantime.
            Overwrite::Never => temporary.persist_noclobber(&file.path),
            Overwrite::Always => temporary.persist(&file.path),
        };
        if let Err(error) = result {
            if overwrite == Overwrite::Never {
                placed.iter().for_each(|path| drop(fs::remove_file(path)));
            }
            return Err(unwritable(&file.path, error.error));
        }
        placed.push(&file.path);
    }
    for file in files {
        // The names survive a power cut once the folder is on disk; a file system without this has no better offer.
        drop(File::open(folder_of(&file.path)).and_then(|folder| folder.sync_all()));
    }
    Ok(())
}

/// Says which of the files exist, if any.
///
/// # Errors
/// One exists.
pub(crate) fn refuse_existing<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<(), Error> {
    let existing: Vec<String> =
        paths.filter(|path| path.symlink_metadata().is_ok()).map(|path| path.display().to_string()).collect();
    if existing.is_empty() {
        return Ok(());
    }
    let (list, verb) = (existing.join(" and "), if existing.len() == 1 { "exists" } else { "exist" });
    Err(Failure::usage("config-exists", format!("{list} {verb} already, and nothing was written"))
        .help(
            "see it with `ha-cli config show`; write elsewhere with --config PATH, or over it with --force, which keeps \
             the secrets, and the settings that no option gives",
        )
        .into())
}

fn stage(file: &FileToWrite<'_>) -> Result<tempfile::NamedTempFile, Error> {
    let folder = folder_of(&file.path);
    let write = || -> io::Result<_> {
        fs::create_dir_all(&folder)?;
        let mut temporary = tempfile::Builder::new()
            .prefix(".ha-cli-")
            .permissions(Permissions::from_mode(file.mode))
            .tempfile_in(&folder)?;
        temporary.write_all(file.content.as_bytes())?;
        // Set once more: the process's umask took away from what the file was made with.
        temporary.as_file().set_permissions(Permissions::from_mode(file.mode))?;
        temporary.as_file().sync_all()?;
        Ok(temporary)
    };
    write().map_err(|error| unwritable(&file.path, error))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Failure::failed("config-unwritable", format!("{} could not be written", path.display()))
        .because(error)
        .help("check the folder's rights and free space, or name another place with --config PATH")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn file(folder: &Path, name: &str, mode: u32) -> FileToWrite<'static> {
        FileToWrite { path: folder.join(name), content: "new", mode }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_have_their_rights_and_their_folder_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        install(&[file(&inner, "s", 0o600), file(&inner, "c", 0o644)], Overwrite::Never).unwrap();
        let mode = |name: &str| fs::metadata(inner.join(name)).unwrap().mode() & 0o777;
        assert_eq!((mode("s"), mode("c")), (0o600, 0o644));
        assert_eq!(names(&inner), ["c", "s"]);
    }

    #[test]
    fn one_existing_file_stops_all_unless_forced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("c"), "old").unwrap();
        let files = [file(folder.path(), "s", 0o600), file(folder.path(), "c", 0o644)];
        assert!(install(&files, Overwrite::Never).is_err());
        assert_eq!(names(folder.path()), ["c"]);
        install(&files, Overwrite::Always).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("c")).unwrap(), "new");
    }

    #[test]
    fn nothing_is_left_where_the_last_cannot_be_placed() {
        let folder = tempfile::tempdir().unwrap();
        // Its folder is a file, so that it cannot even be staged.
        fs::write(folder.path().join("x"), "").unwrap();
        let files = [file(folder.path(), "s", 0o600), file(&folder.path().join("x"), "c", 0o644)];
        assert!(install(&files, Overwrite::Never).is_err());
        assert_eq!(names(folder.path()), ["x"]);
    }

    #[test]
    fn a_name_taken_in_the_meantime_takes_the_first_file_back() {
        let folder = tempfile::tempdir().unwrap();
        // The second finds the name taken, by the first: as if another program had been quicker.
        let files = [file(folder.path(), "s", 0o600), file(folder.path(), "s", 0o600)];
        assert!(install(&files, Overwrite::Never).is_err());
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
