//! What holds of all templates: they answer as Liquid does, within their bounds.

use liquid::{ParserBuilder, model::Value as LiquidValue};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::user;
use crate::{
    defaults::USER,
    path::Found,
    template::{Inputs, MAX_TEXT, Template, Work},
};

/// What is common to this language and Liquid.
fn common_template() -> impl Strategy<Value = String> {
    let literal = || select(vec!["", "a", "-", "ab", " ", "é", "ß", "aa", "A.B", ",", "}}", "x-y"]);
    let quoted = move || literal().prop_map(|text| format!("\"{text}\""));
    let argument = move || prop_oneof![quoted(), Just("value".to_owned()), Just("3".to_owned())];
    let plain = select(vec![
        "upcase",
        "downcase",
        "capitalize",
        "strip",
        "lstrip",
        "rstrip",
        "strip_newlines",
        "first",
        "last",
        "join",
        "truncate",
        "truncatewords",
    ])
    .prop_map(str::to_owned);
    let with_one = (
        select(vec!["append", "prepend", "remove", "remove_first", "default", "split", "join"]),
        argument(),
    )
        .prop_map(|(name, argument)| format!("{name}: {argument}"));
    let with_two = (select(vec!["replace", "replace_first"]), argument(), argument())
        .prop_map(|(name, a, b)| format!("{name}: {a}, {b}"));
    let with_number = (select(vec!["truncate", "truncatewords"]), 0..6, quoted())
        .prop_map(|(name, length, ellipsis)| format!("{name}: {length}, {ellipsis}"));
    let slice = (-7..7, 1..4).prop_map(|(offset, length)| format!("slice: {offset}, {length}"));
    let filter = prop_oneof![plain, with_one, with_two, with_number, slice];
    let expression = vec(filter, 0..5).prop_map(|filters| {
        let filters: Vec<_> = filters.iter().map(|filter| format!(" | {filter}")).collect();
        format!("{{{{ value{} }}}}", filters.concat())
    });
    vec(prop_oneof![expression, literal().prop_map(|text| text.replace("}}", "}"))], 0..4)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("a brace of the text would belong to the braces", |template| {
            !template.contains("}}}") && !template.contains("{{{")
        })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        vec(select(vec!["a", "B", "é", "ß", "ǆ", " ", "-", ",", "\n", "ab", "x", "İ"]), 0..8)
            .prop_map(|parts| json!(parts.concat())),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ]
}

proptest! {
    /// Whatever is read here means the same to Liquid.
    #[test]
    fn filters_answer_as_liquid_does(template in common_template(), value in value()) {
        let Ok(ours) = Template::read(&template, &USER) else { return Ok(()) };
        let parser = ParserBuilder::with_stdlib().build().unwrap();
        let theirs = parser.parse(&template);
        let theirs = theirs.unwrap_or_else(|error| panic!("{template}: {error}"));
        let liquid_value: LiquidValue = liquid::model::to_value(&value).unwrap();
        let variables = liquid::object!({ "value": liquid_value });
        let Ok(theirs) = theirs.render(&variables) else { return Ok(()) };
        // Lengths of theirs are a mixture of bytes and characters.
        let counts = ["truncate", "slice"].iter().any(|name| template.contains(name));
        let text = value.to_string() + &template;
        prop_assume!(!counts || text.is_ascii());
        let inputs = Inputs { value: Found::Value(&value), user: &user(), groups: &[] };
        let ours = ours.render(&inputs, &mut Work::default());
        prop_assert_eq!(ours, Ok(theirs), "{} of {}", template, value);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([{}% |:,\"'.a-z0-9é\\[\\]-]|\\{\\{|\\}\\}|value|user|split|join){0,40}") {
        match Template::read(&text, &USER) {
            Ok(template) => {
                let value = json!("Aé ");
                let inputs = Inputs { value: Found::Value(&value), user: &user(), groups: &[] };
                if let Ok(rendered) = template.render(&inputs, &mut Work::default()) {
                    prop_assert!(rendered.len() <= MAX_TEXT);
                }
            }
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{} {:?}", text, error),
        }
    }
}
