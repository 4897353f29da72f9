//! Tree to meaning: attributes looked up, values fitted to their types.

use super::{
    CompareOperator, CompareValue, Condition, Filter, FilterError, FilterProblem as Problem,
    Operand, Target,
};
use crate::{
    Notes,
    path::{AttributePath, ResolvedPath},
    reading::Reading,
    schema::{Attribute, AttributeType, Mutability, ResourceType, Returned, instant},
    text,
};

/// What `filter` means for resources of `resource_type`, read tolerantly; see [`resolve_noting`].
pub fn resolve(filter: &Filter, resource_type: &ResourceType) -> Result<Condition, FilterError> {
    resolve_noting(filter, resource_type, Reading::Tolerant, &mut Notes::default())
}

/// What `filter` means for resources of `resource_type`.
///
/// Unless strict, these are understood too, each with a note: `email` for `emails` (O-21), a string
/// `True` against a boolean (E-48), a string against a number, a number or a boolean against a
/// string (S-168).
pub fn resolve_noting(
    filter: &Filter,
    resource_type: &ResourceType,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Condition, FilterError> {
    Resolver { resource_type, elsewhere: &[], element: None, reading, notes }.condition(filter)
}

/// What `filter` means for resources of `resource_type` in a query over all of `resource_types`: an
/// attribute that only another of them has is absent here, and nothing matches it (S-174).
pub fn resolve_at_root(
    filter: &Filter,
    resource_type: &ResourceType,
    resource_types: &[ResourceType],
    reading: Reading,
    notes: &mut Notes,
) -> Result<Condition, FilterError> {
    let elsewhere = resource_types;
    Resolver { resource_type, elsewhere, element: None, reading, notes }.condition(filter)
}

/// What `filter`, in brackets after `attribute`, means for one of its elements. The values of a
/// simple attribute go by the name of `value`.
pub fn resolve_element(
    filter: &Filter,
    attribute: ResolvedPath<'_>,
    resource_type: &ResourceType,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Condition, FilterError> {
    let element = Some(attribute);
    Resolver { resource_type, elsewhere: &[], element, reading, notes }.condition(filter)
}

/// What `filter`, in brackets after an attribute that no schema declares, means for one of its
/// elements: each value is of the type it is compared with, and strings compare without case.
pub fn resolve_undeclared(filter: &Filter) -> Result<Condition, FilterError> {
    if let Filter::Present(path) | Filter::Compare { path, .. } = filter
        && (path.schema.is_some() || path.sub_attribute.is_some())
    {
        return Err(Problem::TooDeepInside(path.to_string()).into());
    }
    let target = |path: &AttributePath, attribute_type| Target {
        extension: None,
        attribute: String::new(),
        sub_attribute: Some(path.name.clone()),
        attribute_type,
        case_exact: false,
        multi_valued: false,
    };
    Ok(match filter {
        Filter::And(parts) => {
            Condition::And(parts.iter().map(resolve_undeclared).collect::<Result<_, _>>()?)
        }
        Filter::Or(parts) => {
            Condition::Or(parts.iter().map(resolve_undeclared).collect::<Result<_, _>>()?)
        }
        Filter::Not(part) => Condition::Not(Box::new(resolve_undeclared(part)?)),
        Filter::Present(path) => Condition::Present(target(path, AttributeType::Complex)),
        Filter::ValuePath { .. } => return Err(Problem::NestedBrackets.into()),
        Filter::Compare { path, operator, value } => {
            let (attribute_type, operand) = match value {
                CompareValue::Null => {
                    return null(*operator, target(path, AttributeType::Complex));
                }
                CompareValue::Boolean(value) => (AttributeType::Boolean, Operand::Boolean(*value)),
                CompareValue::Number(value) => {
                    (AttributeType::Decimal, Operand::Number(value.clone()))
                }
                CompareValue::String(text) => (
                    AttributeType::String,
                    Operand::String { text: text.clone(), key: text::fold(text) },
                ),
            };
            compare(target(path, attribute_type), *operator, operand)
        }
    })
}

struct Resolver<'r, 'n> {
    resource_type: &'r ResourceType,
    /// The other resource types of the query.
    elsewhere: &'r [ResourceType],
    /// The attribute before the brackets that are being read.
    element: Option<ResolvedPath<'r>>,
    reading: Reading,
    notes: &'n mut Notes,
}

impl<'r> Resolver<'r, '_> {
    fn condition(&mut self, filter: &Filter) -> Result<Condition, FilterError> {
        match filter {
            Filter::And(parts) => Ok(Condition::And(
                parts.iter().map(|f| self.condition(f)).collect::<Result<_, _>>()?,
            )),
            Filter::Or(parts) => Ok(Condition::Or(
                parts.iter().map(|f| self.condition(f)).collect::<Result<_, _>>()?,
            )),
            Filter::Not(part) => Ok(Condition::Not(Box::new(self.condition(part)?))),
            Filter::Present(path) => match self.attribute(path)? {
                None => Ok(Condition::Or(Vec::new())),
                Some(found) => Ok(Condition::Present(self.target(&found))),
            },
            Filter::Compare { path, operator, value } => match self.attribute(path)? {
                None => Ok(Condition::Or(Vec::new())),
                Some(found) => self.comparison(found, *operator, value),
            },
            Filter::ValuePath { path, filter } => {
                if self.element.is_some() {
                    return Err(Problem::NestedBrackets.into());
                }
                let Some(found) = self.attribute(path)? else {
                    return Ok(Condition::Or(Vec::new()));
                };
                if found.attribute.attribute_type != AttributeType::Complex {
                    return Err(Problem::NotComplex(found.to_string()).into());
                }
                let target = self.target(&found);
                self.element = Some(found);
                let condition = self.condition(filter);
                self.element = None;
                Ok(Condition::Element { target, condition: Box::new(condition?) })
            }
        }
    }

    /// The attribute meant; `None` if only another resource type of the query has it.
    fn attribute(&mut self, path: &AttributePath) -> Result<Option<ResolvedPath<'r>>, FilterError> {
        let found = match self.element {
            Some(element) => sub_attribute_of(element, path)?,
            None => match self.resolve(path) {
                Some(found) => found,
                None if self.elsewhere.iter().any(|other| path.resolve(other).is_some()) => {
                    return Ok(None);
                }
                None => {
                    let suggestion = path.suggestion(self.resource_type);
                    let path = path.to_string();
                    return Err(Problem::UnknownAttribute { path, suggestion }.into());
                }
            },
        };
        // No oracle for what may not be read (S-163).
        let never = |attribute: &Attribute| {
            attribute.returned == Returned::Never || attribute.mutability == Mutability::WriteOnly
        };
        if never(found.attribute) || found.sub_attribute.is_some_and(never) {
            return Err(Problem::NeverReturned(found.to_string()).into());
        }
        Ok(Some(found))
    }

    fn resolve(&mut self, path: &AttributePath) -> Option<ResolvedPath<'r>> {
        let found = path.resolve(self.resource_type);
        if found.is_none()
            && self.reading == Reading::Tolerant
            && path.schema.is_none()
            && path.name.eq_ignore_ascii_case("email")
        {
            let emails = AttributePath { name: "emails".into(), ..path.clone() };
            let found = emails.resolve(self.resource_type)?;
            self.notes.add(format!("`{path}` read as `{found}`")); // O-21
            return Some(found);
        }
        found
    }

    fn target(&self, found: &ResolvedPath<'_>) -> Target {
        let leaf = found.sub_attribute.unwrap_or(found.attribute);
        Target {
            extension: found.extension.map(Into::into),
            attribute: found.attribute.name.clone(),
            sub_attribute: found.sub_attribute.map(|sub| sub.name.clone()),
            attribute_type: leaf.attribute_type,
            // URIs of schemas compare without case (S-173, RFC 7643 §2.1).
            case_exact: leaf.case_exact && found.attribute.name != "schemas",
            multi_valued: match (self.element, found.sub_attribute) {
                (None, Some(sub)) => found.attribute.multi_valued || sub.multi_valued,
                (None, None) => found.attribute.multi_valued,
                (Some(_), Some(sub)) => sub.multi_valued,
                (Some(_), None) => false,
            },
        }
    }

    fn comparison(
        &mut self,
        mut found: ResolvedPath<'r>,
        operator: CompareOperator,
        value: &CompareValue,
    ) -> Result<Condition, FilterError> {
        if *value == CompareValue::Null {
            return null(operator, self.target(&found));
        }
        if found.sub_attribute.is_none() && found.attribute.attribute_type == AttributeType::Complex
        {
            // S-172: `emails co "x"`, `members eq "id"`, `manager eq "id"` (E-64, E-90, O-21)
            let sub = found.attribute.sub_attribute("value");
            found.sub_attribute =
                Some(sub.ok_or_else(|| Problem::ComplexValue(found.to_string()))?);
        }
        let target = self.target(&found);
        let operand = self.operand(&found, &target, operator, value)?;
        if let (Operand::Boolean(value), Some("primary")) =
            (&operand, &target.sub_attribute.as_deref())
        {
            let wanted = *value == (operator == CompareOperator::Eq);
            return Ok(self.primary(&found, target, wanted, operator));
        }
        Ok(compare(target, operator, operand))
    }

    /// `primary` that is absent is false (S-076).
    fn primary(
        &self,
        found: &ResolvedPath<'_>,
        target: Target,
        wanted: bool,
        operator: CompareOperator,
    ) -> Condition {
        let operand = Operand::Boolean(true);
        let is = Condition::Compare { target, operator: CompareOperator::Eq, operand };
        if wanted {
            return is;
        }
        let is_not = Condition::Not(Box::new(is));
        if self.element.is_some() {
            return is_not;
        }
        let whole = self.target(&ResolvedPath { sub_attribute: None, ..*found });
        let present = Condition::Present(whole.clone());
        let element = Condition::Element { target: whole, condition: Box::new(is_not) };
        match operator {
            CompareOperator::Ne => Condition::Or(vec![Condition::Not(Box::new(present)), element]),
            _ => element,
        }
    }

    fn operand(
        &mut self,
        found: &ResolvedPath<'_>,
        target: &Target,
        operator: CompareOperator,
        value: &CompareValue,
    ) -> Result<Operand, FilterError> {
        use AttributeType as T;
        use CompareOperator as Op;
        let attribute_type = target.attribute_type;
        let allowed = match operator {
            Op::Eq | Op::Ne => true,
            Op::Co | Op::Sw | Op::Ew => {
                matches!(attribute_type, T::String | T::Reference | T::Binary)
            }
            Op::Gt | Op::Ge | Op::Lt | Op::Le => !matches!(attribute_type, T::Boolean | T::Binary),
        };
        if !allowed {
            let (path, operator) = (found.to_string(), operator.as_str());
            return Err(Problem::OperatorOfType { path, attribute_type, operator }.into());
        }
        let tolerant = self.reading == Reading::Tolerant;
        let operand = match (attribute_type, value) {
            (T::String | T::Reference | T::Binary, CompareValue::String(text)) => {
                Some(string_operand(text.clone(), target))
            }
            (T::String | T::Reference | T::Binary, literal) if tolerant => {
                self.notes.add(format!("`{literal}` read as a string"));
                Some(string_operand(literal.to_string(), target))
            }
            (T::Boolean, CompareValue::Boolean(value)) => Some(Operand::Boolean(*value)),
            (T::Boolean, CompareValue::String(text)) if tolerant => {
                let value = [true, false]
                    .into_iter()
                    .find(|value| text.eq_ignore_ascii_case(if *value { "true" } else { "false" }));
                if value.is_some() {
                    self.notes.add(format!("string `{text}` read as a boolean")); // E-48
                }
                value.map(Operand::Boolean)
            }
            (T::Integer | T::Decimal, CompareValue::Number(number)) => {
                Some(Operand::Number(number.clone()))
            }
            (T::Integer | T::Decimal, CompareValue::String(text)) if tolerant => {
                let number = serde_json::from_str(text).ok();
                if number.is_some() {
                    self.notes.add(format!("string `{text}` read as a number"));
                }
                number.map(Operand::Number)
            }
            (T::DateTime, CompareValue::String(text)) => instant(text).map(Operand::DateTime),
            _ => None,
        };
        operand
            .ok_or_else(|| Problem::ValueOfType { path: found.to_string(), attribute_type }.into())
    }
}

