//! Files of a container.

use std::collections::BTreeSet;
use std::time::Duration;

use bollard::body_stream;
use bollard::errors::Error;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ha_core::ports::{HostFile, RuntimeError};

use crate::archive::{self, First};
use crate::connect::DockerRuntime;
use crate::task::Task;

/// The port's limit for a file that is read.
const READ_LIMIT: u64 = 4 << 20;
/// Headers of the archive around it.
const ARCHIVE_SLACK: usize = 64 << 10;
/// A large file over a slow line.
const TRANSFER_LIMIT: Duration = Duration::from_secs(120);

impl DockerRuntime {
    pub(crate) async fn write_files(&self, name: &str, files: &[HostFile]) -> Result<(), RuntimeError> {
        let task = Task::container("writing files into", name);
        self.patient(task, TRANSFER_LIMIT, async {
            let folders = self.missing_folders(name, files).await?;
            let packed = Bytes::from(archive::pack(&folders, files)?);
            let options = UploadToContainerOptionsBuilder::new().path("/").no_overwrite_dir_non_dir("true").build();
            // As a stream, since bollard writes other bodies to its log at trace level, and files may be secrets.
            let body = body_stream(stream::iter([packed]));
            self.docker.upload_to_container(name, Some(options), body).await.map_err(|error| self.failed(task, error))
        })
        .await
    }

    /// Folders to make, outermost first. Those that exist must not be in the archive: they would get its owner and
    /// mode. Those that do not exist must be: the engine would make them for everyone to write to.
    async fn missing_folders(&self, name: &str, files: &[HostFile]) -> Result<Vec<String>, RuntimeError> {
        let mut missing = BTreeSet::new();
        let mut there = BTreeSet::new();
        for file in files {
            if !file.path.starts_with('/') || file.path.ends_with('/') {
                return Err(RuntimeError::Invalid { message: format!("\"{}\" is no absolute path", file.path) });
            }
            let mut path = file.path.as_str();
            while let Some((folder, _)) = path.rsplit_once('/') {
                if folder.is_empty() || there.contains(folder) || missing.contains(folder) {
                    break;
                }
                if self.path_exists(name, folder).await? {
                    there.insert(folder.to_owned());
                } else {
                    missing.insert(folder.to_owned());
                }
                path = folder;
            }
        }
        // A folder sorts before what is in it.
        Ok(missing.into_iter().collect())
    }

    pub(crate) async fn path_exists(&self, name: &str, path: &str) -> Result<bool, RuntimeError> {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        let task = Task::container("looking into", name);
        let look = async {
            match self.docker.get_container_archive_info(name, Some(options)).await {
                Ok(_) => Ok(true),
                // An answer to HEAD has no words, so a missing container looks the same; the upload tells them apart.
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.call(task, look).await
    }

    pub(crate) async fn fetch_file(&self, name: &str, path: &str) -> Result<Option<Vec<u8>>, RuntimeError> {
        let task = Task::container("reading a file of", name);
        let packed = self.patient(task, TRANSFER_LIMIT, self.download(task, name, path)).await?;
        let Some(packed) = packed else { return Ok(None) };
        match archive::unpack_first(&packed, READ_LIMIT) {
            Ok(First::File(content)) => Ok(Some(content)),
            Ok(First::Other) => Ok(None),
            Ok(First::TooLarge(bytes)) => Err(RuntimeError::Invalid {
                message: format!("{path} in container {name} has {bytes} bytes; {READ_LIMIT} are the limit"),
            }),
            Err(source) => Err(RuntimeError::Broken { source: Box::new(source) }),
        }
    }

    /// The beginning of the archive of a path: of a large folder, only as much as a file may have.
    async fn download(&self, task: Task<'_>, name: &str, path: &str) -> Result<Option<Vec<u8>>, RuntimeError> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let mut chunks = Box::pin(self.docker.download_from_container(name, Some(options)));
        let mut packed = Vec::new();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(bytes) => packed.extend_from_slice(&bytes),
                Err(Error::DockerResponseServerError { status_code: 404, message }) if is_about_the_file(&message) => {
                    return Ok(None);
                }
                Err(error) => return Err(self.failed(task, error)),
            }
            if packed.len() > READ_LIMIT as usize + ARCHIVE_SLACK {
                break;
            }
        }
        Ok(Some(packed))
    }
}

fn is_about_the_file(message: &str) -> bool {
    !message.contains("No such container: ")
}
