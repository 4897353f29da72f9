use serde_json::{Number, Value};

use super::{
    MAX_ELEMENTS, MAX_STRING, Problem, ValidationError,
    draft::Slots,
    elements::{self, is_manager, tidy},
    error::Place,
    format,
};
use crate::{
    Notes,
    path::ResolvedPath,
    reading::Reading,
    schema::{Attribute, AttributeType, Mutability, Schema},
};

/// What goes along with every check.
pub(super) struct Context<'n> {
    pub reading: Reading,
    pub notes: &'n mut Notes,
}

impl Context<'_> {
    fn strict(&self) -> bool {
        self.reading == Reading::Strict
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.add(text);
    }

    pub fn pass_over(&mut self, place: Place<'_>) {
        self.note(format!("`{place}` is declared by no schema: passed over"));
    }

    /// An attribute that no schema declares: passed over, or refused in the strict reading (S-052).
    pub fn undeclared(&mut self, place: Place<'_>) -> Result<(), ValidationError> {
        if self.strict() {
            return Err(place.problem(Problem::Undeclared));
        }
        self.pass_over(place);
        Ok(())
    }
}

/// Checks the whole value of the attribute or sub-attribute at `path` and gives it the form it is
/// stored in; `None` if it is unassigned (`null`, `""`, `[]`, or nothing left of it).
pub fn check_value(
    path: &ResolvedPath<'_>,
    value: Value,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Option<Value>, ValidationError> {
    let (place, attribute) = target(path);
    whole(place, attribute, value, &mut Context { reading, notes })
}

/// As [`check_value`], for one element of the multi-valued attribute at `path`. `None` if nothing
/// significant is in it: nothing, or a `type` and `primary` alone (O-33).
pub fn check_element(
    path: &ResolvedPath<'_>,
    value: Value,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Option<Value>, ValidationError> {
    let (place, attribute) = target(path);
    let element = single(place, attribute, value, &mut Context { reading, notes })?;
    Ok(element.filter(elements::is_significant))
}

fn target<'a>(path: &ResolvedPath<'a>) -> (Place<'a>, &'a Attribute) {
    let place =
        Place { extension: path.extension, attribute: &path.attribute.name, sub_attribute: None };
    match path.sub_attribute {
        Some(sub) => (place.sub(&sub.name), sub),
        None => (place, path.attribute),
    }
}

/// A whole attribute: a list if it is multi-valued.
pub(super) fn whole(
    place: Place<'_>,
    attribute: &Attribute,
    value: Value,
    context: &mut Context<'_>,
) -> Result<Option<Value>, ValidationError> {
    if attribute.multi_valued {
        return list(place, attribute, value, context);
    }
    if attribute.learned && value.is_array() {
        return Ok(kept(place, value, context));
    }
    let value = match value {
        // S-074: an array of one, where Entra means the one (`manager`).
        Value::Array(mut items) if items.len() < 2 => match items.pop() {
            Some(_) if context.strict() => {
                return Err(mismatch(place, attribute, &Value::Array(items)));
            }
            Some(only) => {
                context.note(format!("`{place}`: an array of one read as its value"));
                only
            }
            None => return Ok(None),
        },
        value => value,
    };
    single(place, attribute, value, context)
}

fn list(
    place: Place<'_>,
    attribute: &Attribute,
    value: Value,
    context: &mut Context<'_>,
) -> Result<Option<Value>, ValidationError> {
    let items = match value {
        Value::Array(items) => items,
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        value if context.strict() => {
            let problem = Problem::Type { expected: "an array", found: kind(&value) };
            return Err(place.problem(problem));
        }
        value => {
            context.note(format!("`{place}`: a single value read as an array of one"));
            vec![value]
        }
    };
    if items.len() > MAX_ELEMENTS {
        return Err(place.problem(Problem::TooMany(MAX_ELEMENTS)));
    }
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        if let Some(item) = single(place, attribute, item, context)?
            && elements::is_significant(&item)
        {
            kept.push(item);
        }
    }
    if elements::keep_last_primary(&mut kept) {
        if context.strict() {
            return Err(place.problem(Problem::SeveralPrimary));
        }
        context.note(format!("`{place}`: several primary elements, the last one kept as primary"));
    }
    let kept = elements::merge_equal(attribute, kept);
    Ok((!kept.is_empty()).then_some(Value::Array(kept)))
}

