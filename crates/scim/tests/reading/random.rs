//! Resources and filters at random, from few enough values that they meet.

use proptest::{collection::vec, option, prelude::*, sample::select};
use scim::{
    filter::{CompareOperator, CompareValue, Filter},
    path::AttributePath,
    schema::{Extension, ResourceType, Schema, user_type},
};
use serde_json::{Map, Number, Value, json};

pub const LAB: &str = "urn:example:schemas:extension:lab:2.0:User";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Users with an extension that has an attribute of every type.
pub fn user_with_lab() -> ResourceType {
    let lab = Schema::from_json(&json!({"id": LAB, "attributes": [
        {"name": "badge", "caseExact": true},
        {"name": "shoeSize", "type": "integer"},
        {"name": "height", "type": "decimal"},
        {"name": "hiredAt", "type": "dateTime"},
        {"name": "certified", "type": "boolean"},
        {"name": "page", "type": "reference"},
        {"name": "photo", "type": "binary"},
        {"name": "sites", "multiValued": true},
        {"name": "sizes", "type": "integer", "multiValued": true},
        {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value"},
            {"name": "level", "type": "integer"},
            {"name": "since", "type": "dateTime"}]}]}));
    user_type(vec![Extension {
        schema: lab.expect("schema").into(),
        required: false,
        learned: false,
    }])
}

/// Texts that are the same or not by case, by normalisation, as patterns and as prefixes.
pub const TEXTS: [&str; 27] = [
    "a",
    "A",
    "ab",
    "aB",
    "abc",
    "b",
    "é",
    "É",
    "e\u{301}",
    "ß",
    "SS",
    "ss",
    "İ",
    "i",
    "ı",
    "ｊｏ",
    "JO",
    "%",
    "_",
    "a%",
    "a_c",
    "'; --",
    "\"q\"",
    "back\\slash",
    "🦀",
    "\u{10FFFF}",
    "Σίσυφος",
];

const TIMES: [&str; 6] = [
    "2026-03-01T08:00:00Z",
    "2026-03-01T10:00:00+02:00",
    "2026-03-01T08:00:00.25Z",
    "2019-12-31T23:59:59Z",
    "1969-07-20T20:17:40Z",
    "2026-03-01T08:00:01Z",
];

const INTEGERS: [i64; 8] =
    [0, 1, -1, 41, 9_007_199_254_740_992, 9_007_199_254_740_993, i64::MAX, i64::MIN];

const DECIMALS: [f64; 8] = [0.0, -0.0, 0.1, 1.72, -3.5, 41.0, 9_007_199_254_740_992.0, 1e-7];

const BINARIES: [&str; 4] = ["TWlyYQ==", "TWlyYQ", "twlyyq==", "AAEC"];

fn text() -> impl Strategy<Value = Value> + Clone {
    select(&TEXTS[..]).prop_map(Value::from)
}

fn time() -> impl Strategy<Value = Value> + Clone {
    select(&TIMES[..]).prop_map(Value::from)
}

fn integer() -> impl Strategy<Value = Value> + Clone {
    select(&INTEGERS[..]).prop_map(Value::from)
}

fn decimal() -> impl Strategy<Value = Value> + Clone {
    select(&DECIMALS[..]).prop_map(Value::from)
}

fn binary() -> impl Strategy<Value = Value> + Clone {
    select(&BINARIES[..]).prop_map(Value::from)
}

fn boolean() -> impl Strategy<Value = Value> + Clone {
    any::<bool>().prop_map(Value::from)
}

/// An object with some of these fields.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| {
            option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    fields
        .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
        .boxed()
}

fn list(element: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    vec(element, 0..4).prop_map(Value::Array).boxed()
}

fn plural() -> BoxedStrategy<Value> {
    let kinds = select(vec!["work", "Work", "home", "ß"]).prop_map(Value::from);
    list(object(vec![
        ("value", text().boxed()),
        ("type", kinds.boxed()),
        ("primary", boolean().boxed()),
        ("display", text().boxed()),
    ]))
}

/// The body of a POST, without a `userName`.
pub fn user() -> BoxedStrategy<Value> {
    let name = object(vec![("familyName", text().boxed()), ("givenName", text().boxed())]);
    let enterprise = object(vec![
        ("department", text().boxed()),
        ("employeeNumber", text().boxed()),
        ("manager", text().prop_map(|id| json!({ "value": id })).boxed()),
    ]);
    let keys = object(vec![
        ("value", text().boxed()),
        ("level", integer().boxed()),
        ("since", time().boxed()),
    ]);
    let lab = object(vec![
        ("badge", text().boxed()),
        ("shoeSize", integer().boxed()),
        ("height", prop_oneof![decimal(), integer()].boxed()),
        ("hiredAt", time().boxed()),
        ("certified", boolean().boxed()),
        ("page", text().boxed()),
        ("photo", binary().boxed()),
        ("sites", list(text().boxed())),
        ("sizes", list(integer().boxed())),
        ("keys", list(keys)),
    ]);
    object(vec![
        ("externalId", text().boxed()),
        ("displayName", text().boxed()),
        ("title", text().boxed()),
        ("active", boolean().boxed()),
        ("name", name),
        ("emails", plural()),
        ("roles", plural()),
        (ENTERPRISE, enterprise),
        (LAB, lab),
    ])
}

