//! One line per case: what a client sends, what the standard says instead, and the notes.
//!
//! `ENT` stands for the URI of the enterprise extension, `LAB` for that of a declared custom one.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{Client, Reading, read_filter, read_patch, read_resource};
use crate::{
    Error, Notes,
    patch::{self, Op, PatchRequest},
    schema::{Attribute, AttributeType, Extension, ResourceType, Schema, group_type, user_type},
    urn,
};

const LAB: &str = "urn:ietf:params:scim:schemas:extension:northlab:2.0:User";

fn users() -> ResourceType {
    let like = |name: &str, attribute_type, multi_valued| Attribute {
        name: name.into(),
        attribute_type,
        multi_valued,
        ..user_type(Vec::new()).attribute("title").expect("a user has a title").clone()
    };
    let schema = Schema {
        id: LAB.into(),
        name: "Northlab".into(),
        description: String::new(),
        attributes: vec![
            like("floor", AttributeType::Integer, false),
            like("height", AttributeType::Decimal, false),
            like("onSite", AttributeType::Boolean, false),
            like("badges", AttributeType::String, true),
        ],
    };
    user_type(vec![Extension { schema: Arc::new(schema), required: false, learned: false }])
}

fn groups() -> ResourceType {
    group_type(Vec::new())
}

fn spelled_out(text: &str) -> String {
    text.replace("ENT", urn::ENTERPRISE_USER).replace("LAB", LAB)
}

fn json(case: &str, text: &str) -> Value {
    let text = spelled_out(text);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{case}: {error} in {text}"))
}

/// The operations of a request in the standard's JSON.
fn printed(request: &PatchRequest) -> Value {
    let operations = request.operations.iter().map(|operation| {
        let op = match operation.op {
            Op::Add => "add",
            Op::Remove => "remove",
            Op::Replace => "replace",
        };
        let mut object = json!({"op": op});
        if let Some(path) = &operation.path {
            object["path"] = path.to_string().into();
        }
        if let Some(value) = &operation.value {
            object["value"] = value.clone();
        }
        object
    });
    operations.collect()
}

type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// `cases` hold the operations alone.
fn check_patches(rt: &ResourceType, cases: &[Case]) {
    for (case, operations, expected, expected_notes) in cases {
        let operations = json(case, &format!("[{operations}]"));
        let body = json!({"schemas": [urn::PATCH_OP], "Operations": operations});
        let mut notes = Notes::default();
        let request = read_patch(rt, body, Reading::Tolerant, &mut notes)
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(printed(&request), json(case, &format!("[{expected}]")), "{case}");
        check_notes(case, &notes, expected_notes);
    }
}

fn check_resources(rt: &ResourceType, cases: &[Case]) {
    for (case, body, expected, expected_notes) in cases {
        let mut notes = Notes::default();
        let body = json(case, body);
        let resource = read_resource(rt, body, Reading::Tolerant, &mut notes)
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        check_notes(case, &notes, expected_notes);
        let expected = json(case, expected);
        assert_eq!(Value::Object(resource), expected, "{case}");

        // What comes out is the standard's: there is nothing left to rewrite.
        let mut notes = Notes::default();
        let again = read_resource(rt, expected.clone(), Reading::Tolerant, &mut notes);
        assert_eq!(again.map(Value::Object), Ok(expected), "{case}, again");
        check_notes(case, &notes, &[]);
    }
}

fn check_notes(case: &str, notes: &Notes, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|note| spelled_out(note)).collect();
    assert_eq!(notes.as_slice(), expected, "{case}");
}

fn patch_error(rt: &ResourceType, body: Value, reading: Reading) -> Error {
    match read_patch(rt, body.clone(), reading, &mut Notes::default()) {
        Ok(request) => panic!("{body} was read as {}", printed(&request)),
        Err(error) => error,
    }
}

