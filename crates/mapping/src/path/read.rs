//! Text to path.

use std::ops::Range;

use scim::{
    Notes,
    filter::{self, Condition, Filter, FilterError, FilterProblem, Operand},
    path::{AttributePath, ResolvedPath},
    reading::Reading,
    schema::{Attribute, AttributeType, Extension, Mutability, ResourceType, Returned},
    text, urn,
};

use super::{GroupField, Name, PathError, PathProblem as Problem, Pick, Root, SourcePath};

/// The highest place in a list.
pub(super) const MAX_INDEX: usize = 9_999;

/// URNs under which nothing of a user is kept unless it is declared: those of other resource types,
/// and of messages.
const RESERVED: [&str; 2] = ["urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:"];

impl SourcePath {
    /// Reads a path. Names are compared without case.
    ///
    /// What it names is declared by a schema of `user`, or stands under the URN of a schema that
    /// nobody has declared; there any name goes. Blanks around it are passed over.
    pub fn read(text: &str, user: &ResourceType) -> Result<Self, PathError> {
        let whole = 0..text.len();
        if text.len() > Self::MAX_LENGTH {
            return Err(at(Problem::TooLong, whole));
        }
        let path = text.trim_matches([' ', '\t']);
        if path.is_empty() {
            return Err(at(Problem::Empty, whole));
        }
        let start = text.len() - text.trim_start_matches([' ', '\t']).len();
        Reader { path, start, user }.read()
    }
}

/// What stands in brackets, and where.
struct Brackets<'t> {
    content: &'t str,
    span: Range<usize>,
}

struct Reader<'t> {
    path: &'t str,
    /// Where the path begins in the text that places are counted in.
    start: usize,
    user: &'t ResourceType,
}

