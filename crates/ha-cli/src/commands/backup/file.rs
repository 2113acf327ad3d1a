//! The file of a backup: nobody else's to read, and there only when it is whole.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// A file in the making, under a name of its own beside the one that it will have. Dropped, it is gone.
pub(super) struct BackupFile {
    path: PathBuf,
    file: File,
    made: TempPath,
    bytes: u64,
}

/// Whether a file of that name can be made, as far as can be said beforehand.
///
/// # Errors
/// Why not.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    if path.symlink_metadata().is_ok() {
        return Err(format!("{shown} exists already: a backup overwrites nothing"));
    }
    let Some(name) = path.file_name() else { return Err(format!("\"{shown}\" names no file")) };
    if name.to_string_lossy().chars().any(char::is_control) {
        return Err("a file's name with control characters is none to find again".to_owned());
    }
    let folder = folder(path);
    if !folder.is_dir() {
        return Err(format!("there is no folder {}", folder.display()));
    }
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

impl BackupFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part-");
        // 0600, as the crate makes every such file.
        let made: NamedTempFile = tempfile::Builder::new().prefix(&name).tempfile_in(folder(path))?;
        let (file, made) = made.into_parts();
        Ok(Self { path: path.to_owned(), file: File::from_std(file), made, bytes: 0 })
    }

    pub(super) async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece).await?;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives it its name, once it is on the disk; returns its size.
    pub(super) async fn finish(mut self) -> io::Result<u64> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        self.made.persist_noclobber(&self.path).map_err(|error| error.error)?;
        File::open(folder(&self.path)).await?.sync_all().await?;
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn it_is_there_when_it_is_whole_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vm2.tar");
        check(&path).unwrap();
        let mut file = BackupFile::create(&path).unwrap();
        file.write(b"half").await.unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(names(folder.path()), [""; 0]);

        let mut file = BackupFile::create(&path).unwrap();
        file.write(b"who").await.unwrap();
        file.write(b"le").await.unwrap();
        assert_eq!(file.finish().await.unwrap(), 5);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["vm2.tar"]);

        // Somebody else made one meanwhile.
        assert!(check(&path).unwrap_err().contains("overwrites nothing"));
        let mut file = BackupFile::create(&path).unwrap();
        file.write(b"another").await.unwrap();
        file.finish().await.unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["vm2.tar"]);
    }

    #[test]
    fn what_cannot_become_a_file_is_said_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        for (path, words) in [
            (folder.path().to_owned(), "exists already"),
            (folder.path().join("none/vm2.tar"), "no folder"),
            (PathBuf::from(".."), "exists already"),
            (PathBuf::new(), "names no file"),
        ] {
            let why = check(&path).unwrap_err();
            assert!(why.contains(words), "{}: {why}", path.display());
        }
        check(Path::new("a-name-without-a-folder.tar")).unwrap();
    }
}