/// A single value, or one element of a list. What does not fit a learned attribute is kept.
fn single(
    place: Place<'_>,
    attribute: &Attribute,
    value: Value,
    context: &mut Context<'_>,
) -> Result<Option<Value>, ValidationError> {
    if !attribute.learned {
        return fitting(place, attribute, value, context);
    }
    match fitting(place, attribute, value.clone(), context) {
        Err(ValidationError { problem: Problem::Type { .. } | Problem::Format(_), .. }) => {
            Ok(kept(place, value, context))
        }
        fitted => fitted,
    }
}

fn kept(place: Place<'_>, value: Value, context: &mut Context<'_>) -> Option<Value> {
    let value = tidy(value)?;
    context.note(format!("`{place}` is of another type than what was seen first: kept as given"));
    Some(value)
}

fn fitting(
    place: Place<'_>,
    attribute: &Attribute,
    value: Value,
    context: &mut Context<'_>,
) -> Result<Option<Value>, ValidationError> {
    match &value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        _ => {}
    }
    let mismatch = |value: &Value| Err(mismatch(place, attribute, value));
    let tolerant = !context.strict();
    let value = match (attribute.attribute_type, value) {
        (AttributeType::Complex, Value::Object(object)) => {
            return complex(place, attribute, object, context);
        }
        // E-23, S-106: the id of a manager, the name of a role, without the object around it.
        (AttributeType::Complex, value @ (Value::String(_) | Value::Number(_)))
            if tolerant && attribute.sub_attribute("value").is_some() =>
        {
            context.note(format!("`{place}`: a bare value read as an object with that `value`"));
            let object = std::iter::once(("value".to_owned(), value)).collect();
            return complex(place, attribute, object, context);
        }
        (AttributeType::Boolean, value @ Value::Bool(_)) => value,
        // E-22, S-067.
        (AttributeType::Boolean, Value::String(text)) if tolerant => {
            let Some(read) = boolean(&text) else { return mismatch(&Value::String(text)) };
            context.note(format!("`{place}`: string `{text}` read as a boolean"));
            Value::Bool(read)
        }
        (AttributeType::Integer, Value::Number(number)) if !number.is_f64() => number.into(),
        (AttributeType::Decimal, value @ Value::Number(_)) => value,
        (AttributeType::Integer | AttributeType::Decimal, Value::String(text)) if tolerant => {
            let read = text.parse().ok().filter(|number: &Number| {
                attribute.attribute_type == AttributeType::Decimal || !number.is_f64()
            });
            let Some(read) = read else { return mismatch(&Value::String(text)) };
            context.note(format!("`{place}`: a string read as a number"));
            Value::Number(read)
        }
        (
            AttributeType::String
            | AttributeType::DateTime
            | AttributeType::Binary
            | AttributeType::Reference,
            Value::String(text),
        ) => {
            check_text(place, attribute, &text, context)?;
            Value::String(text)
        }
        // S-075: Okta sends numbers for text attributes.
        (AttributeType::String, value @ (Value::Number(_) | Value::Bool(_))) if tolerant => {
            let found = kind(&value);
            context.note(format!("`{place}`: {found} read as a string"));
            Value::String(value.to_string())
        }
        (_, value) => return mismatch(&value),
    };
    Ok(Some(value))
}

