//! What can be set about a simulated service beyond the choice of its kind.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Error, Kind};

/// One thing that can be set, with its default in force unless it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Knob {
    /// What the knob is about, for sorting them in lists.
    pub group: &'static str,
    pub name: &'static str,
    pub default: &'static str,
    pub values: Values,
    pub description: &'static str,
}

/// What a knob can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// One of these.
    One(&'static [&'static str]),
    /// Some of these, with commas between them, in this order of precedence.
    Some(&'static [&'static str]),
    /// A whole number between these.
    Number(u64, u64),
    /// A whole number between these, or a word.
    NumberOr(u64, u64, &'static str),
}

impl Values {
    fn hold(self, value: &str) -> bool {
        let number = |low, high| value.parse().is_ok_and(|number| (low..=high).contains(&number));
        match self {
            Values::One(words) => words.contains(&value),
            Values::Some(words) => {
                let mut seen = Vec::new();
                value.split(',').all(|one| {
                    let new = words.contains(&one) && !seen.contains(&one);
                    seen.push(one);
                    new
                })
            }
            Values::Number(low, high) => number(low, high),
            Values::NumberOr(low, high, word) => value == word || number(low, high),
        }
    }

    /// For people: `on | off`.
    pub fn text(self) -> String {
        match self {
            Values::One(words) => words.join(" | "),
            Values::Some(words) => format!("some of {}", words.join(",")),
            Values::Number(low, high) => format!("{low}–{high}"),
            Values::NumberOr(low, high, word) => format!("{word} | {low}–{high}"),
        }
    }
}

/// The knobs of a kind as they are set.
#[derive(Clone, Debug)]
pub struct Settings {
    knobs: &'static [Knob],
    set: BTreeMap<&'static str, String>,
}

impl Settings {
    pub fn new(kind: Kind, pairs: &[(String, String)]) -> Result<Self, Error> {
        let knobs = crate::knobs(kind);
        let mut set = BTreeMap::new();
        for (name, value) in pairs {
            let knob = knobs.iter().find(|knob| knob.name == name).ok_or_else(|| Error::Knob {
                name: name.clone(),
                service: kind.title(),
                known: knobs.iter().map(|knob| knob.name).collect::<Vec<_>>().join(", "),
            })?;
            if !knob.values.hold(value) {
                let (name, value, values) = (knob.name, value.clone(), knob.values.text());
                return Err(Error::KnobValue { name, value, values });
            }
            set.insert(knob.name, value.clone());
        }
        Ok(Settings { knobs, set })
    }

    /// The value in force. The name must be a knob of the kind.
    pub fn get(&self, name: &str) -> &str {
        self.set.get(name).map_or_else(
            || {
                let knob = self.knobs.iter().find(|knob| knob.name == name);
                knob.expect("the knob is in the kind's table").default
            },
            String::as_str,
        )
    }

    pub fn on(&self, name: &str) -> bool {
        self.get(name) == "on"
    }

    /// `None` for the word that stands in place of a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }

    pub fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).split(',').collect()
    }
}

pub const ON_OFF: Values = Values::One(&["on", "off"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_values_and_names_are_unique() {
        for kind in Kind::ALL {
            let mut names = Vec::new();
            for knob in crate::knobs(kind) {
                assert!(knob.values.hold(knob.default), "{}", knob.name);
                assert!(!names.contains(&knob.name), "{} is there twice", knob.name);
                names.push(knob.name);
            }
        }
    }

    #[test]
    fn what_is_wrong_reads_well() {
        let set = |name: &str, value: &str| {
            let pairs = [(name.to_owned(), value.to_owned())];
            Settings::new(Kind::Entra, &pairs).map_err(|error| error.to_string())
        };
        assert_eq!(set("member-batch", "7").map(|s| s.number("member-batch")), Ok(Some(7)));
        assert_eq!(set("member-batch", "random").map(|s| s.number("member-batch")), Ok(None));
        assert_eq!(
            set("match-users", "externalId,userName").map(|s| s.list("match-users").len()),
            Ok(2)
        );
        for (name, value, message) in [
            ("colour", "red", "there is no knob `colour` for Microsoft Entra ID; there are: "),
            ("tombstone", "maybe", "`tombstone` cannot be `maybe`; it can be: on | off"),
            ("member-batch", "0", "`member-batch` cannot be `0`; it can be: random | 1–5000"),
            ("match-users", "userName,userName", "`match-users` cannot be `userName,userName`"),
        ] {
            let error = set(name, value).map(|_| ()).expect_err("it is wrong");
            assert!(error.starts_with(message), "{error}");
        }
    }
}
