//! The attribute mapping of the generic SCIM application.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::audit::{ACTIVE, USER_NAME};
use crate::directory::{Bin, Group, Person};
use crate::target::{CORE_GROUP, CORE_USER, ENTERPRISE, Target};

pub const WORK_MAIL: Target = Target::Typed("emails", "work", "value");
pub const EXTERNAL_ID: Target = Target::Plain("externalId");

/// What an administrator can change about the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub external_id: ExternalId,
    /// What users are looked for by, one after the other; there is at least one.
    pub users: Vec<Match>,
    pub groups: Match,
    /// Whether a person in the recycle bin gets the tombstone's name.
    pub tombstone: bool,
    pub tombstone_order: TombstoneOrder,
}

/// How a person in the recycle bin gets the tombstone's name and is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TombstoneOrder {
    /// In one request.
    Together,
    NameFirst,
    ActiveFirst,
}

/// The source of a user's `externalId` (`E-58`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalId {
    MailNickname,
    ObjectId,
}

/// What an object without a link is looked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// `userName` for users, `displayName` for groups.
    Name,
    ExternalId,
    WorkEmail,
    EmployeeNumber,
}

impl Match {
    pub fn user_target(self) -> Target {
        match self {
            Match::Name => USER_NAME,
            Match::ExternalId => EXTERNAL_ID,
            Match::WorkEmail => WORK_MAIL,
            Match::EmployeeNumber => Target::Enterprise("employeeNumber"),
        }
    }

    pub fn group_attribute(self) -> &'static str {
        match self {
            Match::ExternalId => "externalId",
            Match::Name | Match::WorkEmail | Match::EmployeeNumber => "displayName",
        }
    }

    /// The case of a probe for it.
    pub fn probe_case(self) -> &'static str {
        if self == Match::Name { "E-01" } else { "E-03" }
    }
}

/// All that is mapped for a person in scope. A source value that is empty is not there: it is never flowed (`E-52`).
pub fn of_person(person: &Person, mapping: &Mapping) -> BTreeMap<Target, Value> {
    let external_id = match mapping.external_id {
        ExternalId::MailNickname => &person.login,
        ExternalId::ObjectId => &person.object_id,
    };
    let work = |sub| Target::Typed("addresses", "work", sub);
    let phone = |kind| Target::Typed("phoneNumbers", kind, "value");
    let mut values = BTreeMap::from([
        (USER_NAME, person.user_name().into()),
        (ACTIVE, true.into()),
        (Target::Plain("displayName"), person.display_name().into()),
        (Target::Plain("title"), person.title.clone().into()),
        (WORK_MAIL, person.mail.clone().into()),
        (Target::Plain("preferredLanguage"), person.language.clone().into()),
        (Target::Sub("name", "givenName"), person.given.clone().into()),
        (Target::Sub("name", "familyName"), person.family.clone().into()),
        (Target::Sub("name", "formatted"), person.display_name().into()),
        (work("formatted"), person.office.clone().into()),
        (work("streetAddress"), person.street.clone().into()),
        (work("locality"), person.city.clone().into()),
        (work("region"), person.region.clone().into()),
        (work("postalCode"), person.postal_code.clone().into()),
        (work("country"), person.country.clone().into()),
        (phone("work"), person.phone.clone().into()),
        (EXTERNAL_ID, external_id.clone().into()),
        (Target::Enterprise("employeeNumber"), person.employee_number.clone().into()),
        (Target::Enterprise("department"), person.department.clone().into()),
    ]);
    if person.mail.is_empty() {
        values.remove(&WORK_MAIL);
    }
    for (kind, number) in [("mobile", &person.mobile), ("fax", &person.fax)] {
        if let Some(number) = number {
            values.insert(phone(kind), number.clone().into());
        }
    }
    values
}

/// What a person's account should be. Out of scope only `active` is flowed, and from the recycle bin the tombstone's
/// name with it.
pub fn wanted(person: &Person, mapping: &Mapping) -> BTreeMap<Target, Value> {
    match person.bin {
        Bin::In | Bin::Purged if mapping.tombstone => {
            BTreeMap::from([(ACTIVE, false.into()), (USER_NAME, person.user_name().into())])
        }
        Bin::In | Bin::Purged => BTreeMap::from([(ACTIVE, false.into())]),
        Bin::Out if !person.in_scope() => BTreeMap::from([(ACTIVE, false.into())]),
        Bin::Out => of_person(person, mapping),
    }
}

pub fn of_group(group: &Group) -> BTreeMap<Target, Value> {
    BTreeMap::from([
        (Target::Plain("displayName"), group.name.clone().into()),
        (EXTERNAL_ID, group.object_id.clone().into()),
    ])
}

/// A new user's body and the case that its shape belongs to. All shapes have been seen; which one a person gets
/// depends on nothing but their place.
pub fn creation(values: &BTreeMap<Target, Value>, place: usize) -> (Value, &'static str) {
    let mut body = json!({
        "schemas": [CORE_USER, ENTERPRISE],
        "emails": [{"primary": true, "type": "work"}],
        "meta": {"resourceType": "User"},
        "roles": [],
    });
    for (target, value) in values {
        target.write(&mut body, value.clone());
    }
    match place % 8 {
        // Nulls mean absent; names that the core schema does not have are passed over.
        1 => {
            for name in ["nickName", "locale", "department", "manager"] {
                body[name] = Value::Null;
            }
            (body, "E-18")
        }
        // Mappings by expression yield strings.
        3 => {
            body["active"] = "True".into();
            body["emails"][0]["primary"] = "True".into();
            (body, "E-22")
        }
        _ => (body, "E-17"),
    }
}

/// A new group: no members yet, and a schema that only Microsoft knows (`E-75`).
pub fn group_creation(group: &Group) -> Value {
    json!({
        "schemas": [CORE_GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": group.object_id,
        "displayName": group.name,
        "meta": {"resourceType": "Group"},
    })
}
