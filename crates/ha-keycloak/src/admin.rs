//! The port's calls.

use std::time::Duration;

use async_trait::async_trait;
use ha_core::observe::{HandoverObservation, KeycloakObservation, ServiceClient};
use ha_core::ports::{KeycloakAdmin, KeycloakError, Login, TokenGrant, UserSpec};
use ha_core::values::{NodeName, Secret};
use serde_json::{Value, json};

use crate::KeycloakHttp;
use crate::model::{Named, RealmName, RoleRef, ServiceAnswer, TokenAnswer};

/// The standby extension's page about ha-cli's own client.
const SERVICE_CLIENT_PAGE: &str = "/realms/master/ha/service-client";

/// A text as a part of a URL: all but what needs no escape there.
fn part(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut part, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            part.push(char::from(byte));
        } else {
            write!(part, "%{byte:02X}").expect("a String takes everything");
        }
        part
    })
}

impl KeycloakHttp {
    /// The URL of a realm in the admin API.
    fn admin(&self, node: &NodeName, realm: &str, rest: &str) -> Result<String, KeycloakError> {
        self.url(node, &format!("/admin/realms/{}{rest}", part(realm)))
    }

    /// The only object that a listing with an exact filter gives.
    async fn find(&self, url: &str, token: &Secret) -> Result<Option<String>, KeycloakError> {
        let found: Vec<Named> = self.read(url, self.get(url, token)).await?;
        Ok(found.into_iter().next().map(|named| named.id))
    }

    async fn client_id(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        client: &str,
    ) -> Result<Option<String>, KeycloakError> {
        self.find(&self.admin(node, realm, &format!("/clients?clientId={}", part(client)))?, token).await
    }

    async fn user_id(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        username: &str,
    ) -> Result<Option<String>, KeycloakError> {
        self.find(&self.admin(node, realm, &format!("/users?exact=true&username={}", part(username)))?, token).await
    }

