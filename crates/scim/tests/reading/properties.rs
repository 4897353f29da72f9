//! What holds of everything, held against the rules written once more.

use proptest::{collection::vec, option, prelude::*, sample::select};
use scim::{
    Notes, Object,
    dialect::{self, Reading},
    filter::{CompareOperator, CompareValue, Filter, resolve},
    patch,
    path::AttributePath,
    project::Projection,
    schema::ResourceType,
    text::fold,
};
use serde_json::{Value, json};

use crate::{
    checks,
    model::{self, patch::Operation},
    random::{self, ENTERPRISE, LAB, TEXTS},
};

fn body(mut user: Value) -> Value {
    user["userName"] = "a".into();
    user
}

fn stored(rt: &ResourceType, user: Value) -> Object {
    checks::create(rt, body(user), Reading::Tolerant).expect("valid").resource
}

fn text() -> BoxedStrategy<Value> {
    select(&TEXTS[..]).prop_map(Value::from).boxed()
}

fn nothing() -> BoxedStrategy<Value> {
    select(vec![Value::Null, json!(""), json!([])]).boxed()
}

fn element() -> BoxedStrategy<Value> {
    let part = || option::of(select(vec!["a", "A", "é", "work", "home"]));
    (part(), part(), option::of(any::<bool>()), part())
        .prop_map(|(value, kind, primary, display)| {
            let element =
                json!({"value": value, "type": kind, "primary": primary, "display": display});
            let Value::Object(mut element) = element else { unreachable!("an object") };
            element.retain(|_, value| !value.is_null());
            Value::Object(element)
        })
        .boxed()
}

/// Paths, and values of their types.
fn target() -> BoxedStrategy<(String, BoxedStrategy<Value>)> {
    let boolean = || any::<bool>().prop_map(Value::from).boxed();
    let integer = || any::<i64>().prop_map(Value::from).boxed();
    let elements = || prop_oneof![vec(element(), 0..4).prop_map(Value::Array), element()].boxed();
    let name = || {
        (option::of(text()), option::of(text()))
            .prop_map(|(family, given)| json!({"familyName": family, "givenName": given}))
            .boxed()
    };
    let texts = || vec(text(), 0..4).prop_map(Value::Array).boxed();
    let targets: Vec<(String, BoxedStrategy<Value>)> = vec![
        ("userName".into(), text()),
        ("title".into(), text()),
        ("active".into(), boolean()),
        ("name".into(), name()),
        ("name.familyName".into(), text()),
        ("emails".into(), elements()),
        ("emails.value".into(), text()),
        ("emails.primary".into(), boolean()),
        ("roles".into(), elements()),
        ("roles.display".into(), text()),
        (format!("{ENTERPRISE}:department"), text()),
        (format!("{LAB}:shoeSize"), integer()),
        (format!("{LAB}:sites"), texts()),
        (format!("{LAB}:badge"), text()),
    ];
    let targets: Vec<_> = targets.into_iter().map(|target| Just(target).boxed()).collect();
    proptest::strategy::Union::new(targets).boxed()
}

fn seeding_filter() -> BoxedStrategy<Filter> {
    let term = |name: &'static str, value: BoxedStrategy<Value>| {
        let operators = vec![
            CompareOperator::Eq,
            CompareOperator::Eq,
            CompareOperator::Eq,
            CompareOperator::Ne,
            CompareOperator::Co,
        ];
        (select(operators), value)
            .prop_map(move |(operator, value)| Filter::Compare {
                path: AttributePath::parse(name).expect("path"),
                operator,
                value: CompareValue::String(value.as_str().unwrap_or_default().into()),
            })
            .boxed()
    };
    let primary = any::<bool>().prop_map(|value| Filter::Compare {
        path: AttributePath::parse("primary").expect("path"),
        operator: CompareOperator::Eq,
        value: CompareValue::Boolean(value),
    });
    let texts = || select(vec!["a", "work", "home", "É"]).prop_map(Value::from).boxed();
    let terms = prop_oneof![3 => term("type", texts()), 2 => term("value", texts()), 1 => primary];
    let one = terms.boxed();
    prop_oneof![
        3 => one.clone(),
        1 => vec(one.clone(), 2..3).prop_map(Filter::And),
        1 => vec(one.clone(), 2..3).prop_map(Filter::Or),
        1 => one.prop_map(|term| Filter::Not(Box::new(term))),
    ]
    .boxed()
}

