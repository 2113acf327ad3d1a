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

#[test]
fn ctrl_d_at_a_question_ends_them_all() {
    let setup = format!("{} setup --public-url https://sso.example.org", env!("CARGO_BIN_EXE_ha-cli"));
    let passwords = format!(
        "{setup} --primary vm1=192.0.2.11 --standby vm2=192.0.2.12 --cluster-name sso --docker vm1=local --docker vm2=local \
         --postgres-port vm1=5432 --keycloak-port vm1=3123 --postgres-port vm2=5433 --keycloak-port vm2=3124 \
         --database-user kc --admin admin --proxy-headers none --durability async"
    );
    for (line, question) in
        [(&setup, "Name of the cluster [sso]: "), (&passwords, "in the database (Enter makes one up): ")]
    {
        let place = Place::new();
        let mut terminal = Terminal::start(line, (100, 40), |command| {
            command.current_dir(place.path(""));
        });
        terminal.shows(question);
        terminal.types("\x04");
        terminal.shows("the questions ended before the last answer, and nothing was written");
        let (code, _) = terminal.ends();
        assert_eq!(code, Some(1), "{question}");
        assert!(place.files().is_empty(), "{:?}", place.files());
    }
}

/// Whoever is ended while the terminal shows nothing leaves it as it was: what is typed afterwards is shown.
#[test]
fn ctrl_c_at_a_password_gives_the_terminal_its_echo_back() {
    let place = Place::new();
    let line = format!(
        "sh -c 'trap : INT; {} setup --primary vm1=192.0.2.11 --standby vm2=192.0.2.12 --cluster-name sso --docker vm1=local \
         --docker vm2=local --postgres-port vm1=5432 --keycloak-port vm1=3123 --postgres-port vm2=5433 --keycloak-port vm2=3124 \
         --public-url https://sso.example.org --database-user kc --admin admin --proxy-headers none --durability async; \
         echo \"ended with $?\"; stty -a | grep -ow -- -*echo'",
        env!("CARGO_BIN_EXE_ha-cli")
    );
    let mut terminal = Terminal::start(&line, (100, 40), |command| {
        command.current_dir(place.path(""));
    });
    terminal.shows("in the database (Enter makes one up): ");
    terminal.types("half\x03");
    terminal.shows("ended with 130");
    let (_, text) = terminal.ends();
    assert!(text.lines().any(|line| line.trim_end() == "echo"), "{text}");
    assert!(!text.contains("half") && place.files().is_empty(), "{text}");
}

/// `TERM=dumb`, an editor's shell for one, takes escapes for text.
#[test]
fn questions_are_plain_lines_and_a_password_is_not_shown() {
    let place = Place::new();
    let line = format!(
        "env TERM=dumb {} setup --primary vm1=192.0.2.11 --standby vm2=192.0.2.12 --docker vm1=local --docker vm2=local \
         --postgres-port vm1=5432 --keycloak-port vm1=3123 --postgres-port vm2=5433 --keycloak-port vm2=3124 \
         --database-user kc --proxy-headers none --durability async",
        env!("CARGO_BIN_EXE_ha-cli")
    );
    let mut terminal = Terminal::start(&line, (100, 40), |command| {
        command.current_dir(place.path(""));
    });
    let password = "of 'the' \\ \"base\" %$# \u{e4}\u{f6}\u{20ac}";
    for (question, answer) in [
        ("Name of the cluster [sso]: ", ""),
        ("Public URL: ", ""),
        ("Public URL: ", "https://sso.example.org"),
        ("administrator [admin]: ", ""),
        ("in the database (Enter makes one up): ", "short"),
        ("in the database (Enter makes one up): ", password),
        ("The same again: ", "another one"),
        ("The two differ", ""),
        ("in the database (Enter makes one up): ", password),
        ("The same again: ", password),
        ("replication (Enter makes one up): ", ""),
        ("administrator (Enter makes one up): ", ""),
        ("Write the files now? [yes]: ", "y"),
    ] {
        terminal.shows(question);
        if question != "The two differ" {
            terminal.types(&format!("{answer}\n"));
        }
    }
    let (code, shown) = terminal.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains('\x1b') && !shown.contains("of 'the'") && !shown.contains("another one"), "{shown:?}");
    let secrets: toml::Table = std::fs::read_to_string(place.path("ha.secrets.toml")).unwrap().parse().unwrap();
    assert_eq!(secrets["keycloak_db_password"].as_str(), Some(password));
}
