//! Overrides laid over the defaults.

use std::ops::Range;

use scim::{Object, schema::ResourceType, text};
use serde_json::Value;

use super::{AttributeMapping, Line, Making};
use crate::{
    Target, defaults,
    mistake::{Mistake, Part, Problem},
    path::SourcePath,
    target::{FIXED, UnknownTarget},
    template::{self, Template, TemplateProblem},
};

/// The most lines that overrides may have.
pub const MAX_LINES: usize = 200;

impl AttributeMapping {
    /// Lays `overrides`, the object under `mapping`, over the defaults: a source path by the side of
    /// a target, of a template followed by `.` and a target, of a list of these, or of null.
    ///
    /// The lines of overrides come first, in their order. A default line whose path is also in
    /// overrides is left out. What `user` declares is what paths may name. All mistakes are found.
    pub fn read(overrides: &Object, user: &ResourceType) -> Result<Self, Vec<Mistake>> {
        match Self::salvage(overrides, user) {
            (mapping, mistakes) if mistakes.is_empty() => Ok(mapping),
            (_, mistakes) => Err(mistakes),
        }
    }

    /// As [`AttributeMapping::read`], but lines with a mistake are left out: for overrides that were
    /// without one until the schemas changed that they were read with.
    pub fn salvage(overrides: &Object, user: &ResourceType) -> (Self, Vec<Mistake>) {
        let mut reader =
            Reader { user, lines: Vec::new(), replaced: Vec::new(), mistakes: Vec::new() };
        for (number, (source, value)) in overrides.iter().enumerate() {
            if number >= MAX_LINES || reader.lines.len() >= MAX_LINES {
                reader.refuse(
                    &pointer(source),
                    Part::Path,
                    source,
                    0..source.len(),
                    Problem::TooManyLines,
                );
                break;
            }
            reader.entry(source, value);
        }
        let Reader { mut lines, replaced, mistakes, .. } = reader;
        let mapping = if overrides.is_empty() {
            Self::defaults()
        } else {
            let kept = defaults::LINES.iter().filter(|line| !replaced.contains(&line.making.path));
            lines.extend(kept.cloned());
            Self { lines: lines.into() }
        };
        (mapping, mistakes)
    }
}

struct Reader<'r> {
    user: &'r ResourceType,
    lines: Vec<Line>,
    replaced: Vec<SourcePath>,
    mistakes: Vec<Mistake>,
}

/// JSON pointer to an entry.
fn pointer(source: &str) -> String {
    format!("/mapping/{}", source.replace('~', "~0").replace('/', "~1"))
}

