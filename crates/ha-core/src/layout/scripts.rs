//! What runs on the nodes, in the containers.

/// Runs instead of the image's entrypoint and hands over to it when the data is what it should be.
pub const GUARD_SCRIPT: &str = include_str!("assets/guard.sh");

/// Makes the database of a new cluster.
pub const INIT_SCRIPT: &str = concat!(include_str!("assets/tools.sh"), include_str!("assets/init.sh"));

/// Makes a standby's database by a base backup.
pub const COPY_SCRIPT: &str =
    concat!(include_str!("assets/tools.sh"), include_str!("assets/swap.sh"), include_str!("assets/copy.sh"));

/// Gives a node the database in its data volume, whose state volume was removed.
pub const ADOPT_SCRIPT: &str = include_str!("assets/adopt.sh");

/// Tells what is in a data volume.
pub const EXAMINE_SCRIPT: &str = include_str!("assets/examine.sh");

/// Tells what the data of a stopped server holds that its primary does not have.
pub const INSPECT_SCRIPT: &str = include_str!("assets/inspect.sh");

/// Takes the data of a stopped server back to where it left the primary's history.
pub const REWIND_SCRIPT: &str = concat!(include_str!("assets/swap.sh"), include_str!("assets/rewind.sh"));

/// Writes a base backup of a running server to its standard output.
pub const BACKUP_SCRIPT: &str = include_str!("assets/backup.sh");

/// Tries settings on a database of no worth.
pub const TRY_SCRIPT: &str = include_str!("assets/try.sh");

/// Removes the data that was put aside.
pub const FORGET_SCRIPT: &str = include_str!("assets/forget.sh");

/// Writes [`PROMOTION_PATH`] inside the container of a running server.
pub const RECORD_SCRIPT: &str = include_str!("assets/record.sh");
