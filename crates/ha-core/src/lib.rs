//! docs
pub mod health;
pub mod layout;
pub mod observe;
pub mod ports;
pub mod secrets;
pub mod topology;
pub mod values;