/// S-067, S-074, S-075, S-106, S-239, S-348, E-17, E-18, E-19, E-20, E-21, E-22, E-23, E-69, E-144,
/// O-29, O-32, O-33, O-39, O-43, X-03, X-04, X-05.
#[test]
fn users_are_read_in_the_shapes_their_clients_send() {
    check_resources(
        &users(),
        &[
            (
                "E-17",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"externalId":"mira","userName":"mira@northlab.example","active":true,"emails":[{"primary":true,"type":"work","value":"mira@northlab.example"}],"meta":{"resourceType":"User"},"roles":[],"ENT":{"employeeNumber":"4471"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"externalId":"mira","userName":"mira@northlab.example","active":true,"emails":[{"primary":true,"type":"work","value":"mira@northlab.example"}],"meta":{"resourceType":"User"},"roles":[],"ENT":{"employeeNumber":"4471"}}"#,
                &[],
            ),
            (
                "E-18",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"title":null,"emails":[{"type":"work","value":null}],"department":null,"manager":null}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"title":null,"emails":[{"type":"work","value":null}],"ENT":{"department":null,"manager":null}}"#,
                &[
                    "key `department` read as `ENT:department`",
                    "key `manager` read as `ENT:manager`",
                    "`ENT` read as if it were listed in `schemas`",
                ],
            ),
            (
                "E-19",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],"urn:ietf:params:scim:schemas:extension:enterprise:2.0User":{"department":"Field"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"department":"Field"}}"#,
                &[
                    "`urn:ietf:params:scim:schemas:extension:enterprise:2.0User` read as `ENT`",
                    "`urn:ietf:params:scim:schemas:extension:enterprise:2.0User` in `schemas` read as `ENT`",
                ],
            ),
            (
                "E-20",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"userName":"m"}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"userName":"m"}"#,
                &[],
            ),
            (
                "E-21, undeclared",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"urn:example:2.0:User":{"badgeColour":"green"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:example:2.0:User"],"urn:example:2.0:User":{"badgeColour":"green"}}"#,
                &["`urn:example:2.0:User` read as if it were listed in `schemas`"],
            ),
            (
                "E-22",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"active":"True","emails":[{"primary":"True","value":"a@b.example"}],"roles":[{"primary":"fAlse","value":"x"}]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"active":true,"emails":[{"primary":true,"value":"a@b.example"}],"roles":[{"primary":false,"value":"x"}]}"#,
                &[
                    "string `True` read as a boolean at `active`",
                    "string `True` read as a boolean at `emails.primary`",
                    "string `fAlse` read as a boolean at `roles.primary`",
                ],
            ),
            (
                "S-067, no boolean",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"active":"yes","emails":[{"primary":1}]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"active":"yes","emails":[{"primary":1}]}"#,
                &[],
            ),
            (
                "E-23, S-106",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":"a90c2d8e"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":{"value":"a90c2d8e"}}}"#,
                &["bare value read as an object with that `value` at `ENT:manager`"],
            ),
            (
                "S-106, array",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":[{"$ref":"https://x.example/Users/a90c","value":"a90c"}]}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":{"$ref":"https://x.example/Users/a90c","value":"a90c"}}}"#,
                &["array of one read as a single value at `ENT:manager`"],
            ),
            (
                "S-106, empty",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":"","department":"Field"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":null,"department":"Field"}}"#,
                &["empty string read as no value at `ENT:manager`"],
            ),
            (
                "O-43",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"title":"","emails":[],"ENT":{"manager":{"value":null}}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"title":"","emails":[],"ENT":{"manager":null}}"#,
                &["blank `manager.value` read as no manager"],
            ),
            (
                "O-32",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":{"displayName":"Tomasz Lind"}}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"manager":{"displayName":"Tomasz Lind"}}}"#,
                &[],
            ),
            (
                "O-29, O-33, O-39: nothing to rewrite",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"0d9c","groups":[],"title":"","phoneNumbers":[{"primary":true,"type":""}],"meta":{"version":3}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"0d9c","groups":[],"title":"","phoneNumbers":[{"primary":true,"type":""}],"meta":{"version":3}}"#,
                &[],
            ),
            (
                "S-075",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":701984,"title":true,"phoneNumbers":[{"value":4790000111}]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"701984","title":"true","phoneNumbers":[{"value":"4790000111"}]}"#,
                &[
                    "number read as a string at `externalId`",
                    "boolean read as a string at `title`",
                    "number read as a string at `phoneNumbers.value`",
                ],
            ),
            (
                "S-348, custom types",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","LAB"],"LAB":{"floor":"3","height":"1.80","onSite":"TRUE","badges":"blue"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","LAB"],"LAB":{"floor":3,"height":1.80,"onSite":true,"badges":["blue"]}}"#,
                &[
                    "string read as a number at `LAB:floor`",
                    "string read as a number at `LAB:height`",
                    "string `TRUE` read as a boolean at `LAB:onSite`",
                    "single value read as an array of one at `LAB:badges`",
                ],
            ),
            (
                "S-348, blank and unfit custom values",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","LAB"],"LAB":{"floor":"3.5","height":"","onSite":"","badges":""}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","LAB"],"LAB":{"floor":"3.5","height":null,"onSite":null,"badges":null}}"#,
                &[
                    "empty string read as no value at `LAB:height`",
                    "empty string read as no value at `LAB:onSite`",
                    "empty string read as no value at `LAB:badges`",
                ],
            ),
            (
                "X-03",
                r#"{"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"urn:scim:schemas:extension:enterprise:2.0":{"department":"Field"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"department":"Field"}}"#,
                &[
                    "`urn:scim:schemas:extension:enterprise:2.0` read as `ENT`",
                    "`urn:scim:schemas:core:2.0` in `schemas` read as `urn:ietf:params:scim:schemas:core:2.0:User`",
                    "`urn:scim:schemas:extension:enterprise:2.0` in `schemas` read as `ENT`",
                ],
            ),
            (
                "X-03, 1.0",
                r#"{"schemas":["urn:scim:schemas:core:1.0","urn:scim:schemas:extension:enterprise:1.0:User"],"userName":"m"}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"userName":"m"}"#,
                &[
                    "`urn:scim:schemas:core:1.0` in `schemas` read as `urn:ietf:params:scim:schemas:core:2.0:User`",
                    "`urn:scim:schemas:extension:enterprise:1.0:User` in `schemas` read as `ENT`",
                ],
            ),
            (
                "X-03, one extension under two URIs",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"department":"Field"},"urn:scim:schemas:extension:enterprise:2.0":{"department":"Old","division":"West"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"department":"Field","division":"West"}}"#,
                &["`urn:scim:schemas:extension:enterprise:2.0` read as `ENT`"],
            ),
            (
                "X-04",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"emails":{"value":"ines@harborloop.test"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"emails":[{"value":"ines@harborloop.test"}]}"#,
                &["single value read as an array of one at `emails`"],
            ),
            (
                "X-04, bare",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"emails":["a@b.example","c@d.example",""]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"emails":[{"value":"a@b.example"},{"value":"c@d.example"}]}"#,
                &[
                    "bare value read as an object with that `value` at `emails`",
                    "empty string read as no value at `emails`",
                ],
            ),
            (
                "X-05",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":null,"meta":{},"active":"true","ENT":{"manager":{"managerId":"x"}}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"id":null,"meta":{},"active":true,"ENT":{"manager":{"managerId":"x"}}}"#,
                &[
                    "string `true` read as a boolean at `active`",
                    "`ENT` read as if it were listed in `schemas`",
                ],
            ),
            (
                "S-348, no schemas",
                r#"{"userName":"m"}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"m"}"#,
                &[
                    "`schemas` without a core schema read as `urn:ietf:params:scim:schemas:core:2.0:User`",
                ],
            ),
            (
                "another type's schema is no slip",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"userName":"m"}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"userName":"m"}"#,
                &[],
            ),
            (
                "S-074",
                r#"{"schemas":"urn:ietf:params:scim:schemas:core:2.0:User","name":[{"givenName":["Mira"]}],"ENT":[{"department":"Field"}]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"name":{"givenName":"Mira"},"ENT":{"department":"Field"}}"#,
                &[
                    "single value read as an array of one at `schemas`",
                    "array of one read as a single value at `name`",
                    "array of one read as a single value at `name.givenName`",
                    "array of one read as a single value at `ENT`",
                    "`ENT` read as if it were listed in `schemas`",
                ],
            ),
            (
                "E-144, keys that are paths",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"name.givenName":"Mira","name":{"familyName":"Okafor"},"ENT:department":"Field","ENT:manager":"a90c","urn:ietf:params:scim:schemas:core:2.0:User:title":"Lead"}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"name":{"familyName":"Okafor","givenName":"Mira"},"ENT":{"department":"Field","manager":{"value":"a90c"}},"title":"Lead"}"#,
                &[
                    "bare value read as an object with that `value` at `ENT:manager`",
                    "key `urn:ietf:params:scim:schemas:core:2.0:User:title` read as `title`",
                ],
            ),
            (
                "S-239, and the standard's place wins",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT.employeeNumber":1,"department":"Old","ENT":{"department":"New"}}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"ENT":{"department":"New","employeeNumber":"1"}}"#,
                &[
                    "number read as a string at `ENT:employeeNumber`",
                    "key `ENT.employeeNumber` read as `ENT:employeeNumber`",
                    "key `department` read as `ENT:department`",
                ],
            ),
            (
                "undeclared attribute of an extension, and keys that have no place",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"urn:example:2.0:User:badge":"x","emails.value":"a@b.example","emails[type eq \"work\"].value":"a@b.example","name.nick":"x","frobs":1}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:example:2.0:User"],"frobs":1,"urn:example:2.0:User":{"badge":"x"},"emails.value":"a@b.example","emails[type eq \"work\"].value":"a@b.example","name.nick":"x"}"#,
                &["`urn:example:2.0:User` read as if it were listed in `schemas`"],
            ),
            (
                "E-69",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"roles":[{"value":"{\"id\":\"9d1c\",\"value\":\"reviewer\",\"displayName\":\"Reviewer\"}"},{"value":"{broken"},{"value":"{\"id\":\"x\"}"},{"value":"admin","displayName":"Admin"}]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"roles":[{"value":"reviewer","display":"Reviewer"},{"value":"{broken"},{"value":"{\"id\":\"x\"}"},{"value":"admin","display":"Admin"}]}"#,
                &[
                    "JSON text opened at `roles.value`",
                    "`displayName` read as `display` at `roles`",
                ],
            ),
        ],
    );
}

