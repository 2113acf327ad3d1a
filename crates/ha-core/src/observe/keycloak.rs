//! What was seen of a Keycloak.

use serde::{Deserialize, Serialize};

/// How far a Keycloak is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeycloakState {
    /// Answers requests, its database included.
    Ready,
    /// Listens, and is not ready: booting, or without its database.
    Starting,
    /// Does not run.
    Stopped,
    /// Nobody answers.
    Unreachable,
}

/// Whether it takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeycloakMode {
    /// It does: its PostgreSQL is a primary.
    ReadWrite,
    /// It does not: its PostgreSQL is a standby.
    ReadOnly,
    /// It cannot tell.
    Unknown,
}

/// One observation of a Keycloak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeycloakObservation {
    /// How far it is.
    pub state: KeycloakState,
    /// Whether it takes writes.
    pub mode: KeycloakMode,
    /// Whether its first requests after a change of role would find everything loaded; absent where it does not tell.
    pub warm: Option<bool>,
    /// Whether ha-cli's own client would get in there; absent where it does not tell, or was not asked.
    pub service_client: Option<ServiceClient>,
    /// What came back, where it is not ready; for a person.
    pub detail: Option<String>,
}

/// Whether ha-cli's own client in the master realm would get in, and might do what it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceClient {
    /// It would.
    Usable,
    /// There is none with this secret: it was removed, or its secret or its way to log in changed.
    Unknown,
    /// It is disabled.
    Disabled,
    /// It has no service account, or that is disabled.
    NoServiceAccount,
    /// It may not create realms.
    NoRole,
    /// Its secret alone gives it no token, or none that is good yet: it was made to ask for another proof, or its tokens to count
    /// from a later time only.
    Changed,
    /// The master realm demands HTTPS of such a request.
    HttpsRequired,
    /// The master realm is disabled, or its tokens count from a later time only.
    RealmDisabled,
    /// The master realm's flow for clients takes no secret.
    NoSecretFlow,
    /// A client policy of the master realm refuses it.
    Policy,
}

impl ServiceClient {
    /// What stands in the way, in words; `None` where nothing does.
    #[must_use]
    pub const fn trouble(self) -> Option<&'static str> {
        match self {
            Self::Usable => None,
            Self::Unknown => Some("there is none with the secret of the secrets file: it was removed or changed"),
            Self::Disabled => Some("it is disabled"),
            Self::NoServiceAccount => Some("it has no service account, or that is disabled"),
            Self::NoRole => Some("it lacks the role create-realm"),
            Self::Changed => Some("it asks for another proof (DPoP, a certificate), or its not-before time is to come"),
            Self::HttpsRequired => Some("the realm \"master\" demands HTTPS (\"Require SSL\")"),
            Self::RealmDisabled => Some("the realm \"master\" is disabled, or its not-before time is to come"),
            Self::NoSecretFlow => Some("the flow \"clients\" of the realm \"master\" takes no secret"),
            Self::Policy => Some("a client policy of the realm \"master\" refuses its login"),
        }
    }

    /// Where somebody has decided of all clients, and `up` leaves it so: what mends it, in words.
    #[must_use]
    pub const fn by_hand(self) -> Option<&'static str> {
        match self {
            Self::Usable
            | Self::Unknown
            | Self::Disabled
            | Self::NoServiceAccount
            | Self::NoRole
            | Self::Changed
            | Self::HttpsRequired => None,
            Self::RealmDisabled => {
                Some("in its admin console enable it, and clear its not-before time (Sessions, Revocation)")
            }
            Self::NoSecretFlow => {
                Some("in its admin console (Authentication, the flow bound to clients) enable \"Client Id and Secret\"")
            }
            Self::Policy => Some(
                "in its admin console (Realm settings, Client policies) leave the client ha-cli out of the policy, by a condition",
            ),
        }
    }
}

impl KeycloakObservation {
    /// What stands in the way of ha-cli's own client, as far as this Keycloak tells.
    #[must_use]
    pub fn service_trouble(&self) -> Option<&'static str> {
        self.service_client.and_then(ServiceClient::trouble)
    }

    /// Whether `up` makes ha-cli's own client whole.
    #[must_use]
    pub fn is_service_client_to_be_mended(&self) -> bool {
        self.service_trouble().is_some() && self.service_by_hand().is_none()
    }

    /// What a person has to change for it, where `up` does not.
    #[must_use]
    pub fn service_by_hand(&self) -> Option<&'static str> {
        self.service_client.and_then(ServiceClient::by_hand)
    }
}

impl KeycloakObservation {
    /// One that nobody answers for.
    #[must_use]
    pub fn unreachable(detail: impl Into<String>) -> Self {
        Self {
            state: KeycloakState::Unreachable,
            mode: KeycloakMode::Unknown,
            warm: None,
            service_client: None,
            detail: Some(detail.into()),
        }
    }
}

/// What a Keycloak's standby extension tells of a planned change of roles, and of the load balancers that ask it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HandoverObservation {
    /// The word that is in force there.
    pub word: String,
    /// The change that it belongs to.
    pub id: String,
    /// How many load balancers ask whether it takes writes, by address.
    pub balancers: u32,
    /// Of these, how many know by now what the word has it answer.
    pub told: u32,
    /// Requests that it works on.
    pub in_flight: u32,
}
