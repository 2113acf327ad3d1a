//! The id of a cluster whose file has none: found out once by `up`, and written into the file.

use ha_core::Cluster;

use super::plan;
use crate::cli::Globals;
use crate::config;
use crate::error::Error;
use crate::output::{Printer, Tone};

/// Writes the id into the cluster's file where it lacks one. That it cannot be written is told, and fails nothing.
///
/// # Errors
/// An interrupt.
pub(super) async fn keep(globals: &Globals, cluster: &Cluster, printer: &Printer) -> Result<(), Error> {
    if cluster.topology().cluster.id.is_some() {
        return Ok(());
    }
    let Some(id) = plan::interruptible(cluster.settle_id()).await? else { return Ok(()) };
    let path = config::find(globals)?;
    let written = config::set_text(&path, "cluster", "id", id.as_str());
    printer.note(|page| match written {
        Ok(()) => page.line(format!("wrote the cluster's id, {id}, into {}", path.display())),
        Err(_) => {
            let mark = page.tone(Tone::Warning, "note:");
            page.line(format!(
                "{mark} {0} has no id, by which this cluster is told from another one of its name, and cannot be written: \
                 add id = \"{id}\" to its [cluster]",
                path.display()
            ));
        }
    });
    Ok(())
}
