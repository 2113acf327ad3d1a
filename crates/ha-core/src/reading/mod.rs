//! What is read of one container or image: by whoever looks at a cluster, and by the steps.

mod container;
mod control_file;
mod failure;
mod images;

pub(crate) use container::container_of;
pub(crate) use control_file::control_file;
pub(crate) use failure::runtime_failure;
pub(crate) use images::lacks;