/// E-75, E-83, O-70.
#[test]
fn groups_are_read_in_the_shapes_their_clients_send() {
    check_resources(
        &groups(),
        &[
            (
                "E-75",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"e1b2","displayName":"Field Engineering"}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"e1b2","displayName":"Field Engineering"}"#,
                &[
                    "`http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group` in `schemas` passed over",
                ],
            ),
            (
                "E-83",
                r#"{"schemas":["urn:scim:schemas:core:1.0"],"displayName":"Dock Crew","members":["a","b"]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Dock Crew","members":[{"value":"a"},{"value":"b"}]}"#,
                &[
                    "bare value read as an object with that `value` at `members`",
                    "`urn:scim:schemas:core:1.0` in `schemas` read as `urn:ietf:params:scim:schemas:core:2.0:Group`",
                ],
            ),
            (
                "O-70: nothing to rewrite",
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"members":[{"value":"a","display":"ines"},{"$ref":null,"value":"b"}]}"#,
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"members":[{"value":"a","display":"ines"},{"$ref":null,"value":"b"}]}"#,
                &[],
            ),
        ],
    );
}

/// S-074, S-229, S-238, S-239, S-249, S-276, E-35, E-36, E-37, E-39, E-40, E-41, E-42, E-43, E-48,
/// E-49, E-51, E-53, E-54, E-55, E-56, E-59, E-61, E-65, E-66, E-69, O-48, O-57, X-03, X-43.
#[test]
fn operations_on_users() {
    check_patches(
        &users(),
        &[
            (
                "E-35",
                r#"{"op":"Replace","path":"active","value":"False"}"#,
                r#"{"op":"replace","path":"active","value":false}"#,
                &["string `False` read as a boolean at `active`"],
            ),
            (
                "E-35, Add",
                r#"{"op":"Add","path":"active","value":"FALSE"}"#,
                r#"{"op":"add","path":"active","value":false}"#,
                &["string `FALSE` read as a boolean at `active`"],
            ),
            (
                "E-35, array",
                r#"{"op":"Replace","path":"active","value":["False"]}"#,
                r#"{"op":"replace","path":"active","value":false}"#,
                &[
                    "array of one read as a single value at `active`",
                    "string `False` read as a boolean at `active`",
                ],
            ),
            (
                "E-35, value objects of the oldest grammar",
                r#"{"op":"Replace","path":"active","value":[{"$ref":null,"value":"False"}]}"#,
                r#"{"op":"replace","path":"active","value":false}"#,
                &[
                    "array of one read as a single value at `active`",
                    "object with a `value` read as that value at `active`",
                    "string `False` read as a boolean at `active`",
                ],
            ),
            (
                "E-36, O-48: the standard's own",
                r#"{"op":"replace","path":"active","value":false},{"op":"replace","value":{"active":false}}"#,
                r#"{"op":"replace","path":"active","value":false},{"op":"replace","value":{"active":false}}"#,
                &[],
            ),
            (
                "E-37",
                r#"{"op":"Replace","value":{"active":"False"}}"#,
                r#"{"op":"replace","value":{"active":false}}"#,
                &["string `False` read as a boolean at `active`"],
            ),
            (
                "E-39",
                r#"{"op":"Replace","path":"name.familyName","value":"Lie"},{"op":"Replace","path":"emails[type eq \"work\"].value","value":"m@n.example"},{"op":"Add","path":"ENT:costCenter","value":"CC-88"}"#,
                r#"{"op":"replace","path":"name.familyName","value":"Lie"},{"op":"replace","path":"emails[type eq \"work\"].value","value":"m@n.example"},{"op":"add","path":"ENT:costCenter","value":"CC-88"}"#,
                &[],
            ),
            (
                "E-40",
                r#"{"op":"replace","value":{"displayName":"Mira Lie","name.familyName":"Lie","ENT:employeeNumber":4472,"externalId":"mira.lie","title":"Lead"}}"#,
                r#"{"op":"replace","value":{"displayName":"Mira Lie"}},{"op":"replace","path":"name.familyName","value":"Lie"},{"op":"replace","path":"ENT:employeeNumber","value":"4472"},{"op":"replace","value":{"externalId":"mira.lie","title":"Lead"}}"#,
                &[
                    "key `name.familyName` read as a path",
                    "key `ENT:employeeNumber` read as a path",
                    "number read as a string at `ENT:employeeNumber`",
                ],
            ),
            (
                "E-41",
                r#"{"op":"add","value":{"name.givenName":"Mira","title":"Site Lead"}}"#,
                r#"{"op":"add","path":"name.givenName","value":"Mira"},{"op":"add","value":{"title":"Site Lead"}}"#,
                &["key `name.givenName` read as a path"],
            ),
            (
                "E-42",
                r#"{"op":"replace","value":{"emails[type eq \"work\"].value":"x@n.example"}},{"op":"replace","value":{"emails.value":"x@n.example"}}"#,
                r#"{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@n.example"},{"op":"replace","path":"emails.value","value":"x@n.example"}"#,
                &[
                    "key `emails[type eq \"work\"].value` read as a path",
                    "key `emails.value` read as a path",
                ],
            ),
            (
                "E-43",
                r#"{"op":"replace","value":{"name":{"familyName":"Lie"},"urn:scim:schemas:extension:enterprise:2.0":{"department":"R&D","manager":"a90c"}}}"#,
                r#"{"op":"replace","value":{"name":{"familyName":"Lie"},"ENT":{"department":"R&D","manager":{"value":"a90c"}}}}"#,
                &[
                    "`urn:scim:schemas:extension:enterprise:2.0` read as `ENT`",
                    "bare value read as an object with that `value` at `ENT:manager`",
                ],
            ),
            (
                "E-48",
                r#"{"op":"replace","path":"roles[primary eq \"True\"].value","value":"reviewer"}"#,
                r#"{"op":"replace","path":"roles[primary eq true].value","value":"reviewer"}"#,
                &["string `True` read as a boolean in the filter on `roles.primary`"],
            ),
            (
                "E-49",
                r#"{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"work\"].primary","value":"true"}"#,
                r#"{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"work\"].primary","value":true}"#,
                &["string `true` read as a boolean at `emails.primary`"],
            ),
            (
                "an element by its filter",
                r#"{"op":"replace","path":"emails[type eq \"work\"]","value":[{"type":"work","value":"x@n.example","primary":"True"}]}"#,
                r#"{"op":"replace","path":"emails[type eq \"work\"]","value":{"type":"work","value":"x@n.example","primary":true}}"#,
                &[
                    "array of one read as a single value at `emails`",
                    "string `True` read as a boolean at `emails.primary`",
                ],
            ),
            (
                "E-51: left to apply",
                r#"{"op":"replace","path":"title","value":""},{"op":"replace","path":"title","value":null},{"op":"replace","value":{"title":null,"name.givenName":null}}"#,
                r#"{"op":"replace","path":"title","value":""},{"op":"replace","path":"title","value":null},{"op":"replace","value":{"title":null}},{"op":"replace","path":"name.givenName","value":null}"#,
                &["key `name.givenName` read as a path"],
            ),
            (
                "E-53",
                r#"{"op":"Remove","path":"emails[type eq \"work\"].value","value":"old@n.example"},{"op":"Remove","path":"title","value":"Lead"}"#,
                r#"{"op":"remove","path":"emails[type eq \"work\"].value"},{"op":"remove","path":"title"}"#,
                &["value of `Remove` passed over: its path says what to remove"],
            ),
            (
                "E-54",
                r#"{"op":"remove","path":"manager[value eq \"a90c\"]"}"#,
                r#"{"op":"remove","path":"ENT:manager[value eq \"a90c\"]"}"#,
                &["`manager` read as `ENT:manager`"],
            ),
            (
                "E-55, undeclared: as it came",
                r#"{"op":"Add","path":"urn:example:2.0:User:sites","value":[{"value":"3"}]}"#,
                r#"{"op":"add","path":"urn:example:2.0:User:sites","value":[{"value":"3"}]}"#,
                &[],
            ),
            (
                "E-56",
                r#"{"op":"Add","path":"favouriteColour","value":"x"},{"op":"Replace","path":"active","value":false}"#,
                r#"{"op":"replace","path":"active","value":false}"#,
                &["`Add` of `favouriteColour` passed over: a User has no such attribute"],
            ),
            (
                "E-56, sub-attribute and element",
                r#"{"op":"Add","path":"name.nick","value":"x"},{"op":"Add","path":"pets[type eq \"cat\"].value","value":"x"},{"op":"Add","path":"urn:ietf:params:scim:schemas:core:2.0:User:pet","value":"x"}"#,
                r#""#,
                &[
                    "`Add` of `name.nick` passed over: a User has no such attribute",
                    "`Add` of `pets[type eq \"cat\"].value` passed over: a User has no such attribute",
                    "`Add` of `urn:ietf:params:scim:schemas:core:2.0:User:pet` passed over: a User has no such attribute",
                ],
            ),
            (
                "E-56, dictionary",
                r#"{"op":"replace","value":{"favouriteColour":"x","name.nick":"x","urn:example:2.0:User:badge":"x","urn:example:2.0:User":{"hat":"y"},"active":false}}"#,
                r#"{"op":"replace","path":"urn:example:2.0:User:badge","value":"x"},{"op":"replace","path":"urn:example:2.0:User","value":{"hat":"y"}},{"op":"replace","value":{"active":false}}"#,
                &[
                    "`replace` of `favouriteColour` passed over: a User has no such attribute",
                    "key `name.nick` read as a path",
                    "`replace` of `name.nick` passed over: a User has no such attribute",
                    "key `urn:example:2.0:User:badge` read as a path",
                ],
            ),
            (
                "E-56, the standard's shape: left to apply",
                r#"{"op":"add","path":"favouriteColour","value":"x"}"#,
                r#"{"op":"add","path":"favouriteColour","value":"x"}"#,
                &[],
            ),
            (
                "E-61",
                r#"{"Op":"REPLACE","PATH":"title","Value":"x"},{"OP":"add","Path":"","VALUE":{"title":"y"}},{"op":"add","path":null,"value":{"title":"z"}}"#,
                r#"{"op":"replace","path":"title","value":"x"},{"op":"add","value":{"title":"y"}},{"op":"add","value":{"title":"z"}}"#,
                &["empty `path` read as no path"],
            ),
            (
                "E-65",
                r#"{"op":"Add","path":"manager","value":[{"$ref":"https://d.example/Users/a90c","value":"a90c"}]},{"op":"Add","path":"ENT:manager","value":"a90c"},{"op":"replace","path":"ENT:manager","value":{"value":"a90c"}},{"op":"Replace","path":"ENT:manager.value","value":"a90c"},{"op":"add","value":{"ENT:manager":"a90c"}}"#,
                r#"{"op":"add","path":"ENT:manager","value":{"$ref":"https://d.example/Users/a90c","value":"a90c"}},{"op":"add","path":"ENT:manager","value":{"value":"a90c"}},{"op":"replace","path":"ENT:manager","value":{"value":"a90c"}},{"op":"replace","path":"ENT:manager.value","value":"a90c"},{"op":"add","path":"ENT:manager","value":{"value":"a90c"}}"#,
                &[
                    "`manager` read as `ENT:manager`",
                    "array of one read as a single value at `ENT:manager`",
                    "bare value read as an object with that `value` at `ENT:manager`",
                    "key `ENT:manager` read as a path",
                ],
            ),
            (
                "E-66",
                r#"{"op":"replace","path":"ENT:manager","value":""},{"op":"replace","path":"ENT:manager","value":{"value":""}},{"op":"Remove","path":"ENT:manager"},{"op":"replace","value":{"manager":null}}"#,
                r#"{"op":"replace","path":"ENT:manager","value":null},{"op":"replace","path":"ENT:manager","value":null},{"op":"remove","path":"ENT:manager"},{"op":"replace","path":"ENT:manager","value":null}"#,
                &[
                    "empty string read as no value at `ENT:manager`",
                    "blank `manager.value` read as no manager",
                    "key `manager` read as a path",
                    "`manager` read as `ENT:manager`",
                ],
            ),
            (
                "E-69",
                r#"{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"9d1c\",\"value\":\"reviewer\",\"displayName\":\"Reviewer\"}"}]}"#,
                r#"{"op":"add","path":"roles","value":[{"value":"reviewer","display":"Reviewer"}]}"#,
                &["JSON text opened at `roles.value`"],
            ),
            (
                "X-03, S-239",
                r#"{"op":"Add","path":"ENT.employeeNumber","value":"1"},{"op":"Add","path":"urn:scim:schemas:extension:enterprise:1.0:department","value":"x"},{"op":"remove","path":"urn:scim:schemas:extension:enterprise:2.0"}"#,
                r#"{"op":"add","path":"ENT:employeeNumber","value":"1"},{"op":"add","path":"ENT:department","value":"x"},{"op":"remove","path":"ENT"}"#,
                &[
                    "path `ENT.employeeNumber` read as `ENT:employeeNumber`",
                    "path `urn:scim:schemas:extension:enterprise:1.0:department` read as `ENT:department`",
                    "path `urn:scim:schemas:extension:enterprise:2.0` read as `ENT`",
                ],
            ),
            (
                "S-238: a container by its URI, in any letter case",
                r#"{"op":"replace","path":"URN:IETF:params:scim:schemas:extension:enterprise:2.0:user","value":{"department":7}}"#,
                r#"{"op":"replace","path":"ENT","value":{"department":"7"}}"#,
                &["number read as a string at `ENT:department`"],
            ),
            (
                "X-43",
                r#"{"op":"replace","value":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","userName":"m","meta":{"version":1}}}"#,
                r#"{"op":"replace","value":{"id":"1","userName":"m","meta":{"version":1}}}"#,
                &["`schemas` in a value without a path passed over"],
            ),
            (
                "O-57",
                r#"{"op":"replace","value":{"password":"N3w-Pass!"}}"#,
                r#"{"op":"replace","value":{"password":"N3w-Pass!"}}"#,
                &[],
            ),
            (
                "S-074",
                r#"{"op":"Replace","value":[{"active":"False"}]},{"op":"replace","value":{"ENT:manager":{"value":"a90c"}}}"#,
                r#"{"op":"replace","value":{"active":false}},{"op":"replace","path":"ENT:manager","value":{"value":"a90c"}}"#,
                &[
                    "array of one read as a single value of `Replace`",
                    "string `False` read as a boolean at `active`",
                    "key `ENT:manager` read as a path",
                ],
            ),
            (
                "S-249, S-276: left to apply",
                r#"{"op":"add","path":"title"},{"op":"replace"},{"op":"replace","value":"x"}"#,
                r#"{"op":"add","path":"title"},{"op":"replace"},{"op":"replace","value":"x"}"#,
                &[],
            ),
            ("E-59, S-229", "", "", &["empty `Operations` read as a request that changes nothing"]),
        ],
    );
}

