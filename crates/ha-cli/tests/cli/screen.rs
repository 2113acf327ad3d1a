//! `monitor` and `status` on real terminals of several widths. The nodes are none that answer: what is shown of them is enough.

use crate::terminal::Terminal;
use crate::{Place, SECRETS};

/// Two nodes on loopback, behind an engine that is not there.
fn place() -> Place {
    let place = Place::new();
    let file = "schema = 1\n[cluster]\nname = \"sso\"\npublic_url = \"http://localhost:1\"\ndemo = true\n";
    let node = |name: &str, role: &str, port: u16| {
        format!(
            "[[nodes]]\nname = \"{name}\"\naddress = \"127.0.0.1\"\nrole = \"{role}\"\ndocker = \"unix:///nowhere/docker.sock\"\n\
             postgres_port = {port}\nkeycloak_port = {}\n",
            port + 1
        )
    };
    place.write("ha.toml", &format!("{file}{}{}", node("vm1", "primary", 2), node("vm2", "standby", 4)));
    place.write("ha.secrets.toml", SECRETS).chmod("ha.secrets.toml", 0o600);
    place
}

fn start(place: &Place, arguments: &str, size: (u16, u16)) -> Terminal {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_ha-cli"));
    Terminal::start(&line, size, |command| {
        command.current_dir(place.path("")).env("NO_COLOR", "1");
    })
}

/// What stands on a screen after the sequences that the picture uses: none of them changes a line's length.
fn lines(shown: &str) -> Vec<String> {
    let sequences = [
        "\u{1b}[?1049h",
        "\u{1b}[?1049l",
        "\u{1b}[?25l",
        "\u{1b}[?25h",
        "\u{1b}[?7l",
        "\u{1b}[?7h",
        "\u{1b}[H",
        "\u{1b}[K",
        "\u{1b}[J",
    ];
    let plain = sequences.iter().fold(shown.to_owned(), |text, sequence| text.replace(sequence, ""));
    assert!(!plain.contains('\u{1b}'), "an unknown sequence in {plain:?}");
    plain.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

#[test]
fn monitor_has_a_screen_of_its_own_and_q_ends_it() {
    let place = place();
    for columns in [80, 200] {
        let mut terminal = start(&place, "monitor --interval 100ms", (columns, 24));
        terminal.shows("\u{1b}[?1049h");
        terminal.shows("REPLICATION");
        terminal.shows("q ends it");
        terminal.types("xq");
        terminal.shows("\u{1b}[?1049l");
        let (code, shown) = terminal.ends();
        assert_eq!(code, Some(4), "that of the last look");
        for line in lines(&shown) {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line:?}");
        }
    }
}

#[test]
fn ctrl_c_ends_monitor_and_gives_the_terminal_back() {
    let place = place();
    let mut terminal = start(&place, "monitor --interval 100ms", (80, 24));
    terminal.shows("q ends it");
    terminal.types("\u{3}");
    terminal.shows("\u{1b}[?25h");
    terminal.shows("\u{1b}[?1049l");
    assert_eq!(terminal.ends().0, Some(130));
}

#[test]
fn a_low_terminal_keeps_the_head_and_the_foot() {
    let place = place();
    let mut terminal = start(&place, "monitor --interval 100ms", (80, 6));
    terminal.shows("REPLICATION");
    terminal.shows("q ends it");
    terminal.types("q");
    terminal.ends();
}

#[test]
fn status_breaks_no_word() {
    let place = place();
    let whole = place.run(&["status"]).ends_with(4).out;
    // Where a node has lines of its own, it needs no headings for its name and its role.
    let words: Vec<&str> = whole.split_whitespace().filter(|word| !["NODE", "ROLE"].contains(word)).collect();
    for columns in [30, 60, 80, 100] {
        let (code, shown) = start(&place, "status", (columns, 40)).ends();
        assert_eq!(code, Some(4));
        let lines = lines(&shown);
        for line in &lines {
            let alone = line.split_whitespace().count() == 1;
            assert!(alone || line.chars().count() <= usize::from(columns), "{columns}: {line:?}");
        }
        let shown: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        for word in &words {
            assert!(shown.contains(word), "{columns}: {word} in {lines:?}");
        }
    }
}
