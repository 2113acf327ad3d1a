//! All cases: their order, and their rows in the table of capabilities.

use crate::case::{Case, Phase, case};

/// The same case under writes; `follows::user::new_user` becomes `follows::while_written::user::new_user`.
macro_rules! while_written {
    ($module:ident :: $name:ident, $capability:literal) => {
        Case {
            name: concat!("follows::while_written::", stringify!($module), "::", stringify!($name)),
            capability: Some(($capability, crate::case::Word::Follows)),
            run: |world| Box::pin(crate::follows::while_written(world, crate::follows::$module::$name)),
        }
    };
}

fn works() -> Vec<Case> {
    vec![
        case!(works::metadata::discovery, Works, "discovery document"),
        case!(works::metadata::jwks, Works, "signing keys (JWKS)"),
        case!(works::login::password_login, Works, "login by the password grant"),
        case!(works::login::browser_login, Works, "browser login by the HTML form"),
        case!(works::login::a_code_is_good_once, Works, "exchange of a code, once"),
        case!(works::login::client_credentials, Works, "client credentials"),
        case!(works::login::wrong_password_is_refused, Works, "refusal of a wrong password"),
        case!(works::session::refresh_of_one_made_here, Works, "refresh of a session made here"),
        case!(works::session::refresh_of_one_made_on_the_primary, Works, "refresh of a session made on the primary"),
        case!(works::session::single_sign_on, Works, "single sign-on with a session made here or on the primary"),
        case!(works::session::userinfo, Works, "userinfo"),
        case!(works::session::introspection, Works, "introspection"),
        case!(works::session::logout_of_one_made_here, Works, "logout of a session made here"),
        case!(works::admin::reads, Works, "admin API, reads"),
        case!(works::admin::reads_by_post, Works, "admin API, reads by POST (partial export)"),
        case!(elsewhere::token_exchange, Works, "token exchange"),
        case!(elsewhere::request_pushed_here, Works, "pushed authorization request (PAR) made here"),
        case!(works::admin::console, Works, "admin console: its page, login and requests"),
        case!(works::admin::events_reach_the_log, Works, "events switched on: they reach the log"),
        case!(role::urls_tell_the_role, Works, "role URLs for load balancers"),
        case!(works::replay::nothing_waits_for_a_request),
        case!(schema::is_as_the_extension_knows_it),
    ]
}

fn protections() -> Vec<Case> {
    vec![
        case!(protections::lock_out::for_a_time, Held, "lock-out after wrong passwords, for a time"),
        case!(protections::lock_out::for_good, Held, "permanent lock-out; unlocked on the primary"),
        case!(
            protections::lock_out::first_for_a_time_then_for_good,
            Held,
            "lock-outs for a time, then a permanent one"
        ),
        case!(protections::lock_out::of_a_whole_realm_is_lifted, Held, "permanent lock-out; unlocked on the primary"),
        case!(protections::sessions::limit, Held, "limit to the number of a user's sessions: no new one"),
        case!(
            protections::sessions::limit_by_ending,
            Refused,
            "limit to the number of a user's sessions: end the oldest, of the primary"
        ),
        case!(protections::sessions::refresh_token_once, Held, "refresh tokens good once (within this node)"),
        case!(protections::password::expired, Refused, "login with an expired password"),
    ]
}

fn must_write() -> Vec<Case> {
    vec![
        case!(must_write::password::hash_that_is_due, Works, "password whose hash is due for renewal (stays as it is)"),
        case!(
            works::login::in_another_language,
            Works,
            "login in a language that was chosen at its page (the browser keeps it)"
        ),
        case!(must_write::codes::totp_code, Works, "TOTP"),
        case!(must_write::codes::hotp_code, Refused, "HOTP"),
        case!(must_write::codes::recovery_code, Refused, "recovery code"),
        case!(must_write::webauthn::key_without_a_counter, Works, "WebAuthn, authenticator without a counter"),
        case!(must_write::webauthn::key_with_a_counter, Refused, "WebAuthn, authenticator with a counter"),
        case!(must_write::offline::asked_for_here, Refused, "new offline session"),
        case!(must_write::offline::made_on_the_primary, Works, "refresh of an offline session made on the primary"),
        case!(must_write::broker::first_login, Refused, "first login through an identity provider"),
        case!(must_write::broker::later_login, Works, "later login through an identity provider"),
        case!(must_write::broker::stored_token, Refused, "stored token of an identity provider, which has expired"),
        case!(refused::required_action, Refused, "login of a user with a required action"),
        case!(refused::consent, Refused, "consent to a client"),
    ]
}

fn refused() -> Vec<Case> {
    vec![
        case!(refused::admin_writes, Refused, "admin API, writes"),
        case!(refused::making_a_realm, Refused, "admin API, writes"),
        case!(refused::account_changes, Refused, "account changes"),
        case!(refused::client_registration, Refused, "client registration"),
        case!(refused::registration, Refused, "registration of a user"),
        case!(refused::page_of_the_realm, Refused, "registration of a user"),
        case!(refused::password_reset, Refused, "reset of a password"),
        case!(refused::logout_of_a_session_of_the_primary, Refused, "logout of a session made on the primary"),
        case!(refused::browser_logout_of_a_session_of_the_primary, Refused, "logout of a session made on the primary"),
        case!(refused::revocation_of_what_lives_on_the_primary, Refused, "revocation of a token"),
        case!(refused::nobody_is_told_of_a_refused_logout, Refused, "logout of a session made on the primary"),
        case!(refused::logout_by_an_identity_provider, Refused, "logout by an identity provider"),
    ]
}