fn operation() -> BoxedStrategy<Operation> {
    let op = || select(vec!["add", "replace", "remove"]);
    let plain = (op(), target(), any::<u8>()).prop_flat_map(|(op, (path, value), dice)| {
        let path = AttributePath::parse(&path).expect("path");
        let value = match (op, dice) {
            ("remove", _) => Just(None).boxed(),
            (_, 0..30) => nothing().prop_map(Some).boxed(),
            _ => value.prop_map(Some).boxed(),
        };
        value.prop_map(move |value| Operation { op, path: path.clone(), filter: None, value })
    });
    let picked = (op(), select(vec!["emails", "roles"]), seeding_filter(), any::<u8>());
    let picked = picked.prop_flat_map(|(op, name, filter, dice)| {
        let sub = [None, Some("value"), Some("type"), Some("primary"), Some("display")]
            [usize::from(dice) % 5];
        let value = match (op, sub) {
            ("remove", _) => Just(None).boxed(),
            (_, None) => element().prop_map(Some).boxed(),
            (_, Some("primary")) => any::<bool>().prop_map(|value| Some(value.into())).boxed(),
            (_, Some(_)) if dice < 20 => nothing().prop_map(Some).boxed(),
            (_, Some(_)) => text().prop_map(Some).boxed(),
        };
        let path = AttributePath {
            schema: None,
            name: name.into(),
            sub_attribute: sub.map(str::to_owned),
        };
        value.prop_map(move |value| Operation {
            op,
            path: path.clone(),
            filter: Some(filter.clone()),
            value,
        })
    });
    prop_oneof![plain, picked].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// S-231, S-251, S-252, S-253, S-254, S-255, S-256, S-257, S-260, S-261, S-262, S-263, S-269,
    /// S-270, S-271, S-272, S-274, S-275: a PATCH does what the rules written once more do.
    #[test]
    fn patch_agrees_with_the_model(user in random::user(), operations in vec(operation(), 1..5)) {
        let rt = random::user_with_lab();
        let stored = stored(&rt, user);
        let sent: Vec<Value> = operations.iter().map(Operation::to_json).collect();
        let sent = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": sent,
        });
        let read = dialect::read_patch(&rt, sent.clone(), Reading::Tolerant, &mut Notes::default());
        let patched = read.and_then(|read| Ok(patch::apply(&rt, &stored, &read, Reading::Tolerant)?));
        let expected = model::patch::apply(&rt, &stored, &operations);
        match (patched, expected) {
            (Ok(mut patched), Some(expected)) => {
                checks::check_stored(&rt, &patched.resource, Reading::Tolerant);
                patched.resource.shift_remove("schemas");
                prop_assert_eq!(
                    Value::Object(patched.resource), Value::Object(expected), "{} on {:?}", sent, stored
                );
            }
            (Err(_), None) => {}
            (patched, expected) => {
                prop_assert!(false, "{} on {:?}: {:?}, not {:?}", sent, stored, patched, expected);
            }
        }
    }

    /// S-149, S-170, S-171: a filter means the same in memory as by the rules written once more.
    #[test]
    fn filters_agree_with_the_model(user in random::user(), filters in vec(random::user_filter(), 16)) {
        let rt = random::user_with_lab();
        let sent = checks::represent(&rt, &stored(&rt, user));
        for filter in filters {
            let condition = resolve(&filter, &rt).expect("a filter with a meaning");
            let expected = model::filter::matches(&rt, &sent, &filter);
            prop_assert_eq!(condition.matches(&sent), expected, "{} on {:?}", filter, sent);
        }
    }

    /// S-135, S-136, S-137, S-141: an answer carries what the rules written once more let through.
    #[test]
    fn projection_agrees_with_the_model(
        user in random::user(),
        names in vec(select(&model::project::NAMES[..]), 1..5),
        excludes in any::<bool>(),
    ) {
        let rt = model::project::user_type();
        let sent = checks::represent(&rt, &stored(&rt, user));
        let list = names.join(",");
        let (only, without) = if excludes { (None, Some(&*list)) } else { (Some(&*list), None) };
        let projection = Projection::parse(&rt, only, without).expect("names");
        let mut projected = sent.clone();
        projection.apply(&rt, &mut projected);
        let expected = model::project::project(&rt, &sent, &names, excludes);
        prop_assert_eq!(
            Value::Object(projected), Value::Object(expected), "{} of {:?}", list, sent
        );
    }

    /// What is created once reads back as it was printed, and the same body makes the same again.
    #[test]
    fn validation_is_stable(user in random::user()) {
        let rt = random::user_with_lab();
        let once = stored(&rt, user.clone());
        checks::check_stored(&rt, &once, Reading::Tolerant);
        let printed = Value::Object(once.clone()).to_string();
        let read = scim::json::parse(printed.as_bytes(), &Default::default()).expect("JSON");
        prop_assert_eq!(&read, &Value::Object(once.clone()));
        let again = checks::create(&rt, read, Reading::Tolerant).expect("valid").resource;
        prop_assert_eq!(Value::Object(again).to_string(), printed);
    }

    /// S-322, S-325: the key of a text is that of its key, and of every text that is the same to a
    /// reader: composed, decomposed, in small letters.
    #[test]
    fn keys_are_stable(text in "\\PC{0,16}") {
        use unicode_normalization::UnicodeNormalization;
        let key = fold(&text);
        prop_assert_eq!(&fold(&key), &key);
        prop_assert_eq!(&fold(&text.nfd().collect::<String>()), &key);
        prop_assert_eq!(&fold(&text.nfc().collect::<String>()), &key);
        prop_assert_eq!(&fold(&text.nfkc().collect::<String>()), &key);
    }
}

/// S-322: of every character the key is its own key.
#[test]
fn every_character_has_one_key() {
    for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
        let key = fold(&c.to_string());
        assert_eq!(fold(&key), key, "{c:?} U+{:04X}", u32::from(c));
    }
}
