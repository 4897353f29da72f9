use serde_json::json;

use super::*;

fn read(text: &[u8]) -> Result<Value, JsonProblem> {
    parse(text, &Limits::default()).map_err(|error| error.problem)
}

/// S-451.
#[test]
fn values() {
    for (text, expected) in [
        (
            " {\"a\": [1, -2, 1.5, true, null, \"\\u00e9\\\"\"]} ",
            json!({ "a": [1, -2, 1.5, true, null, "é\""] }),
        ),
        ("[]", json!([])),
        ("\"x\"", json!("x")),
        ("\u{FEFF}{}", json!({})),
        // S-451: 2^53 + 1, the largest and the smallest.
        ("9007199254740993", json!(9_007_199_254_740_993_u64)),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("{\"a\":1,\"b\":2,\"Aa\":3}", json!({ "a": 1, "b": 2, "Aa": 3 })),
        ("\"\\ud83d\\ude00\"", json!("😀")),
    ] {
        assert_eq!(read(text.as_bytes()), Ok(expected), "{text}");
    }
    assert_eq!(
        read(b"9007199254740993").unwrap().to_string(),
        "9007199254740993",
        "not one digit is lost"
    );
}

/// S-051, S-065.
#[test]
fn refusals() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let wide = |names: usize, last: &str| {
        let fields: Vec<_> = (0..names).map(|n| format!("\"n{n}\":0")).collect();
        format!("{{{},\"{last}\":0}}", fields.join(","))
    };
    let limits = Limits::default();
    assert!(read(deep(limits.depth).as_bytes()).is_ok());
    assert!(read(wide(limits.names - 1, "last").as_bytes()).is_ok());
    let duplicate = |name: &str| JsonProblem::Duplicate(name.into());
    for (text, problem) in [
        ("", JsonProblem::Empty),
        (" \n", JsonProblem::Empty),
        ("\u{FEFF}", JsonProblem::Empty),
        (&deep(limits.depth + 1), JsonProblem::Depth(limits.depth)),
        (&"[".repeat(100_000), JsonProblem::Depth(limits.depth)),
        (&wide(limits.names, "last"), JsonProblem::Names(limits.names)),
        // S-051.
        ("{\"a\":1,\"a\":1}", duplicate("a")),
        ("{\"userName\":1,\"username\":2}", duplicate("username")),
        (&wide(31, "N0"), duplicate("N0")),
        (&wide(32, "N31"), duplicate("N31")),
        (&wide(500, "N499"), duplicate("N499")),
        (&format!("\"{}\"", "x".repeat(limits.string + 1)), JsonProblem::String(limits.string)),
        (
            &format!("{{\"{}\":1}}", "x".repeat(limits.string + 1)),
            JsonProblem::String(limits.string),
        ),
        // S-065.
        ("\"a\\u0000b\"", JsonProblem::Nul(String::new())),
        ("{\"\\u0000\":1}", JsonProblem::Nul(String::new())),
        ("{\"a\":[{\"b\":\"\\u0000\"}]}", JsonProblem::Nul("a.b".into())),
        ("{\"a\":{\"\\u0000\":1}}", JsonProblem::Nul("a".into())),
        ("1e999", JsonProblem::Number),
        ("-1e999", JsonProblem::Number),
        ("18446744073709551616", JsonProblem::Number),
        ("-9223372036854775809e10", JsonProblem::Number),
    ] {
        assert_eq!(read(text.as_bytes()), Err(problem), "{}", &text[..text.len().min(60)]);
    }
    for text in [
        "{",
        "[1,]",
        "{\"a\":1} x",
        "nul",
        "'a'",
        "{a:1}",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "01",
        "\"\n\"",
        "{\"a\":1}{\"b\":2}",
    ] {
        assert!(matches!(read(text.as_bytes()), Err(JsonProblem::Syntax(_))), "{text}");
    }
}

#[test]
fn the_place_is_told() {
    for (text, line, column, detail) in [
        (
            &b"{\"a\":1,\n \"A\":2}"[..],
            2,
            4,
            "the body has the name `A` twice in one object (line 2, column 4)",
        ),
        (b"{\"a\":}", 1, 6, "the body is not valid JSON: expected value (line 1, column 6)"),
        (b"{\n\"a\":\"\xFF\"}", 2, 6, "the body is not encoded in UTF-8 (line 2, column 6)"),
    ] {
        let error = parse(text, &Limits::default()).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{error}");
        assert_eq!(error.to_string(), detail);
        let error = Error::from(error);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidSyntax)));
    }
    let nul = Error::from(parse(b"\"\\u0000\"", &Limits::default()).unwrap_err());
    assert_eq!(nul.scim_type, Some(ScimType::InvalidValue));
}

proptest::proptest! {
    #[test]
    fn agrees_with_the_library(text in "[\\[\\]{}\",:a-c0-2.e\\\\ -]{0,24}") {
        let ours = read(text.as_bytes());
        match serde_json::from_str::<Value>(&text) {
            Ok(theirs) => match ours {
                Ok(ours) => proptest::prop_assert_eq!(ours, theirs),
                Err(problem) => proptest::prop_assert!(
                    matches!(problem, JsonProblem::Duplicate(_) | JsonProblem::Number), "{:?}", problem
                ),
            },
            Err(_) => proptest::prop_assert!(ours.is_err()),
        }
    }

    #[test]
    fn any_bytes_are_safe(bytes: Vec<u8>) {
        let _ = parse(&bytes, &Limits { depth: 3, names: 2, string: 4 });
    }
}
