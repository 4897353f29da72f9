//! What must hold of every input, one file for each reader. The fuzz targets in the folder `fuzz`
//! run these on what they think of, and the tests here on what was found.

use std::sync::LazyLock;

use scim::{
    Error, Notes, Object,
    dialect::{self, Reading},
    json::{self, Limits},
    representation::{Reference, ReferenceType, Representation},
    schema::{Extension, ResourceType, Schema, group_type, user_type},
    validate,
};
use serde_json::Value;

pub mod bulk;
pub mod filter;
pub mod json_text;
pub mod patch;
pub mod path;
pub mod query;
pub mod resource;
pub mod schema;

pub type Check = fn(&[u8]);

/// The readers by name, in alphabetical order. Each check panics if something does not hold.
pub const ALL: [(&str, Check); 8] = [
    ("bulk", bulk::check),
    ("filter", filter::check),
    ("json", json_text::check),
    ("patch", patch::check),
    ("path", path::check),
    ("query", query::check),
    ("resource", resource::check),
    ("schema", schema::check),
];

pub const READINGS: [Reading; 2] = [Reading::Tolerant, Reading::Strict];

const BASE_URL: &str = "https://dir.example.com/scim/v2/dir-1";

/// One attribute of each type and of each way to be written and returned.
const LAB: &str = r#"{"id": "urn:example:schemas:extension:lab:2.0:User", "attributes": [
    {"name": "badge", "caseExact": true, "mutability": "immutable"},
    {"name": "shoeSize", "type": "integer"},
    {"name": "height", "type": "decimal"},
    {"name": "hiredAt", "type": "dateTime"},
    {"name": "certified", "type": "boolean"},
    {"name": "page", "type": "reference"},
    {"name": "photo", "type": "binary"},
    {"name": "sites", "multiValued": true},
    {"name": "sizes", "type": "integer", "multiValued": true},
    {"name": "floor", "type": "integer", "mutability": "readOnly"},
    {"name": "pin", "mutability": "writeOnly", "returned": "never"},
    {"name": "notes", "returned": "request"},
    {"name": "boss", "type": "complex", "subAttributes": [
        {"name": "value", "required": true},
        {"name": "mails", "multiValued": true}]},
    {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "value", "mutability": "immutable"},
        {"name": "level", "type": "integer"},
        {"name": "since", "type": "dateTime"},
        {"name": "primary", "type": "boolean"},
        {"name": "display"}]}]}"#;

pub static USER: LazyLock<ResourceType> = LazyLock::new(|| {
    let lab = Schema::from_json(&serde_json::from_str(LAB).expect("JSON")).expect("schema");
    user_type(vec![Extension { schema: lab.into(), required: false, learned: false }])
});

pub static GROUP: LazyLock<ResourceType> = LazyLock::new(|| group_type(Vec::new()));

const USERS: [&str; 2] = [
    r#"{"userName": "mira@example.com"}"#,
    r#"{"userName": "Jonas.ÉVA@Example.com", "externalId": "j-1", "displayName": "Straße",
    "name": {"familyName": "Lindqvist", "givenName": "Jonas"}, "title": "", "active": false,
    "nickName": "ｊｏ", "profileUrl": "https://people.example/jo", "locale": "nb-NO",
    "emails": [{"value": "jonas@example.com", "type": "work", "primary": true},
        {"value": "j@home.example", "type": "home"}, {"value": "x@example.com"}],
    "addresses": [{"formatted": "Dock 4", "locality": "Bergen", "type": "work"}],
    "roles": [{"value": "reviewer", "display": "Reviewer", "primary": true}],
    "x509Certificates": [{"value": "TWlyYQ=="}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"employeeNumber": "4471", "department": "Field", "manager": {"value": "m-1"}, "desk": 4},
    "urn:example:schemas:extension:lab:2.0:User": {"badge": "Blue-7", "shoeSize": 41,
        "height": 1.72, "hiredAt": "2019-03-01T08:00:00+01:00", "certified": true,
        "page": "/pages/1", "photo": "AAEC", "sites": ["Bergen", "Oslo"], "sizes": [1, 2],
        "notes": "a", "pin": "1234", "boss": {"value": "b", "mails": ["a", "b"]},
        "keys": [{"value": "vault", "level": 3, "since": "2020-01-01T00:00:00Z"},
            {"value": "roof", "level": 1, "primary": true}]},
    "urn:example:hr:2.0:User": {"grade": 7, "Teams": [{"value": "a", "type": "x"}, "b"]}}"#,
];