fn string_operand(text: String, target: &Target) -> Operand {
    let key = match target.attribute_type {
        AttributeType::Binary => text.trim_end_matches('=').into(),
        _ => text::key(&text, target.case_exact).into_owned(),
    };
    Operand::String { text, key }
}

fn sub_attribute_of<'r>(
    element: ResolvedPath<'r>,
    path: &AttributePath,
) -> Result<ResolvedPath<'r>, FilterError> {
    let attribute = element.attribute;
    let bare = path.schema.is_none() && path.sub_attribute.is_none();
    if bare && let Some(sub) = attribute.sub_attribute(&path.name) {
        return Ok(ResolvedPath { sub_attribute: Some(sub), ..element });
    }
    let simple = attribute.attribute_type != AttributeType::Complex;
    if bare && simple && path.name.eq_ignore_ascii_case("value") {
        return Ok(element);
    }
    Err(Problem::UnknownSubAttribute { path: path.to_string(), of: element.to_string() }.into())
}

fn null(operator: CompareOperator, target: Target) -> Result<Condition, FilterError> {
    match operator {
        CompareOperator::Eq => Ok(Condition::Not(Box::new(Condition::Present(target)))),
        CompareOperator::Ne => Ok(Condition::Present(target)),
        _ => Err(Problem::NullOrder.into()),
    }
}

/// Settles `ne` as [`Condition`] says.
fn compare(target: Target, operator: CompareOperator, operand: Operand) -> Condition {
    let not = |condition| Condition::Not(Box::new(condition));
    match operator {
        CompareOperator::Ne if target.multi_valued => Condition::Or(vec![
            not(Condition::Present(target.clone())),
            Condition::Compare { target, operator, operand },
        ]),
        CompareOperator::Ne => {
            not(Condition::Compare { target, operator: CompareOperator::Eq, operand })
        }
        _ => Condition::Compare { target, operator, operand },
    }
}
