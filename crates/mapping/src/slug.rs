//! Slugs of teams: what a team is called in URLs and by programs, made from its name.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The slug of a team in whose name nothing can be kept.
pub const FALLBACK: &str = "team";

/// What slugs have to be like: the operator's choice for all organizations.
///
/// Whatever the pattern says, a slug consists of characters that stand in URLs as they are (RFC
/// 3986 §2.3) — lower-case letters, digits, `-`, `.`, `_`, `~` — with a letter or digit among them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Form", try_from = "Form")]
pub struct Rule {
    pattern: String,
    regex: Regex,
    max_length: usize,
    misfit: Misfit,
}

/// What becomes of a name that is no slug as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Misfit {
    /// A slug is made of what can be kept of it.
    #[default]
    Normalise,
    /// It is refused: somebody has to choose another.
    Refuse,
}

/// A rule as it is stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    pattern: String,
    max_length: usize,
    misfit: Misfit,
}

impl From<Rule> for Form {
    fn from(rule: Rule) -> Self {
        Self { pattern: rule.pattern, max_length: rule.max_length, misfit: rule.misfit }
    }
}

impl TryFrom<Form> for Rule {
    type Error = InvalidRule;

    fn try_from(form: Form) -> Result<Self, InvalidRule> {
        Self::new(&form.pattern, form.max_length, form.misfit)
    }
}

/// Why something cannot be a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    #[error("a slug can have {min} to {max} characters at most, not `{0}`",
        min = Rule::MIN_LENGTH, max = Rule::MAX_LENGTH)]
    Length(usize),
    #[error("a pattern has 1 to {max} bytes, this one `{0}`", max = Rule::MAX_PATTERN)]
    PatternLength(usize),
    #[error("the pattern is no regular expression: {0}")]
    Pattern(String),
    #[error("the pattern is too large once repetitions are written out: use fewer or smaller ones")]
    PatternSize,
    #[error(
        "the pattern takes `{slug}` and not `{slug}-2`: teams of the same name are told apart by a \
         hyphen and a number"
    )]
    NoSuffix { slug: &'static str },
}

impl Default for Rule {
    fn default() -> Self {
        Self::new(r"^[a-z0-9]+(-[a-z0-9]+)*$", 64, Misfit::Normalise)
            .expect("the default is a rule")
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, self.max_length, self.misfit)
            == (&other.pattern, other.max_length, other.misfit)
    }
}

impl Eq for Rule {}

impl Rule {
    /// The least that the longest slug may have: a letter, and a hyphen with any number
    /// ([`with_suffix`]).
    pub const MIN_LENGTH: usize = 12;
    /// The most that the longest slug may have, in bytes.
    pub const MAX_LENGTH: usize = 128;
    /// The longest pattern, in bytes.
    pub const MAX_PATTERN: usize = 256;
    /// What a compiled pattern may take, in bytes.
    const MAX_COMPILED: usize = 1 << 18;
    /// How deep a pattern may be nested.
    const MAX_DEPTH: u32 = 32;

    /// A rule: `pattern` is a regular expression that the whole slug has to match, as the crate
    /// `regex` reads it, with classes such as `\w` for ASCII only; `max_length` is in bytes.
    pub fn new(pattern: &str, max_length: usize, misfit: Misfit) -> Result<Self, InvalidRule> {
        if !(Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&max_length) {
            return Err(InvalidRule::Length(max_length));
        }
        if !(1..=Self::MAX_PATTERN).contains(&pattern.len()) {
            return Err(InvalidRule::PatternLength(pattern.len()));
        }
        // By itself first: a stray parenthesis must not meet those around the whole.
        compile(pattern)?;
        let regex = compile(&format!(r"\A(?:{pattern})\z"))?;
        let rule = Self { pattern: pattern.into(), regex, max_length, misfit };
        let alone = ["team", "a", "sales-emea"].into_iter().find(|slug| {
            rule.regex.is_match(slug.as_bytes())
                && !rule.regex.is_match(format!("{slug}-2").as_bytes())
        });
        match alone {
            Some(slug) => Err(InvalidRule::NoSuffix { slug }),
            None => Ok(rule),
        }
    }

    /// As it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The longest slug, in bytes.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    pub fn misfit(&self) -> Misfit {
        self.misfit
    }

    /// Whether something is a slug.
    pub fn fits(&self, slug: &str) -> bool {
        let is_slug_char =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._~".contains(&b);
        slug.len() <= self.max_length
            && slug.bytes().all(is_slug_char)
            && slug.bytes().any(|b| b.is_ascii_alphanumeric())
            && self.regex.is_match(slug.as_bytes())
    }
}