const GROUPS: [&str; 1] = [r#"{"displayName": "Crew", "externalId": "g-1"}"#];

/// Resource types with resources of theirs in stored form.
pub static STORED: LazyLock<[(&ResourceType, Vec<Object>); 2]> = LazyLock::new(|| {
    let stored = |rt: &ResourceType, bodies: &[&str]| -> Vec<Object> {
        let bodies = bodies.iter().map(|body| serde_json::from_str(body).expect("JSON"));
        bodies.map(|body| create(rt, body, Reading::Tolerant).expect("valid").resource).collect()
    };
    [(&*USER, stored(&USER, &USERS)), (&*GROUP, stored(&GROUP, &GROUPS))]
});

/// The same as they are sent.
pub static SENT: LazyLock<[(&ResourceType, Vec<Object>); 2]> = LazyLock::new(|| {
    let sent = |(rt, stored): &(&'static ResourceType, Vec<Object>)| {
        (*rt, stored.iter().map(|stored| represent(rt, stored)).collect())
    };
    STORED.each_ref().map(sent)
});

/// What POST makes of a body.
pub fn create(
    rt: &ResourceType,
    body: Value,
    reading: Reading,
) -> Result<validate::Written, Error> {
    let mut notes = Notes::default();
    let body = dialect::read_resource(rt, body, reading, &mut notes)?;
    Ok(validate::create(rt, body, reading, &mut notes)?)
}

/// What PUT makes of a body.
pub fn replace(
    rt: &ResourceType,
    stored: &Object,
    body: Value,
    reading: Reading,
) -> Result<validate::Written, Error> {
    let mut notes = Notes::default();
    let body = dialect::read_resource(rt, body, reading, &mut notes)?;
    Ok(validate::replace(rt, stored, body, reading, &mut notes)?)
}

/// The resource as it is sent, with two members or groups.
pub fn represent(rt: &ResourceType, stored: &Object) -> Object {
    let references = [("r-1", ReferenceType::User), ("r-2", ReferenceType::Group)];
    let references = references.map(|(id, resource_type)| Reference {
        id: id.into(),
        display: format!("the {id}"),
        resource_type,
    });
    let document = Value::Object(stored.clone()).to_string();
    let representation = Representation {
        resource_type: &rt.name,
        endpoint: &rt.endpoint,
        base_url: BASE_URL,
        id: "id-1",
        version: 3,
        created_at: 1_790_000_000_000_000,
        last_modified_at: 1_790_000_001_500_000,
        document: &document,
        manager: None,
        references: Some(&references),
    };
    representation.object().expect("a document of ours is an object")
}

/// A body as the server reads it.
pub fn read_json(bytes: &[u8]) -> Option<Value> {
    match json::parse(bytes, &Limits::default()) {
        Ok(value) => Some(value),
        Err(error) => {
            check_refusal(&error.into());
            None
        }
    }
}

/// A refusal blames the client and says why, in bounded words.
pub fn check_refusal(error: &Error) {
    assert!(matches!(error.status, 400 | 413), "{error}");
    assert_eq!(error.status == 400, error.scim_type.is_some(), "{error}");
    assert!((10..=Error::MAX_DETAIL).contains(&error.detail.len()), "{error}");
}

/// What holds of every resource that may be stored.
pub fn check_stored(rt: &ResourceType, resource: &Object, reading: Reading) {
    let text = Value::Object(resource.clone()).to_string();
    let normal = validate::normal_form(rt, resource.clone());
    assert_eq!(Value::Object(normal).to_string(), text, "the stored form is stable");
    assert_eq!(validate::check_resource(rt, resource), Ok(()), "{text}");
    for computed in ["id", "meta", "groups", "members", "password"] {
        assert!(!resource.contains_key(computed), "{text}");
    }
    check_values(&Value::Object(resource.clone()));
    for (name, value) in resource {
        let attribute = rt.attribute(name);
        if let Some(attribute) = attribute.filter(|attribute| attribute.multi_valued) {
            let elements = value.as_array().unwrap_or_else(|| panic!("`{name}` in {text}"));
            let primary = elements.iter().filter(|element| element["primary"] == true);
            assert!(primary.count() < 2, "one primary in `{}` of {text}", attribute.name);
        }
    }
    // Sent back as it was read, nothing changes (S-223).
    let sent = Value::Object(represent(rt, resource));
    match replace(rt, resource, sent, reading) {
        Ok(put) => {
            assert_eq!(Value::Object(put.resource).to_string(), text, "put back as it was read");
        }
        // What came while the directory was tolerant may be refused now.
        Err(error) => {
            assert_eq!(reading, Reading::Strict, "what is stored can be put: {error}");
            check_refusal(&error);
        }
    }
}

/// Nothing empty anywhere, and no U+0000.
fn check_values(value: &Value) {
    match value {
        Value::Null => panic!("a stored null"),
        Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => assert!(!text.is_empty() && !text.contains('\0'), "{text:?}"),
        Value::Array(elements) => {
            assert!(!elements.is_empty(), "a stored empty list");
            elements.iter().for_each(check_values);
        }
        Value::Object(object) => {
            assert!(!object.is_empty(), "a stored empty object");
            object.values().for_each(check_values);
        }
    }
}