/// S-264, S-265, E-77, E-80, E-81, E-82, E-83, E-89, O-62, O-67, O-72, O-73, X-16, X-38, X-39,
/// X-47, X-48.
#[test]
fn operations_on_groups() {
    check_patches(
        &groups(),
        &[
            (
                "E-77",
                r#"{"op":"Add","path":"members","value":[{"$ref":null,"value":"a"},{"$ref":null,"value":"b"}]}"#,
                r#"{"op":"add","path":"members","value":[{"$ref":null,"value":"a"},{"$ref":null,"value":"b"}]}"#,
                &[],
            ),
            (
                "E-80, X-16, X-38, S-264",
                r#"{"op":"Remove","path":"members","value":[{"$ref":null,"value":"a"}]}"#,
                r#"{"op":"remove","path":"members","value":[{"$ref":null,"value":"a"}]}"#,
                &["`Remove` on `members` with a value read as removing those members"],
            ),
            (
                "E-81, O-67",
                r#"{"op":"remove","path":"members[value eq \"a\"]"}"#,
                r#"{"op":"remove","path":"members[value eq \"a\"]"}"#,
                &[],
            ),
            (
                "E-82, X-48",
                r#"{"op":"remove","path":"members","value":null},{"op":"remove","path":"members"}"#,
                r#"{"op":"remove","path":"members"},{"op":"remove","path":"members"}"#,
                &["`remove` on `members` without a value removes all members"],
            ),
            (
                "E-83",
                r#"{"op":"add","path":"members","value":"a"},{"op":"add","path":"members","value":{"value":"a"}},{"op":"remove","path":"members","value":["a","b"]},{"op":"remove","path":"members","value":"a"}"#,
                r#"{"op":"add","path":"members","value":[{"value":"a"}]},{"op":"add","path":"members","value":[{"value":"a"}]},{"op":"remove","path":"members","value":[{"value":"a"},{"value":"b"}]},{"op":"remove","path":"members","value":[{"value":"a"}]}"#,
                &[
                    "single value read as an array of one at `members`",
                    "bare value read as an object with that `value` at `members`",
                    "`remove` on `members` with a value read as removing those members",
                ],
            ),
            (
                "S-265, O-72",
                r#"{"op":"remove","path":"members","value":[]},{"op":"replace","path":"members","value":[]}"#,
                r#"{"op":"remove","path":"members","value":[]},{"op":"replace","path":"members","value":[]}"#,
                &["`remove` on `members` with a value read as removing those members"],
            ),
            (
                "E-89, O-62, O-73, X-39",
                r#"{"op":"replace","value":{"id":"c4a8","schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"x","displayName":"Dock Crew","members":["a"]}}"#,
                r#"{"op":"replace","value":{"id":"c4a8","externalId":"x","displayName":"Dock Crew","members":[{"value":"a"}]}}"#,
                &[
                    "`schemas` in a value without a path passed over",
                    "bare value read as an object with that `value` at `members`",
                ],
            ),
            (
                "X-47",
                r#"{"op":"replace","path":"members","value":[{"value":"a","$ref":"Users/a"}]}"#,
                r#"{"op":"replace","path":"members","value":[{"value":"a","$ref":"Users/a"}]}"#,
                &[],
            ),
        ],
    );
}

