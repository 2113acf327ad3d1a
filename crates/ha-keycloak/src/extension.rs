//! The standby extension: a jar for Keycloak's `providers/` folder, built from `extension/` beside this crate's sources.

/// The jar. It runs in Keycloak 26.4 to 26.7.
pub const JAR: &[u8] = include_bytes!("../assets/ha-standby.jar");

/// The JDBC driver in it, for Keycloak's option `db-driver`.
pub const DRIVER_CLASS: &str = "org.hacli.standby.StandbyDriver";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jar_holds_the_driver() {
        let path = DRIVER_CLASS.replace('.', "/") + ".class";
        assert!(JAR.windows(path.len()).any(|window| window == path.as_bytes()), "{path} is not in the jar");
    }
}