/// What a path may be compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    Integer,
    Decimal,
    Time,
    Boolean,
    Binary,
}

/// A number as its whole part and what is left, to the last digit.
pub fn parts(number: &Number) -> (i128, f64) {
    match number.as_i128() {
        Some(number) => (number, 0.0),
        None => {
            let number = number.as_f64().expect("finite");
            (number.floor() as i128, number - number.floor())
        }
    }
}

/// Paths of users that have values to compare.
pub const PATHS: [(&str, Kind); 27] = [
    ("userName", Kind::Text),
    ("id", Kind::Text),
    ("externalId", Kind::Text),
    ("displayName", Kind::Text),
    ("title", Kind::Text),
    ("active", Kind::Boolean),
    ("name.familyName", Kind::Text),
    ("emails", Kind::Text),
    ("emails.value", Kind::Text),
    ("emails.type", Kind::Text),
    ("emails.primary", Kind::Boolean),
    ("roles.display", Kind::Text),
    ("groups.value", Kind::Text),
    ("groups", Kind::Text),
    ("schemas", Kind::Text),
    ("meta.created", Kind::Time),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", Kind::Text),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", Kind::Text),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", Kind::Text),
    ("urn:example:schemas:extension:lab:2.0:User:badge", Kind::Text),
    ("urn:example:schemas:extension:lab:2.0:User:shoeSize", Kind::Integer),
    ("urn:example:schemas:extension:lab:2.0:User:height", Kind::Decimal),
    ("urn:example:schemas:extension:lab:2.0:User:hiredAt", Kind::Time),
    ("urn:example:schemas:extension:lab:2.0:User:page", Kind::Text),
    ("urn:example:schemas:extension:lab:2.0:User:photo", Kind::Binary),
    ("urn:example:schemas:extension:lab:2.0:User:sites", Kind::Text),
    ("urn:example:schemas:extension:lab:2.0:User:sizes", Kind::Integer),
];

/// Complex attributes and their sub-attributes.
pub const COMPLEX: [(&str, &[(&str, Kind)]); 4] = [
    ("emails", &[("value", Kind::Text), ("type", Kind::Text), ("primary", Kind::Boolean)]),
    ("name", &[("familyName", Kind::Text), ("givenName", Kind::Text)]),
    ("groups", &[("value", Kind::Text), ("display", Kind::Text)]),
    (
        "urn:example:schemas:extension:lab:2.0:User:keys",
        &[("value", Kind::Text), ("level", Kind::Integer), ("since", Kind::Time)],
    ),
];

/// A comparison that has a meaning, or `pr`.
fn comparison((path, kind): (&'static str, Kind)) -> BoxedStrategy<Filter> {
    use CompareOperator as Op;
    let path = AttributePath::parse(path).expect("path");
    let (equality, order, pattern) =
        (vec![Op::Eq, Op::Ne], vec![Op::Gt, Op::Ge, Op::Lt, Op::Le], vec![Op::Co, Op::Sw, Op::Ew]);
    let (operators, value) = match kind {
        // Besides the texts, what users and groups are called.
        Kind::Text => (
            [equality, order, pattern].concat(),
            prop_oneof![
                3 => text(),
                1 => select(vec!["u-1", "u-03", "g-1", "a1", "A1", "ab2", LAB]).prop_map(Value::from),
            ]
            .boxed(),
        ),
        Kind::Integer => ([equality, order].concat(), integer().boxed()),
        Kind::Decimal => {
            ([equality, order].concat(), prop_oneof![decimal(), integer()].boxed())
        }
        Kind::Time => ([equality, order].concat(), time().boxed()),
        Kind::Boolean => (equality, boolean().boxed()),
        Kind::Binary => ([equality, pattern].concat(), binary().boxed()),
    };
    let (compared, nullish, present) = (path.clone(), path.clone(), path);
    let compare = (select(operators), value).prop_map(move |(operator, value)| Filter::Compare {
        path: compared.clone(),
        operator,
        value: literal(value),
    });
    let null = select(vec![Op::Eq, Op::Ne]).prop_map(move |operator| Filter::Compare {
        path: nullish.clone(),
        operator,
        value: CompareValue::Null,
    });
    prop_oneof![8 => compare, 1 => null, 1 => Just(Filter::Present(present))].boxed()
}

fn literal(value: Value) -> CompareValue {
    match value {
        Value::String(text) => CompareValue::String(text),
        Value::Number(number) => CompareValue::Number(number),
        Value::Bool(value) => CompareValue::Boolean(value),
        _ => CompareValue::Null,
    }
}

/// `and`, `or` and `not` of what there is.
fn nested(leaf: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Filter::And),
            vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
    .boxed()
}

/// A filter of users that has a meaning.
pub fn user_filter() -> BoxedStrategy<Filter> {
    let simple = select(&PATHS[..]).prop_flat_map(comparison);
    let element = select(&COMPLEX[..]).prop_flat_map(|(path, subs)| {
        let path = AttributePath::parse(path).expect("path");
        nested(select(subs).prop_flat_map(comparison).boxed()).prop_map(move |filter| {
            Filter::ValuePath { path: path.clone(), filter: Box::new(filter) }
        })
    });
    nested(prop_oneof![4 => simple, 1 => element].boxed())
}
