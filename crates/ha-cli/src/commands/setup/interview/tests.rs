use super::*;
use crate::cli::{OutputFormat, Pair, SetupArgs};
use crate::commands::setup::answers;
use crate::commands::setup::ask::Check;
use crate::output::Color;

/// Answers by what a question begins with; what is not foreseen takes the default. Refused answers are noted, and the
/// next one for the same question is tried, as a person would.
#[derive(Default)]
struct Script {
    answers: Vec<(&'static str, &'static str)>,
    asked: Vec<String>,
    refused: Vec<String>,
}

impl Script {
    fn new(answers: &[(&'static str, &'static str)]) -> Self {
        Self { answers: answers.to_vec(), ..Self::default() }
    }

    fn next(&mut self, question: &str) -> Option<&'static str> {
        self.asked.push(question.to_owned());
        let at = self.answers.iter().position(|(start, _)| question.starts_with(start))?;
        Some(self.answers.remove(at).1)
    }
}

impl Ask for Script {
    fn text(&mut self, question: &str, default: Option<&str>, check: Check<'_>) -> Result<String, Error> {
        loop {
            let scripted = self.next(question);
            let answer = scripted.or(default).unwrap_or_else(|| panic!("no answer to {question}"));
            match check(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(why) if scripted.is_some() => self.refused.push(format!("{answer}: {why}")),
                Err(why) => panic!("the default of {question} is refused: {why}"),
            }
        }
    }

    fn password(&mut self, question: &str, check: Check<'_>) -> Result<Option<String>, Error> {
        while let Some(text) = self.next(question) {
            match check(text) {
                Ok(()) => return Ok(Some(text.to_owned())),
                Err(why) => self.refused.push(why),
            }
        }
        Ok(None)
    }
}

fn interview(script: &mut Script, args: &SetupArgs) -> Result<(TopologySpec, Given), Error> {
    let nowhere = || Box::new(std::io::sink());
    let printer = Printer::new(OutputFormat::Human, Color::default(), nowhere(), nowhere());
    let addresses = [("eth0".to_owned(), "192.0.2.11".parse().unwrap())];
    run(script, &printer, &mut answers::from_options(args, None), &addresses, Given::default(), false)
}

const LEAST: &[(&str, &str)] = &[("Public URL", "https://sso.example.org"), ("Address of vm2", "192.0.2.12")];

#[test]
fn two_answers_and_enter_give_a_good_pair() {
    let mut script = Script::new(LEAST);
    let (spec, given) = interview(&mut script, &SetupArgs::default()).unwrap();
    let expected = TopologySpec::new("sso", "https://sso.example.org")
        .node(NodeSpec::primary("vm1", "192.0.2.11"))
        .node(NodeSpec::standby("vm2", "192.0.2.12"));
    assert_eq!(spec, expected);
    assert!(spec.validate().is_ok());
    assert!(given.database.is_none() && given.replication.is_none() && given.admin.is_none());
}

#[test]
fn each_wrong_answer_is_refused_at_once_with_what_would_be_right() {
    let wrong = [
        ("Name of the cluster", "My SSO"),
        ("Public URL", "sso.example.org"),
        ("Name of the standby's host", "vm1"),
        ("Address of vm2", "vm2.example.org"),
        ("Docker of vm1", "http://x"),
        ("PostgreSQL's port on vm2", "many"),
        ("PostgreSQL's port on vm2", "0"),
        ("Keycloak's port on vm1", "5432"),
        ("Keycloak's user", "postgres"),
        ("Keycloak's administrator", "x"),
        ("Proxy headers", "yes"),
        ("Durability", "sync"),
        ("Another standby", "perhaps"),
        ("Password of replication", "short"),
    ];
    let mut script = Script::new(&[&wrong, LEAST].concat());
    let (spec, _) = interview(&mut script, &SetupArgs::default()).unwrap();
    assert!(spec.validate().is_ok());
    insta::assert_snapshot!(script.refused.join("\n"));
}

#[test]
fn everything_can_be_chosen() {
    let mut script = Script::new(&[
        ("Name of the cluster", "prod"),
        ("Public URL", "https://sso.example.org"),
        ("Address of vm2", "192.0.2.12"),
        ("Another standby", "y"),
        ("Address of vm3", "192.0.2.13"),
        ("Docker of vm2", "ssh://root@192.0.2.12"),
        ("Docker of vm3", "tcp://192.0.2.13:2376"),
        ("Folder", "certs"),
        ("PostgreSQL's port on vm3", "6000"),
        ("Keycloak's port on vm3", "6001"),
        ("Keycloak's user", "kc"),
        ("Keycloak's administrator", "boss"),
        ("Proxy headers", "xforwarded"),
        ("Durability", "strict"),
        ("Password of Keycloak's user", "database one"),
        ("Password of replication", "replication one"),
        ("Password of Keycloak's administrator", "admin one"),
    ]);
    let (spec, given) = interview(&mut script, &SetupArgs::default()).unwrap();
    assert!(spec.validate().is_ok());
    assert_eq!(spec.nodes.len(), 3);
    assert_eq!(spec.nodes[1].docker, "ssh://root@192.0.2.12");
    assert_eq!(spec.nodes[2].docker_certificates, Some("certs".into()));
    assert_eq!((spec.nodes[2].postgres_port, spec.nodes[2].keycloak_port), (6000, 6001));
    assert_eq!((spec.postgres.user.as_str(), spec.keycloak.admin.as_str()), ("kc", "boss"));
    assert_eq!((spec.keycloak.proxy_headers.as_str(), spec.replication.durability.as_str()), ("xforwarded", "strict"));
    let typed = [given.database, given.replication, given.admin].map(|secret| secret.unwrap().expose().to_owned());
    assert_eq!(typed, ["database one", "replication one", "admin one"]);
    assert!(script.answers.is_empty(), "never asked: {:?}", script.answers);
}

#[test]
fn what_options_give_is_not_asked() {
    let pair = |node: &str, value: &str| Pair { node: node.into(), value: value.into() };
    let args = SetupArgs {
        public_url: Some("https://sso.example.org".into()),
        cluster_name: Some("sso".into()),
        // The primary is asked for, and must still come first.
        standby: vec![pair("vm2", "192.0.2.12")],
        docker: vec![pair("vm2", "ssh://root@192.0.2.12")],
        keycloak_port: vec![pair("vm2", "8080")],
        admin: Some("boss".into()),
        ..SetupArgs::default()
    };
    let mut script = Script::default();
    let (spec, _) = interview(&mut script, &args).unwrap();
    assert_eq!(spec.validate().unwrap().initial_primary().name.as_str(), "vm1");
    assert_eq!((spec.nodes[1].docker.as_str(), spec.nodes[1].keycloak_port), ("ssh://root@192.0.2.12", 8080));
    for question in &script.asked {
        for given in ["Name of the cluster", "Public URL", "vm2", "Keycloak's administrator"] {
            assert!(!question.starts_with(given), "{question}");
        }
    }
}

#[test]
fn who_declines_gets_no_description() {
    let mut script = Script::new(&[LEAST, &[("Write the files", "n")]].concat());
    assert!(interview(&mut script, &SetupArgs::default()).is_err());
}
