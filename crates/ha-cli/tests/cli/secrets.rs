//! What wrong secrets get; and that none is ever shown.

use crate::{GOOD, Place, SECRETS};

#[track_caller]
fn refused(secrets: &str, mode: u32) -> String {
    let place = Place::new();
    place.write("ha.toml", GOOD).write("ha.secrets.toml", secrets).chmod("ha.secrets.toml", mode);
    let human = place.run(&["config", "check", "--offline"]).ends_with(2);
    let json = place.run(&["config", "check", "--offline", "--output", "json", "-vv"]).ends_with(2);
    for text in [&human.err, &human.out, &json.err, &json.out] {
        assert!(!text.contains("canary"), "a secret is shown: {text}");
    }
    human.err
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let place = Place::new();
    place.write("ha.toml", GOOD);
    let ran = place.run(&["config", "check", "--offline"]).ends_with(2);
    insta::assert_snapshot!(ran.err);
}

#[test]
fn missing_empty_short_and_unknown_ones_come_at_once() {
    let secrets = SECRETS
        .replace("\"canary-db-1\"", "\"\"")
        .replace("\"canary-replication-2\"", "\"canary\"")
        .replace("probe_password", "prob_password")
        .replace("\"canary-admin-4\"", "\"canary\\nadmin-4\"")
        .replace("\"canary-client-5\"", "12345678");
    insta::assert_snapshot!(refused(&secrets, 0o600));
}

#[test]
fn a_file_that_others_can_reach_is_refused_with_the_remedy() {
    for mode in [0o644, 0o640, 0o604, 0o620] {
        let said = refused(SECRETS, mode);
        assert!(said.contains(&format!("mode {mode:04o}")) && said.contains("chmod 600 ha.secrets.toml"), "{said}");
    }
}

#[test]
fn a_file_of_another_user_is_refused() {
    let place = Place::new();
    place.write("ha.toml", GOOD).with_secrets();
    // Only root can give files away; elsewhere there is nothing to try.
    if std::os::unix::fs::chown(place.path("ha.secrets.toml"), Some(12345), None).is_err() {
        return;
    }
    let ran = place.run(&["config", "check", "--offline"]).ends_with(2);
    assert!(ran.err.contains("another user (id 12345)") && ran.err.contains("chown"), "{}", ran.err);
}

#[test]
fn what_is_no_toml_is_said_without_quoting_it() {
    let said = refused("probe_password = canary-without-quotes\n", 0o600);
    assert!(said.contains("ha.secrets.toml:1:"), "{said}");
}
