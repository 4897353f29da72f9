//! The bodies of Entra's PATCH requests, in both grammars, and the case that each shape belongs to.

use serde_json::{Map, Value, json};

use crate::audit::{ACTIVE, MANAGER, USER_NAME};
use crate::target::{PATCH_OP, Target};

use super::attributes::EXTERNAL_ID;

/// Which shapes a job sends. Nothing but the body's own shape tells the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Capitalised operations with paths, booleans as strings.
    Old,
    /// Those of `aadOptscim062020`: one path-less dictionary for all that has no value filter.
    Flag,
}

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub target: Target,
    pub value: Value,
    /// Nothing was there in the last read, so it is an `Add`.
    pub absent: bool,
}

/// The case that a changed value's shape belongs to.
pub fn case(change: &Change, grammar: Grammar) -> &'static str {
    match (change.target, grammar) {
        (ACTIVE, Grammar::Old) => "E-35",
        (ACTIVE, Grammar::Flag) => "E-36",
        (USER_NAME, _) => "E-57",
        (EXTERNAL_ID, _) => "E-58",
        (Target::Typed("addresses", ..), _) => "E-47",
        (Target::Typed(..), _) if change.absent => "E-44",
        (Target::Typed(..), _) => "E-46",
        (_, Grammar::Old) => "E-39",
        (_, Grammar::Flag) if change.absent => "E-41",
        (_, Grammar::Flag) => "E-40",
    }
}

/// The case of a value that changed although no operation named it.
pub fn bystander(target: Target, grammar: Grammar) -> &'static str {
    match (target, grammar) {
        (Target::Typed(..), _) => "E-46",
        (_, Grammar::Old) => "E-39",
        (_, Grammar::Flag) => "E-40",
    }
}

fn message(operations: Vec<Value>) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

/// The update of a user. `place` picks among the shapes that occur for the same change.
pub fn user(changes: &[Change], grammar: Grammar, place: usize) -> Value {
    match grammar {
        Grammar::Old => {
            let operation = |change: &Change| {
                // `Add` on `active` has been seen for people who leave.
                let add = change.absent || change.target == ACTIVE && place % 4 == 1;
                let value = match change.value.as_bool() {
                    Some(true) => json!("True"),
                    Some(false) => json!("False"),
                    None => change.value.clone(),
                };
                let op = if add { "Add" } else { "Replace" };
                json!({"op": op, "path": change.target.to_string(), "value": value})
            };
            message(changes.iter().map(operation).collect())
        }
        Grammar::Flag => {
            let mut operations = Vec::new();
            let (mut added, mut replaced) = (Map::new(), Map::new());
            for Change { target, value, absent } in changes {
                let alone = match target {
                    Target::Typed(..) => true,
                    &ACTIVE => place % 4 != 1,
                    _ => false,
                };
                let op = if *absent { "add" } else { "replace" };
                if alone {
                    operations.push(json!({"op": op, "path": target.to_string(), "value": value}));
                } else if *absent {
                    added.insert(target.to_string(), value.clone());
                } else {
                    replaced.insert(target.to_string(), value.clone());
                }
            }
            for (op, dictionary) in [("add", added), ("replace", replaced)] {
                if !dictionary.is_empty() {
                    operations.push(json!({"op": op, "value": dictionary}));
                }
            }
            message(operations)
        }
    }
}

pub fn group(changes: &[Change], grammar: Grammar) -> Value {
    user(changes, grammar, 0)
}

/// A shape in which a manager has been seen (`E-65`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The id at the extension's path.
    Text,
    /// A list of one with a reference, at the bare name.
    Array,
    /// An object at the extension's path.
    Object,
    /// The id at the path of `value`.
    Value,
    /// No path, and the extension's path as a key.
    Dictionary,
}

impl Shape {
    /// Those of a grammar in turn.
    pub fn of(grammar: Grammar, place: usize) -> Self {
        match (grammar, place % 3) {
            (Grammar::Old, 1) => Shape::Array,
            (Grammar::Old, 2) => Shape::Value,
            (Grammar::Flag, 1) => Shape::Object,
            (Grammar::Flag, 2) => Shape::Dictionary,
            _ => Shape::Text,
        }
    }
}

