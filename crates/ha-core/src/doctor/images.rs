//! Images: there or to be had, and the same on every node.

use super::check::Verdict;
use super::facts::{ImageFact, Inside, Known};
use crate::layout::{self, Component, ImageFault};
use crate::ports::{EngineInfo, Image};
use crate::topology::Topology;
use crate::values::NodeName;

const VERSION_LABEL: &str = "org.opencontainers.image.version";

/// Whether the image is there or can be pulled.
fn available(fact: &Known<ImageFact>, reference: &str) -> Verdict {
    match fact {
        Err(why) => Verdict::unknown(why.0.clone()),
        Ok(ImageFact::Present(image)) => Verdict::ok(format!("{reference}, {}", short(image))),
        Ok(ImageFact::InRegistry) => Verdict::ok(format!("{reference} is not here yet, `up` pulls it")),
        Ok(ImageFact::Missing { why }) => Verdict::error(
            format!("{reference} is not here, and its registry does not hand it out: {why}"),
            "let the host reach the registry (where it needs a login: `docker login` on this machine, as the user who runs ha-cli), or \
             bring the image there (`docker save … | ssh HOST docker load`)",
        ),
    }
}

/// `sha256:0123456789ab…`.
fn short(image: &Image) -> String {
    let id = image.id.trim_start_matches("sha256:");
    format!("image {}", id.get(..12).unwrap_or(id))
}

/// PostgreSQL's image, held against those of the other nodes by what is in it: a standby replays its primary's files
/// as they are.
pub(super) fn postgres(
    fact: &Known<ImageFact>,
    reference: &str,
    own: Option<&Inside>,
    others: &[(&NodeName, Option<&Inside>)],
) -> Verdict {
    let here = available(fact, reference);
    let major = own.and_then(|inside| inside.postgres_version.as_deref()?.split('.').next()?.parse().ok());
    let said = if let Ok(ImageFact::Present(image)) = fact { layout::too_old(image) } else { None };
    if let Some(why) = major.and_then(layout::too_old_version).or(said) {
        return Verdict::error(format!("{reference} will not do: {why}"), "name a newer one as `postgres` in [images]");
    }
    if let Ok(ImageFact::Present(image)) = fact
        && let Some(ImageFault { found, help }) = layout::postgres_image_fault(image)
    {
        return Verdict::error(format!("{reference} {found}"), help);
    }
    let Some(own) = own else { return here };
    if let Some(ImageFault { found, help }) = layout::programs_fault(Component::Postgres, &own.lacks) {
        return Verdict::error(format!("{reference} {found}"), help);
    }
    let mut differs = Vec::new();
    for (name, other) in others.iter().filter_map(|(name, other)| Some((name, (*other)?))) {
        if let (Some(own), Some(other)) = (&own.postgres_version, &other.postgres_version)
            && own != other
        {
            differs.push(format!("PostgreSQL {own} here, {other} on {name}"));
        }
        if let (Some(own), Some(other)) = (&own.libc, &other.libc)
            && own != other
        {
            differs.push(format!(
                "{own} here, {other} on {name}: they may sort texts differently, and an index is then wrong"
            ));
        }
    }
    if !differs.is_empty() {
        return Verdict::error(
            differs.join("; "),
            "use the same image on every node: name it by digest in the cluster's file, or pull it again on both",
        );
    }
    match (&own.postgres_version, &own.libc) {
        (Some(version), Some(libc)) => {
            Verdict { found: format!("{}: PostgreSQL {version}, {libc}", here.found), ..here }
        }
        (Some(version), None) => Verdict { found: format!("{}: PostgreSQL {version}", here.found), ..here },
        (None, _) => here,
    }
}

