//! `config show`: every setting in effect, and where it comes from.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::Globals;
use crate::config::{self, Origin, SecretsRules, Setting};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone};

pub(super) fn run(globals: &Globals, printer: &Printer) -> Result<Outcome, Error> {
    let config = config::load(globals)?;
    let secrets_file = config.secrets_path();
    // The secrets say no more here than whether they would do: what is wrong with them is for `config check`.
    let secrets = match config::read_secrets(&secrets_file, SecretsRules::Private) {
        Ok(_) => Secrets::Set,
        Err(Error::Configuration(problems)) => Secrets::Wrong(problems.iter().map(ToString::to_string).collect()),
        Err(Error::Failure(failure)) => Secrets::Wrong(vec![failure.message]),
    };
    printer.report(&Shown { file: config.path.clone(), settings: config.settings(), secrets_file, secrets })?;
    Ok(Outcome::Done)
}

enum Secrets {
    Set,
    Wrong(Vec<String>),
}

struct Shown {
    file: PathBuf,
    settings: Vec<Setting>,
    secrets_file: PathBuf,
    secrets: Secrets,
}

impl Report for Shown {
    fn human(&self, page: &mut Page) {
        let settings = &self.settings;
        let path_width = settings.iter().map(|setting| setting.path.chars().count()).max().unwrap_or(0);
        // One long value does not push every origin off the screen.
        let value_width = settings.iter().map(|setting| setting.value.chars().count()).max().unwrap_or(0).min(44);
        page.line(page.tone(Tone::Strong, self.file.display().to_string()));
        for Setting { path, value, origin } in settings {
            let origin = match origin {
                Origin::File(line) => format!("line {line}"),
                Origin::Default => page.tone(Tone::Faint, "default"),
                Origin::Computed => page.tone(Tone::Faint, "computed"),
            };
            let value = if value.is_empty() { "-" } else { value };
            page.line(format!("  {path:path_width$}  {value:value_width$}  {origin}"));
        }
        page.line(page.tone(Tone::Strong, self.secrets_file.display().to_string()));
        match &self.secrets {
            Secrets::Set => {
                for key in config::SECRET_KEYS {
                    page.line(format!("  {key:path_width$}  ********"));
                }
            }
            Secrets::Wrong(problems) => {
                for problem in problems {
                    page.line(format!("  {} {problem}", page.tone(Tone::Bad, "wrong:")));
                }
            }
        }
    }

    fn json(&self) -> Value {
        let settings: Vec<Value> = self
            .settings
            .iter()
            .map(|Setting { path, value, origin }| {
                let (from, line) = match origin {
                    Origin::File(line) => ("file", Some(line)),
                    Origin::Default => ("default", None),
                    Origin::Computed => ("computed", None),
                };
                json!({ "path": path, "value": value, "from": from, "line": line })
            })
            .collect();
        let problems: &[String] = match &self.secrets {
            Secrets::Set => &[],
            Secrets::Wrong(problems) => problems,
        };
        json!({
            "schema": 1,
            "file": self.file.display().to_string(),
            "settings": settings,
            "secrets": { "file": self.secrets_file.display().to_string(), "problems": problems },
        })
    }
}
