use super::*;

fn tolerant(text: &str) -> (Result<Filter, FilterError>, Vec<String>) {
    let mut notes = Notes::default();
    (parse(text, Reading::Tolerant, &mut notes), notes.as_slice().to_vec())
}

fn strict(text: &str) -> Result<Filter, FilterError> {
    parse(text, Reading::Strict, &mut Notes::default())
}

/// Grammar of RFC 7644 figure 1; the second column is the tree as printed. S-063, S-149, S-151,
/// S-152, S-153, S-157, E-15.
#[test]
fn reads_the_grammar() {
    for (text, prints) in [
        // RFC 7644 figure 2
        (r#"userName Eq "john""#, r#"userName eq "john""#),
        (r#"name.familyName co "O'Malley""#, r#"name.familyName co "O'Malley""#),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        ),
        ("title pr", "title pr"),
        ("title PR", "title pr"),
        (r#"title pr and userType eq "Employee""#, r#"title pr and userType eq "Employee""#),
        (
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        ),
        (
            r#"userType ne "Employee" and not (emails co "example.com")"#,
            r#"userType ne "Employee" and not (emails co "example.com")"#,
        ),
        (
            r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]"#,
            r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]"#,
        ),
        // S-149
        (r#"a pr or b pr and c pr"#, "a pr or b pr and c pr"),
        (r#"a pr and b pr or c pr"#, "a pr and b pr or c pr"),
        (r#"a pr AND b pr Or c pr"#, "a pr and b pr or c pr"),
        ("(a pr or b pr) and c pr", "(a pr or b pr) and c pr"),
        ("((a pr))", "a pr"),
        ("(a pr and b pr) and c pr", "(a pr and b pr) and c pr"),
        // S-152
        ("not(a pr)", "not (a pr)"),
        ("NOT (a pr)", "not (a pr)"),
        ("not (not (a pr))", "not (not (a pr))"),
        // S-151
        (r#"a eq "or""#, r#"a eq "or""#),
        (r#"a eq "x] and (""#, r#"a eq "x] and (""#),
        (r#"a eq "a\"b\\c""#, r#"a eq "a\"b\\c""#),
        (r#"a eq "\u00e9\/\n""#, r#"a eq "é/\u000a""#),
        (r#"a eq "\ud83d\ude00""#, r#"a eq "😀""#),
        (r#"a eq "Bjørn's \"R&D\" / #1""#, r#"a eq "Bjørn's \"R&D\" / #1""#),
        (r#"a eq """#, r#"a eq """#),
        // Literals
        ("a eq true", "a eq true"),
        ("a ne null", "a ne null"),
        ("a gt -12", "a gt -12"),
        ("a le 1.5", "a le 1.5"),
        ("a eq 9007199254740993", "a eq 9007199254740993"),
        // S-063, S-153
        ("members.$ref pr", "members.$ref pr"),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "1""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "1""#,
        ),
        // S-157, E-15
        (r#"a[b eq "w"].c eq "x""#, r#"a[b eq "w" and c eq "x"]"#),
        (r#"a[b eq "w" and d pr].c pr"#, r#"a[b eq "w" and d pr and c pr]"#),
        (r#"a[b eq "w" or d pr].c pr"#, r#"a[(b eq "w" or d pr) and c pr]"#),
        (r#"a[not (b pr or c pr)]"#, "a[not (b pr or c pr)]"),
    ] {
        let (filter, notes) = tolerant(text);
        assert_eq!(filter.as_ref().map(ToString::to_string).as_deref(), Ok(prints), "{text}");
        assert!(notes.is_empty(), "{text}: {notes:?}");
        assert_eq!(strict(text), filter, "{text}");
        assert_eq!(strict(prints), filter, "{text}");
    }
}

/// What only the tolerant reading takes, and says so. S-152, S-239, E-13, E-48, E-49.
#[test]
fn reads_what_clients_send() {
    let single = "a value in single quotes read as a string";
    let bare = "a value without quotes read as a string";
    let blanks = "missing or superfluous blanks in a filter passed over";
    for (text, prints, note) in [
        ("externalId eq mira.okafor", r#"externalId eq "mira.okafor""#, bare), // E-13
        ("(a eq x) and b pr", r#"a eq "x" and b pr"#, bare),
        ("a eq 007", r#"a eq "007""#, bare),
        ("a eq 1e3", r#"a eq "1e3""#, bare),
        ("a eq mira@northlab.example", r#"a eq "mira@northlab.example""#, bare),
        ("a eq é", r#"a eq "é""#, bare),
        ("a eq 'work'", r#"a eq "work""#, single), // E-49
        ("a[b eq 'it\\'s']", r#"a[b eq "it's"]"#, single),
        ("a eq True", "a eq true", "`True` read as a boolean"), // E-48
        ("a eq FALSE", "a eq false", "`FALSE` read as a boolean"),
        ("  a pr", "a pr", blanks), // S-152
        ("a pr ", "a pr", blanks),
        ("a  eq  \"x\"", r#"a eq "x""#, blanks),
        ("a\teq \"x\"", r#"a eq "x""#, blanks),
        ("a eq\"x\"", r#"a eq "x""#, blanks),
        ("( a pr )", "a pr", blanks),
        ("a[ b pr ]", "a[b pr]", blanks),
        ("a [b pr]", "a[b pr]", blanks),
        ("not  (a pr)", "not (a pr)", blanks),
        ("(a pr)and(b pr)", "a pr and b pr", blanks),
        ("a eq \"x\"or b pr", r#"a eq "x" or b pr"#, blanks),
        ("a pr   and   b pr", "a pr and b pr", blanks),
        (
            "urn:x:2.0:User.department pr",
            "urn:x:2.0:User:department pr",
            "the dot after `urn:x:2.0:User` read as a colon", // S-239
        ),
    ] {
        let (filter, notes) = tolerant(text);
        assert_eq!(filter.map(|filter| filter.to_string()).as_deref(), Ok(prints), "{text}");
        assert_eq!(notes, [note], "{text}");
        // Of these the strict reading takes only what means something else by the letter.
        let differs = strict(text).is_ok_and(|filter| filter.to_string() != prints);
        assert!(strict(text).is_err() || differs, "{text}");
    }
}

/// S-150, S-156, S-159, S-160.
#[test]
fn refuses() {
    use Problem::*;
    let operator = |word: &str| UnknownOperator(word.into());
    for (text, problem, span) in [
        ("", AttributeExpected, 0..0),
        ("userName", OperatorExpected, 8..8),
        ("userName ", OperatorExpected, 9..9),
        ("(userName)", OperatorExpected, 9..10),
        ("userName eq", ValueExpected, 11..11),
        ("userName eq ", ValueExpected, 12..12),
        ("(userName eq )", ValueExpected, 13..14),
        (r#"userName regex "x""#, operator("regex"), 9..14), // S-160
        ("userName = 1", operator("="), 9..10),
        ("userName eq1", operator("eq1"), 9..12),
        (r#"userName "x""#, OperatorExpected, 9..9),
        (r#"userName eq "x"#, UnterminatedString, 12..14),
        (r#"userName eq "x\"#, UnterminatedString, 12..15),
        ("userName eq \"a\nb\"", BadString, 14..15),
        (r#"userName eq "\x""#, BadString, 12..16),
        (r#"userName eq "\ud800""#, BadString, 12..20),
        (r#"userName eq "\u0000""#, BadString, 12..20),
        ("userName eq 'x", UnterminatedString, 12..14),
        ("(a pr", Expected(')'), 5..5),
        ("a[b pr", Expected(']'), 6..6),
        ("a[b pr)", Expected(']'), 6..7),
        ("a pr)", EndExpected, 4..5),
        ("a pr b pr", EndExpected, 5..6),
        ("a pr xor b pr", EndExpected, 5..6),
        ("a pr and", AttributeExpected, 8..8),
        ("and b pr", operator("b"), 4..5),
        ("a pr or or b pr", operator("b"), 11..12),
        ("not a pr", NotWithoutParentheses, 0..4),
        ("a[b[c pr]]", NestedBrackets, 3..4), // S-156
        ("a.b[c pr]", BracketAfterSubAttribute, 3..4),
        ("a[]", AttributeExpected, 2..3),
        ("a[b pr].", crate::path::PathError::Empty.into(), 8..8),
        ("a.b.c pr", crate::path::PathError::TooDeep("a.b.c".into()).into(), 0..5),
        ("x:a pr", crate::path::PathError::Schema("x".into()).into(), 0..3),
        ("userName; pr", crate::path::PathError::Name("userName;".into()).into(), 0..9),
    ] {
        assert_eq!(tolerant(text).0, Err(FilterError::at(problem, span)), "{text}");
        assert!(strict(text).is_err(), "{text}");
    }
    assert_eq!(strict("a eq john"), Err(FilterError::at(Unquoted, 5..9))); // S-159
    assert_eq!(strict("a eq TRUE"), Err(FilterError::at(Unquoted, 5..9))); // S-150
}

/// S-161
#[test]
fn bounds() {
    let problem = |text: &str| tolerant(text).0.map_err(|error| error.problem);
    let nested = |depth| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(problem(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(problem(&nested(MAX_DEPTH + 1)), Err(Problem::TooDeep));
    assert_eq!(problem(&"(".repeat(MAX_LENGTH)), Err(Problem::TooDeep));
    let terms = |count| vec!["a pr"; count].join(" or ");
    assert!(problem(&terms(MAX_TERMS)).is_ok());
    assert_eq!(problem(&terms(MAX_TERMS + 1)), Err(Problem::TooManyTerms));
    assert_eq!(problem(&"(".repeat(10_000_000)), Err(Problem::TooLong));
    let unterminated = format!("a eq \"{}", "x".repeat(8000));
    assert_eq!(problem(&unterminated), Err(Problem::UnterminatedString));
}

#[test]
fn error_message_says_where_and_what() {
    let error: crate::Error = tolerant(r#"userName is "x""#).0.expect_err("bad").into();
    assert_eq!(
        (error.status, error.scim_type, error.detail.as_str()),
        (
            400,
            Some(crate::ScimType::InvalidFilter),
            "filter, at byte 10: `is` is no operator: use `eq`, `ne`, `co`, `sw`, `ew`, `gt`, \
             `ge`, `lt`, `le` or `pr`"
        )
    );
}

mod properties {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn path() -> impl Strategy<Value = AttributePath> {
        // A capital after a version would read as a resource type (S-239).
        let name = || "[a-z$][a-zA-Z0-9_$-]{0,8}";
        let schema = option::of("urn:[a-z]{1,8}:(2\\.0|[a-zA-Z/.]{1,6})");
        (schema, name(), option::of(name()))
            .prop_map(|(schema, name, sub_attribute)| AttributePath { schema, name, sub_attribute })
    }

    fn value() -> impl Strategy<Value = CompareValue> {
        prop_oneof![
            "[^\0]{0,12}".prop_map(CompareValue::String),
            any::<i64>().prop_map(|n| CompareValue::Number(n.into())),
            any::<f64>()
                .prop_filter_map("finite", serde_json::Number::from_f64)
                .prop_map(CompareValue::Number),
            any::<bool>().prop_map(CompareValue::Boolean),
            Just(CompareValue::Null),
        ]
    }

    fn comparison(path: impl Strategy<Value = AttributePath>) -> impl Strategy<Value = Filter> {
        let operator = prop::sample::select(vec![
            CompareOperator::Eq,
            CompareOperator::Ne,
            CompareOperator::Co,
            CompareOperator::Sw,
            CompareOperator::Ew,
            CompareOperator::Gt,
            CompareOperator::Ge,
            CompareOperator::Lt,
            CompareOperator::Le,
        ]);
        (path, option::of((operator, value()))).prop_map(|(path, comparison)| match comparison {
            None => Filter::Present(path),
            Some((operator, value)) => Filter::Compare { path, operator, value },
        })
    }

    fn nested(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
        leaf.prop_recursive(4, 24, 3, |part| {
            prop_oneof![
                vec(part.clone(), 2..4).prop_map(Filter::And),
                vec(part.clone(), 2..4).prop_map(Filter::Or),
                part.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let whole = path().prop_map(|path| AttributePath { sub_attribute: None, ..path });
        let value_path = (whole, nested(comparison(path())))
            .prop_map(|(path, filter)| Filter::ValuePath { path, filter: Box::new(filter) });
        nested(prop_oneof![3 => comparison(path()), 1 => value_path])
    }

    proptest! {
        #[test]
        fn printing_round_trips(filter in filter()) {
            let text = filter.to_string();
            prop_assert_eq!(strict(&text), Ok(filter.clone()), "{}", text);
            prop_assert_eq!(tolerant(&text), (Ok(filter), vec![]), "{}", text);
        }

        #[test]
        fn never_panics(text in r#"([a-z]{1,4}|[ ()\[\]"'.:\\]|eq|pr|and|or|not|true|\PC){0,40}"#) {
            let _ = strict(&text);
            let (filter, _) = tolerant(&text);
            if let Ok(filter) = filter {
                let again = tolerant(&filter.to_string()).0;
                prop_assert_eq!(again, Ok(filter));
            }
        }
    }
}
