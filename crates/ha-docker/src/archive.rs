//! The archives in which files travel to and from an engine.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::time::{SystemTime, UNIX_EPOCH};

use ha_core::ports::{HostFile, RuntimeError};
use tar::{Archive, Builder, EntryType, Header};

/// Folders that are made on the way: whoever may read the file gets there, only root changes them.
const FOLDER_MODE: u32 = 0o755;

/// An archive of files, and of folders made before them. Paths are relative to where it is unpacked.
pub(crate) fn pack(folders: &[String], files: &[HostFile]) -> Result<Vec<u8>, RuntimeError> {
    let mut archive = Builder::new(Vec::new());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    for folder in folders {
        let mut header = header(EntryType::Directory, FOLDER_MODE, (0, 0), 0, now);
        append(&mut archive, &mut header, &format!("{folder}/"), &[])?;
    }
    for file in files {
        let mut header = header(EntryType::Regular, file.mode, (file.uid, file.gid), file.content.len(), now);
        append(&mut archive, &mut header, &file.path, &file.content)?;
    }
    archive.into_inner().map_err(|error| invalid("the archive", &error))
}

fn header(kind: EntryType, mode: u32, (uid, gid): (u32, u32), size: usize, now: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(uid.into());
    header.set_gid(gid.into());
    header.set_size(size as u64);
    header.set_mtime(now);
    header
}

fn append(archive: &mut Builder<Vec<u8>>, header: &mut Header, path: &str, content: &[u8]) -> Result<(), RuntimeError> {
    archive
        .append_data(header, path.trim_start_matches('/'), content)
        .map_err(|error| invalid(&format!("\"{path}\""), &error))
}

fn invalid(what: &str, error: &io::Error) -> RuntimeError {
    RuntimeError::Invalid { message: format!("{what} cannot be packed: {error}") }
}

/// The symbolic links of an archive, by their names. One that was cut off is read as far as it goes.
pub(crate) fn links(archive: &[u8]) -> Result<BTreeMap<String, String>, RuntimeError> {
    let unreadable =
        |error: io::Error| RuntimeError::Invalid { message: format!("the archive cannot be read: {error}") };
    let mut links = BTreeMap::new();
    for entry in Archive::new(archive).entries().map_err(unreadable)? {
        let Ok(entry) = entry else { break };
        if entry.header().entry_type() != EntryType::Symlink {
            continue;
        }
        if let Some(target) = entry.link_name().map_err(unreadable)? {
            let name = entry.path().map_err(unreadable)?;
            let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
            links.insert(name, target.to_string_lossy().into_owned());
        }
    }
    Ok(links)
}

/// What the beginning of an archive holds first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// A file, whole.
    File(Vec<u8>),
    /// A file of that many bytes, more than asked for.
    TooLarge(u64),
    /// A folder, a link, or nothing.
    Other,
}

/// Reads the first entry, of at most `limit` bytes. Links are not followed: they point to elsewhere in the container.
pub(crate) fn unpack_first(archive: &[u8], limit: u64) -> io::Result<First> {
    let mut archive = Archive::new(Cursor::new(archive));
    let Some(entry) = archive.entries()?.next() else { return Ok(First::Other) };
    let mut entry = entry?;
    if entry.header().entry_type() != EntryType::Regular {
        return Ok(First::Other);
    }
    if entry.size() > limit {
        return Ok(First::TooLarge(entry.size()));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    if content.len() as u64 != entry.size() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(First::File(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_owner_mode_and_long_names() {
        let long = format!("/{}/file", "folder-with-a-long-name/".repeat(8).trim_end_matches('/'));
        let file = HostFile::new(long.as_str(), "text", 0o600).owned_by(999, 998);
        let packed = pack(&["etc/ours".to_owned()], &[file]).unwrap();
        let mut archive = Archive::new(Cursor::new(packed));
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                (
                    entry.path().unwrap().display().to_string(),
                    header.mode().unwrap(),
                    header.uid().unwrap(),
                    header.gid().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            entries,
            [("etc/ours/".to_owned(), 0o755, 0, 0), (long.trim_start_matches('/').to_owned(), 0o600, 999, 998)]
        );
    }

    #[test]
    fn refuses_a_path_that_climbs() {
        let error = pack(&[], &[HostFile::new("/etc/../../shadow", "x", 0o600)]).unwrap_err();
        assert!(matches!(error, RuntimeError::Invalid { .. }), "{error}");
    }

    #[test]
    fn reads_back_what_it_packs_within_the_limit() {
        let packed = pack(&[], &[HostFile::new("/a", "12345", 0o644)]).unwrap();
        assert_eq!(unpack_first(&packed, 5).unwrap(), First::File(b"12345".to_vec()));
        assert_eq!(unpack_first(&packed, 4).unwrap(), First::TooLarge(5));
        assert!(unpack_first(&packed[..514], 5).is_err(), "half a file was taken for a whole one");
        assert_eq!(unpack_first(&[], 5).unwrap(), First::Other);
        let folder = pack(&["a".to_owned()], &[]).unwrap();
        assert_eq!(unpack_first(&folder, 5).unwrap(), First::Other);
    }

    #[test]
    fn links_are_read_by_their_names_and_files_are_none() {
        let mut archive = Builder::new(Vec::new());
        let mut link = header(EntryType::Symlink, 0o777, (999, 999), 0, 0);
        archive.append_link(&mut link, "./16388", "/mnt/fast disk").unwrap();
        append(&mut archive, &mut header(EntryType::Regular, 0o600, (0, 0), 3, 0), "./PG_17", b"abc").unwrap();
        let packed = archive.into_inner().unwrap();
        let wanted = BTreeMap::from([("16388".to_owned(), "/mnt/fast disk".to_owned())]);
        assert_eq!(links(&packed).unwrap(), wanted);
        assert_eq!(links(&packed[..600]).unwrap(), wanted, "what was cut off is read as far as it goes");
        assert_eq!(links(b"").unwrap(), BTreeMap::new());
    }
}
