//! What a Keycloak does when it is asked.

use std::time::Duration;

use ha_core::observe::{KeycloakMode, KeycloakState};
use ha_core::ports::{KeycloakAdmin as _, KeycloakError, UserSpec};
use ha_core::values::Secret;

use crate::keycloak::{ADMIN_PASSWORD, admin, by_password, by_secret, vm1, with_keycloak};

fn user(name: &str) -> UserSpec {
    UserSpec {
        username: name.to_owned(),
        password: Secret::new("us&r päss"),
        email: format!("{name}@example.org"),
        first_name: "Try".to_owned(),
        last_name: "Out".to_owned(),
    }
}

#[test]
fn tokens_are_given_for_the_right_credentials_only() {
    with_keycloak(async |keycloak| {
        let admin = admin(&keycloak).await;
        assert!(!admin.expose().is_empty());
        for (user, password) in [("admin", "wrong"), ("nobody", ADMIN_PASSWORD)] {
            let refused = keycloak.token(&vm1(), "master", &by_password("admin-cli", user, password)).await;
            assert!(matches!(refused, Err(KeycloakError::Denied { .. })), "{refused:?}");
        }
        let refused = keycloak.token(&vm1(), "master", &by_secret("no-such-client", "x")).await;
        assert!(matches!(refused, Err(KeycloakError::Denied { .. })), "{refused:?}");
        let refused = keycloak.realms_starting_with(&vm1(), &Secret::new("no token"), "").await;
        assert!(matches!(refused, Err(KeycloakError::Denied { .. })), "{refused:?}");
        let missing = keycloak.token(&vm1(), "no-such-realm", &by_secret("x", "y")).await;
        assert!(matches!(missing, Err(KeycloakError::NotFound { .. })), "{missing:?}");
    });
}

#[test]
fn a_service_client_is_made_once_and_brought_in_line_the_second_time() {
    with_keycloak(async |keycloak| {
        let admin = admin(&keycloak).await;
        let ensure = async |secret: &str, roles: &[String]| {
            keycloak.ensure_service_client(&vm1(), &admin, "master", "svc-twice", &Secret::new(secret), roles).await
        };
        let token = async |secret: &str| keycloak.token(&vm1(), "master", &by_secret("svc-twice", secret)).await;
        ensure("first & secret", &[]).await.unwrap();
        token("first & secret").await.unwrap();
        let without = keycloak.create_realm(&vm1(), &token("first & secret").await.unwrap(), "svc-denied").await;
        assert!(matches!(without, Err(KeycloakError::Denied { .. })), "{without:?}");

        for _ in 0..2 {
            ensure("second", &["create-realm".to_owned()]).await.unwrap();
        }
        assert!(matches!(token("first & secret").await, Err(KeycloakError::Denied { .. })));
        let now = token("second").await.unwrap();
        keycloak.create_realm(&vm1(), &now, "svc-allowed").await.unwrap();
        assert!(keycloak.delete_realm(&vm1(), &admin, "svc-allowed").await.unwrap());

        let unknown = ensure("second", &["no such role".to_owned()]).await;
        assert!(matches!(unknown, Err(KeycloakError::NotFound { .. })), "{unknown:?}");
        assert!(keycloak.delete_client(&vm1(), &admin, "master", "svc-twice").await.unwrap());
        assert!(!keycloak.delete_client(&vm1(), &admin, "master", "svc-twice").await.unwrap());
    });
}

#[test]
fn one_who_may_make_realms_rules_its_own_and_no_other() {
    with_keycloak(async |keycloak| {
        let admin = admin(&keycloak).await;
        let secret = Secret::new("own");
        let roles = ["create-realm".to_owned()];
        keycloak.ensure_service_client(&vm1(), &admin, "master", "realm-maker", &secret, &roles).await.unwrap();
        let token = async || keycloak.token(&vm1(), "master", &by_secret("realm-maker", "own")).await.unwrap();

        assert!(!keycloak.realm_is_served(&vm1(), "own-realm").await.unwrap());
        let early = token().await;
        assert_eq!(keycloak.realms_starting_with(&vm1(), &early, "").await.unwrap(), <[String; 0]>::default());
        assert!(!keycloak.delete_realm(&vm1(), &early, "own-realm").await.unwrap(), "there is none to remove");
        keycloak.create_realm(&vm1(), &early, "own-realm").await.unwrap();
        assert!(keycloak.realm_is_served(&vm1(), "own-realm").await.unwrap());
        let again = keycloak.create_realm(&vm1(), &early, "own-realm").await;
        assert!(matches!(again, Err(KeycloakError::Exists { .. })), "{again:?}");

        // Rights over the new realm stand in tokens that were issued after its making.
        let fresh = token().await;
        assert_eq!(keycloak.realms_starting_with(&vm1(), &fresh, "own-").await.unwrap(), ["own-realm"]);
        let other = keycloak.ensure_user(&vm1(), &fresh, "master", &user("intruder")).await;
        assert!(matches!(other, Err(KeycloakError::Denied { .. })), "{other:?}");

        let id = keycloak.ensure_user(&vm1(), &fresh, "own-realm", &user("tryout")).await.unwrap();
        assert_eq!(keycloak.ensure_user(&vm1(), &fresh, "own-realm", &user("tryout")).await.unwrap(), id);
        let longer = keycloak.ensure_user(&vm1(), &fresh, "own-realm", &user("tryout-2")).await.unwrap();
        assert_ne!(longer, id, "a name is not a prefix");
        for _ in 0..2 {
            let roles = ["offline_access".to_owned(), "uma_authorization".to_owned()];
            keycloak.grant_realm_roles(&vm1(), &fresh, "own-realm", &id, &roles).await.unwrap();
        }
        keycloak.create_public_client(&vm1(), &fresh, "own-realm", "login").await.unwrap();
        keycloak.token(&vm1(), "own-realm", &by_password("login", "tryout", "us&r päss")).await.unwrap();
        let wrong = keycloak.token(&vm1(), "own-realm", &by_password("login", "tryout", "x")).await;
        assert!(matches!(wrong, Err(KeycloakError::Denied { .. })), "{wrong:?}");
        assert!(keycloak.delete_client(&vm1(), &fresh, "own-realm", "login").await.unwrap());

        assert!(keycloak.delete_realm(&vm1(), &fresh, "own-realm").await.unwrap());
        assert!(!keycloak.realm_is_served(&vm1(), "own-realm").await.unwrap());
        assert!(!keycloak.delete_realm(&vm1(), &admin, "own-realm").await.unwrap());
    });
}

#[test]
fn without_the_extension_it_is_not_called_ready() {
    with_keycloak(async |keycloak| {
        let seen = keycloak.observe(&vm1(), Duration::from_secs(10)).await;
        assert_eq!((seen.state, seen.mode), (KeycloakState::Starting, KeycloakMode::Unknown));
        assert!(seen.detail.is_some_and(|detail| detail.contains("extension is not loaded")));
    });
}
