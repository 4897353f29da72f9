use std::collections::HashSet;

use serde_json::Value;

use super::{
    MAX_STRING, Problem, ValidationError,
    elements::tidy,
    error::Place,
    value::{Context, kind},
};
use crate::{Notes, patch::MemberRef, reading::Reading};

/// The members that the value of `members` names, each once, in the order of first mention.
///
/// Elements are objects with a `value`; in the tolerant reading also bare ids, and one element
/// without the array around it. `$ref`, `display` and `type` are the server's to compute and are
/// not looked at. Whether the ids exist is for the store to say.
pub fn check_members(
    value: Value,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Vec<MemberRef>, ValidationError> {
    let context = &mut Context { reading, notes };
    let place = Place::base("members");
    let elements = match value {
        Value::Array(elements) => elements,
        Value::Null => return Ok(Vec::new()),
        Value::String(text) if text.is_empty() => return Ok(Vec::new()),
        value @ (Value::Object(_) | Value::String(_)) if reading == Reading::Tolerant => {
            context.note("`members`: a single value read as an array of one");
            vec![value]
        }
        value => {
            let problem = Problem::Type { expected: "an array", found: kind(&value) };
            return Err(place.problem(problem));
        }
    };
    let mut seen = HashSet::with_capacity(elements.len());
    let mut members = Vec::with_capacity(elements.len());
    for element in elements {
        let Some(value) = member_id(element, context)? else { continue };
        if value.len() > MAX_STRING {
            return Err(place.sub("value").problem(Problem::TooLong(MAX_STRING)));
        }
        if seen.insert(value.clone()) {
            members.push(MemberRef { value });
        }
    }
    Ok(members)
}

/// The id in one element; `None` if the element is empty altogether.
fn member_id(element: Value, context: &mut Context<'_>) -> Result<Option<String>, ValidationError> {
    let place = Place::base("members").sub("value");
    let tolerant = context.reading == Reading::Tolerant;
    let value = match element {
        Value::Object(mut object) => {
            let key = object.keys().find(|key| key.eq_ignore_ascii_case("value")).cloned();
            match key.and_then(|key| object.remove(&key)).and_then(tidy) {
                Some(value) => value,
                None if tidy(Value::Object(object)).is_some() => {
                    return Err(place.problem(Problem::Required));
                }
                None => return Ok(None),
            }
        }
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        value @ Value::String(_) if tolerant => {
            context.note("`members`: a bare value read as an object with that `value`");
            value
        }
        value => {
            let problem = Problem::Type { expected: "an object", found: kind(&value) };
            return Err(Place::base("members").problem(problem));
        }
    };
    match value {
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) if tolerant => {
            context.note("`members.value`: a number read as a string");
            Ok(Some(number.to_string()))
        }
        value => Err(place.problem(Problem::Type { expected: "a string", found: kind(&value) })),
    }
}
