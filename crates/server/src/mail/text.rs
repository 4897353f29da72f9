//! Which text a mail has: the organization's own or a built-in one, in the recipient's language.

use serde::{Deserialize, Serialize};
use store::enrolment::{Enrolment, Text};

use super::template::{Mistake, Template, Values, escaped};

/// The built-in texts, by language; the first is for everybody who reads none of the others.
const BUILT_IN: [(&str, &str); 4] = [
    ("en", include_str!("texts/en.toml")),
    ("de", include_str!("texts/de.toml")),
    ("fr", include_str!("texts/fr.toml")),
    ("es", include_str!("texts/es.toml")),
];

/// Longest subject and text, in characters.
const SUBJECT: usize = 200;
const TEXT: usize = 20_000;

/// How texts are written by people: TOML, or JSON of the same form.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    subject: String,
    text: String,
}

/// Reads a text as people write it, checked; what is wrong is said with its place.
pub fn read(source: &str) -> Result<Text, String> {
    let written: Written = if source.trim_start().starts_with('{') {
        serde_json::from_str(source)
            .map_err(|error| format!("line {}, column {}: {error}", error.line(), error.column()))?
    } else {
        toml::from_str(source).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = source[..at.min(source.len())].matches('\n').count() + 1;
            format!("line {line}: {}", error.message().replace('\n', " "))
        })?
    };
    let text = Text {
        subject: written.subject.trim().to_owned(),
        text: written.text.replace("\r\n", "\n").trim().to_owned(),
    };
    Compiled::new(&text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// The same as [`read`] takes it, as TOML.
pub fn write(text: &Text) -> String {
    let written = Written { subject: text.subject.clone(), text: format!("{}\n", text.text) };
    toml::to_string_pretty(&written).expect("two texts are valid TOML")
}

/// Why a text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("`{part}` is empty")]
    Empty { part: &'static str },
    #[error("`{part}` has more than {most} characters")]
    Long { part: &'static str, most: usize },
    #[error("`subject` has more than one line")]
    Lines,
    #[error("`{part}`, {mistake}")]
    Mistake { part: &'static str, mistake: Mistake },
}

/// A text that can be filled.
#[derive(Debug)]
pub struct Compiled {
    subject: Template,
    text: Template,
}

impl Compiled {
    pub fn new(text: &Text) -> Result<Self, Unusable> {
        let parts = [("subject", &text.subject, SUBJECT), ("text", &text.text, TEXT)];
        for (part, text, most) in parts {
            if text.trim().is_empty() {
                return Err(Unusable::Empty { part });
            }
            if text.chars().count() > most {
                return Err(Unusable::Long { part, most });
            }
        }
        if text.subject.contains(['\n', '\r']) {
            return Err(Unusable::Lines);
        }
        let parse = |part, text| {
            Template::parse(text).map_err(|mistake| Unusable::Mistake { part, mistake })
        };
        Ok(Self { subject: parse("subject", &text.subject)?, text: parse("text", &text.text)? })
    }

    pub fn subject(&self, values: &Values) -> String {
        self.subject.text(values)
    }

    pub fn plain(&self, values: &Values) -> String {
        format!("{}\n", self.text.text(values))
    }

    pub fn html(&self, language: &str, values: &Values) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\">\
             <title>{}</title></head>\n<body>\n{}\n</body>\n</html>\n",
            escaped(language),
            escaped(&self.subject(values)),
            self.text.html(values)
        )
    }
}

/// The built-in text of a language.
pub fn built_in(language: &str) -> Option<Text> {
    let (_, source) = BUILT_IN.iter().find(|(tag, _)| *tag == language)?;
    Some(read(source).expect("built-in texts are right"))
}

/// The languages that there are texts in, in order: built in, or an organization's own.
pub fn languages(enrolment: &Enrolment) -> Vec<String> {
    let built_in = BUILT_IN.iter().map(|(tag, _)| (*tag).to_owned());
    let mut all: Vec<String> = built_in.chain(enrolment.texts.keys().cloned()).collect();
    all.sort();
    all.dedup();
    all
}

/// The text for who has this `locale`, and its language: the first language of the list that there
/// is a text in, by the whole tag or by its first part; else English. An organization's own text goes
/// before the built-in one.
pub fn choose(enrolment: &Enrolment, locale: Option<&str>) -> (String, Text) {
    let of = |tag: &str| enrolment.texts.get(tag).cloned().or_else(|| built_in(tag));
    for tag in wanted(locale.unwrap_or_default()) {
        let primary = tag.split('-').next().unwrap_or_default().to_owned();
        for tag in [tag, primary] {
            if let Some(text) = of(&tag) {
                return (tag, text);
            }
        }
    }
    let (english, _) = BUILT_IN[0];
    (english.into(), of(english).expect("English is built in"))
}

/// Languages in the order in which they are wanted: the form of `Accept-Language`, as RFC 7643 §4.1.1
/// has it for `preferredLanguage`, of which a single tag is one.
fn wanted(locale: &str) -> Vec<String> {
    let mut ranges: Vec<(f32, String)> = Vec::new();
    // Nobody reads more than a few.
    for range in locale.split(',').take(16) {
        let mut parts = range.split(';');
        let Some(tag) = language(parts.next().unwrap_or_default()) else { continue };
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok());
        let weight: f32 = weight.unwrap_or(1.0);
        if weight > 0.0 {
            ranges.push((weight, tag));
        }
    }
    ranges.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranges.into_iter().map(|(_, tag)| tag).collect()
}

