//! One table of the file: each method takes one key of a known type.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use ha_core::topology::{FieldPath, Segment};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reading::Reader;

/// One table, and which of its keys were asked for: the rest is unknown.
pub(super) struct Section<'a, 's, 't> {
    reader: &'a mut Reader<'s>,
    path: FieldPath,
    at: Option<Range<usize>>,
    table: &'t DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'a, 's, 't> Section<'a, 's, 't> {
    pub(super) fn new(
        reader: &'a mut Reader<'s>,
        path: FieldPath,
        at: Option<Range<usize>>,
        table: &'t DeTable<'t>,
    ) -> Self {
        Self { reader, path, at, table, known: Vec::new() }
    }

    fn inner(&self, key: &str) -> FieldPath {
        let mut path = self.path.clone();
        path.0.push(Segment::Key(key.to_owned()));
        path
    }

    fn take(&mut self, key: &'static str) -> Option<(FieldPath, &'t Spanned<DeValue<'t>>)> {
        self.known.push(key);
        let (written, value) = self.table.get_key_value(key)?;
        let path = self.inner(key);
        self.reader.places.add(&path, value.span(), written.span());
        Some((path, value))
    }

    fn wrong_type(&mut self, path: &FieldPath, value: &Spanned<DeValue<'_>>, wanted: &str, help: String) {
        let message = format!("is {}, not {wanted}", type_name(value.get_ref()));
        self.reader.problem(Some(value.span()), path, message, help);
    }

    /// A text that need not be there.
    pub(super) fn text(&mut self, key: &'static str, into: &mut String) {
        if let Some((path, value)) = self.take(key) {
            match value.get_ref() {
                DeValue::String(text) => *into = text.clone().into_owned(),
                _ => self.wrong_type(&path, value, "a text", format!("write {key} = \"…\", in quotes")),
            }
        }
    }

    /// A text that may be left out.
    pub(super) fn optional(&mut self, key: &'static str, into: &mut Option<String>) {
        if self.table.contains_key(key) {
            self.text(key, into.get_or_insert_default());
        } else {
            self.known.push(key);
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &'static str, example: &str, into: &mut String) {
        if self.table.contains_key(key) {
            return self.text(key, into);
        }
        self.known.push(key);
        let path = self.inner(key);
        let help = match &self.at {
            Some(_) => format!("add for example {example}"),
            None => format!("add a section [{}] with for example {example}", self.path),
        };
        self.reader.problem(self.at.clone(), &path, "is missing".to_owned(), help);
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, into: &mut bool) {
        if let Some((path, value)) = self.take(key) {
            match value.get_ref() {
                DeValue::Boolean(flag) => *into = *flag,
                _ => self.wrong_type(&path, value, "true or false", format!("write {key} = true or {key} = false")),
            }
        }
    }

    /// A whole number that fits.
    pub(super) fn number<N: TryFrom<i128> + std::fmt::Display + Copy>(&mut self, key: &'static str, into: &mut N) {
        if let Some((path, value)) = self.take(key) {
            let help = format!("a whole number without quotes, for example {key} = {into}");
            match value.get_ref() {
                DeValue::Integer(written) => match integer(value.get_ref()).and_then(|i| N::try_from(i).ok()) {
                    Some(number) => *into = number,
                    None => {
                        let most = if size_of::<N>() == 2 { u32::from(u16::MAX) } else { u32::MAX };
                        let message = format!("is {written}, which is not between 0 and {most}");
                        self.reader.problem(Some(value.span()), &path, message, help);
                    }
                },
                _ => self.wrong_type(&path, value, "a whole number", help),
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str, into: &mut Vec<String>) {
        if let Some((path, value)) = self.take(key) {
            let help = format!("write {key} = [\"…\", \"…\"]");
            let DeValue::Array(list) = value.get_ref() else {
                return self.wrong_type(&path, value, "a list of texts", help);
            };
            for entry in list.iter() {
                match entry.get_ref() {
                    DeValue::String(text) => into.push(text.clone().into_owned()),
                    _ => self.wrong_type(&path, entry, "a text", help.clone()),
                }
            }
        }
    }

    /// A program and its arguments; that it is there at all counts.
    pub(super) fn command(&mut self, key: &'static str, into: &mut Option<Vec<String>>) {
        if self.table.contains_key(key) {
            self.texts(key, into.get_or_insert_default());
        } else {
            self.known.push(key);
        }
    }

    /// Names and values of any plain type; what they mean is another program's affair, so they become text.
    pub(super) fn map(&mut self, key: &'static str, into: &mut BTreeMap<String, String>) {
        if let Some((path, value)) = self.take(key) {
            let DeValue::Table(table) = value.get_ref() else {
                let help = format!("write [{path}] on a line of its own, and the settings below it");
                return self.wrong_type(&path, value, "a section", help);
            };
            for (name, value) in table {
                let mut path = path.clone();
                path.0.push(Segment::Key(name.get_ref().clone().into_owned()));
                self.reader.places.add(&path, value.span(), name.span());
                match scalar(value.get_ref()) {
                    Some(text) => drop(into.insert(name.get_ref().clone().into_owned(), text)),
                    None => {
                        let help = "write a text, a number, true or false; a name with dots stands in quotes";
                        self.wrong_type(&path, value, "a plain value", help.to_owned());
                    }
                }
            }
        }
    }

    /// Refuses every key that nothing asked for.
    pub(super) fn finish(self) {
        let known: HashSet<&str> = self.known.iter().copied().collect();
        for key in self.table.keys().filter(|key| !known.contains(key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let help = did_you_mean(name, &self.known, "keys");
            let path = self.inner(name);
            self.reader.problem(Some(key.span()), &path, "is no known key".to_owned(), help);
        }
    }
}

/// A whole number, in whatever base it is written.
pub(super) fn integer(value: &DeValue<'_>) -> Option<i128> {
    let written = value.as_integer()?;
    i128::from_str_radix(&written.as_str().replace('_', ""), written.radix()).ok()
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(_) => integer(value).map(|number| number.to_string()),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// A type of TOML in words that need no knowledge of TOML.
pub(in crate::config) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// The known word that was most likely meant.
pub(in crate::config) fn nearest_word<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    // Dashes for underscores and capitals are the commonest slips, and cost no distance.
    let plain = written.to_lowercase().replace('-', "_");
    let best = known.iter().min_by_key(|word| strsim::damerau_levenshtein(&plain, word))?;
    let distance = strsim::damerau_levenshtein(&plain, best);
    (distance <= (best.len() / 3).max(1)).then_some(best)
}

pub(super) fn did_you_mean(written: &str, known: &[&str], kind: &str) -> String {
    match nearest_word(written, known) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => format!("the known {kind} are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["postgres_port", "keycloak_port", "address", "name"];
        assert_eq!(nearest_word("postgres-port", &known), Some("postgres_port"));
        assert_eq!(nearest_word("adress", &known), Some("address"));
        assert_eq!(nearest_word("Name", &known), Some("name"));
        assert_eq!(nearest_word("colour", &known), None);
    }
}