/// S-074, S-228, E-61.
#[test]
fn envelopes() {
    let replace = json!({"op": "replace", "path": "title", "value": "x"});
    for (case, body, expected_notes) in [
        (
            "E-61",
            json!({"operations": [replace]}),
            ["body without the PatchOp schema read as a PATCH request"].as_slice(),
        ),
        (
            "E-61, another schema",
            json!({"Schemas": ["urn:scim:schemas:core:1.0"], "OPERATIONS": [replace]}),
            &["body without the PatchOp schema read as a PATCH request"],
        ),
        ("S-228", json!({"schemas": [urn::PATCH_OP.to_uppercase()], "operations": [replace]}), &[]),
        (
            "S-074",
            json!({"schemas": [urn::PATCH_OP], "Operations": replace}),
            &["single operation read as an array of one at `Operations`"],
        ),
    ] {
        let mut notes = Notes::default();
        let request = read_patch(&users(), body, Reading::Tolerant, &mut notes).expect(case);
        assert_eq!(printed(&request), json!([replace]), "{case}");
        check_notes(case, &notes, expected_notes);
    }
}

/// S-230, S-259, S-267, O-207.
#[test]
fn refusals() {
    let body = |operation: &str| json!({"schemas": [urn::PATCH_OP], "Operations": [json("refusals", operation)]});
    for (case, operation, expected) in [
        (
            "S-230",
            r#"{"op":"move","path":"title"}"#,
            "400 invalidSyntax: operations[0]: `move` is no `op`: use `add`, `remove` or `replace`",
        ),
        (
            "S-230",
            r#"{"path":"title","value":"x"}"#,
            "400 invalidSyntax: operations[0]: `op` is missing: use `add`, `remove` or `replace`",
        ),
        (
            "S-230",
            r#"{"op":1,"path":"title"}"#,
            "400 invalidSyntax: operations[0]: `op` must be a string: use `add`, `remove` or `replace`",
        ),
        (
            "an operation",
            r#""remove""#,
            "400 invalidSyntax: operations[0]: an operation must be a JSON object",
        ),
        (
            "a path",
            r#"{"op":"add","path":["title"],"value":"x"}"#,
            "400 invalidPath: operations[0]: `path` must be a string",
        ),
        (
            "S-259",
            r#"{"op":"remove"}"#,
            "400 noTarget: operations[0]: `remove` needs a `path` that says what to remove",
        ),
        (
            "S-267",
            r#"{"op":"Remove","value":{"members":["a"]}}"#,
            "400 noTarget: operations[0]: `remove` needs a `path` that says what to remove",
        ),
        (
            "O-207",
            r#"{"op":"remove","path":"members","value":""}"#,
            "400 invalidValue: operations[0]: `remove` on `members` has a value that names none of them",
        ),
        (
            "O-207",
            r#"{"op":"remove","path":"members","value":[{}]}"#,
            "400 invalidValue: operations[0]: `remove` on `members` has a value that names none of them",
        ),
        (
            "O-207",
            r#"{"op":"remove","path":"members","value":[{"value":"a"},{"$ref":null,"value":null}]}"#,
            "400 invalidValue: operations[0]: `remove` on `members` has a value that names none of them",
        ),
        (
            "O-207",
            r#"{"op":"remove","path":"members.value","value":"a"}"#,
            "400 invalidPath: operations[0]: `remove` on `members.value` cannot have a value",
        ),
    ] {
        let error = patch_error(&groups(), body(operation), Reading::Tolerant);
        assert_eq!(error.to_string(), expected, "{case}");
    }
    for (case, body, expected) in [
        (
            "no object",
            json!([]),
            "400 invalidSyntax: the body of a PATCH must be a JSON object with `Operations`",
        ),
        (
            "no operations",
            json!({"schemas": [urn::PATCH_OP]}),
            "400 invalidSyntax: the body of a PATCH must have `Operations`",
        ),
        (
            "bad operations",
            json!({"schemas": [urn::PATCH_OP], "Operations": "x"}),
            "400 invalidSyntax: `Operations` must be an array of operations",
        ),
    ] {
        for reading in [Reading::Tolerant, Reading::Strict] {
            assert_eq!(
                patch_error(&users(), body.clone(), reading).to_string(),
                expected,
                "{case}"
            );
        }
    }
    let error = read_resource(&users(), json!("x"), Reading::Tolerant, &mut Notes::default());
    assert_eq!(
        error.expect_err("no object").to_string(),
        "400 invalidSyntax: the body must be a JSON object that holds a User"
    );
}

