//! What goes over the wire, as far as it is used.

use ha_core::observe::{HandoverObservation, ServiceClient};
use serde::{Deserialize, Serialize};

/// The token endpoint's answer.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: String,
    pub(crate) session_state: Option<String>,
}

/// Keycloak's errors, of the token endpoint and of the admin API, and those of the standby extension.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    error: Option<String>,
    error_description: Option<String>,
    #[serde(rename = "errorMessage")]
    error_message: Option<String>,
}

impl ErrorBody {
    pub(crate) fn is_read_only(&self) -> bool {
        self.error.as_deref() == Some("read_only_node")
    }

    pub(crate) fn is_denial(&self) -> bool {
        matches!(self.error.as_deref(), Some("invalid_grant" | "invalid_client" | "unauthorized_client"))
    }

    pub(crate) fn message(&self) -> Option<String> {
        match (&self.error, self.error_description.as_ref().or(self.error_message.as_ref())) {
            (Some(error), Some(more)) => Some(format!("{error}: {more}")),
            (Some(text), None) | (None, Some(text)) => Some(text.clone()),
            (None, None) => None,
        }
    }
}

/// A realm, a user, a client or a role in a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    pub(crate) id: String,
}

/// A realm in a listing.
#[derive(Debug, Deserialize)]
pub(crate) struct RealmName {
    pub(crate) realm: String,
}

/// A realm role, as it is granted.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct RoleRef {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// What the standby extension says of a node's role.
#[derive(Debug, Deserialize)]
pub(crate) struct RoleAnswer {
    pub(crate) role: String,
    /// Absent in an extension of an earlier version.
    pub(crate) warm: Option<bool>,
    /// The same.
    pub(crate) handover: Option<HandoverObservation>,
}

/// What the standby extension says of ha-cli's own client.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceAnswer {
    pub(crate) service_client: ServiceClient,
}
