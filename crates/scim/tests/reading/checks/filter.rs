use scim::{
    Notes,
    dialect::Reading,
    filter::{Condition, Filter, FilterProblem, parse, resolve_noting},
};

use super::{READINGS, SENT, check_refusal};

/// Reads a filter: what is read prints and reads the same again, means the same, and every answer
/// is the opposite of its denial's.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let strictly = read(text, Reading::Strict);
    let tolerantly = read(text, Reading::Tolerant);
    assert!(strictly.is_none() || tolerantly.is_some(), "tolerance only adds: {text}");
}

fn read(text: &str, reading: Reading) -> Option<Filter> {
    let mut notes = Notes::default();
    match parse(text, reading, &mut notes) {
        Ok(filter) => {
            check_read(&filter, reading);
            Some(filter)
        }
        Err(error) => {
            let span = error.span.clone().expect("a mistake in the text has a place");
            assert!(text.get(span).is_some(), "{error} in {text}");
            check_refusal(&error.into());
            None
        }
    }
}

/// What holds of every filter that was read so.
pub fn check_read(filter: &Filter, reading: Reading) {
    let printed = filter.to_string();
    for again in READINGS {
        // A dot after a URN means something else when it is read tolerantly (S-239).
        if reading == Reading::Strict && again == Reading::Tolerant {
            continue;
        }
        let mut notes = Notes::default();
        match parse(&printed, again, &mut notes) {
            Ok(read) => {
                assert_eq!(read, *filter, "{printed}");
                assert!(notes.is_empty(), "{printed}: {notes:?}");
            }
            // Escapes are longer than what they stand for, and parentheses are added.
            Err(error) => assert!(
                matches!(error.problem, FilterProblem::TooLong | FilterProblem::TooDeep),
                "{printed}: {error}"
            ),
        }
    }
    for (rt, resources) in &*SENT {
        let mut notes = Notes::default();
        match resolve_noting(filter, rt, reading, &mut notes) {
            Ok(condition) => {
                for resource in resources {
                    let denied = Condition::Not(Box::new(condition.clone()));
                    let denial = Filter::Not(Box::new(filter.clone()));
                    let denial = resolve_noting(&denial, rt, reading, &mut notes);
                    assert_eq!(denial.as_ref(), Ok(&denied));
                    assert_ne!(condition.matches(resource), denied.matches(resource));
                }
            }
            Err(error) => check_refusal(&error.into()),
        }
    }
}