/// Keycloak's image, held against those of the other nodes by version, or by identity where no version is said.
pub(super) fn keycloak(
    fact: &Known<ImageFact>,
    topology: &Topology,
    lacks: &Known<Vec<String>>,
    others: &[(&NodeName, &Known<ImageFact>)],
) -> Verdict {
    let mut here = available(fact, &topology.images.keycloak);
    let Ok(ImageFact::Present(own)) = fact else { return here };
    if let Some(ImageFault { found, help }) = layout::keycloak_image_fault(own) {
        return Verdict::error(format!("{} {found}", topology.images.keycloak), help);
    }
    if let Some(ImageFault { found, help }) =
        layout::programs_fault(Component::Keycloak, lacks.as_deref().unwrap_or_default())
    {
        return Verdict::error(format!("{} {found}", topology.images.keycloak), help);
    }
    let left_out = layout::left_out_variables(topology, own);
    if !left_out.is_empty() {
        here.found = format!(
            "{}; of its environment, {} do not count: ha-cli or [keycloak.options] says it",
            here.found,
            left_out.join(", ")
        );
    }
    let differs: Vec<_> = others
        .iter()
        .filter_map(|(name, other)| match other {
            Ok(ImageFact::Present(other)) => difference(own, other).map(|difference| format!("{difference} on {name}")),
            Ok(ImageFact::InRegistry | ImageFact::Missing { .. }) | Err(_) => None,
        })
        .collect();
    if differs.is_empty() {
        return here;
    }
    Verdict::warning(
        differs.join("; "),
        "use the same image on every node: name it by digest in the cluster's file, or pull it again on both",
    )
}

fn difference(own: &Image, other: &Image) -> Option<String> {
    let same_content = own.id == other.id || own.digests.iter().any(|digest| other.digests.contains(digest));
    if same_content {
        return None;
    }
    match (own.labels.get(VERSION_LABEL), other.labels.get(VERSION_LABEL)) {
        (Some(own), Some(other)) if own == other => None,
        (Some(own), Some(other)) => Some(format!("version {own} here, {other}")),
        _ => Some(format!("{} here, {}", short(own), short(other))),
    }
}

