//! Reading attribute mappings: what must hold of every input, and examples as data.

use std::{fs, path::Path};

use mapping::{AttributeMapping, attribute_mapping::Group};
use scim::{Object, schema::user_type};
use serde_json::{Value, json};

mod checks;

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn examples() -> Vec<Value> {
    let text = fs::read_to_string(fixtures().join("mapping/examples.json"))
        .expect("the examples are there");
    serde_json::from_str(&text).expect("the examples are JSON")
}

#[test]
fn examples_give_what_they_say() {
    for example in examples() {
        let about = example["about"].as_str().unwrap();
        let object = |name: &str| example[name].as_object().unwrap().clone();
        let mapping = AttributeMapping::read(&object("mapping"), &user_type(Vec::new())).unwrap();
        let names = example["groups"].as_array().into_iter().flatten();
        let group = |(at, name): (usize, &Value)| Group {
            id: format!("g-{at}"),
            display: name.as_str().unwrap().into(),
        };
        let groups: Vec<_> = names.enumerate().map(group).collect();
        let user = object("user");
        let evaluated = mapping.evaluate(&user, &groups);
        let mut member: Object =
            evaluated.values.iter().map(|(t, (v, _))| (t.to_string(), v.clone())).collect();
        for (role, _) in &evaluated.roles {
            let roles = member.entry("organization_role").or_insert_with(|| json!([]));
            roles.as_array_mut().unwrap().push(role.clone().into());
        }
        assert_eq!(Value::Object(member), example["member"], "{about}");
        assert_eq!(evaluated.problems, Vec::<String>::new(), "{about}");
    }
}

#[test]
fn what_holds_of_all() {
    for example in examples() {
        checks::check(example.to_string().as_bytes());
    }
    for overrides in [
        json!({"": "", " ": null, "emails[": 7, "[0]": "x", "urn:": [], "urn:a:b": "{{"}),
        json!({"é[é]é": "{{ é }}.é", "userName": "{{ \"é\" | split: é }}é.username"}),
        json!({"title": "{{ value | replace: '', 'é' | replace: '', 'é' | split: '' }}.username"}),
        json!({"title\n\u{1b}[31m": "user\nname"}),
        json!({"x".repeat(2_000): "{{ value }}".repeat(300), "title": "é".repeat(9_000)}),
    ] {
        checks::check(json!({"mapping": overrides}).to_string().as_bytes());
    }
}

/// What the guide shows is so: its mappings read, its mistakes are told, and it names every filter
/// and every built-in line.
#[test]
fn the_guide() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/attribute-mapping.md");
    let guide = fs::read_to_string(path).unwrap();
    let user = user_type(Vec::new());
    let mappings: Vec<_> = guide.split("```json\n").skip(1).collect();
    assert!(mappings.len() > 3);
    for text in mappings {
        let example: Value = serde_json::from_str(text.split("```").next().unwrap()).unwrap();
        let overrides = example["mapping"].as_object().unwrap();
        assert!(AttributeMapping::read(overrides, &user).is_ok(), "{example}");
    }
    for filter in &mapping::template::FILTERS {
        let is_named = [format!("`{}`", filter.name), format!("`{}:", filter.name)];
        assert!(is_named.iter().any(|name| guide.contains(name)), "{}", filter.name);
    }
    for line in AttributeMapping::defaults().lines() {
        assert!(guide.contains(&format!("`{}`", line.source)), "{line}");
        assert!(guide.contains(&format!("`{}`", line.target)), "{line}");
    }
    let wrong = json!({"userNme": "username", "locale": "{{ value | lowcase }}.locale"});
    for mistake in AttributeMapping::read(wrong.as_object().unwrap(), &user).unwrap_err() {
        assert!(guide.contains(&mistake.to_string()), "{mistake}");
    }
}

/// Each file of `fixtures/fuzz/mapping` is one input.
#[test]
fn what_fuzzing_found() {
    let mut inputs: Vec<_> = fs::read_dir(fixtures().join("fuzz/mapping"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    for input in inputs {
        println!("{}", input.display());
        checks::check(&fs::read(&input).unwrap());
    }
}
