//! Ctrl-c while `setup` asks, on a real terminal.

use crate::Place;
use crate::terminal::Terminal;

#[test]
fn ctrl_c_at_a_question_leaves_nothing() {
    let place = Place::new();
    let line = format!("{} setup", env!("CARGO_BIN_EXE_ha-cli"));
    let mut terminal = Terminal::start(&line, (100, 40), |command| {
        command.current_dir(place.path(""));
    });
    terminal.shows("Name of the cluster");
    terminal.types("sso\r");
    terminal.shows("The public URL");
    terminal.types("\x03");
    let (code, _) = terminal.ends();
    assert_eq!(code, Some(130), "ended by SIGINT");
    assert!(place.files().is_empty(), "{:?}", place.files());
}
