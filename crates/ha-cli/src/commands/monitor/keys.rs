//! What is typed while a picture is shown: one key ends it, without Enter and without being shown.

use std::io::{IsTerminal as _, Read as _, stdin};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc::{Receiver, channel};

/// The keys. Dropped, the terminal reads lines again.
pub(super) struct Keys {
    before: Option<Termios>,
    pressed: Option<Receiver<u8>>,
}

impl Keys {
    /// Of standard input, where that is a terminal.
    pub(super) fn of_stdin() -> Self {
        let none = Self { before: None, pressed: None };
        if !stdin().is_terminal() {
            return none;
        }
        let Ok(before) = tcgetattr(stdin()) else { return none };
        let mut now = before.clone();
        // Ctrl-c stays what it is. Ctrl-z does not: a stopped program would leave its screen behind.
        now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        now.special_codes[SpecialCodeIndex::VSUSP] = 0;
        if tcsetattr(stdin(), OptionalActions::Now, &now).is_err() {
            return none;
        }
        let (sender, pressed) = channel(1);
        // Nobody waits for it: it ends with the process.
        std::thread::spawn(move || {
            let mut key = [0];
            while stdin().read_exact(&mut key).is_ok() && sender.blocking_send(key[0]).is_ok() {}
        });
        Self { before: Some(before), pressed: Some(pressed) }
    }

    /// Ready at `q`.
    pub(super) async fn quit(&mut self) {
        if let Some(pressed) = &mut self.pressed {
            while let Some(key) = pressed.recv().await {
                if matches!(key, b'q' | b'Q') {
                    return;
                }
            }
        }
        // No more keys come.
        self.pressed = None;
        std::future::pending().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            tcsetattr(stdin(), OptionalActions::Flush, before).unwrap_or_default();
        }
    }
}
