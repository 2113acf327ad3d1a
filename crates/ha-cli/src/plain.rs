//! What a terminal shows and never obeys. Logs, answers of servers and engines, names and what hooks write may come from
//! strangers: all text goes through here before it is printed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal may act on a character, or show others in another order or not at all because of it.
///
/// A line's end and a tab are neither. Joiners (U+200C, U+200D) are letters' own in some languages and only join.
pub(super) const fn is_obeyed(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // C0, DEL and C1 (ECMA-48): escape sequences, and what begins one in a single character.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        // Unicode's line and paragraph separators: a line's end to some, none to others.
        '\u{2028}' | '\u{2029}' => true,
        // Bidirectional controls (UAX #9), and the deprecated ones beside them.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => true,
        // Invisible: soft hyphen, zero width space, word joiner and invisible operators, fillers, byte order mark.
        '\u{ad}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{ffa0}' => true,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
        // Tags: a whole invisible alphabet.
        '\u{e0000}'..='\u{e007f}' => true,
        // Noncharacters: no text, and this program's own marks for tones.
        '\u{fdd0}'..='\u{fdef}' => true,
        _ => false,
    }
}

/// The text with everything that a terminal would obey written out, as `less` does it: `<U+009B>`.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    plain_but(text, |_| false)
}

/// The same, but for what is `kept`.
pub(super) fn plain_but(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let bad = |c: char| is_obeyed(c) && !kept(c);
    if !text.chars().any(bad) {
        return Cow::Borrowed(text);
    }
    // The end of a line as some protocols write it is one.
    let text = text.replace("\r\n", "\n");
    let mut plain = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if bad(c) {
            write!(plain, "<U+{:04X}>", u32::from(c)).unwrap_or_default();
        } else {
            plain.push(c);
        }
    }
    Cow::Owned(plain)
}

/// The same of JSON, in JSON's way: the value that a program reads is what it was.
pub(super) fn plain_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_obeyed) {
        return Cow::Borrowed(json);
    }
    let mut plain = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_obeyed(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(plain, "\\u{unit:04x}").unwrap_or_default();
            }
        } else {
            plain.push(c);
        }
    }
    Cow::Owned(plain)
}

/// The same in as many bytes, for a text in which places are known: what is obeyed becomes a mark of its size.
#[must_use]
pub(crate) fn plain_in_place(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    // The end of a line as some systems write it.
    let text = text.replace("\r\n", " \n");
    let mark = |c: char| match c.len_utf8() {
        1 => "?",
        2 => "\u{b7}",
        3 => "\u{fffd}",
        _ => "????",
    };
    let keep = |c: char| if is_obeyed(c) { mark(c).to_owned() } else { c.to_string() };
    Cow::Owned(text.chars().map(keep).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let table = [
            ("\u{9b}31m red", "<U+009B>31m red"),
            ("\u{1b}]0;title\u{7}", "<U+001B>]0;title<U+0007>"),
            ("a\u{8}b\u{7f}\rc", "a<U+0008>b<U+007F><U+000D>c"),
            ("\u{202e}gpj.exe", "<U+202E>gpj.exe"),
            ("one\u{2028}two\u{85}three", "one<U+2028>two<U+0085>three"),
            ("\u{e0041}", "<U+E0041>"),
            ("a line\r\n\tand another\n", "a line\n\tand another\n"),
            ("Zürich, 東京, می‌خواهم, 👩‍👩‍👧", "Zürich, 東京, می‌خواهم, 👩‍👩‍👧"),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_keeps_what_is_obeyed_and_places_and_values_stay(text in any::<String>()) {
            prop_assert!(!plain(&text).chars().any(|c| is_obeyed(c) || (c.is_control() && c != '\n' && c != '\t')));
            let in_place = plain_in_place(&text);
            prop_assert!(in_place.len() == text.len() && !in_place.chars().any(is_obeyed));
            let json = serde_json::to_string(&text).unwrap();
            let safe = plain_json(&json);
            prop_assert!(!safe.chars().any(is_obeyed));
            prop_assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        }
    }
}