    /// Makes an object; that there is one already is no error.
    async fn ensure(&self, url: &str, token: &Secret, body: &Value) -> Result<(), KeycloakError> {
        match self.send(url, self.post(url, token).json(body)).await {
            Ok(_) | Err(KeycloakError::Exists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl KeycloakAdmin for KeycloakHttp {
    async fn observe(&self, node: &NodeName, timeout: Duration) -> KeycloakObservation {
        crate::observe::observe(self, node, timeout).await
    }

    async fn handover(&self, node: &NodeName, timeout: Duration) -> Result<HandoverObservation, KeycloakError> {
        crate::observe::handover(self, node, timeout).await
    }

    async fn service_client(
        &self,
        node: &NodeName,
        client_id: &str,
        secret: &Secret,
        timeout: Duration,
    ) -> Option<ServiceClient> {
        let url = self.url(node, SERVICE_CLIENT_PAGE).ok()?;
        let request = self.client().get(&url).basic_auth(client_id, Some(secret.expose())).timeout(timeout);
        let answer: ServiceAnswer = self.read(&url, request).await.ok()?;
        Some(answer.service_client)
    }

    async fn mend_service_client(
        &self,
        node: &NodeName,
        permit: &Secret,
        client_id: &str,
        secret: &Secret,
    ) -> Result<(), KeycloakError> {
        let url = self.url(node, SERVICE_CLIENT_PAGE)?;
        let request = self.client().post(&url).basic_auth(client_id, Some(secret.expose()));
        let answer: ServiceAnswer = self.read(&url, request.header("X-Ha-Permit", permit.expose())).await?;
        match answer.service_client.trouble() {
            None => Ok(()),
            Some(trouble) => Err(KeycloakError::Denied { url, status: 403, message: trouble.to_owned() }),
        }
    }

    async fn wait_ready(&self, node: &NodeName, timeout: Duration) -> Result<(), KeycloakError> {
        crate::observe::wait_ready(self, node, timeout).await
    }

    async fn token(&self, node: &NodeName, realm: &str, grant: &TokenGrant) -> Result<Secret, KeycloakError> {
        Ok(self.login(node, realm, grant).await?.token)
    }

    async fn login(&self, node: &NodeName, realm: &str, grant: &TokenGrant) -> Result<Login, KeycloakError> {
        let url = self.url(node, &format!("/realms/{}/protocol/openid-connect/token", part(realm)))?;
        let form = match grant {
            TokenGrant::Password { client_id, username, password } => vec![
                ("grant_type", "password"),
                ("client_id", client_id),
                ("username", username),
                ("password", password.expose()),
            ],
            TokenGrant::ClientCredentials { client_id, client_secret } => vec![
                ("grant_type", "client_credentials"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose()),
            ],
        };
        let answer: TokenAnswer = self.read(&url, self.client().post(&url).form(&form)).await?;
        Ok(Login { token: Secret::new(answer.access_token), session: answer.session_state })
    }

    async fn create_realm(&self, node: &NodeName, token: &Secret, realm: &str) -> Result<(), KeycloakError> {
        let url = self.url(node, "/admin/realms")?;
        self.send(&url, self.post(&url, token).json(&json!({ "realm": realm, "enabled": true }))).await?;
        Ok(())
    }

    async fn delete_realm(&self, node: &NodeName, token: &Secret, realm: &str) -> Result<bool, KeycloakError> {
        self.delete(&self.admin(node, realm, "")?, token).await
    }

    async fn realm_is_served(&self, node: &NodeName, realm: &str) -> Result<bool, KeycloakError> {
        let url = self.url(node, &format!("/realms/{}/.well-known/openid-configuration", part(realm)))?;
        match self.send(&url, self.client().get(&url)).await {
            Ok(_) => Ok(true),
            Err(KeycloakError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn realms_starting_with(
        &self,
        node: &NodeName,
        token: &Secret,
        prefix: &str,
    ) -> Result<Vec<String>, KeycloakError> {
        let url = self.url(node, "/admin/realms?briefRepresentation=true")?;
        let realms: Vec<RealmName> = match self.read(&url, self.get(&url, token)).await {
            // Keycloak (26, RealmsAdminResource) has no empty list: whoever may see no realm at all is forbidden to ask.
            Err(KeycloakError::Denied { status: 403, .. }) => Vec::new(),
            realms => realms?,
        };
        Ok(realms.into_iter().map(|realm| realm.realm).filter(|name| name.starts_with(prefix)).collect())
    }

    async fn ensure_user(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        user: &UserSpec,
    ) -> Result<String, KeycloakError> {
        let optional = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
        let body = json!({
            "username": user.username, "enabled": true, "email": optional(&user.email),
            "firstName": optional(&user.first_name), "lastName": optional(&user.last_name),
            "emailVerified": !user.email.is_empty(),
            "credentials": [{ "type": "password", "value": user.password.expose(), "temporary": false }],
        });
        self.ensure(&self.admin(node, realm, "/users")?, token, &body).await?;
        let id = self.user_id(node, token, realm, &user.username).await?;
        id.ok_or_else(|| KeycloakError::NotFound { what: format!("user {}", user.username) })
    }

    async fn grant_realm_roles(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        user_id: &str,
        roles: &[String],
    ) -> Result<(), KeycloakError> {
        let mut references = Vec::new();
        for role in roles {
            let url = self.admin(node, realm, &format!("/roles/{}", part(role)))?;
            references.push(self.read::<RoleRef>(&url, self.get(&url, token)).await?);
        }
        let url = self.admin(node, realm, &format!("/users/{}/role-mappings/realm", part(user_id)))?;
        self.send(&url, self.post(&url, token).json(&references)).await?;
        Ok(())
    }

    async fn ensure_service_client(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        client_id: &str,
        secret: &Secret,
        roles: &[String],
    ) -> Result<(), KeycloakError> {
        let body = json!({
            "clientId": client_id, "enabled": true, "protocol": "openid-connect", "publicClient": false,
            "serviceAccountsEnabled": true, "standardFlowEnabled": false, "directAccessGrantsEnabled": false,
            "secret": secret.expose(), "description": "ha-cli's own: makes realms for `verify`",
            // Its login then makes a session that is written to the database, as a person's does: so a login proves that
            // Keycloak takes writes. Without, it writes nothing (Keycloak's guide for server administrators, service accounts).
            "attributes": { "client_credentials.use_refresh_token": "true" },
        });
        let missing = || KeycloakError::NotFound { what: format!("client {client_id}") };
        let id = match self.client_id(node, token, realm, client_id).await? {
            Some(id) => {
                let url = self.admin(node, realm, &format!("/clients/{id}"))?;
                self.send(&url, self.put(&url, token).json(&body)).await?;
                id
            }
            None => {
                self.ensure(&self.admin(node, realm, "/clients")?, token, &body).await?;
                self.client_id(node, token, realm, client_id).await?.ok_or_else(missing)?
            }
        };
        let url = self.admin(node, realm, &format!("/clients/{id}/service-account-user"))?;
        let account: Named = self.read(&url, self.get(&url, token)).await?;
        self.grant_realm_roles(node, token, realm, &account.id, roles).await
    }

    async fn create_public_client(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        client_id: &str,
    ) -> Result<(), KeycloakError> {
        let body = json!({
            "clientId": client_id, "enabled": true, "protocol": "openid-connect", "publicClient": true,
            "standardFlowEnabled": false, "directAccessGrantsEnabled": true,
        });
        let url = self.admin(node, realm, "/clients")?;
        self.send(&url, self.post(&url, token).json(&body)).await?;
        Ok(())
    }

    async fn delete_client(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        client_id: &str,
    ) -> Result<bool, KeycloakError> {
        match self.client_id(node, token, realm, client_id).await? {
            Some(id) => self.delete(&self.admin(node, realm, &format!("/clients/{id}"))?, token).await,
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_name_cannot_leave_its_part_of_the_url() {
        assert_eq!(part("ha-verify.1"), "ha-verify.1");
        assert_eq!(part("a/../b?c=d&e#f %"), "a%2F..%2Fb%3Fc%3Dd%26e%23f%20%25");
        assert_eq!(part("ü"), "%C3%BC");
    }
}
