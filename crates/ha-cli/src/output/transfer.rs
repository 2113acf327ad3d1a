//! What is seen while bytes of an unknown number arrive.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::globals::OutputFormat;
use crate::plain::plain;

/// Shows how much has come, on a terminal; gone when dropped.
pub struct Transfer(ProgressBar);

impl Transfer {
    /// Shows `what` comes.
    #[must_use]
    pub fn new(format: OutputFormat, what: &str) -> Self {
        let target = match format {
            OutputFormat::Json => ProgressDrawTarget::hidden(),
            // Draws nothing where that is no terminal.
            OutputFormat::Human => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target).with_message(plain(what).into_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bytes}, {bytes_per_sec} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// So many bytes have come in all.
    pub fn is_at(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
