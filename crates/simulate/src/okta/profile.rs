//! Okta's default attribute mapping.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::audit::{ACTIVE, DISPLAY_NAME, USER_NAME};
use crate::directory::{Directory, Person};
use crate::target::{CORE_USER, ENTERPRISE, Target};

pub const EXTERNAL_ID: Target = Target::Plain("externalId");
pub const MAIL: Target = Target::Primary("emails", "value");
pub const PHONE: Target = Target::Primary("phoneNumbers", "value");

/// What is mapped for a person and must be held. `null` stands for a value that Okta empties.
pub fn mapped(source: &Directory, place: usize) -> BTreeMap<Target, Value> {
    let person = &source.people[place];
    let phone = match person.phone.as_str() {
        "" => Value::Null,
        phone => phone.into(),
    };
    let mut values = BTreeMap::from([
        (USER_NAME, person.clean_user_name().into()),
        (Target::Sub("name", "givenName"), person.given.clone().into()),
        (Target::Sub("name", "familyName"), person.family.clone().into()),
        (DISPLAY_NAME, person.display_name().into()),
        (Target::Plain("title"), person.title.clone().into()),
        (Target::Plain("locale"), person.language.clone().into()),
        (MAIL, person.mail.clone().into()),
        (Target::Primary("emails", "type"), "work".into()),
        (PHONE, phone),
        (EXTERNAL_ID, person.okta_id.clone().into()),
        (Target::Enterprise("department"), person.department.clone().into()),
        (Target::Enterprise("employeeNumber"), person.employee_number.clone().into()),
    ]);
    if !person.phone.is_empty() {
        values.insert(Target::Primary("phoneNumbers", "type"), "work".into());
    }
    if person.mail.is_empty() {
        values.insert(MAIL, Value::Null);
        values.remove(&Target::Primary("emails", "type"));
    }
    values
}

/// O-32: a manager by name alone, which the server may keep or drop (RFC 7643 §4.3: the name is read-only).
fn name_manager(body: &mut Value, source: &Directory, place: usize) {
    let manager = source.people[place].manager.and_then(|place| source.people.get(place));
    if let Some(manager) = manager {
        let target = Target::EnterpriseSub("manager", "displayName");
        target.write(body, manager.display_name().into());
    }
}

/// A new user: always active, with a throw-away password and no groups (`O-28`, `O-29`). Some profiles have blanks
/// where the mapping found nothing (`O-33`).
pub fn creation(source: &Directory, place: usize) -> Value {
    let mut body = json!({
        "schemas": [CORE_USER, ENTERPRISE],
        "userName": null,
        "name": {},
        "emails": [{"primary": true}],
        "groups": [],
        "password": password(place),
    });
    for (target, value) in mapped(source, place) {
        if !value.is_null() {
            target.write(&mut body, value);
        }
    }
    name_manager(&mut body, source, place);
    ACTIVE.write(&mut body, true.into());
    if place % 9 == 4 {
        body["nickName"] = "".into();
        body["addresses"] = json!([{"primary": true, "type": ""}]);
    }
    body
}

/// Writes the mapped values into the document that the server returned, as blanks where they are emptied.
pub fn merge(mut body: Value, source: &Directory, place: usize) -> Value {
    for (target, value) in mapped(source, place) {
        let value = if value.is_null() { json!("") } else { value };
        target.write(&mut body, value);
    }
    name_manager(&mut body, source, place);
    body
}

/// Random-looking, and never to be seen again.
pub fn password(place: usize) -> String {
    format!("x8Qd{:04x}Lm!", place.wrapping_mul(40_503) & 0xffff)
}

/// Nobody's profile: the person's own name is all that the product knew before Okta.
pub fn homegrown(person: &Person) -> Value {
    json!({
        "schemas": [CORE_USER],
        "userName": person.clean_user_name(),
        "name": {"givenName": person.given, "familyName": person.family},
        "emails": [{"primary": true, "type": "work", "value": person.mail}],
        "active": true,
    })
}
