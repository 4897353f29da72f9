//! The texts of mails: what stands in them, and where something is filled in.

use std::fmt;

/// What a text is filled with. None of the values has a line break or another control character.
#[derive(Clone, Debug)]
pub struct Values {
    pub name: String,
    pub organization: String,
    pub link: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Name,
    Organization,
    Link,
}

impl Placeholder {
    fn of(name: &str) -> Option<Self> {
        match name {
            "name" => Some(Self::Name),
            "organization" => Some(Self::Organization),
            "link" => Some(Self::Link),
            _ => None,
        }
    }

    fn value(self, values: &Values) -> &str {
        match self {
            Self::Name => &values.name,
            Self::Organization => &values.organization,
            Self::Link => &values.link,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Filled(Placeholder),
}

/// A text that was read: plain text in which `{{ name }}`, `{{ organization }}` and `{{ link }}` stand
/// for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// What is wrong with a text, and where. Lines and columns begin with 1; columns count characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    pub line: usize,
    pub column: usize,
    pub kind: MistakeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MistakeKind {
    Unknown(String),
    Unclosed,
    Control(char),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        match &self.kind {
            MistakeKind::Unknown(name) => write!(
                f,
                "unknown placeholder `{name}`: there are `name`, `organization` and `link`"
            ),
            MistakeKind::Unclosed => f.write_str("`{{` without `}}` on the same line"),
            MistakeKind::Control(c) => write!(f, "the control character U+{:04X}", u32::from(*c)),
        }
    }
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let text = text.replace("\r\n", "\n");
        let mistake = |at: usize, kind| {
            let before = &text[..at];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Err(Mistake { line, column, kind })
        };
        let control = |c: char| c.is_control() && c != '\n' && c != '\t';
        if let Some((at, c)) = text.char_indices().find(|(_, c)| control(*c)) {
            return mistake(at, MistakeKind::Control(c));
        }
        let mut pieces = Vec::new();
        let mut rest = &*text;
        while let Some(at) = rest.find("{{") {
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].into()));
            }
            let begin = text.len() - rest.len() + at;
            let inner = rest[at + 2..].lines().next().unwrap_or_default();
            let Some((name, _)) = inner.split_once("}}") else {
                return mistake(begin, MistakeKind::Unclosed);
            };
            let Some(placeholder) = Placeholder::of(name.trim()) else {
                let shown = name.trim().chars().take(40).collect();
                return mistake(begin, MistakeKind::Unknown(shown));
            };
            pieces.push(Piece::Filled(placeholder));
            rest = &rest[at + 2 + name.len() + 2..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Ok(Self(pieces))
    }

    /// As plain text.
    pub fn text(&self, values: &Values) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Filled(placeholder) => placeholder.value(values),
        });
        pieces.collect()
    }

    /// As the paragraphs of an HTML page: an empty line parts them, the link can be clicked.
    pub fn html(&self, values: &Values) -> String {
        let mut html = String::from("<p>");
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => {
                    for (number, paragraph) in text.split("\n\n").enumerate() {
                        if number > 0 {
                            html.push_str("</p>\n<p>");
                        }
                        html.push_str(&escaped(paragraph).replace('\n', "<br>\n"));
                    }
                }
                Piece::Filled(Placeholder::Link) => {
                    let link = escaped(&values.link);
                    html.extend(["<a href=\"", &link, "\">", &link, "</a>"]);
                }
                Piece::Filled(placeholder) => html.push_str(&escaped(placeholder.value(values))),
            }
        }
        html.push_str("</p>");
        html
    }
}

/// `text` as it stands in HTML, also within quotation marks.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Longest value that is filled in, in characters.
const LONGEST: usize = 200;

/// `value` on one line, without characters that are not seen or that turn the direction of what
/// follows, and not longer than 200 characters: fit to be filled in and to stand in a header.
pub fn one_line(value: &str) -> String {
    let is_turning = |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let spaced: String = value
        .chars()
        .filter(|c| !is_turning(*c))
        .map(|c| if is_break(c) { ' ' } else { c })
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    // What looks like an encoded word would be decoded by who reads the header.
    let line = line.replace("=?", "= ?");
    line.chars().take(LONGEST).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(name: &str) -> Values {
        Values {
            name: name.into(),
            organization: "Acme & Sons".into(),
            link: "https://app.example.com/?a=1&b=2".into(),
        }
    }

    #[test]
    fn texts_are_filled() {
        for (template, text, html) in [
            ("Hello {{ name }}!", "Hello <Ines>!", "<p>Hello &lt;Ines&gt;!</p>"),
            ("{{name}}{{  name  }}", "<Ines><Ines>", "<p>&lt;Ines&gt;&lt;Ines&gt;</p>"),
            (
                "a\nb\n\n{{ link }}",
                "a\nb\n\nhttps://app.example.com/?a=1&b=2",
                "<p>a<br>\nb</p>\n<p><a href=\"https://app.example.com/?a=1&amp;b=2\">\
                 https://app.example.com/?a=1&amp;b=2</a></p>",
            ),
            ("{ name } }} <b>", "{ name } }} <b>", "<p>{ name } }} &lt;b&gt;</p>"),
            ("{{ organization }}", "Acme & Sons", "<p>Acme &amp; Sons</p>"),
            ("a\r\nb", "a\nb", "<p>a<br>\nb</p>"),
            ("", "", "<p></p>"),
        ] {
            let read = Template::parse(template).unwrap();
            assert_eq!(read.text(&values("<Ines>")), text, "{template}");
            assert_eq!(read.html(&values("<Ines>")), html, "{template}");
        }
    }

    /// What is filled in is never read as a placeholder.
    #[test]
    fn values_are_not_templates() {
        let read = Template::parse("{{ name }}").unwrap();
        assert_eq!(read.text(&values("{{ link }}")), "{{ link }}");
    }

    #[test]
    fn mistakes_have_a_place() {
        for (template, said) in [
            ("a\nbé {{ nmae }}", "line 2, column 4: unknown placeholder `nmae`: there are"),
            ("{{ Name }}", "line 1, column 1: unknown placeholder `Name`"),
            ("{{ name | upcase }}", "unknown placeholder `name | upcase`"),
            ("x {{ name }\n}}", "line 1, column 3: `{{` without `}}`"),
            ("{{}}", "line 1, column 1: unknown placeholder ``"),
            ("a\n\u{7}", "line 2, column 1: the control character U+0007"),
        ] {
            let error = Template::parse(template).unwrap_err().to_string();
            assert!(error.contains(said), "{template:?}: {error}");
        }
    }

    #[test]
    fn values_are_one_line() {
        for (value, line) in [
            ("  Ines \t Okafor ", "Ines Okafor"),
            ("Ines\r\nBcc: all@example.com", "Ines Bcc: all@example.com"),
            ("a\u{2028}b\u{0}c\u{85}d", "a b c d"),
            ("\u{202E}evil\u{2066}", "evil"),
            ("=?utf-8?q?x?=", "= ?utf-8?q?x?="),
            ("", ""),
        ] {
            assert_eq!(one_line(value), line, "{value:?}");
        }
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), 200);
    }
}