/// Sets a manager; `reference` is their URL.
pub fn manager(id: &str, reference: &str, absent: bool, grammar: Grammar, shape: Shape) -> Value {
    let path = MANAGER.to_string();
    let word = |old: &'static str, flag: &'static str| match grammar {
        Grammar::Old => old,
        Grammar::Flag => flag,
    };
    let (add, replace) = (word("Add", "add"), word("Replace", "replace"));
    let operation = match shape {
        Shape::Text => {
            let op = if absent { add } else { replace };
            json!({"op": op, "path": path, "value": id})
        }
        Shape::Array => {
            json!({"op": add, "path": "manager", "value": [{"$ref": reference, "value": id}]})
        }
        Shape::Object => json!({"op": replace, "path": path, "value": {"value": id}}),
        Shape::Value => json!({"op": replace, "path": format!("{path}.value"), "value": id}),
        Shape::Dictionary => {
            let mut dictionary = Map::new();
            dictionary.insert(path, id.into());
            json!({"op": add, "value": dictionary})
        }
    };
    message(vec![operation])
}

/// Members who come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Add,
    Remove,
}

impl Membership {
    pub fn case(self, grammar: Grammar) -> &'static str {
        match (self, grammar) {
            (Membership::Add, _) => "E-77",
            (Membership::Remove, Grammar::Old) => "E-80",
            (Membership::Remove, Grammar::Flag) => "E-81",
        }
    }
}

pub fn members(change: Membership, ids: &[String], grammar: Grammar) -> Value {
    let values: Vec<Value> = ids.iter().map(|id| json!({"$ref": null, "value": id})).collect();
    match (change, grammar) {
        (Membership::Add, Grammar::Old) => {
            message(vec![json!({"op": "Add", "path": "members", "value": values})])
        }
        (Membership::Remove, Grammar::Old) => {
            message(vec![json!({"op": "Remove", "path": "members", "value": values})])
        }
        (Membership::Add, Grammar::Flag) => {
            message(vec![json!({"op": "add", "path": "members", "value": values})])
        }
        (Membership::Remove, Grammar::Flag) => {
            let path = |id: &String| format!("members[value eq {}]", Value::from(id.as_str()));
            let operation = |id| json!({"op": "remove", "path": path(id)});
            message(ids.iter().map(operation).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn operations(body: Value) -> Value {
        assert_eq!(body["schemas"], json!([PATCH_OP]));
        body["Operations"].clone()
    }

    fn changes() -> Vec<Change> {
        [
            (ACTIVE, json!(false), false),
            (Target::Sub("name", "familyName"), json!("Lie"), false),
            (Target::Typed("emails", "work", "value"), json!("m@x.example"), true),
            (Target::Enterprise("costCenter"), json!("CC-88"), true),
        ]
        .map(|(target, value, absent)| Change { target, value, absent })
        .to_vec()
    }

    #[test]
    fn old_grammar() {
        assert_eq!(
            operations(user(&changes(), Grammar::Old, 0)),
            json!([
                {"op": "Replace", "path": "active", "value": "False"},
                {"op": "Replace", "path": "name.familyName", "value": "Lie"},
                {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "m@x.example"},
                {"op": "Add", "path": format!("{URN}:costCenter"), "value": "CC-88"},
            ])
        );
        assert_eq!(
            operations(members(Membership::Remove, &["7".to_owned()], Grammar::Old)),
            json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "7"}]}])
        );
    }

    #[test]
    fn flag_grammar() {
        assert_eq!(
            operations(user(&changes(), Grammar::Flag, 0)),
            json!([
                {"op": "replace", "path": "active", "value": false},
                {"op": "add", "path": "emails[type eq \"work\"].value", "value": "m@x.example"},
                {"op": "add", "value": {format!("{URN}:costCenter"): "CC-88"}},
                {"op": "replace", "value": {"name.familyName": "Lie"}},
            ])
        );
        assert_eq!(
            operations(members(Membership::Remove, &["7".to_owned()], Grammar::Flag)),
            json!([{"op": "remove", "path": "members[value eq \"7\"]"}])
        );
    }

    #[test]
    fn shapes_of_the_manager() {
        let shape = |grammar, place| {
            let shape = Shape::of(grammar, place);
            operations(manager("7", "https://x/7", true, grammar, shape))
        };
        let path = format!("{URN}:manager");
        for (grammar, place, expected) in [
            (Grammar::Old, 0, json!([{"op": "Add", "path": path, "value": "7"}])),
            (
                Grammar::Old,
                1,
                json!([{"op": "Add", "path": "manager", "value": [{"$ref": "https://x/7", "value": "7"}]}]),
            ),
            (
                Grammar::Old,
                2,
                json!([{"op": "Replace", "path": format!("{path}.value"), "value": "7"}]),
            ),
            (Grammar::Flag, 0, json!([{"op": "add", "path": path, "value": "7"}])),
            (Grammar::Flag, 1, json!([{"op": "replace", "path": path, "value": {"value": "7"}}])),
            (Grammar::Flag, 2, json!([{"op": "add", "value": {path.as_str(): "7"}}])),
        ] {
            assert_eq!(shape(grammar, place), expected);
        }
    }
}
