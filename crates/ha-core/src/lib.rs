//! docs
pub mod observe;
pub mod ports;
pub mod topology;
pub mod values;
