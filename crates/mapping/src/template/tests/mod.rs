use scim::Object;
use serde_json::{Value, json};

use super::{Inputs, MAX_TEXT, RenderProblem, Template, Work};
use crate::{attribute_mapping::Group, defaults::USER, path::Found};

mod properties;

fn user() -> Object {
    let user = json!({
        "userName": "ines@example.com", "active": false,
        "name": {"givenName": "Ines", "familyName": "Okafor"},
        "emails": [{"value": "a@example.com", "type": "home"}, {"value": "b@example.com"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Field"},
        "urn:example:hr:2.0:User": {"teams": ["x", "y"], "boss": {"value": "b"}},
    });
    user.as_object().unwrap().clone()
}

fn render(template: &str, value: &Value) -> Result<String, RenderProblem> {
    let template = Template::read(template, &USER).unwrap_or_else(|e| panic!("{template}: {e}"));
    let groups = [("g-1", "Admins"), ("g-2", "Sales")]
        .map(|(id, display)| Group { id: id.into(), display: display.into() });
    let inputs = Inputs { value: Found::Value(value), user: &user(), groups: &groups };
    template.render(&inputs, &mut Work::default())
}

#[test]
fn what_templates_give() {
    for (template, value, expected) in [
        ("", json!("a"), ""),
        ("text", json!("a"), "text"),
        ("{{ value }}", json!("a"), "a"),
        ("{{value}}", json!(7), "7"),
        ("{{ value }}", json!(true), "true"),
        ("<{{ value }}-{{ value|upcase }}>", json!("é"), "<é-É>"),
        (
            "{{ value | downcase | replace: \"acme-admins\", \"org:admin\" }}",
            json!("ACME-Admins"),
            "org:admin",
        ),
        ("{{ value | append: '}}' }}", json!("a"), "a}}"),
        ("{{\n value\n|\tdowncase\n}}", json!("A"), "a"),
        ("{{ \"x\" }}{{ 12 }}", json!("a"), "x12"),
        ("{{ user.name.givenName | slice: 0 }}{{ user.NAME.familyname }}", json!("a"), "IOkafor"),
        ("{{ value | append: \".\" | append: user.name.familyName }}", json!("I"), "I.Okafor"),
        ("{{ user.title | default: \"none\" }}", json!("a"), "none"),
        ("{{ user.active }} {{ user.active | default: \"off\" }}", json!("a"), "false off"),
        ("{{ user[\"emails[type eq 'home'].value\"] }}", json!("a"), "a@example.com"),
        ("{{ user['emails[*].value'] | join: \",\" }}", json!("a"), "a@example.com,b@example.com"),
        ("{{ user.emails[1].value }}", json!("a"), "b@example.com"),
        ("{{ user.emails.value | last }}", json!("a"), "b@example.com"),
        (
            "{{ user[\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department\"] }}",
            json!("a"),
            "Field",
        ),
        (
            "{{ user[\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"].department }}",
            json!("a"),
            "Field",
        ),
        ("{{ user[\"urn:example:hr:2.0:User:teams\"] | join: \"+\" }}", json!("a"), "x+y"),
        ("{{ user[\"groups[*].displayName\"] | join: \"/\" }}", json!("a"), "Admins/Sales"),
        ("{{ user.groups.value }}", json!("a"), "g-1g-2"),
        ("{{ value | truncate: 5 | default: \"a\" }}", json!(false), "a"),
        ("{{ value | split: \"@\" | last }}", json!("a@b"), "b"),
        ("{{ value | split: \"-\" | slice: 1, 5 | join }}", json!("a-b-c"), "b c"),
        ("{{ value | split: \"-\" | first | upcase }}", json!("a-b"), "A"),
        ("{{ value | truncate: 4, \"…\" }}", json!("Grüße!"), "Grü…"),
        ("{{ value | slice: -2, 2 }}", json!("Größe"), "ße"),
        ("{{ value | slice: -9, 2 }}", json!("a"), ""),
        ("{{ value | replace: 1, 2 }}", json!("a1"), "a2"),
    ] {
        assert_eq!(render(template, &value).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn bounds_of_texts() {
    let long = "x".repeat(MAX_TEXT);
    assert_eq!(render("{{ value }}", &json!(long)).unwrap().len(), MAX_TEXT);
    let many = format!("{{{{ value | replace: '', '{}' }}}}", "y".repeat(1000));
    let chain = "{{ value".to_owned() + &" | append: value".repeat(50) + " }}";
    let doubling = "{{ value".to_owned() + &" | replace: '', 'ab'".repeat(50) + " }}";
    for (template, value, problem) in [
        ("{{ value }}", json!("x".repeat(MAX_TEXT + 1)), RenderProblem::TooLong),
        ("a{{ value }}", json!(long), RenderProblem::TooLong),
        ("{{ value | append: \"a\" | slice: 0 }}", json!(long), RenderProblem::TooLong),
        ("{{ value | upcase }}", json!("ΐ".repeat(MAX_TEXT / 2)), RenderProblem::TooLong),
        (&many, json!(long), RenderProblem::TooLong),
        (&chain, json!("x".repeat(1000)), RenderProblem::TooLong),
        (&doubling, json!("x"), RenderProblem::TooLong),
        ("{{ value | split: '' | join }}", json!(long), RenderProblem::ListTooLong),
        ("{{ value | split: ',' | join: value }}", json!(",".repeat(9000)), RenderProblem::TooLong),
        ("{{ value }}", json!({"a": 1}), RenderProblem::Complex),
        ("{{ user[\"urn:example:hr:2.0:User:boss\"] }}", json!("a"), RenderProblem::Complex),
    ] {
        assert_eq!(render(template, &value), Err(problem), "{template}");
    }
}

/// What one user costs is bounded, however many values there are.
#[test]
fn bounds_of_work() {
    let template = "{{ value".to_owned() + &" | upcase".repeat(50) + " }}";
    let template = Template::read(&template, &USER).unwrap();
    let value = json!("x".repeat(10_000));
    let inputs = Inputs { value: Found::Value(&value), user: &user(), groups: &[] };
    let mut work = Work::default();
    let rendered = (0..100).map(|_| template.render(&inputs, &mut work)).collect::<Vec<_>>();
    assert!(rendered[0].is_ok());
    assert_eq!(rendered[99], Err(RenderProblem::Work));
}

/// The template, what is wrong, and the part that is pointed at.
#[test]
fn mistakes() {
    let long = "x".repeat(2001);
    let many = "{{ value".to_owned() + &" | strip".repeat(51) + " }}";
    for (template, expected, part) in [
        (&*long, "the template is longer than 2000 bytes", &*long),
        (&*many, "the template has more than 50 filters", "|"),
        ("a {{ value", "`{{` is never closed: add `}}`", "{{"),
        ("a {{", "`{{` is never closed: add `}}`", "{{"),
        ("{{ value | append:", "`{{` is never closed: add `}}`", "{{"),
        ("a }} b", "there is no `{{` before this `}}`", "}}"),
        ("{% if value %}", "there are no tags: a template is text and `{{ … }}`", "{%"),
        ("{{- value }}", "`-` beside braces is not understood: use the filter `strip`", "{{-"),
        ("{{ value -}}", "`-` beside braces is not understood: use the filter `strip`", "-}}"),
        ("{{ value | append: \"x }}", "the text has no closing quote", "\"x }}"),
        ("{{ }}", "expected `value`, `user.` and an attribute, or a text in quotes", "}"),
        ("{{ | upcase }}", "expected `value`, `user.` and an attribute, or a text in quotes", "|"),
        (
            "{{ value | append: , }}",
            "expected `value`, `user.` and an attribute, or a text in quotes",
            ",",
        ),
        (
            "{{ name }}",
            "`name` is nothing here: use `value` for what the path gives, or `user.` and a path, \
             such as `user.name.givenName`",
            "name",
        ),
        (
            "{{ value.x }}",
            "`value.x` is nothing here: use `value` for what the path gives, or `user.` and a path, \
             such as `user.name.givenName`",
            "value.x",
        ),
        (
            "{{ user }}",
            "`user` is the whole user: add an attribute, such as `user.name.givenName`",
            "user",
        ),
        (
            "{{ user.userNme }}",
            "`userNme` is no attribute of users, did you mean `userName`?",
            "userNme",
        ),
        (
            "{{ user['title.x'] }}",
            "`title` has no sub-attributes: leave out what comes after it",
            "x",
        ),
        (
            "{{ user.emails }}",
            "`emails` has sub-attributes: name the one to use, such as `emails[*].value`",
            "user.emails",
        ),
        ("{{ user['a' }}", "the bracket has no `]`", "user['a' "),
        ("{{ value upcase }}", "expected `|` and a filter, or `}}`", "u"),
        (
            "{{ value | upcase: }}",
            "expected `value`, `user.` and an attribute, or a text in quotes",
            "}",
        ),
        ("{{ value | }}", "expected the name of a filter, such as `downcase`", "}"),
        ("{{ value | lowcase }}", "`lowcase` is no filter, did you mean `downcase`?", "lowcase"),
        (
            "{{ value | reverse }}",
            "`reverse` is no filter: there are append, capitalize, default, downcase, first, join, \
             last, lstrip, prepend, remove, remove_first, replace, replace_first, rstrip, slice, \
             split, strip, strip_newlines, truncate, truncatewords, upcase",
            "reverse",
        ),
        (
            "{{ value | append }}",
            "`append` takes one text, as in `append: \"@example.com\"`",
            "append",
        ),
        (
            "{{ value | upcase: \"a\" }}",
            "`upcase` takes nothing behind its name, as in `upcase`",
            "upcase: \"a\"",
        ),
        (
            "{{ value | replace: \"a\", \"b\", \"c\" }}",
            "`replace` takes one text, or two, as in `replace: \"a\", \"b\"`",
            "replace: \"a\", \"b\", \"c\"",
        ),
        (
            "{{ value | slice: \"a\" }}",
            "`slice` needs a whole number here, without quotes, of at most 10000",
            "\"a\"",
        ),
        (
            "{{ value | slice: 0, 0 }}",
            "`slice` needs a whole number here, without quotes, of at most 10000",
            "0",
        ),
        (
            "{{ value | truncate: -1 }}",
            "`truncate` needs a whole number here, without quotes, of at most 10000",
            "-1",
        ),
        (
            "{{ value | slice: 1-1 }}",
            "expected `value`, `user.` and an attribute, or a text in quotes",
            "1-1",
        ),
        ("{{ value | join: \",\" }}", "`join` needs a list: put `split` in front of it", "join"),
        (
            "{{ value | split: \",\" | first | join }}",
            "`join` needs a list: put `split` in front of it",
            "join",
        ),
    ] {
        let error = Template::read(template, &USER).expect_err(template);
        assert_eq!(error.to_string(), expected, "{template}");
        assert_eq!(template.get(error.span.clone()), Some(part), "{template}");
    }
}