impl Reader<'_> {
    fn refuse(
        &mut self,
        pointer: &str,
        part: Part,
        text: &str,
        span: Range<usize>,
        problem: impl Into<Problem>,
    ) {
        let text = text::shorten(text.into(), 2 * template::MAX_LENGTH);
        let place = |at| text.floor_char_boundary(at);
        self.mistakes.push(Mistake {
            pointer: text::shorten(pointer.into(), 2 * SourcePath::MAX_LENGTH),
            part,
            span: place(span.start)..place(span.end),
            text,
            problem: problem.into(),
        });
    }

    fn entry(&mut self, source: &str, value: &Value) {
        let place = pointer(source);
        let path = match SourcePath::read(source, self.user) {
            Ok(path) => Some(path),
            Err(error) => {
                self.refuse(&place, Part::Path, source, error.span, error.problem);
                None
            }
        };
        match value {
            Value::Null => {}
            Value::String(text) => self.line(source, path.as_ref(), &place, text),
            Value::Array(values) if values.is_empty() => {
                self.refuse(&place, Part::Value, "", 0..0, Problem::EmptyList);
            }
            Value::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    let place = format!("{place}/{number}");
                    match value {
                        _ if self.lines.len() >= MAX_LINES || number >= MAX_LINES => {
                            self.refuse(&place, Part::Value, "", 0..0, Problem::TooManyLines);
                            break;
                        }
                        Value::String(text) => self.line(source, path.as_ref(), &place, text),
                        _ => self.refuse(&place, Part::Value, "", 0..0, Problem::ElementType),
                    }
                }
            }
            _ => self.refuse(&place, Part::Value, "", 0..0, Problem::ValueType),
        }
        self.replaced.extend(path);
    }

    fn line(&mut self, source: &str, path: Option<&SourcePath>, place: &str, text: &str) {
        let (template, target) = match self.value(place, text) {
            Some(value) => value,
            None => return,
        };
        let Some(path) = path else { return };
        let keeps_objects = template.is_none()
            && matches!(target, Target::PublicMetadata(_) | Target::PrivateMetadata(_));
        if let (Err(problem), false) = (path.check_simple(source), keeps_objects) {
            self.refuse(place, Part::Path, source, 0..source.len(), problem);
            return;
        }
        let template_text = template.as_ref().map(|(_, text)| (*text).to_owned());
        let making =
            Making { path: path.clone(), template: template.map(|(template, _)| template) };
        self.lines.push(Line::new(source.into(), target, template_text, false, making));
    }

    /// The right side.
    fn value<'t>(
        &mut self,
        place: &str,
        text: &'t str,
    ) -> Option<(Option<(Template, &'t str)>, Target)> {
        let is_template = ["{{", "}}", "{%"].iter().any(|mark| text.contains(mark));
        if !is_template {
            let target = self.target(place, text, text)?;
            return Some((None, target));
        }
        match Template::read_line(text, self.user, dot_before_target) {
            Err(error) => {
                let mut span = error.span;
                // After the last brace there may be nothing to point at.
                if error.problem == TemplateProblem::TargetMissing && span.is_empty() {
                    span = text.len().saturating_sub(2)..text.len();
                }
                self.refuse(place, Part::Value, text, span, error.problem);
                None
            }
            Ok((template, target_text)) => {
                let target = self.target(place, text, target_text)?;
                let template_text = &text[..text.len() - target_text.len() - 1];
                Some((Some((template, template_text)), target))
            }
        }
    }

    /// Reads the target at the end of `text`.
    fn target(&mut self, place: &str, text: &str, target: &str) -> Option<Target> {
        let span = text.len() - target.len()..text.len();
        match target.parse() {
            Ok(target) => Some(target),
            Err(UnknownTarget::Name(name)) => {
                let name = text::shorten(name, 128);
                self.refuse(place, Part::Value, text, span, UnknownTarget::Name(name));
                None
            }
            Err(UnknownTarget::Unknown(_)) => {
                let problem = match suggestion(target) {
                    Some(close) => {
                        Problem::MisspeltTarget(text::shorten(target.into(), 128), close)
                    }
                    None => UnknownTarget::Unknown(text::shorten(target.into(), 128)).into(),
                };
                self.refuse(place, Part::Value, text, span, problem);
                None
            }
        }
    }
}

const METADATA: [&str; 2] = ["public_metadata", "private_metadata"];

/// The target that was probably meant.
fn suggestion(target: &str) -> Option<String> {
    if let Some((kind, name)) = target.split_once('.') {
        let kind = text::closest(kind, METADATA)?;
        let close = format!("{kind}.{name}");
        return close.parse::<Target>().is_ok().then_some(close);
    }
    let fixed: Vec<_> = FIXED.iter().map(Target::to_string).collect();
    text::closest(target, fixed.iter().map(String::as_str)).map(Into::into)
}

/// The dot in front of the target in the text behind a template: the first one behind which a target
/// stands, or else something like metadata, or else the last one.
fn dot_before_target(text: &str) -> Option<usize> {
    let dots = || text.match_indices('.').map(|(at, _)| at);
    let metadata = |at: &usize| {
        let word = text[at + 1..].split('.').next().unwrap_or_default();
        text[at + 1..].contains('.') && text::closest(word, METADATA).is_some()
    };
    dots()
        .find(|at| text[at + 1..].parse::<Target>().is_ok())
        .or_else(|| dots().find(metadata))
        .or_else(|| dots().next_back())
}
