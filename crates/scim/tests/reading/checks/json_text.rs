use scim::{
    Error,
    json::{JsonProblem, Limits, parse},
};
use serde_json::Value;

use super::check_refusal;

/// Reads JSON: within its bounds what serde_json reads, and nothing else; what is read prints and
/// reads the same again.
pub fn check(bytes: &[u8]) {
    let small = Limits { depth: 4, names: 3, string: 8 };
    for limits in [Limits::default(), small] {
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let reference = serde_json::from_slice::<Value>(text);
        match parse(bytes, &limits) {
            Ok(value) => {
                assert_eq!(reference.as_ref().ok(), Some(&value), "what serde_json reads");
                check_bounds(&value, &limits, limits.depth);
                let printed = value.to_string();
                let again = parse(printed.as_bytes(), &limits);
                assert_eq!(again.map(|again| again.to_string()), Ok(printed));
            }
            Err(error) => {
                use JsonProblem as P;
                match &error.problem {
                    P::Empty | P::Encoding | P::Syntax(_) => {
                        assert!(reference.is_err(), "{error} in a text that serde_json reads");
                    }
                    P::Depth(_) | P::Names(_) | P::String(_) | P::Duplicate(_) | P::Nul(_) => {}
                    P::Number => assert!(bytes.iter().any(u8::is_ascii_digit), "{error}"),
                }
                let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
                assert!((1..=lines).contains(&error.line), "{error}");
                assert!(error.column <= bytes.len() + 1, "{error}");
                check_refusal(&Error::from(error));
            }
        }
    }
}

fn check_bounds(value: &Value, limits: &Limits, depth: usize) {
    match value {
        Value::String(text) => check_text(text, limits),
        Value::Array(items) => {
            assert!(depth > 0);
            items.iter().for_each(|item| check_bounds(item, limits, depth - 1));
        }
        Value::Object(object) => {
            assert!(depth > 0 && object.len() <= limits.names);
            for (name, value) in object {
                check_text(name, limits);
                let same = object.keys().filter(|other| other.eq_ignore_ascii_case(name));
                assert_eq!(same.count(), 1);
                check_bounds(value, limits, depth - 1);
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().expect("a number has a value");
            assert!(number.is_finite());
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_text(text: &str, limits: &Limits) {
    assert!(text.len() <= limits.string && !text.contains('\0'));
}
