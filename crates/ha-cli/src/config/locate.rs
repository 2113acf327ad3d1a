//! Where the cluster's file stands.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{Error, Failure};
use crate::globals::Globals;

const NAME: &str = "ha.toml";

/// Where the file is looked for when nobody says where it is, in this order.
#[must_use]
pub fn candidates() -> Vec<PathBuf> {
    from(env::var_os("XDG_CONFIG_HOME").map(PathBuf::from), env::home_dir())
}

fn from(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Vec<PathBuf> {
    // A relative XDG_CONFIG_HOME is to be ignored, says the XDG base directory specification; an empty one is unset.
    let user = xdg
        .filter(|folder| folder.is_absolute())
        .or_else(|| home.filter(|home| home.is_absolute()).map(|home| home.join(".config")));
    let mut places = vec![PathBuf::from(NAME)];
    places.extend(user.map(|folder| folder.join("ha-cli").join(NAME)));
    places.push(Path::new("/etc/ha-cli").join(NAME));
    places
}

/// Finds the cluster's file.
///
/// # Errors
/// Says where it was looked for.
pub fn find(globals: &Globals) -> Result<PathBuf, Error> {
    let places = globals.config.clone().map_or_else(candidates, |path| vec![path]);
    // A place that cannot be looked at is not passed over: the file after it may be another cluster's.
    if let Some(found) = places.iter().find(|path| path.try_exists().unwrap_or(true)) {
        return Ok(found.clone());
    }
    let looked = places.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    Err(Failure::usage("config-not-found", format!("no cluster's file was found; looked at {looked}"))
        .help("write one with `ha-cli setup`, or name it with --config PATH")
        .into())
}

/// Where `setup` writes: the place named, else the working directory.
#[must_use]
pub fn target(globals: &Globals) -> PathBuf {
    globals.config.clone().unwrap_or_else(|| PathBuf::from(NAME))
}

/// Where the secrets of a file stand: beside it, `ha.secrets.toml` for `ha.toml`.
#[must_use]
pub fn secrets_beside(config: &Path) -> PathBuf {
    let mut name = config.file_stem().unwrap_or_default().to_owned();
    name.push(".secrets.toml");
    config.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_here_then_the_users_then_the_systems() {
        let paths = |xdg: Option<&str>, home: Option<&str>| -> Vec<String> {
            let places = from(xdg.map(PathBuf::from), home.map(PathBuf::from));
            places.iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(paths(Some("/x"), Some("/h")), ["ha.toml", "/x/ha-cli/ha.toml", "/etc/ha-cli/ha.toml"]);
        assert_eq!(paths(Some(""), Some("/h"))[1], "/h/.config/ha-cli/ha.toml");
        assert_eq!(paths(Some("x"), None), ["ha.toml", "/etc/ha-cli/ha.toml"]);
    }

    #[test]
    fn secrets_stand_beside_their_file() {
        assert_eq!(secrets_beside(Path::new("ha.toml")), Path::new("ha.secrets.toml"));
        assert_eq!(secrets_beside(Path::new("/etc/x/two.toml")), Path::new("/etc/x/two.secrets.toml"));
    }
}
