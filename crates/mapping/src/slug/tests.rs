use proptest::prelude::*;

use super::*;

fn rule(pattern: &str, max_length: usize, misfit: Misfit) -> Rule {
    Rule::new(pattern, max_length, misfit).unwrap()
}

#[test]
fn names_are_normalised() {
    let rule = Rule::default();
    for (name, expected) in [
        ("Sales", "sales"),
        ("Sales EMEA", "sales-emea"),
        ("  Sales --  (EMEA)  ", "sales-emea"),
        ("R&D / Platform_2", "r-d-platform-2"),
        ("Zürich", "zurich"),
        ("Zu\u{308}rich", "zurich"),
        ("Straße", "strasse"),
        ("STRAẞE", "strasse"),
        ("Åse Øster Ærø", "ase-oster-aero"),
        ("Łódź", "lodz"),
        ("Đakovo", "dakovo"),
        ("Þingvellir", "thingvellir"),
        ("İstanbul Kadıköy", "istanbul-kadikoy"),
        ("ＡＢＣ １２", "abc-12"),
        ("ﬁnance™", "financetm"),
        ("研发部", "team"),
        ("研发部 2", "2"),
        ("", "team"),
        ("---", "team"),
        ("🚀 launch 🚀", "launch"),
        ("a\u{0}b\nc", "a-b-c"),
    ] {
        assert_eq!(slug(name, &rule).as_deref(), Ok(expected), "{name}");
    }
}

#[test]
fn long_names_are_cut() {
    let short = rule("[a-z0-9-]+", 12, Misfit::Normalise);
    for (name, expected) in [
        ("twelve bytes", "twelve-bytes"),
        ("twelve bytes!", "twelve-bytes"),
        ("twelve bytes more", "twelve-bytes"),
        ("platform engineering", "platform"),
        // At the hyphen, hardly anything would be left.
        ("a platformengineering", "a-platformen"),
        ("platformengineering", "platformengi"),
        ("eleven byte ß", "eleven-byte"),
    ] {
        assert_eq!(slug(name, &short).as_deref(), Ok(expected), "{name}");
    }
    // However long the name.
    let long = "Ä ".repeat(200_000);
    assert_eq!(slug(&long, &Rule::default()).unwrap().len(), 63);
}

#[test]
fn patterns_of_ones_own() {
    // What fits as it is stays as it is.
    let loose = rule("[a-z0-9._-]+", 64, Misfit::Normalise);
    assert_eq!(slug("Data_Eng.Core Team", &loose).unwrap(), "data_eng.core-team");
    assert_eq!(slug("Data_Eng/Core", &loose).unwrap(), "data-eng-core");
    // Whatever the pattern: what a URL would escape, and what it would read otherwise, is no slug.
    let all = rule(".*", 64, Misfit::Normalise);
    for (name, expected) in
        [("a/b", "a-b"), ("..", "team"), ("", "team"), ("é", "e"), ("a?b#c", "a-b-c")]
    {
        assert_eq!(slug(name, &all).as_deref(), Ok(expected), "{name}");
    }
    // The whole slug has to match, whichever alternative comes first.
    let either = rule("acme|acme-.*", 64, Misfit::Normalise);
    assert_eq!(slug("Acme Sales", &either).unwrap(), "acme-sales");
    let said = slug("Sales & Ops", &either).unwrap_err().to_string();
    assert_eq!(
        said,
        "a group with the name `Sales & Ops` cannot become a team: its short name would be \
         `sales-ops`, which does not match `acme|acme-.*`; rename the group"
    );
}

#[test]
fn names_are_refused() {
    let rule = Rule::new(Rule::default().pattern(), 16, Misfit::Refuse).unwrap();
    for (name, expected) in
        [("sales", "sales"), ("Sales", "sales"), ("Sales EMEA 2", "sales-emea-2")]
    {
        assert_eq!(slug(name, &rule).as_deref(), Ok(expected), "{name}");
    }
    for (name, said) in [
        ("Sales  EMEA", "would be `sales--emea`, which does not match"),
        ("Sales  EMEA", "for example to `sales-emea`"),
        (" Sales", "for example to `sales`"),
        ("Zürich", "for example to `zurich`"),
        ("研发部", "would be `研发部`, which does not match"),
        ("研发部", "for example to `team`"),
        ("", "would be ``, which"),
        (
            "Platform engineering",
            "at most 16 characters; rename the group, for example to `platform`",
        ),
    ] {
        let refused = slug(name, &rule).unwrap_err().to_string();
        assert!(refused.contains(said), "{name}: {refused}");
    }
    let refused = slug(&"ä".repeat(100_000), &rule).unwrap_err().to_string();
    assert!(refused.len() < 500, "{refused}");
}

