//! What stands in for people, programs and their devices when a Keycloak is tested over HTTP: requests to one node, a
//! browser that fills in forms, one-time passwords and a security key.
//!
//! A cluster has one public URL, which its tokens and pages name, and several nodes. Everything here speaks to the node
//! that it was given, as if a load balancer behind the public URL had chosen it.

mod answer;
mod authenticator;
mod browser;
mod cbor;
mod cookies;
mod error;
mod html;
mod otp;
mod site;

pub use answer::Answer;
pub use authenticator::{Authenticator, Ceremony};
pub use browser::{Browser, Page};
pub use error::HttpError;
pub use html::Form;
pub use otp::{hotp, totp};
pub use site::Site;