/// S-074, S-228, S-259.
#[test]
fn strict_reading_rewrites_nothing() {
    let mut notes = Notes::default();
    let resource = json!({"active": "True", "emails": {"value": 1}, "department": "x"});
    let read = read_resource(&users(), resource.clone(), Reading::Strict, &mut notes);
    assert_eq!(read.map(Value::Object), Ok(resource));

    let body = json!({"schemas": [urn::PATCH_OP], "operations": [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "add", "value": {"name.givenName": "x"}},
        {"op": "Add", "path": "favouriteColour", "value": "x"},
    ]});
    let request = read_patch(&users(), body, Reading::Strict, &mut notes).expect("a request");
    assert_eq!(
        printed(&request),
        json!([
            {"op": "replace", "path": "active", "value": "False"},
            {"op": "add", "value": {"name.givenName": "x"}},
            {"op": "add", "path": "favouriteColour", "value": "x"},
        ])
    );
    assert!(notes.is_empty());

    let replace = json!({"op": "replace", "path": "title", "value": "x"});
    for (case, body, expected) in [
        (
            "S-228",
            json!({"Operations": [replace]}),
            "400 invalidSyntax: the body of a PATCH must list `urn:ietf:params:scim:api:messages:2.0:PatchOp` in `schemas`",
        ),
        (
            "S-228",
            json!({"schemas": [urn::PATCH_OP], "Operations": []}),
            "400 invalidSyntax: `Operations` must hold at least one operation",
        ),
        (
            "S-074",
            json!({"schemas": [urn::PATCH_OP], "Operations": replace}),
            "400 invalidSyntax: `Operations` must be an array of operations",
        ),
        (
            "S-259",
            json!({"schemas": [urn::PATCH_OP], "Operations": [{"op": "remove"}]}),
            "400 noTarget: operations[0]: `remove` needs a `path` that says what to remove",
        ),
    ] {
        assert_eq!(patch_error(&users(), body, Reading::Strict).to_string(), expected, "{case}");
    }
}