impl Reader<'_> {
    fn read(&self) -> Result<SourcePath, PathError> {
        let head_end = self.path.find('[').unwrap_or(self.path.len());
        let (head, rest) = self.path.split_at(head_end);
        let head = head.trim_end_matches([' ', '\t']);
        let mut written = self.names(head)?;
        let mut brackets = None;
        if !rest.is_empty() {
            let close = rest
                .rfind(']')
                .ok_or_else(|| at(Problem::Unclosed, self.span(head_end..self.path.len())))?;
            if written.sub_attribute.is_some() {
                let span = self.span(head_end..head_end + close + 1);
                return Err(at(Problem::BracketsAfterSubAttribute, span));
            }
            let content = &rest[1..close];
            let span = self.span(head_end + 1..head_end + close);
            brackets = Some(Brackets { content, span });
            written.sub_attribute = self.after_brackets(head_end + close + 1)?;
        }
        self.resolve(&written, brackets, head)
    }

    fn span(&self, range: Range<usize>) -> Range<usize> {
        range.start + self.start..range.end + self.start
    }

    /// `.sub`, if anything.
    fn after_brackets(&self, from: usize) -> Result<Option<String>, PathError> {
        let rest = &self.path[from..];
        if rest.is_empty() {
            return Ok(None);
        }
        let span = self.span(from..self.path.len());
        let Some(name) = rest.strip_prefix('.') else {
            return Err(at(Problem::AfterBrackets, span));
        };
        let sub = AttributePath::parse(name).map_err(|error| at(error, span.clone()))?;
        match sub {
            AttributePath { schema: None, name, sub_attribute: None } => Ok(Some(name)),
            _ => Err(at(Problem::AfterBrackets, span)),
        }
    }

    /// The names before the brackets. A declared schema's URN in front may be joined by a dot.
    fn names(&self, head: &str) -> Result<AttributePath, PathError> {
        let span = self.span(0..head.len().max(1));
        let ids = std::iter::once(&*self.user.schema.id);
        let ids = ids.chain(self.user.extensions.iter().map(|e| &*e.schema.id));
        let in_front = |id: &&str| {
            starts_with(head, id)
                && matches!(head[id.len()..].bytes().next(), None | Some(b':' | b'.'))
        };
        let declared = ids.filter(in_front).max_by_key(|id| id.len());
        let (urn, names) = match declared.map(|id| (id, head.get(id.len() + 1..))) {
            None => match joined_by_dot(head) {
                Some(parts) => parts,
                None => {
                    let read = AttributePath::read(head, Reading::Tolerant, &mut Notes::default());
                    return read.map_err(|error| at(error, span));
                }
            },
            Some((id, Some(names))) if !names.is_empty() => (id, names),
            Some((id, _)) => return Err(at(Problem::WholeSchema(id.into()), span)),
        };
        let span = self.span(urn.len() + 1..head.len());
        let path = AttributePath::parse(names).map_err(|error| at(error, span.clone()))?;
        match path.schema {
            Some(schema) => Err(at(scim::path::PathError::Schema(schema), span)),
            None => Ok(AttributePath { schema: Some(urn.into()), ..path }),
        }
    }

    fn resolve(
        &self,
        written: &AttributePath,
        brackets: Option<Brackets<'_>>,
        head: &str,
    ) -> Result<SourcePath, PathError> {
        match written.resolve(self.user) {
            Some(found) if found.extension.is_none() && found.attribute.name == "groups" => {
                self.groups(found, brackets)
            }
            Some(found) => self.declared(found, brackets, head),
            None => self.undeclared(written, brackets, head),
        }
    }

    fn declared(
        &self,
        found: ResolvedPath<'_>,
        brackets: Option<Brackets<'_>>,
        head: &str,
    ) -> Result<SourcePath, PathError> {
        let ResolvedPath { extension, attribute, sub_attribute } = found;
        let whole = self.span(0..self.path.len());
        let leaf = sub_attribute.unwrap_or(attribute);
        let never = |attribute: &Attribute| {
            attribute.returned == Returned::Never || attribute.mutability == Mutability::WriteOnly
        };
        let of_server = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
        let is_manager = extension.is_some_and(|urn| urn::eq(urn, urn::ENTERPRISE_USER));
        if never(attribute) || never(leaf) {
            return Err(at(Problem::NeverRead(found.to_string()), whole));
        }
        if extension.is_none() && attribute.name == "schemas"
            || !is_manager && (of_server(attribute) || of_server(leaf))
        {
            return Err(at(Problem::NotSent(found.to_string()), whole));
        }
        let is_complex = attribute.attribute_type == AttributeType::Complex;
        let is_one = !attribute.multi_valued && !attribute.learned;
        let pick = match &brackets {
            None => Pick::All,
            Some(brackets) => {
                let span = self.span(head.len()..self.path.len());
                match self.pick(brackets, Some(found))? {
                    Pick::Matching(_) if is_one && !is_complex => {
                        return Err(at(Problem::SingleValued(found.to_string()), span));
                    }
                    Pick::All | Pick::Index(_) if is_one => {
                        let name = ResolvedPath { sub_attribute: None, ..found }.to_string();
                        return Err(at(Problem::SingleValued(name), span));
                    }
                    pick => pick,
                }
            }
        };
        let all = pick == Pick::All;
        Ok(SourcePath {
            root: Root::Attribute {
                extension: extension.map(Name::declared),
                name: Name::declared(&attribute.name),
            },
            gives_list: all
                && (brackets.is_some()
                    || attribute.multi_valued
                    || sub_attribute.is_some_and(|sub| sub.multi_valued)),
            pick,
            sub_attribute: sub_attribute.map(|sub| Name::declared(&sub.name)),
            inner: (leaf.attribute_type == AttributeType::Complex).then(|| {
                let names = || leaf.sub_attributes.iter().map(|sub| &*sub.name);
                let mut wanted = ["value", "givenName"].into_iter();
                let wanted = wanted.find(|wanted| names().any(|name| name == *wanted));
                wanted.or_else(|| names().next()).unwrap_or("value").into()
            }),
        })
    }

    fn groups(
        &self,
        found: ResolvedPath<'_>,
        brackets: Option<Brackets<'_>>,
    ) -> Result<SourcePath, PathError> {
        let whole = self.span(0..self.path.len());
        let field = match found.sub_attribute.map(|sub| &*sub.name) {
            Some("display") => GroupField::DisplayName,
            Some("value") => GroupField::Id,
            _ => return Err(at(Problem::GroupField, whole)),
        };
        let attribute = ResolvedPath { sub_attribute: None, ..found };
        let pick = match &brackets {
            None => Pick::All,
            Some(brackets) => self.pick(brackets, Some(attribute))?,
        };
        if let (Pick::Matching(condition), Some(brackets)) = (&pick, &brackets) {
            let known =
                |name: &Option<String>| matches!(name.as_deref(), Some("value" | "display"));
            if !condition.targets().all(|target| known(&target.sub_attribute)) {
                return Err(at(Problem::GroupField, brackets.span.clone()));
            }
        }
        Ok(SourcePath {
            root: Root::Groups(field),
            gives_list: pick == Pick::All,
            pick,
            sub_attribute: None,
            inner: None,
        })
    }

    fn undeclared(
        &self,
        written: &AttributePath,
        brackets: Option<Brackets<'_>>,
        head: &str,
    ) -> Result<SourcePath, PathError> {
        let span = self.span(0..self.path.len());
        if let Some(path) = self.group_alias(written) {
            return self.resolve(&path, brackets, head);
        }
        let whole = AttributePath { sub_attribute: None, ..written.clone() };
        let of = whole.resolve(self.user);
        let is_open = match (&written.schema, &of) {
            (None, _) => false,
            (Some(_), Some(of)) => of.attribute.learned,
            (Some(schema), None) => match self.extension(schema) {
                Some(extension) => extension.learned,
                None => {
                    self.check_schema(schema, written, head)?;
                    true
                }
            },
        };
        if !is_open {
            return Err(match (of, &written.sub_attribute) {
                (Some(of), Some(sub)) => self.unknown_sub_attribute(of, sub),
                _ => {
                    let suggestion = written.suggestion(self.user);
                    at(Problem::Unknown { path: written.to_string(), suggestion }, span)
                }
            });
        }
        let pick = match &brackets {
            None => Pick::All,
            Some(brackets) => self.pick(brackets, None)?,
        };
        Ok(SourcePath {
            root: Root::Attribute {
                extension: written.schema.as_deref().map(Name::undeclared),
                name: Name::undeclared(&written.name),
            },
            gives_list: brackets.is_some() && pick == Pick::All,
            pick,
            sub_attribute: written.sub_attribute.as_deref().map(Name::undeclared),
            inner: None,
        })
    }

    fn extension(&self, schema: &str) -> Option<&Extension> {
        self.user.extensions.iter().find(|e| urn::eq(&e.schema.id, schema))
    }

    /// `groups.displayName`: the standard calls it `display`.
    fn group_alias(&self, written: &AttributePath) -> Option<AttributePath> {
        let is_base =
            written.schema.as_deref().is_none_or(|urn| urn::eq(urn, &self.user.schema.id));
        let is_alias = written.name.eq_ignore_ascii_case("groups")
            && written.sub_attribute.as_deref().is_some_and(is_display_name);
        (is_base && is_alias)
            .then(|| AttributePath { sub_attribute: Some("display".into()), ..written.clone() })
    }

    /// Whether users may have attributes under a URN that no schema of theirs has.
    fn check_schema(
        &self,
        schema: &str,
        written: &AttributePath,
        head: &str,
    ) -> Result<(), PathError> {
        let ids = std::iter::once(&*self.user.schema.id);
        let ids = ids.chain(self.user.extensions.iter().map(|e| &*e.schema.id));
        // Another version is another schema.
        let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        let close = text::closest(schema, ids.clone())
            .filter(|id| !urn::eq(&digits(id), &digits(schema)))
            .map(|id| AttributePath { schema: Some(id.into()), ..written.clone() }.to_string());
        // The URN of a declared schema with a part too many, or another resource type's.
        let is_below = ids.clone().any(|id| starts_with(schema, &format!("{id}:")));
        let is_reserved = RESERVED.iter().any(|start| starts_with(schema, start));
        if close.is_none() && !is_below && !is_reserved {
            return Ok(());
        }
        let problem = Problem::UnknownSchema { urn: schema.into(), suggestion: close };
        Err(at(problem, self.span(0..schema.len().min(head.len()))))
    }

    fn unknown_sub_attribute(&self, of: ResolvedPath<'_>, sub: &str) -> PathError {
        let end = self.path.len();
        let span = self.span(end.saturating_sub(sub.len())..end);
        let subs = &of.attribute.sub_attributes;
        if subs.is_empty() {
            return at(Problem::Simple(of.to_string()), span);
        }
        let names = || subs.iter().map(|sub| &*sub.name);
        let suggestion = text::closest(sub, names()).map(Into::into);
        let (of, name) = (of.to_string(), sub.to_owned());
        let subs = names().map(Into::into).collect();
        at(Problem::UnknownSubAttribute { of, name, suggestion, subs }, span)
    }

    fn pick(
        &self,
        brackets: &Brackets<'_>,
        of: Option<ResolvedPath<'_>>,
    ) -> Result<Pick, PathError> {
        let Brackets { content, span } = brackets;
        let trimmed = content.trim_matches([' ', '\t']);
        match trimmed {
            "" => return Err(at(Problem::Brackets, span.start - 1..span.end + 1)),
            "*" => return Ok(Pick::All),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                let index = digits.parse().ok().filter(|index| *index <= MAX_INDEX);
                return index.map(Pick::Index).ok_or_else(|| at(Problem::Index, span.clone()));
            }
            _ => {}
        }
        let place = |error: FilterError| match error.span {
            Some(inner) => at(error.problem, span.start + inner.start..span.start + inner.end),
            None => at(error.problem, span.clone()),
        };
        let mut notes = Notes::default();
        let mut filter =
            filter::parse(content, Reading::Tolerant, &mut notes).map_err(|error| {
                // A single word is no attempt at a filter.
                match error.problem {
                    FilterProblem::OperatorExpected if !trimmed.contains(' ') => {
                        at(Problem::Brackets, span.clone())
                    }
                    _ => place(error),
                }
            })?;
        let condition = match of {
            None => filter::resolve_undeclared(&filter),
            Some(of) => {
                let of = ResolvedPath { sub_attribute: None, ..of };
                if of.extension.is_none() && of.attribute.name == "groups" {
                    call_display_names_display(&mut filter);
                }
                filter::resolve_element(&filter, of, self.user, Reading::Tolerant, &mut notes)
            }
        };
        let mut condition = condition.map_err(place)?;
        fold(&mut condition);
        Ok(Pick::Matching(Box::new(condition)))
    }
}