/// A language tag in lower case, its parts joined by hyphens (underscores are read as such); none if
/// `text` is not one.
pub fn language(text: &str) -> Option<String> {
    let tag = text.trim().replace('_', "-").to_ascii_lowercase();
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    let fits = (2..=8).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_lowercase())
        && tag.len() <= 35
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    fits.then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            name: "Zoë <i>".into(),
            organization: "Acme".into(),
            link: "https://app.example.com/in".into(),
        }
    }

    #[test]
    fn built_in_texts_say_all_they_should() {
        let values = values();
        for (language, _) in BUILT_IN {
            let text = Compiled::new(&built_in(language).unwrap()).unwrap();
            assert!(text.subject(&values).contains("Acme"), "{language}");
            let plain = text.plain(&values);
            for part in ["Zoë <i>", "Acme", "https://app.example.com/in"] {
                assert!(plain.contains(part), "{language}: {plain}");
            }
            assert!(!plain.contains("{{"), "{language}: {plain}");
            let html = text.html(language, &values);
            assert!(html.contains(&format!("<html lang=\"{language}\">")), "{html}");
            assert!(html.contains("Zoë &lt;i&gt;") && !html.contains("<i>"), "{html}");
            assert!(html.contains("<a href=\"https://app.example.com/in\">"), "{html}");
        }
    }

    #[test]
    fn a_locale_chooses_the_language() {
        let own = |subject: &str| Text { subject: subject.into(), text: "x".into() };
        let texts = [("pt-br".into(), own("Olá")), ("de-at".into(), own("Servus"))].into();
        let enrolment = Enrolment { texts, ..Enrolment::default() };
        for (locale, language) in [
            (None, "en"),
            (Some(""), "en"),
            (Some("de"), "de"),
            (Some("DE"), "de"),
            (Some("de-CH"), "de"),
            (Some("de_CH"), "de"),
            (Some("de-AT"), "de-at"),
            (Some("de-AT-1996"), "de"),
            (Some("fr-CA"), "fr"),
            (Some("es-419"), "es"),
            (Some("pt-BR"), "pt-br"),
            (Some("pt"), "en"),
            (Some("ja"), "en"),
            (Some("deutsch"), "en"),
            (Some("nonsense!"), "en"),
            (Some("ja, fr;q=0.8, de;q=0.9"), "de"),
            (Some("de;q=0, es"), "es"),
            (Some("en-US,en;q=0.9,de;q=0.8"), "en"),
            (Some("*"), "en"),
        ] {
            assert_eq!(choose(&enrolment, locale).0, language, "{locale:?}");
        }
        let own = Enrolment { texts: [("en".into(), own("Hi"))].into(), ..Enrolment::default() };
        assert_eq!(choose(&own, Some("ja")).1.subject, "Hi");
        assert_eq!(languages(&enrolment), ["de", "de-at", "en", "es", "fr", "pt-br"]);
    }

    #[test]
    fn texts_are_read_as_people_write_them() {
        let expected = Text { subject: "Olá".into(), text: "Oi {{ name }}\n\nTchau".into() };
        for source in [
            "subject = \"Olá\"\ntext = \"\"\"\nOi {{ name }}\n\nTchau\n\"\"\"\n",
            "{\"subject\": \" Olá \", \"text\": \"Oi {{ name }}\\r\\n\\r\\nTchau\"}",
        ] {
            assert_eq!(read(source).as_ref(), Ok(&expected), "{source}");
        }
        assert_eq!(read(&write(&expected)), Ok(expected));
        for (source, said) in [
            ("subject = \"x\"", "text"),
            ("subject = \"x\"\nbody = \"x\"\n", "line 2: unknown field `body`"),
            ("subject = \"x\"\n\ntext = 5\n", "line 3: "),
            ("{\"subject\": \"x\",\n \"text\": }", "line 2, column 10: "),
            ("subject = \"\"\ntext = \"x\"", "`subject` is empty"),
            ("subject = \"a\\nb\"\ntext = \"x\"", "`subject` has more than one line"),
            (
                "subject = \"a\"\ntext = \"x\\n {{ nome }}\"",
                "`text`, line 2, column 2: unknown placeholder `nome`",
            ),
            ("subject = \"{{\"\ntext = \"x\"", "`subject`, line 1, column 1: `{{` without `}}`"),
        ] {
            let error = read(source).unwrap_err();
            assert!(error.contains(said), "{source}: {error}");
        }
        let long = format!("subject = \"{}\"\ntext = \"x\"", "é".repeat(201));
        assert_eq!(read(&long).unwrap_err(), "`subject` has more than 200 characters");
    }
}