/// S-247.
#[test]
fn operations_are_bounded() {
    let body =
        |operations: Vec<Value>| json!({"schemas": [urn::PATCH_OP], "Operations": operations});
    let replace = json!({"op": "replace", "path": "title", "value": "x"});
    let read = |body| read_patch(&users(), body, Reading::Tolerant, &mut Notes::default());

    assert_eq!(read(body(vec![replace.clone(); 1000])).expect("1,000").operations.len(), 1000);
    let error = read(body(vec![replace; 1001])).expect_err("1,001");
    assert_eq!((error.status, error.scim_type), (413, None));

    let mut keys = serde_json::Map::new();
    for sub in ["givenName", "familyName", "middleName", "formatted", "honorificPrefix"] {
        keys.insert(format!("name.{sub}"), "x".into());
    }
    let five = json!({"op": "replace", "value": keys});
    assert_eq!(read(body(vec![five.clone(); 1000])).expect("5,000").operations.len(), 5000);
    keys.insert("name.honorificSuffix".into(), "x".into());
    let six = json!({"op": "replace", "value": keys});
    assert_eq!(read(body(vec![six; 1000])).expect_err("6,000").status, 413);
}

#[test]
fn filters_pass_through() {
    let filter = read_filter(r#"userName eq "m""#, Reading::Tolerant, &mut Notes::default());
    assert_eq!(filter.expect("a filter").to_string(), r#"userName eq "m""#);
    let error = read_filter("userName zz 1", Reading::Tolerant, &mut Notes::default());
    assert_eq!(error.expect_err("no filter").scim_type, Some(crate::ScimType::InvalidFilter));
}

/// E-131, O-01, X-19.
#[test]
fn clients_are_recognised_by_their_headers() {
    for (user_agent, adscimversion, expected) in [
        (None, None, Client::Unknown),
        (Some(""), None, Client::Unknown),
        (None, Some("5.0"), Client::Entra),
        (Some("Okta SCIM Client 1.0.0"), None, Client::Okta),
        (Some("OKTA SCIM Integration"), None, Client::Okta),
        (Some("Google-Auto-Provisioning"), None, Client::Google),
        (Some("Apache-HttpClient/4.5.13 (Java/11)"), None, Client::Unknown),
    ] {
        assert_eq!(Client::recognise(user_agent, adscimversion), expected, "{user_agent:?}");
    }
}

/// The operations as clients send them, through both modules: what is stored afterwards. E-35,
/// E-38, E-40, E-43, E-44, E-48, E-51, E-54, E-56, E-65, E-66, E-69, X-43.
#[test]
fn operations_have_their_effect() {
    let rt = users();
    let stored = json(
        "stored",
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","ENT"],"userName":"m","name":{"givenName":"Mira","familyName":"Okafor"},"active":true,"ENT":{"department":"Field","manager":{"value":"a90c"}}}"#,
    );
    let without = |attribute: &str| {
        let mut user = stored.clone();
        let enterprise = user[urn::ENTERPRISE_USER].as_object_mut().expect("a container");
        enterprise.shift_remove(attribute);
        user
    };
    let with = |pointer: &str, name: &str, value: Value| {
        let mut user = stored.clone();
        user.pointer_mut(pointer).expect("a place")[name] = value;
        user
    };
    let ent = format!("/{}", urn::ENTERPRISE_USER);
    let manager_b = json!({"value": "b"});
    for (case, operations, expected) in [
        (
            "E-35",
            r#"{"op":"Replace","path":"active","value":"False"}"#,
            with("", "active", false.into()),
        ),
        ("E-38", r#"{"op":"Replace","path":"active","value":"True"}"#, stored.clone()),
        (
            "E-40",
            r#"{"op":"replace","value":{"name.familyName":"Lie","ENT:department":"R&D","ENT":{"department":"Field"}}}"#,
            with("/name", "familyName", "Lie".into()),
        ),
        (
            "E-43",
            r#"{"op":"replace","value":{"ENT":{"department":"R&D"}}}"#,
            with(&ent, "department", "R&D".into()),
        ),
        (
            "E-44",
            r#"{"op":"Add","path":"emails[type eq \"work\"].value","value":"m@n.example"}"#,
            with("", "emails", json!([{"type": "work", "value": "m@n.example"}])),
        ),
        (
            "E-48",
            r#"{"op":"replace","path":"roles[primary eq \"True\"].value","value":"reviewer"}"#,
            with("", "roles", json!([{"value": "reviewer", "primary": true}])),
        ),
        ("E-51", r#"{"op":"replace","path":"ENT:department","value":""}"#, without("department")),
        ("E-54", r#"{"op":"remove","path":"manager[value eq \"a90c\"]"}"#, without("manager")),
        (
            "E-56",
            r#"{"op":"Add","path":"hat","value":"x"},{"op":"Replace","path":"active","value":"False"}"#,
            with("", "active", false.into()),
        ),
        (
            "E-65",
            r#"{"op":"Add","path":"manager","value":[{"$ref":"https://d.example/Users/b","value":"b"}]}"#,
            with(&ent, "manager", manager_b.clone()),
        ),
        (
            "E-65",
            r#"{"op":"Add","path":"ENT:manager","value":"b"}"#,
            with(&ent, "manager", manager_b.clone()),
        ),
        (
            "E-65",
            r#"{"op":"replace","path":"ENT:manager","value":{"value":"b"}}"#,
            with(&ent, "manager", manager_b.clone()),
        ),
        (
            "E-65",
            r#"{"op":"Replace","path":"ENT:manager.value","value":"b"}"#,
            with(&ent, "manager", manager_b.clone()),
        ),
        ("E-65", r#"{"op":"add","value":{"ENT:manager":"b"}}"#, with(&ent, "manager", manager_b)),
        ("E-66", r#"{"op":"replace","path":"ENT:manager","value":""}"#, without("manager")),
        (
            "E-66",
            r#"{"op":"replace","path":"ENT:manager","value":{"value":""}}"#,
            without("manager"),
        ),
        ("E-66", r#"{"op":"Remove","path":"ENT:manager"}"#, without("manager")),
        (
            "E-69",
            r#"{"op":"Add","path":"roles","value":[{"value":"{\"value\":\"reviewer\",\"displayName\":\"Reviewer\"}"}]}"#,
            with("", "roles", json!([{"value": "reviewer", "display": "Reviewer"}])),
        ),
        (
            "X-43",
            r#"{"op":"replace","value":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","userName":"m","groups":[],"meta":{}}}"#,
            stored.clone(),
        ),
    ] {
        let body = json!({"Operations": json(case, &format!("[{operations}]"))});
        let request = read_patch(&rt, body, Reading::Tolerant, &mut Notes::default()).expect(case);
        let before = stored.as_object().expect("an object");
        let patched = patch::apply(&rt, before, &request, Reading::Tolerant).expect(case);
        assert_eq!(Value::Object(patched.resource), expected, "{case}: {operations}");
    }
}

/// Values built of the words that the readers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let words = select(vec![
        "",
        "true",
        "False",
        "a",
        "3",
        "members",
        "add",
        "Remove",
        "replace",
        "{\"value\":\"x\"}",
        urn::PATCH_OP,
        urn::USER,
        urn::ENTERPRISE_USER,
        "name.givenName",
        "emails[primary eq \"True\"]",
    ]);
    let keys = select(vec![
        "schemas",
        "Operations",
        "op",
        "path",
        "value",
        "Value",
        "active",
        "emails",
        "members",
        "roles",
        "name",
        "name.givenName",
        "emails.value",
        "emails[type eq \"work\"].value",
        "manager",
        "a[b",
        "manager.value",
        "department",
        "$ref",
        "displayName",
        "x.y.z",
        ".",
        "[",
        "urn:",
        "urn:a:b",
        urn::USER,
        urn::ENTERPRISE_USER,
        "urn:scim:schemas:core:1.0:",
        "urn:scim:schemas:core:1.0.title",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0User.manager.value",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((keys.clone(), inner), 0..5).prop_map(|pairs| {
                Value::Object(
                    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(body in any_json(), operations in vec(any_json(), 0..4)) {
        for rt in [users(), groups()] {
            for reading in [Reading::Tolerant, Reading::Strict] {
                let _ = read_resource(&rt, body.clone(), reading, &mut Notes::default());
                let _ = read_patch(&rt, body.clone(), reading, &mut Notes::default());
                let patch = json!({"schemas": [urn::PATCH_OP], "Operations": operations});
                let _ = read_patch(&rt, patch, reading, &mut Notes::default());
            }
        }
    }

    #[test]
    fn a_removal_never_grows(value in any_json()) {
        let body = json!({"Operations": [{"op": "Remove", "path": "members", "value": value}]});
        if let Ok(request) = read_patch(&groups(), body, Reading::Tolerant, &mut Notes::default()) {
            // To remove everybody takes an operation that has no value.
            prop_assert_eq!(request.operations[0].value.is_none(), value.is_null());
        }
    }
}
