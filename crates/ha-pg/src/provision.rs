//! What makes a primary's roles, database and slots what they should be: the script, and what it has to know first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ha_core::observe::HostObservation;
use ha_core::ports::{Provision, Role};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::promoter::BEGIN_LINEAGE;
use crate::psql::set;
use crate::scram;

const DATABASE: &str = include_str!("provision.sql");
const WALINSPECT: &str = include_str!("walinspect.sql");
const LOOK: &str = include_str!("look.sql");
const NOTE_ROLES: &str = include_str!("roles.sql");

/// What `pg_rewind` calls on the server that it reads from (PostgreSQL 17, `pg_rewind`, notes). It gives the role no more
/// than it has: a base backup holds every one of these files.
const REWIND: &str = "\
GRANT CONNECT ON DATABASE postgres TO :\"role\";
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text), \
pg_read_binary_file(text, bigint, bigint, boolean) TO :\"role\";
";

/// For a role that only looks. Earlier versions let it look from Keycloak's database.
const GRANTS: &str = "\
GRANT CONNECT ON DATABASE postgres TO :\"role\";
SELECT has_database_privilege(:'role', :'db', 'CONNECT') AS inside \\gset
\\if :inside
    REVOKE CONNECT ON DATABASE :\"db\" FROM :\"role\";
\\endif
GRANT USAGE ON SCHEMA ha TO :\"role\";
GRANT EXECUTE ON FUNCTION ha.look() TO :\"role\";
\\if :filefdw
    GRANT SELECT ON ha.host TO :\"role\";
\\endif
";

/// Which secrets the roles were made with, as a fingerprint: known before the set-up of all else has come to its end.
const NOTE_SECRETS: &str = "\
SELECT NOT EXISTS (
    SELECT FROM pg_db_role_setting AS set
    JOIN pg_database AS database ON database.oid = set.setdatabase AND database.datname = 'postgres'
    WHERE set.setrole = 0 AND 'ha.made_with=' || :'made_with' = ANY (set.setconfig)
) AS another \\gset
\\if :another
    ALTER DATABASE postgres SET \"ha.made_with\" = :'made_with';
\\endif
";

/// Nobody who owns another database has a session in the superuser's.
const OWN_DATABASE: &str = "REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC;\n";

/// What is there before.
#[derive(Debug, Deserialize)]
pub(crate) struct Before {
    pub(crate) in_recovery: bool,
    /// `pg_authid.rolpassword` of the roles that exist.
    verifiers: BTreeMap<String, Option<String>>,
    /// The encoding of Keycloak's database, if there is one.
    encoding: Option<String>,
}

impl Before {
    /// Why the database that is there cannot become Keycloak's.
    pub(crate) fn obstacle(&self, provision: &Provision) -> Option<String> {
        let encoding = self.encoding.as_deref().filter(|&encoding| encoding != "UTF8")?;
        Some(format!("the database {} has the encoding {encoding}; Keycloak needs UTF8", provision.database.name))
    }
}

/// The statement that reads [`Before`].
pub(crate) fn ask(provision: &Provision) -> String {
    let mut script = set("db", &provision.database.name);
    let mut names = Vec::new();
    for (index, role) in provision.roles.iter().enumerate() {
        script.push_str(&set(&format!("role{index}"), &role.name));
        names.push(format!(":'role{index}'"));
    }
    // `IN ()` is no SQL, and no role has an empty name.
    names.push("''".to_owned());
    writeln!(
        script,
        "SELECT json_build_object('in_recovery', pg_is_in_recovery(), \
         'verifiers', (SELECT coalesce(json_object_agg(rolname, rolpassword), '{{}}') FROM pg_authid \
         WHERE rolname IN ({})), \
         'encoding', (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = :'db'));",
        names.join(", ")
    )
    .expect("a String takes everything");
    script
}

