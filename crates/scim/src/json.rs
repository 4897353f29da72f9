//! JSON text into values, within bounds (S-446).
//!
//! One pass: sizes, duplicate names and characters that cannot be kept are found while the value
//! is built. Numbers that fit 64 bits stay exact (S-451).

use std::{cell::Cell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::{Error, Object, ScimType};

/// The bounds of a text. The size of the whole is for the reader of the body to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep arrays and objects may nest.
    pub depth: usize,
    /// Names in one object.
    pub names: usize,
    /// Bytes of one string or name.
    pub string: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 32, names: 1000, string: 64 * 1024 }
    }
}

/// A text that is not read; `line` and `column` (in bytes) count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body {problem} (line {line}, column {column})")]
pub struct JsonError {
    pub line: usize,
    pub column: usize,
    pub problem: JsonProblem,
}

/// Each text continues a sentence that begins with the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    #[error("is empty: send a JSON object")]
    Empty,
    #[error("is not encoded in UTF-8")]
    Encoding,
    #[error("is not valid JSON: {0}")]
    Syntax(String),
    #[error("nests deeper than {0} levels")]
    Depth(usize),
    #[error("has an object with more than {0} names")]
    Names(usize),
    #[error("has a string longer than {0} bytes")]
    String(usize),
    #[error("has the name `{0}` twice in one object")]
    Duplicate(String),
    /// By the names that lead to it.
    #[error("has the character U+0000 in {}: remove it", if .0.is_empty() { "a string".into() } else { format!("`{}`", .0) })]
    Nul(String),
    #[error("has a number outside the range of 64 bits")]
    Number,
}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        let scim_type = match error.problem {
            // Well-formed, but no value of any attribute (S-065).
            JsonProblem::Nul(_) | JsonProblem::Number => ScimType::InvalidValue,
            _ => ScimType::InvalidSyntax,
        };
        Error::bad_request(scim_type, error.to_string())
    }
}

/// Reads one JSON value. A byte order mark in front is passed over.
///
/// Names that differ in letter case only are the same name, as they are for SCIM (S-051).
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        JsonError { line, column, problem: JsonProblem::Encoding }
    })?;
    if text.trim_ascii().is_empty() {
        return Err(JsonError { line: 1, column: 1, problem: JsonProblem::Empty });
    }
    let problem = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let reader = Reader { limits, depth: 0, problem: &problem };
    let value = reader.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| JsonError {
        line: error.line(),
        column: error.column(),
        problem: problem.take().unwrap_or_else(|| syntax(&error)),
    })
}

/// The cause alone: the place is told apart.
fn syntax(error: &serde_json::Error) -> JsonProblem {
    let text = error.to_string();
    if text.starts_with("number out of range") {
        return JsonProblem::Number;
    }
    let cause = text.rsplit_once(" at line ").map_or(text.as_str(), |(cause, _)| cause);
    JsonProblem::Syntax(cause.to_owned())
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    limits: &'a Limits,
    depth: usize,
    /// What stopped the reading, when that was not the syntax.
    problem: &'a Cell<Option<JsonProblem>>,
}

impl Reader<'_> {
    fn stop<E: serde::de::Error>(&self, problem: JsonProblem) -> E {
        self.problem.set(Some(problem));
        E::custom("stopped")
    }

    /// Says where a character stands that cannot be kept.
    fn found_inside(&self, name: &str) {
        let problem = self.problem.take().map(|problem| match problem {
            JsonProblem::Nul(path) if path.is_empty() => JsonProblem::Nul(excerpt(name.to_owned())),
            JsonProblem::Nul(path) => {
                JsonProblem::Nul(format!("{}.{path}", excerpt(name.to_owned())))
            }
            other => other,
        });
        self.problem.set(problem);
    }

    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.limits.depth {
            return Err(self.stop(JsonProblem::Depth(self.limits.depth)));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn check<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string {
            return Err(self.stop(JsonProblem::String(self.limits.string)));
        }
        if text.as_bytes().contains(&0) {
            return Err(self.stop(JsonProblem::Nul(String::new())));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    /// An integer beyond 64 bits arrives here as well, its last digits lost: refused.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).filter(|_| value.abs() < u64::MAX as f64);
        number.map(Value::Number).ok_or_else(|| self.stop(JsonProblem::Number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.check(text)?;
        Ok(Value::String(text.into()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        self.check(&text)?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let reader = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(reader)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        /// From here on names are looked up, not compared one by one.
        const MANY: usize = 32;
        let reader = self.inside()?;
        let mut object = Object::new();
        let mut folded = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            self.check(&name)?;
            if object.len() == MANY {
                folded.extend(object.keys().map(|name| name.to_ascii_lowercase()));
            }
            let is_known = if object.len() < MANY {
                object.keys().any(|known| known.eq_ignore_ascii_case(&name))
            } else {
                !folded.insert(name.to_ascii_lowercase())
            };
            if is_known {
                return Err(self.stop(JsonProblem::Duplicate(excerpt(name))));
            }
            if object.len() == self.limits.names {
                return Err(self.stop(JsonProblem::Names(self.limits.names)));
            }
            let value = map.next_value_seed(reader).inspect_err(|_| self.found_inside(&name))?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

fn excerpt(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(128));
    name
}

#[cfg(test)]
mod tests;