/// Physical replication needs one architecture (PostgreSQL 17, "Log-Shipping Standby Servers", planning).
pub(super) fn architecture(own: &EngineInfo, others: &[(&NodeName, &EngineInfo)]) -> Verdict {
    let differs: Vec<_> = others
        .iter()
        .filter(|(_, other)| other.architecture != own.architecture)
        .map(|(name, other)| format!("{} on {name}", other.architecture))
        .collect();
    if differs.is_empty() {
        return Verdict::ok(own.architecture.clone());
    }
    Verdict::error(
        format!("{} here, {}", own.architecture, differs.join(", ")),
        "streaming replication copies files as they are: use hosts of one architecture",
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult;
    use super::super::facts::NotKnown;
    use super::*;
    use crate::observe::fixtures::{self, name};

    const NONE: Known<Vec<String>> = Ok(Vec::new());

    fn inside(version: Option<&str>, libc: Option<&str>) -> Inside {
        Inside { postgres_version: version.map(str::to_owned), libc: libc.map(str::to_owned), ..Inside::default() }
    }

    #[test]
    fn postgres_must_be_of_one_version_and_sort_alike() {
        let other = name("vm2");
        let own = inside(Some("17.6"), Some("glibc 2.41"));
        let present = Ok(ImageFact::Present(fixtures::image("sha256:a")));
        let table = [
            (Some(inside(Some("17.6"), Some("glibc 2.41"))), CheckResult::Ok),
            (Some(inside(Some("17.5"), Some("glibc 2.41"))), CheckResult::Error),
            (Some(inside(Some("17.6"), Some("glibc 2.36"))), CheckResult::Error),
            (Some(inside(None, None)), CheckResult::Ok),
            (None, CheckResult::Ok),
        ];
        for (second, expected) in table {
            let verdict = postgres(&present, "postgres:17", Some(&own), &[(&other, second.as_ref())]);
            assert_eq!(verdict.result, expected, "{second:?}");
        }
        // One that cannot ask for proof is found before it was ever started.
        let mut old = fixtures::image("sha256:a");
        old.environment = vec!["PG_MAJOR=15".to_owned()];
        assert_eq!(postgres(&Ok(ImageFact::Present(old)), "postgres:15", None, &[]).result, CheckResult::Error);
        let old = inside(Some("15.9"), None);
        assert_eq!(postgres(&present, "own:1", Some(&old), &[]).result, CheckResult::Error);
    }

    #[test]
    fn an_image_is_there_or_can_be_had_or_is_an_error() {
        let table = [
            (Ok(ImageFact::Present(fixtures::image("sha256:a"))), CheckResult::Ok),
            (Ok(ImageFact::InRegistry), CheckResult::Ok),
            (Ok(ImageFact::Missing { why: "denied".into() }), CheckResult::Error),
            (Err(NotKnown("no".into())), CheckResult::Unknown),
        ];
        for (fact, expected) in table {
            assert_eq!(postgres(&fact, "x", None, &[]).result, expected, "{fact:?}");
            assert_eq!(keycloak(&fact, &fixtures::pair(), &NONE, &[]).result, expected, "{fact:?}");
        }
    }

    #[test]
    fn keycloaks_are_the_same_by_content_or_by_version() {
        let other = name("vm2");
        let image = |id: &str, version: Option<&str>, digest: Option<&str>| {
            let mut image = fixtures::image(id);
            image.labels.extend(version.map(|version| (VERSION_LABEL.to_owned(), version.to_owned())));
            image.digests.extend(digest.map(str::to_owned));
            image
        };
        let table = [
            (image("a", None, None), image("a", None, None), CheckResult::Ok),
            (image("a", None, None), image("b", None, None), CheckResult::Warning),
            (image("a", Some("26.7.3"), None), image("b", Some("26.7.3"), None), CheckResult::Ok),
            (image("a", Some("26.7.3"), None), image("b", Some("26.6.0"), None), CheckResult::Warning),
            (image("a", None, Some("k@sha256:1")), image("b", None, Some("k@sha256:1")), CheckResult::Ok),
        ];
        for (own, second, expected) in table {
            let second = Ok(ImageFact::Present(second));
            let verdict = keycloak(&Ok(ImageFact::Present(own)), &fixtures::pair(), &NONE, &[(&other, &second)]);
            assert_eq!(verdict.result, expected, "{second:?}");
        }
    }

    #[test]
    fn an_environment_of_the_images_own_is_said_or_refused() {
        let with = |line: &str| {
            let mut image = fixtures::image("sha256:a");
            image.environment.push(line.to_owned());
            Ok(ImageFact::Present(image))
        };
        let lacking = Inside { lacks: vec!["gosu".to_owned()], ..inside(Some("17.6"), Some("musl")) };
        let lacking = postgres(&Ok(ImageFact::Present(fixtures::postgres_image())), "mine:1", Some(&lacking), &[]);
        assert_eq!(lacking.result, CheckResult::Error);
        assert!(lacking.found.contains("lacks gosu"), "{}", lacking.found);
        let base = Ok(ImageFact::Present(fixtures::keycloak_base()));
        let lacking = keycloak(&base, &fixtures::pair(), &Ok(vec!["sed".to_owned()]), &[]);
        assert_eq!(lacking.result, CheckResult::Error);
        assert!(lacking.found.contains("lacks sed"), "{}", lacking.found);
        let overridden = keycloak(&with("KC_DB_URL=jdbc:x"), &fixtures::pair(), &NONE, &[]);
        assert_eq!(overridden.result, CheckResult::Ok);
        assert!(overridden.found.contains("KC_DB_URL do not count"), "{}", overridden.found);
        let property = keycloak(&with("JAVA_OPTS_APPEND=-Dkc.db-url=jdbc:x"), &fixtures::pair(), &NONE, &[]);
        assert_eq!(property.result, CheckResult::Error);
        assert_eq!(postgres(&with("PGSSLMODE=require"), "x", None, &[]).result, CheckResult::Error);
    }

    #[test]
    fn hosts_must_be_of_one_architecture() {
        let other = name("vm2");
        let arm = EngineInfo { architecture: "arm64".into(), ..fixtures::engine("y") };
        let own = fixtures::engine("x");
        assert_eq!(architecture(&own, &[(&other, &fixtures::engine("y"))]).result, CheckResult::Ok);
        assert_eq!(architecture(&own, &[(&other, &arm)]).result, CheckResult::Error);
    }
}