/// Of the body of `ha.look()`, as the server keeps it.
pub(crate) fn digest_of_look() -> String {
    let body = LOOK.split("$look$").nth(1).expect("look.sql makes a function");
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The script that brings everything in line.
pub(crate) fn script(provision: &Provision, before: &Before) -> String {
    let mut script = String::new();
    for role in &provision.roles {
        script.push_str(&role_script(role, before.verifiers.get(&role.name).and_then(Option::as_deref)));
    }
    for role in provision.roles.iter().filter(|role| role.replication) {
        script.push_str(&set("role", &role.name));
        script.push_str(REWIND);
    }
    script.push_str(&set("db", &provision.database.name));
    script.push_str(&set("owner", &provision.database.owner));
    script.push_str(&set("look", HostObservation::PROGRAM));
    script.push_str(LOOK);
    script.push_str(DATABASE);
    script.push_str(&set("names", &array(provision.roles.iter().map(|role| role.name.as_str()))));
    script.push_str(NOTE_ROLES);
    if let Some(made_with) = &provision.made_with {
        script.push_str(&set("made_with", made_with));
        script.push_str(NOTE_SECRETS);
    }
    script.push_str(BEGIN_LINEAGE);
    for role in provision.roles.iter().filter(|role| !role.replication && role.name != provision.database.owner) {
        script.push_str(&set("role", &role.name));
        script.push_str(GRANTS);
    }
    script.push_str(OWN_DATABASE);
    for slot in &provision.slots {
        script.push_str(&set("slot", slot.as_str()));
        script.push_str(
            "SELECT NULL FROM (SELECT WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = :'slot')) AS absent, \
             LATERAL pg_create_physical_replication_slot(:'slot', true);\n",
        );
    }
    script
}

/// What is brought in line in Keycloak's own database; to be run there.
pub(crate) fn inside(provision: &Provision) -> String {
    set("owner", &provision.database.owner) + WALINSPECT
}

/// Why [`inside`], which printed this, has not done all.
pub(crate) fn what_lacks(said: &str) -> Option<&'static str> {
    said.lines().find_map(|line| match line {
        "no-walinspect" => Some("this PostgreSQL has none"),
        "schema-taken" => Some("the schema ha of its database belongs to somebody else, who has to remove it"),
        _ => None,
    })
}

/// Texts as an array's text, whatever is in them.
fn array<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = texts.map(|it| format!("\"{}\"", it.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    format!("{{{}}}", quoted.join(","))
}

/// Makes a role what it should be. Its password is touched only when it does not fit: a new verifier would differ even
/// for the same password.
fn role_script(role: &Role, verifier: Option<&str>) -> String {
    let mut script = set("role", &role.name);
    let replication = if role.replication { "REPLICATION" } else { "NOREPLICATION" };
    let limit = role.connection_limit.map_or(-1, i64::from);
    // Nothing is changed that is as it should be: the role itself may hold a lock.
    write!(
        script,
        "SELECT count(*) = 0 AS missing, count(*) FILTER (WHERE rolcanlogin AND rolinherit AND NOT (rolsuper OR rolcreatedb OR \
         rolcreaterole OR rolbypassrls) AND rolreplication = {} AND rolconnlimit = {limit} AND \
         coalesce(rolvaliduntil = 'infinity', true)) = 0 AS another \
         FROM pg_roles WHERE rolname = :'role' \\gset\n\
         \\if :missing\n    CREATE ROLE :\"role\";\n\\endif\n\
         \\if :another\n    ALTER ROLE :\"role\" LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS {replication} \
         CONNECTION LIMIT {limit} VALID UNTIL 'infinity';\n\\endif\n",
        role.replication
    )
    .expect("a String takes everything");
    if !verifier.is_some_and(|verifier| scram::fits(verifier, &role.password)) {
        script.push_str(&set("verifier", &scram::verifier(&role.password)));
        script.push_str("ALTER ROLE :\"role\" PASSWORD :'verifier';\n");
    }
    for group in &role.member_of {
        script.push_str(&set("group", group));
        script.push_str("GRANT :\"group\" TO :\"role\";\n");
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_core::ports::Database;
    use ha_core::values::Secret;

    fn provision() -> Provision {
        Provision {
            roles: vec![Role {
                name: "ke\"y'cloak".to_owned(),
                password: Secret::new("geheim"),
                replication: false,
                member_of: vec!["pg_monitor".to_owned()],
                connection_limit: Some(108),
            }],
            database: Database { name: "keycloak".to_owned(), owner: "ke\"y'cloak".to_owned() },
            slots: Vec::new(),
            made_with: None,
        }
    }

    fn before(verifier: Option<String>) -> Before {
        Before { in_recovery: false, verifiers: [("ke\"y'cloak".to_owned(), verifier)].into(), encoding: None }
    }

    #[test]
    fn no_password_stands_in_a_script() {
        let script = script(&provision(), &before(None));
        assert!(script.contains("SCRAM-SHA-256$"));
        assert!(!script.contains("geheim"));
    }

    #[test]
    fn a_password_that_fits_is_left_alone() {
        let verifier = scram::verifier(&Secret::new("geheim"));
        assert!(!script(&provision(), &before(Some(verifier))).contains("PASSWORD"));
        let other = scram::verifier(&Secret::new("another"));
        assert!(script(&provision(), &before(Some(other))).contains("PASSWORD"));
    }

    #[test]
    fn names_stand_in_variables_only() {
        let script = script(&provision(), &before(None)) + &ask(&provision());
        for line in script.lines().filter(|line| line.contains("ke\"y")) {
            assert!(line.starts_with("\\set "), "{line}");
        }
    }

    #[test]
    fn a_database_of_another_encoding_is_an_obstacle() {
        let mut before = before(None);
        assert_eq!(before.obstacle(&provision()), None);
        before.encoding = Some("UTF8".to_owned());
        assert_eq!(before.obstacle(&provision()), None);
        before.encoding = Some("SQL_ASCII".to_owned());
        assert!(before.obstacle(&provision()).unwrap().contains("SQL_ASCII"));
    }
}