fn elsewhere() -> Vec<Case> {
    vec![
        case!(
            elsewhere::request_pushed_to_the_primary,
            Refused,
            "pushed authorization request of the primary (503, again)"
        ),
        case!(elsewhere::code_of_the_primary, Refused, "authorization code of the primary (503, again)"),
        case!(elsewhere::device, Refused, "login of a device: begun here, or asked for here"),
        case!(elsewhere::backchannel_login, Refused, "CIBA: begun here, or asked for here"),
    ]
}

fn follows() -> Vec<Case> {
    vec![
        case!(follows::user::changed_password, Follows, "changed password"),
        case!(follows::user::disabled_user, Follows, "disabled user"),
        case!(follows::user::deleted_user, Follows, "deleted user"),
        case!(follows::user::new_user, Follows, "new user"),
        case!(follows::user::removed_role, Follows, "role given or removed"),
        case!(follows::client::changed_secret, Follows, "client secret"),
        case!(follows::parts::client, Follows, "clients and their mappers"),
        case!(follows::parts::scope, Follows, "client scopes, scopes of roles"),
        case!(follows::parts::role_of_roles, Follows, "composite and default roles"),
        case!(follows::parts::role_of_administrators, Follows, "administrators' roles"),
        case!(follows::parts::group, Follows, "groups and their roles"),
        case!(follows::parts::organization, Follows, "organizations and their members"),
        case!(follows::parts::permission, Follows, "permissions (authorization services)"),
        case!(follows::parts::realm_as_such, Follows, "realm renamed or deleted"),
        case!(follows::realm::setting, Follows, "realm setting"),
        case!(follows::realm::identity_provider, Follows, "identity provider added or removed"),
        case!(follows::realm::rotated_key, Follows, "rotated key"),
        case!(follows::session::logout, Follows, "logout on the primary"),
        case!(follows::session::sign_out_by_an_administrator, Follows, "sign-out by an administrator"),
        case!(follows::session::not_before, Follows, "not-before"),
        case!(follows::session::revoked_token, Follows, "token revoked on the primary"),
    ]
}

fn follows_while_written() -> Vec<Case> {
    vec![
        while_written!(user::changed_password, "changed password"),
        while_written!(user::disabled_user, "disabled user"),
        while_written!(user::deleted_user, "deleted user"),
        while_written!(user::new_user, "new user"),
        while_written!(user::removed_role, "role given or removed"),
        while_written!(client::changed_secret, "client secret"),
        while_written!(realm::setting, "realm setting"),
        while_written!(realm::identity_provider, "identity provider added or removed"),
        while_written!(realm::rotated_key, "rotated key"),
        while_written!(session::logout, "logout on the primary"),
        while_written!(session::sign_out_by_an_administrator, "sign-out by an administrator"),
        while_written!(session::not_before, "not-before"),
        while_written!(session::revoked_token, "token revoked on the primary"),
    ]
}

fn start() -> Vec<Case> {
    vec![case!(start::maps_the_class_archive)]
}

fn log() -> Vec<Case> {
    vec![case!(log::is_quiet), case!(log::tells_of_the_first_logins), case!(log::holds_no_secret)]
}

fn promotion() -> Vec<Case> {
    vec![
        case!(
            promotion::writes_are_accepted_within_a_second,
            Works,
            "writes and role URLs within 1 s of `pg_promote()`"
        ),
        case!(promotion::it_is_the_same_process, Works, "the same process"),
        case!(promotion::sessions_and_events_are_stored_again, Works, "sessions and events are stored again"),
        case!(promotion::earlier_sessions_go_on, Works, "sessions made here before go on (on this node only)"),
        case!(promotion::what_was_refused_is_done, Works, "what was refused before"),
        case!(promotion::a_broken_connection_is_told, Works, "a request whose database connection broke: 503, again"),
        case!(promotion::lock_outs_are_stored, Works, "who was locked out here for good is disabled"),
        case!(promotion::background_work_begins, Works, "background work (clean-up, directories) moves with the role"),
        case!(
            promotion::a_standby_again_refuses_again,
            Works,
            "read-only again when its PostgreSQL is a standby again"
        ),
    ]
}

/// What runs after what.
pub(crate) fn phases() -> Vec<Phase> {
    let side_by_side = [start(), works(), protections(), must_write(), refused(), elsewhere()].concat();
    vec![
        Phase { cases: side_by_side, alone: false },
        Phase { cases: follows(), alone: true },
        Phase { cases: follows_while_written(), alone: true },
        Phase { cases: log(), alone: true },
        Phase { cases: promotion(), alone: true },
    ]
}

/// The chapters of the table of capabilities.
pub(crate) fn chapters() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Without a write", works()),
        ("Protections that work by writing", protections()),
        ("Logins that would write", must_write()),
        ("Known to one node only", elsewhere()),
        ("Changes made on the primary", [follows(), follows_while_written()].concat()),
        ("What must write", refused()),
        ("After a promotion", promotion()),
    ]
}
