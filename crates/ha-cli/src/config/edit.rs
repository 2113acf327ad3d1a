//! Changes one value of a cluster's file and nothing else of it, comments included.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use toml_edit::{DocumentMut, value};

use super::write::{FileToWrite, Overwrite, install};
use crate::error::{Error, Failure};

/// Sets `section.key` to a text. The file keeps its rights; what a link leads to is changed, not the link.
///
/// # Errors
/// It is no file, or it could not be read or written.
pub fn set_text(path: &Path, section: &str, key: &str, text: &str) -> Result<(), Error> {
    let content = changed(path, section, key, text).map_err(|error| {
        Failure::failed("config-not-written", format!("{} could not be read, so it was not changed", path.display()))
            .because(error)
    })?;
    let (path, mode, content) = content;
    install(&[FileToWrite { path, content: &content, mode }], Overwrite::Always)
}

fn changed(path: &Path, section: &str, key: &str, text: &str) -> io::Result<(std::path::PathBuf, u32, String)> {
    let path = fs::canonicalize(path)?;
    let metadata = fs::metadata(&path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut document: DocumentMut = fs::read_to_string(&path)?.parse().map_err(io::Error::other)?;
    document[section][key] = value(text);
    Ok((path, metadata.permissions().mode() & 0o7777, document.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\nschema = 1\n\n[cluster] # the one\nname = 'sso'   # kept\n\n[images]\n";

    #[test]
    fn the_rest_of_the_file_stays_as_it_is_and_so_do_its_rights_and_a_link_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real.toml"), folder.path().join("ha.toml"));
        fs::write(&file, TEXT).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        set_text(&link, "cluster", "id", "0123456789abcdef").unwrap();
        let now = fs::read_to_string(&file).unwrap();
        assert_eq!(now.replace("id = \"0123456789abcdef\"\n", ""), TEXT);
        assert_ne!(now, TEXT);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        assert!(set_text(Path::new("/dev/null"), "cluster", "id", "0123456789abcdef").is_err());
    }
}
