//! As much of HTML as it takes to fill in a form: start tags and their attributes.

/// A form of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Where it is sent.
    pub action: String,
    /// What would be sent if nothing were filled in; buttons are left out.
    pub fields: Vec<(String, String)>,
}

#[derive(Debug)]
struct Tag<'a> {
    name: String,
    attributes: Vec<(String, String)>,
    rest: &'a str,
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The forms of a page, in its order.
pub(super) fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    let mut rest = page;
    while let Some(tag) = next_tag(rest) {
        rest = tag.rest;
        match tag.name.as_str() {
            // What a script holds is no markup.
            "script" | "style" => rest = after_raw(rest, &tag.name),
            "form" => {
                open = true;
                forms.push(Form {
                    id: tag.attribute("id").map(str::to_owned),
                    action: tag.attribute("action").unwrap_or_default().to_owned(),
                    fields: Vec::new(),
                });
            }
            "/form" => open = false,
            "input" if open => {
                let kind = tag.attribute("type").unwrap_or("text");
                let unset = matches!(kind, "checkbox" | "radio") && tag.attribute("checked").is_none();
                if let (Some(name), Some(form)) = (tag.attribute("name"), forms.last_mut())
                    && !unset
                    && !matches!(kind, "submit" | "button" | "reset" | "image")
                {
                    form.fields.push((name.to_owned(), tag.attribute("value").unwrap_or_default().to_owned()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// What follows the content of a script or a style, in which no tag counts but its own end, in whatever case.
fn after_raw<'a>(text: &'a str, name: &str) -> &'a str {
    let is_end = |at: usize| text.get(at + 2..at + 2 + name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name));
    text.match_indices("</").find(|(at, _)| is_end(*at)).map_or("", |(at, _)| &text[at..])
}

fn next_tag(text: &str) -> Option<Tag<'_>> {
    let mut text = text;
    loop {
        text = &text[text.find('<')? + 1..];
        if let Some(comment) = text.strip_prefix("!--") {
            text = &comment[comment.find("-->")?..];
        } else if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
            break;
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    let name = text[..end].trim_end_matches('/').to_ascii_lowercase();
    let (attributes, rest) = attributes(&text[end..]);
    Some(Tag { name, attributes, rest })
}

/// Attributes up to the end of the tag, and what comes after it.
fn attributes(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        // A stray "=" must not hold up the walk.
        let end = end.max(1);
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            if let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) {
                let close = after[1..].find(quote).map_or(after.len(), |at| at + 1);
                value = &after[1..close];
                rest = after.get(close + 1..).unwrap_or_default();
            } else {
                let close = after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len());
                value = &after[..close];
                rest = &after[close..];
            }
        }
        found.push((name, unescaped(value)));
    }
}

/// The entities that Keycloak's templates write.
fn unescaped(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x3D;", "="), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_with_what_it_would_send() {
        let page = r#"<!-- <form action="no"> --><p>a < b</p>
            <SCRIPT>let x = '<form action="neither"></p>';</SCRIPT>
            <form id="login" onsubmit="login.disabled = true; return true;" action="http://a/b?x=1&amp;y=2" method='post'>
              <input name=username value="al&quot;ice" /><input type="hidden" name="id" value="7">
              <input type="checkbox" name="remember"><input type=checkbox name=on value=yes checked>
              <input type="submit" name="send" value="Go"></form>
            <input name="outside">"#;
        let fields = [("username", "al\"ice"), ("id", "7"), ("on", "yes")];
        let expected = Form {
            id: Some("login".into()),
            action: "http://a/b?x=1&y=2".into(),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        };
        assert_eq!(forms(page), [expected]);
    }

    #[test]
    fn broken_markup_ends() {
        for page in ["<form", "<form action='x", "<input = = >", "<!-- ", "<form =", "<"] {
            drop(forms(page));
        }
    }
}
