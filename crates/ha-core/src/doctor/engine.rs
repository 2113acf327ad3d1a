//! The engine: reachable, new enough, not open to everybody, able to run a container.

use super::check::Verdict;
use super::facts::InsideFailure;
use crate::observe::{Unobserved, UnobservedWhy};
use crate::ports::EngineInfo;

/// The oldest engine that is spoken to, and its API.
const OLDEST: (u32, u32) = (20, 10);
const OLDEST_API: (u32, u32) = (1, 41);

pub(super) fn engine(engine: &Result<EngineInfo, Unobserved>) -> Verdict {
    let info = match engine {
        Ok(info) => info,
        Err(unobserved) => return not_seen(unobserved),
    };
    let found = format!(
        "Docker {}, API {}, on {} (kernel {}, {} processors)",
        info.version, info.api_version, info.host, info.kernel, info.cpus
    );
    match (numbers(&info.version), numbers(&info.api_version)) {
        (Some(version), _) if version < OLDEST => too_old(&found),
        (_, Some(api)) if api < OLDEST_API => too_old(&found),
        (_, Some(_)) => Verdict::ok(found),
        (_, None) => Verdict::unknown(format!("{found}: these are no version numbers"))
            .help("Docker 20.10 (API 1.41) or newer is needed"),
    }
}

fn too_old(found: &str) -> Verdict {
    Verdict::error(found, "install Docker 20.10 (API 1.41) or newer on that host")
}

fn not_seen(unobserved: &Unobserved) -> Verdict {
    let message = &unobserved.message;
    match unobserved.why {
        UnobservedWhy::NoWay => Verdict::unknown(message.clone()).help(
            "run `ha-cli doctor` on that host as well, or give its engine's address as `docker` in the cluster's file",
        ),
        UnobservedWhy::Refused => Verdict::error(
            message.clone(),
            "start Docker on that host (`systemctl start docker`), or mend `docker` in the cluster's file",
        ),
        UnobservedWhy::Denied => Verdict::error(
            message.clone(),
            "run as root or as a member of the group `docker`; over ssh or tls, mend keys and certificates",
        ),
        UnobservedWhy::Silent => Verdict::error(
            message.clone(),
            "see whether the host runs and is reachable from here; a host that answers ping and nothing else hangs",
        ),
        UnobservedWhy::NotReady | UnobservedWhy::Unproven | UnobservedWhy::Failed => {
            Verdict::error(message.clone(), "Docker 20.10 (API 1.41) or newer is needed; its own log may say more")
        }
    }
}

/// The first two numbers of a version: `20.10.24+dfsg1` is 20 and 10.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Docker itself warns of an API that anybody may use: whoever reaches it is root on that host.
pub(super) fn exposed(info: &EngineInfo) -> Verdict {
    let open = info.warnings.iter().find(|warning| warning.contains("without encryption"));
    match open {
        Some(warning) => Verdict::error(
            warning.trim_start_matches("WARNING: ").trim().to_owned(),
            "whoever reaches that port is root on the host: close it now, and use ssh:// or TLS with client certificates",
        ),
        None => Verdict::ok("not open without encryption"),
    }
}

pub(super) fn containers(inside: Result<(), &InsideFailure>) -> Verdict {
    match inside {
        Ok(()) => Verdict::ok("one was made, started and asked"),
        Err(InsideFailure::NotTried(why)) => Verdict::unknown(why.0.clone()),
        Err(InsideFailure::NoContainer(message)) => Verdict::error(
            message.clone(),
            "`up` would fail in the same way: mend what the engine says, `docker run` shows the same without ha-cli",
        ),
        Err(InsideFailure::NoAnswer(why)) => {
            Verdict::warning(why.0.clone(), "the container started; see whether the host is overloaded, and try again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult;
    use super::*;
    use crate::observe::fixtures;

    #[test]
    fn an_engine_is_new_enough_from_20_10_on() {
        let table = [
            ("20.10.24+dfsg1", "1.41", CheckResult::Ok),
            ("28.2.2", "1.50", CheckResult::Ok),
            ("19.03.15", "1.40", CheckResult::Error),
            ("20.9.1", "1.41", CheckResult::Error),
            // Podman counts its own versions; what it speaks is what matters.
            ("dev", "1.41", CheckResult::Ok),
            ("dev", "1.39", CheckResult::Error),
            ("dev", "", CheckResult::Unknown),
        ];
        for (version, api, expected) in table {
            let info = EngineInfo { version: version.into(), api_version: api.into(), ..fixtures::engine("x") };
            assert_eq!(engine(&Ok(info)).result, expected, "{version} {api}");
        }
    }

    #[test]
    fn an_engine_that_cannot_be_asked_from_here_is_no_broken_one() {
        let table = [
            (UnobservedWhy::NoWay, CheckResult::Unknown),
            (UnobservedWhy::Refused, CheckResult::Error),
            (UnobservedWhy::Denied, CheckResult::Error),
            (UnobservedWhy::Silent, CheckResult::Error),
            (UnobservedWhy::Failed, CheckResult::Error),
        ];
        for (why, expected) in table {
            let verdict = engine(&Err(fixtures::unobserved(why, "words")));
            assert_eq!(verdict.result, expected, "{why:?}");
            assert!(verdict.help.is_some(), "{why:?}");
        }
    }

    #[test]
    fn an_open_api_is_an_error_and_other_warnings_are_not() {
        let with = |warning: &str| EngineInfo { warnings: vec![warning.into()], ..fixtures::engine("x") };
        let open =
            "WARNING: API is accessible on http://0.0.0.0:2375 without encryption.\n  Access to the remote API …";
        assert_eq!(exposed(&with(open)).result, CheckResult::Error);
        assert_eq!(exposed(&with("WARNING: No swap limit support")).result, CheckResult::Ok);
    }
}