fn compile(pattern: &str) -> Result<Regex, InvalidRule> {
    let built = RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(Rule::MAX_COMPILED)
        .nest_limit(Rule::MAX_DEPTH)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => InvalidRule::PatternSize,
        // The last line of the text says what is wrong, those before it draw where.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            InvalidRule::Pattern(last.strip_prefix("error: ").unwrap_or(last).into())
        }
    })
}

/// A name of which no slug can be made, in words for who can give the group another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfits {
    /// The name, shortened where it is long.
    name: String,
    /// What it has become, unless it is too long.
    slug: Option<String>,
    pattern: String,
    max_length: usize,
    /// A name that would do.
    suggestion: Option<String>,
}

impl std::error::Error for Misfits {}

impl fmt::Display for Misfits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, slug, pattern, max_length, suggestion } = self;
        write!(f, "a group with the name `{name}` cannot become a team: ")?;
        match slug {
            None => write!(f, "names of teams have at most {max_length} characters")?,
            Some(slug) => {
                write!(f, "its short name would be `{slug}`, which does not match `{pattern}`")?;
            }
        }
        match suggestion {
            Some(suggestion) => write!(f, "; rename the group, for example to `{suggestion}`"),
            None => f.write_str("; rename the group"),
        }
    }
}

/// The most of a name that a [`Misfits`] shows, in characters.
const SHOWN: usize = 100;

/// The slug of a team with this name.
///
/// A name that fits the rule once it is in lower case and has hyphens for spaces gives just that,
/// whatever the rule does with others: `Sales EMEA` is `sales-emea`. Any other is
///
/// - refused, where the rule refuses;
/// - else normalised: letters that are based on Latin ones become those (`Zürich` is `zurich`, `Åse
///   Łódź` is `ase-lodz`, full-width and ligatures likewise), in lower case; everything besides
///   letters and digits becomes a hyphen, several become one, none is left at the ends. What is too
///   long is cut, at a hyphen where that leaves at least half. A name of which nothing is left
///   (`研发部`) is [`FALLBACK`]. What still does not match the pattern is refused.
///
/// Two names may have the same slug: see [`with_suffix`].
pub fn slug(name: &str, rule: &Rule) -> Result<String, Misfits> {
    let plain: String = name.to_lowercase().replace(' ', "-");
    if rule.fits(&plain) {
        return Ok(plain);
    }
    let normalised = normalised(name, rule.max_length);
    let fits = rule.fits(&normalised);
    if fits && rule.misfit == Misfit::Normalise {
        return Ok(normalised);
    }
    let shortened = |text: &str| -> String {
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    };
    let became = match rule.misfit {
        Misfit::Normalise => Some(normalised.clone()),
        Misfit::Refuse if plain.len() > rule.max_length => None,
        Misfit::Refuse => Some(shortened(&plain)),
    };
    Err(Misfits {
        name: shortened(name),
        slug: became,
        pattern: rule.pattern.clone(),
        max_length: rule.max_length,
        suggestion: fits.then_some(normalised),
    })
}

/// What can be kept of a name, with at most `max_length` bytes; never empty.
fn normalised(name: &str, max_length: usize) -> String {
    let mut slug = String::new();
    for char in name.nfkd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase) {
        match (char, latin(char)) {
            ('a'..='z' | '0'..='9', _) => slug.push(char),
            (_, Some(letters)) => slug.push_str(letters),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
        // More cannot change anything.
        if slug.len() > max_length {
            break;
        }
    }
    if slug.len() > max_length {
        let at_hyphen = slug[..=max_length].rfind('-').filter(|&at| at >= max_length / 2);
        slug.truncate(at_hyphen.unwrap_or(max_length));
    }
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() { FALLBACK.into() } else { slug }
}

/// What stands for a letter that is based on Latin ones and not composed of any.
fn latin(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'ð' | 'đ' | 'ɖ' => "d",
        'ə' => "e",
        'ħ' => "h",
        'ı' => "i",
        'ĸ' => "k",
        'ł' => "l",
        'ŋ' => "n",
        'ø' => "o",
        'œ' => "oe",
        'ß' => "ss",
        'ŧ' => "t",
        'þ' => "th",
        'ƶ' => "z",
        _ => return None,
    })
}

/// The slug for the `n`th team whose name gives `base`: `base-2`, `base-3`, …; the base is cut where
/// the whole would be too long. Different for each `n`.
///
/// Teams are told apart even where the pattern has no place for a number after this base.
pub fn with_suffix(base: &str, n: u32, rule: &Rule) -> String {
    let suffix = format!("-{n}");
    let room = rule.max_length - suffix.len();
    let end = (0..=room.min(base.len())).rev().find(|&at| base.is_char_boundary(at));
    let kept = base[..end.unwrap_or(0)].trim_end_matches('-');
    format!("{kept}{suffix}")
}

#[cfg(test)]
mod tests;
