//! App roles, by the three expressions that an administrator can map to `roles` (`E-48`, `E-69`, `E-70`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::directory::Person;

/// The expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    None,
    /// `SingleAppRoleAssignment`: one role, the primary one.
    Single,
    /// `AppRoleAssignmentsComplex`: roles are added and never taken away, each as a JSON text.
    Complex,
    /// `AssertiveAppRoleAssignmentsComplex`: the whole list.
    Assertive,
}

const NAMES: [&str; 3] = ["reader", "editor", "reviewer"];

/// The roles that a person is assigned to; they follow the department.
fn of_person(person: &Person, roles: Roles) -> Vec<&'static str> {
    let first = person.department.len() % NAMES.len();
    match roles {
        Roles::None => Vec::new(),
        Roles::Single => vec![NAMES[first]],
        Roles::Complex | Roles::Assertive => vec![NAMES[first], NAMES[(first + 1) % NAMES.len()]],
    }
}

fn held(body: &Value) -> BTreeSet<String> {
    let roles = body["roles"].as_array().into_iter().flatten();
    roles.filter_map(|role| role["value"].as_str()).map(str::to_owned).collect()
}

fn primary(body: &Value) -> Option<&str> {
    let mut roles = body["roles"].as_array()?.iter();
    roles.find(|role| role["primary"] == true)?["value"].as_str()
}

impl Roles {
    /// `roles` in a new user's body.
    pub fn creation(self, person: &Person) -> Value {
        let item = |role: &&str| match self {
            Roles::Single => {
                json!({"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": role})
            }
            _ => json!({"primary": false, "display": role, "value": role}),
        };
        of_person(person, self).iter().map(item).collect()
    }

    /// What has to be written over the body that was just read.
    pub fn operation(self, person: &Person, body: &Value) -> Option<Value> {
        let wanted = of_person(person, self);
        let held = held(body);
        match self {
            Roles::None => None,
            Roles::Single => {
                let now = primary(body);
                let op = if now.is_some() { "Replace" } else { "Add" };
                let path = "roles[primary eq \"True\"].value";
                (now != wanted.first().copied())
                    .then(|| json!({"op": op, "path": path, "value": wanted[0]}))
            }
            Roles::Complex => {
                let text = |role: &&str| {
                    let role = json!({"id": role, "value": role, "displayName": role});
                    json!({"value": role.to_string()})
                };
                let missing = wanted.iter().filter(|role| !held.contains(**role));
                let missing: Vec<Value> = missing.map(text).collect();
                (!missing.is_empty())
                    .then(|| json!({"op": "Add", "path": "roles", "value": missing}))
            }
            Roles::Assertive => {
                let same = held
                    .iter()
                    .map(String::as_str)
                    .eq(wanted.iter().copied().collect::<BTreeSet<_>>());
                (!same).then(
                    || json!({"op": "replace", "path": "roles", "value": self.creation(person)}),
                )
            }
        }
    }

    /// The case of a role that is not held as it was written.
    pub fn case(self) -> &'static str {
        match self {
            Roles::None | Roles::Single => "E-48",
            Roles::Complex => "E-69",
            Roles::Assertive => "E-70",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;

    #[test]
    fn nothing_is_written_twice() {
        let person = Directory::new(1, 1, 0).people.remove(0);
        for roles in [Roles::None, Roles::Single, Roles::Complex, Roles::Assertive] {
            let created = roles.creation(&person);
            let body = match roles {
                Roles::Single => {
                    json!({"roles": [{"primary": true, "value": created[0]["value"]}]})
                }
                _ => json!({"roles": created}),
            };
            assert_eq!(roles.operation(&person, &body), None, "{roles:?}");
            let operation = roles.operation(&person, &json!({}));
            assert_eq!(operation.is_some(), roles != Roles::None);
        }
        let other = json!({"roles": [{"value": "somebody-elses"}]});
        let operation = Roles::Complex.operation(&person, &other).expect("two are missing");
        let role = operation["value"][0]["value"].as_str().expect("it is a text");
        assert!(role.starts_with("{\"id\":"), "{role}");
    }
}