fn check_text(
    place: Place<'_>,
    attribute: &Attribute,
    text: &str,
    context: &Context<'_>,
) -> Result<(), ValidationError> {
    let expected = match attribute.attribute_type {
        AttributeType::DateTime => format::date_time(text),
        AttributeType::Binary => format::binary(place, text),
        AttributeType::String if text.len() > MAX_STRING => {
            return Err(place.problem(Problem::TooLong(MAX_STRING)));
        }
        _ => None,
    };
    let strictly = || if context.strict() { format::strict(place, text) } else { None };
    match expected.or_else(strictly) {
        Some(expected) => Err(place.problem(Problem::Format(expected))),
        None => Ok(()),
    }
}

fn complex(
    place: Place<'_>,
    attribute: &Attribute,
    object: crate::Object,
    context: &mut Context<'_>,
) -> Result<Option<Value>, ValidationError> {
    let manager = !context.strict() && is_manager(place.extension, attribute);
    let subs = &attribute.sub_attributes;
    let mut slots = Slots::new(subs.len());
    for (key, value) in object {
        let Some(index) = subs.iter().position(|sub| sub.name.eq_ignore_ascii_case(&key)) else {
            if !attribute.learned {
                context.undeclared(place.sub(&key))?;
            } else if let Some(value) = tidy(value) {
                slots.add_undeclared(key, value);
            }
            continue;
        };
        let sub = &subs[index];
        if sub.mutability == Mutability::ReadOnly && !manager {
            continue;
        }
        let place = place.sub(&sub.name);
        let value = whole(place, sub, value, context)?;
        if !slots.set(index, key, &sub.name, value) {
            return Err(place.problem(Problem::Repeated));
        }
    }
    let mut object = slots.into_object();
    if is_manager(place.extension, attribute) {
        elements::reduce_manager(&mut object);
    }
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

/// The object of a declared extension. What its schema does not declare is kept as it came, unless
/// the reading is strict.
pub(super) fn extension(
    schema: &Schema,
    value: Value,
    context: &mut Context<'_>,
) -> Result<Slots, ValidationError> {
    let mut slots = Slots::new(schema.attributes.len());
    let object = match value {
        Value::Object(object) => object,
        value => match tidy(value) {
            None => return Ok(slots),
            Some(value) => {
                let problem = Problem::Type { expected: "an object", found: kind(&value) };
                return Err(Place::base(&schema.id).problem(problem));
            }
        },
    };
    for (key, value) in object {
        let named = |attribute: &Attribute| attribute.name.eq_ignore_ascii_case(&key);
        let place =
            |attribute| Place { extension: Some(&schema.id), attribute, sub_attribute: None };
        let Some(index) = schema.attributes.iter().position(named) else {
            if context.strict() {
                return Err(place(&key).problem(Problem::Undeclared));
            }
            if let Some(value) = tidy(value) {
                context.note(format!("`{}` is declared by no schema: kept as given", place(&key)));
                slots.add_undeclared(key, value);
            }
            continue;
        };
        let attribute = &schema.attributes[index];
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        let place = place(&attribute.name);
        let value = whole(place, attribute, value, context)?;
        if !slots.set(index, key, &attribute.name, value) {
            return Err(place.problem(Problem::Repeated));
        }
    }
    Ok(slots)
}

fn boolean(text: &str) -> Option<bool> {
    match () {
        () if text.eq_ignore_ascii_case("true") => Some(true),
        () if text.eq_ignore_ascii_case("false") => Some(false),
        () => None,
    }
}

fn mismatch(place: Place<'_>, attribute: &Attribute, found: &Value) -> ValidationError {
    let expected = match attribute.attribute_type {
        AttributeType::String | AttributeType::Binary | AttributeType::Reference => "a string",
        AttributeType::Boolean => "true or false",
        AttributeType::Decimal => "a number",
        AttributeType::Integer => "a number without a fraction",
        AttributeType::DateTime => format::DATE_TIME,
        AttributeType::Complex => "an object",
    };
    place.problem(Problem::Type { expected, found: kind(found) })
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
