use super::*;
use crate::error::Failure;
use std::sync::Arc;

/// A stream whose content the test reads afterwards, or one that fails.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>, Option<Fails>);

#[derive(Clone, Copy)]
enum Fails {
    With(io::ErrorKind),
    /// `EIO`.
    OfTheDevice,
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.1 {
            Some(Fails::With(kind)) => return Err(kind.into()),
            Some(Fails::OfTheDevice) => return Err(rustix::io::Errno::IO.into()),
            None => {}
        }
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn failing(kind: io::ErrorKind) -> Self {
        Self(Arc::default(), Some(Fails::With(kind)))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

struct Hello;

impl Report for Hello {
    fn human(&self, page: &mut Page) {
        let hello = page.tone(Tone::Good, "hello");
        page.line(hello);
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({ "schema": 1, "hello": true })
    }
}

fn printer(format: OutputFormat, color: bool, out: &Shared, err: &Shared) -> Printer {
    Printer::new(format, Color { out: color, err: color }, Box::new(out.clone()), Box::new(err.clone()))
}

#[test]
fn a_report_goes_to_standard_output_and_notes_to_standard_error() {
    let (out, err) = (Shared::default(), Shared::default());
    let printer = printer(OutputFormat::Human, false, &out, &err);
    printer.report(&Hello).unwrap();
    printer.note(|page| page.line("working"));
    assert_eq!((out.text().as_str(), err.text().as_str()), ("hello\n", "working\n"));
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let (out, err) = (Shared::default(), Shared::default());
    printer(OutputFormat::Human, true, &out, &err).report(&Hello).unwrap();
    assert_eq!(out.text(), "\u{1b}[32mhello\u{1b}[0m\n");
}

#[test]
fn programs_get_one_object_and_no_notes() {
    let (out, err) = (Shared::default(), Shared::default());
    let printer = printer(OutputFormat::Json, false, &out, &err);
    printer.note(|page| page.line("working"));
    printer.report(&Hello).unwrap();
    assert_eq!((out.text().as_str(), err.text().as_str()), ("{\"hello\":true,\"schema\":1}\n", ""));
}

#[test]
fn an_error_says_what_was_tried_where_what_came_back_and_what_to_do() {
    let inner = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
    let failure = Failure::failed("start", "the container could not be started")
        .on(&"vm2".parse().unwrap())
        .because(inner)
        .help("see `ha-cli doctor vm2`");
    let error = Error::from(failure);
    let (out, err) = (Shared::default(), Shared::default());
    printer(OutputFormat::Human, false, &out, &err).error(&error).unwrap();
    insta::assert_snapshot!(err.text(), @r"
    error: vm2: the container could not be started
      because: connection refused
      help: see `ha-cli doctor vm2`
    ");
    printer(OutputFormat::Json, false, &out, &err).error(&error).unwrap();
    let object: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(object["error"]["code"], "start");
    assert_eq!(object["error"]["node"], "vm2");
    assert_eq!(object["error"]["causes"][0], "connection refused");
}

#[test]
fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is() {
    let err = Shared::default();
    let gone = printer(OutputFormat::Human, false, &Shared::failing(io::ErrorKind::BrokenPipe), &err);
    gone.report(&Hello).unwrap();
    assert!(gone.closed());
    let full = printer(OutputFormat::Human, false, &Shared::failing(io::ErrorKind::StorageFull), &err);
    assert!(full.report(&Hello).is_err());
}

#[test]
fn a_terminal_that_was_closed_is_a_reader_that_has_gone_and_a_broken_disk_is_not() {
    let broken = || Shared(Arc::default(), Some(Fails::OfTheDevice));
    for (is_terminal, gone) in [(true, true), (false, false)] {
        let printer = printer(OutputFormat::Human, false, &broken(), &broken()).on_terminal(is_terminal);
        printer.note(|page| page.line("what cannot be said is lost"));
        assert_eq!((printer.report(&Hello).is_ok(), printer.closed()), (gone, gone));
    }
}