#[test]
fn rules_are_checked() {
    for (pattern, max_length, said) in [
        ("[a-z-]+", 11, "12 to 128"),
        ("[a-z-]+", 129, "not `129`"),
        ("", 64, "1 to 256 bytes"),
        (&"a".repeat(257), 64, "this one `257`"),
        ("[a-z", 64, "unclosed character class"),
        ("a)|(b", 64, "unopened group"),
        (r"(a)\1", 64, "backreferences are not supported"),
        ("((((a{100}){100}){100}){100}", 64, "unclosed group"),
        ("((a{100}){100}){100}", 64, "too large"),
        (&"(".repeat(200), 64, "regular expression"),
        (&format!("{}a{}", "(".repeat(100), ")".repeat(100)), 64, "nest"),
        ("[a-z]+", 64, "takes `team` and not `team-2`"),
        ("[a-z0-9]+", 64, "`team-2`"),
        ("[a-z]", 64, "takes `a` and not `a-2`"),
    ] {
        let refused = Rule::new(pattern, max_length, Misfit::Normalise).unwrap_err().to_string();
        assert!(refused.contains(said), "{pattern}: {refused}");
        assert!(!refused.contains('\n'), "{refused}");
    }
}

#[test]
fn rules_are_stored() {
    let text = serde_json::to_string(&Rule::default()).unwrap();
    let expected = r#"{"pattern":"^[a-z0-9]+(-[a-z0-9]+)*$","max_length":64,"misfit":"normalise"}"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), Rule::default());
    for text in [
        r#"{"pattern":"[","max_length":64,"misfit":"normalise"}"#,
        r#"{"pattern":"a","max_length":64,"misfit":"ignore"}"#,
        r#"{"pattern":"[a-z-]+","max_length":64}"#,
        r#"{"pattern":"[a-z-]+","max_length":64,"misfit":"refuse","colour":"red"}"#,
    ] {
        assert!(serde_json::from_str::<Rule>(text).is_err(), "{text}");
    }
}

#[test]
fn suffixes() {
    let short = rule("[a-z0-9-]+", 12, Misfit::Normalise);
    for (base, n, expected) in [
        ("sales", 2, "sales-2"),
        ("sales", 10, "sales-10"),
        ("twelve-bytes", 2, "twelve-byt-2"),
        ("platform-eng", 200, "platform-200"),
        ("platform-eng", 20, "platform-20"),
        ("team", u32::MAX, "t-4294967295"),
    ] {
        assert_eq!(with_suffix(base, n, &short), expected);
    }
}

proptest! {
    #[test]
    fn slugs_fit_or_are_refused(name in ".{0,200}", max_length in 12_usize..=128) {
        for pattern in [Rule::default().pattern(), "[a-z0-9._-]+", "acme-[a-z0-9-]+"] {
            let normalise = rule(pattern, max_length, Misfit::Normalise);
            let refuse = rule(pattern, max_length, Misfit::Refuse);
            let made = slug(&name, &normalise);
            if pattern == Rule::default().pattern() {
                prop_assert!(made.is_ok());
            }
            if let Ok(made) = &made {
                prop_assert!(normalise.fits(made), "{made}");
                // A slug is its own slug.
                prop_assert_eq!(slug(made, &refuse), Ok(made.clone()));
            }
            // What is not refused is the same under both.
            if let Ok(kept) = slug(&name, &refuse) {
                prop_assert_eq!(Ok(kept), made);
            }
        }
    }

    #[test]
    fn suffixed_slugs_fit_and_differ(
        name in ".{0,200}", max_length in 12_usize..=128, n in any::<u32>(), other in any::<u32>(),
    ) {
        let rule = rule(Rule::default().pattern(), max_length, Misfit::Normalise);
        let base = slug(&name, &rule).unwrap();
        let suffixed = with_suffix(&base, n, &rule);
        prop_assert!(rule.fits(&suffixed), "{suffixed}");
        prop_assert_eq!(n == other, suffixed == with_suffix(&base, other, &rule));
    }

    /// Whatever an operator writes: a rule or an error.
    #[test]
    fn patterns_are_no_danger(pattern in r"[\[\]()a-z0-9*+?{},|^$\\.\-]{0,60}", name in ".{0,80}") {
        if let Ok(rule) = Rule::new(&pattern, 64, Misfit::Normalise) {
            let made = slug(&name, &rule);
            prop_assert!(made.is_err() || rule.fits(&made.unwrap()));
        }
    }
}