fn at(problem: impl Into<Problem>, span: Range<usize>) -> PathError {
    PathError { problem: problem.into(), span }
}

/// `urn:example:hr:1.0.grade` and `urn:example:hr.grade`, where no other dot could join the URN to
/// the name: behind a version, and where a colon would leave no URN, which has three parts.
fn joined_by_dot(head: &str) -> Option<(&str, &str)> {
    let colon = head.rfind(':').filter(|_| urn::is_urn(head))?;
    let last = &head[colon + 1..];
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut dots = last.match_indices('.').map(|(at, _)| at);
    let first = dots.next()?;
    let dot = match dots.next() {
        Some(second) if is_number(&last[..first]) && is_number(&last[first + 1..second]) => second,
        _ if head[..colon].matches(':').count() == 1 => first,
        _ => return None,
    };
    Some((&head[..colon + 1 + dot], &last[dot + 1..]))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

fn is_display_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("displayName")
}

fn call_display_names_display(filter: &mut Filter) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter_mut().for_each(call_display_names_display);
        }
        Filter::Not(part) => call_display_names_display(part),
        Filter::Present(path) | Filter::Compare { path, .. } => {
            if path.schema.is_none() && path.sub_attribute.is_none() && is_display_name(&path.name)
            {
                path.name = "display".into();
            }
        }
        Filter::ValuePath { .. } => {}
    }
}

/// Texts by their keys, so that conditions that ask the same are equal.
fn fold(condition: &mut Condition) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter_mut().for_each(fold),
        Condition::Not(part) => fold(part),
        Condition::Element { condition, .. } => fold(condition),
        Condition::Compare { operand: Operand::String { text, key }, .. } => {
            text.clone_from(key);
        }
        Condition::Compare { .. } | Condition::Present(_) => {}
    }
}
