//! The login at a registry, as `docker login` has left it on this machine, for whoever runs ha-cli: an engine has none of its own, and is
//! handed the one of its caller with each pull, an engine far away as well.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A helper may ask a service elsewhere, or a person, who is not there.
const HELPER_LIMIT: Duration = Duration::from_secs(10);
/// Docker Hub, as `docker login` names it.
const HUB: &str = "https://index.docker.io/v1/";

/// What is known of a login.
#[derive(Debug, Default)]
pub(crate) struct Login {
    /// The login; none where nobody has logged in there.
    pub(crate) credentials: Option<DockerCredentials>,
    /// Why there may be one that is not known.
    pub(crate) trouble: Option<String>,
}

impl Login {
    /// The login at the registry that an image comes from.
    pub(crate) async fn of(reference: &str) -> Self {
        let registry = registry(reference).to_owned();
        let (sender, answer) = oneshot::channel();
        // A thread of its own: one that waits for a helper for ever is not waited for at the end of the program.
        let server = registry.clone();
        let asked = std::thread::Builder::new().name("credentials".to_owned()).spawn(move || {
            // Whoever asked may have gone.
            drop(sender.send(get_credential(&server)));
        });
        let file = "the Docker configuration of this user (~/.docker/config.json)";
        let trouble = |why: String| Self { credentials: None, trouble: Some(why) };
        if let Err(error) = asked {
            return trouble(format!("{file} was not read: {error}"));
        }
        match timeout(HELPER_LIMIT, answer).await {
            Err(_) => trouble(format!("the helper that {file} names gave no answer in {} s", HELPER_LIMIT.as_secs())),
            Ok(Err(_)) => trouble(format!("{file} could not be read")),
            Ok(Ok(found)) => match found {
                Ok(login) => Self { credentials: Some(credentials(login, registry)), trouble: None },
                Err(CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound) => {
                    Self::default()
                }
                // What a helper says may hold what it was asked for.
                Err(CredentialRetrievalError::HelperFailure { helper, stdout, .. }) => {
                    if stdout.contains("not found") {
                        Self::default()
                    } else {
                        trouble(format!("docker-credential-{helper}, which {file} names, failed"))
                    }
                }
                Err(error) => trouble(format!("{file}: {error}")),
            },
        }
    }

    /// What came back from a registry, with what may be behind it.
    pub(crate) fn explain(&self, message: String) -> String {
        match &self.trouble {
            Some(trouble) => format!("{message}; no login was sent: {trouble}"),
            None => message,
        }
    }
}

fn credentials(login: DockerCredential, registry: String) -> DockerCredentials {
    let serveraddress = Some(registry);
    match login {
        DockerCredential::IdentityToken(token) => {
            DockerCredentials { identitytoken: Some(token), serveraddress, ..DockerCredentials::default() }
        }
        DockerCredential::UsernamePassword(username, password) => DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress,
            ..DockerCredentials::default()
        },
    }
}

/// The registry that a reference names (distribution's grammar: a first part with a dot or a colon, or `localhost`), else Docker Hub.
fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => match first {
            "docker.io" | "index.docker.io" => HUB,
            _ => first,
        },
        _ => HUB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_registry() {
        for (reference, expected) in [
            ("postgres:17", HUB),
            ("docker.io/library/postgres:17", HUB),
            ("bitnami/postgresql", HUB),
            ("quay.io/keycloak/keycloak:26.7", "quay.io"),
            ("localhost/mine", "localhost"),
            ("registry.example.org:5000/team/postgres@sha256:0123", "registry.example.org:5000"),
            ("127.0.0.1:5000/x:1", "127.0.0.1:5000"),
        ] {
            assert_eq!(registry(reference), expected, "{reference}");
        }
    }

    #[test]
    fn a_token_is_no_password() {
        let token = credentials(DockerCredential::IdentityToken("t".to_owned()), "quay.io".to_owned());
        assert_eq!((token.identitytoken.as_deref(), token.username), (Some("t"), None));
        let login =
            credentials(DockerCredential::UsernamePassword("u".to_owned(), "p".to_owned()), "quay.io".to_owned());
        assert_eq!((login.username.as_deref(), login.password.as_deref()), (Some("u"), Some("p")));
    }
}
