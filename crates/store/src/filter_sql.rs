//! A resolved filter as SQL, where an index can answer it.
//!
//! What comes out narrows: rows that it leaves out cannot match. Where it is [`Narrowing::exact`],
//! rows that it lets through do match; otherwise each is evaluated with [`Condition::matches`], so
//! that a filter means the same however it is answered.

use scim::filter::{CompareOperator, Condition, Operand, Target};

use crate::{
    attribute_index,
    key::{beginning, key},
};

/// A condition on `resource r` whose directory is `?1` and type is `?2`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Narrowing {
    pub sql: String,
    /// Bound from `?3` on.
    pub binds: Vec<String>,
    pub exact: bool,
    /// Whether it asks for a value that hardly more than one resource has.
    pub few: bool,
}

/// Parameters before those of the filter: the directory and the resource type.
const FIRST: usize = 3;

/// The most terms that become SQL; a filter with more is evaluated row by row.
const MAX_TERMS: usize = 64;

/// `None` when no index helps.
pub(crate) fn narrow(resource_type: &str, condition: &Condition) -> Option<Narrowing> {
    let mut binds = Vec::new();
    let part = compile(resource_type, condition, &mut binds)?;
    (binds.len() <= MAX_TERMS).then_some(Narrowing {
        sql: part.sql,
        binds,
        exact: part.exact,
        few: is_few(condition),
    })
}

struct Part {
    sql: String,
    exact: bool,
}

fn is_few(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) => parts.iter().any(is_few),
        Condition::Element { condition, .. } => is_few(condition),
        Condition::Compare { target, operator: CompareOperator::Eq, .. } => {
            let attribute = target.attribute.as_str();
            target.extension.is_none()
                && matches!(attribute, "id" | "userName" | "externalId" | "emails")
        }
        _ => false,
    }
}

fn compile(resource_type: &str, condition: &Condition, binds: &mut Vec<String>) -> Option<Part> {
    match condition {
        Condition::And(parts) => {
            let compiled: Vec<Part> =
                parts.iter().filter_map(|part| compile(resource_type, part, binds)).collect();
            if compiled.is_empty() {
                return None;
            }
            let exact = compiled.len() == parts.len() && compiled.iter().all(|part| part.exact);
            let conditions: Vec<&str> = compiled.iter().map(|part| part.sql.as_str()).collect();
            Some(Part { sql: conditions.join(" AND "), exact })
        }
        Condition::Or(parts) => {
            let before = binds.len();
            let compiled: Option<Vec<Part>> =
                parts.iter().map(|part| compile(resource_type, part, binds)).collect();
            let Some(compiled) = compiled else {
                binds.truncate(before);
                return None;
            };
            let exact = compiled.iter().all(|part| part.exact);
            Some(Part { sql: any(&compiled), exact })
        }
        // One element must satisfy all of it: each indexed term narrows, none decides, except a
        // single comparison.
        Condition::Element { condition, .. } => {
            let part = compile(resource_type, condition, binds)?;
            let exact = part.exact && matches!(**condition, Condition::Compare { .. });
            Some(Part { sql: part.sql, exact })
        }
        Condition::Compare { target, operator, operand } => {
            let Operand::String { key: text, .. } = operand else { return None };
            compare(resource_type, target, *operator, text, binds)
        }
        Condition::Not(_) | Condition::Present(_) => None,
    }
}

fn compare(
    resource_type: &str,
    target: &Target,
    operator: CompareOperator,
    text: &str,
    binds: &mut Vec<String>,
) -> Option<Part> {
    let mut bind = |text: String| {
        binds.push(text);
        format!("?{}", binds.len() + FIRST - 1)
    };
    let exact = true;
    let core = target.extension.is_none();
    let sub_attribute = target.sub_attribute.as_deref();
    match (core, target.attribute.as_str(), sub_attribute, operator) {
        (true, "id", None, CompareOperator::Eq) => {
            Some(Part { sql: format!("r.id = {}", bind(text.into())), exact })
        }
        (true, "userName", None, CompareOperator::Eq) if resource_type == "User" => {
            let user_name = bind(key(text).into());
            Some(Part { sql: format!("r.user_name = {user_name}"), exact })
        }
        (true, "userName", None, CompareOperator::Sw) if resource_type == "User" => {
            let (from, to, exact) = prefix(text)?;
            let (from, to) = (bind(from), bind(to));
            let range = format!(
                "SELECT o.id FROM resource o WHERE o.directory_id = ?1 \
                 AND o.user_name >= {from} AND o.user_name < {to} AND {TRUE}"
            );
            Some(Part { sql: one_of(&range), exact })
        }
        (true, "groups", Some("value"), CompareOperator::Eq) if resource_type == "User" => {
            let group_id = bind(text.into());
            Some(Part {
                sql: one_of(&format!(
                    "SELECT member_id FROM membership \
                     WHERE directory_id = ?1 AND group_id = {group_id} AND {TRUE}"
                )),
                exact,
            })
        }
        (true, "members", Some("value"), CompareOperator::Eq) if resource_type == "Group" => {
            let member_id = bind(text.into());
            Some(Part {
                sql: one_of(&format!(
                    "SELECT group_id FROM membership \
                     WHERE directory_id = ?1 AND member_id = {member_id} AND {TRUE}"
                )),
                exact,
            })
        }
        (_, _, _, CompareOperator::Eq) => {
            let indexed = attribute_index::find(resource_type, target)?;
            let value_key = bind(key(text).into());
            Some(Part { sql: index_sql(indexed.name, &format!("= {value_key}")), exact })
        }
        (_, _, _, CompareOperator::Sw) => {
            let indexed = attribute_index::find(resource_type, target)?;
            let (from, to, exact) = prefix(text)?;
            let range = format!(">= {} AND value_key < {}", bind(from), bind(to));
            Some(Part { sql: index_sql(indexed.name, &range), exact })
        }
        _ => None,
    }
}

fn index_sql(name: &str, range: &str) -> String {
    one_of(&format!(
        "SELECT resource_id FROM attribute_index WHERE directory_id = ?1 \
         AND resource_type = ?2 AND attribute = '{name}' AND value_key {range}"
    ))
}

/// What holds always. PostgreSQL takes it for something that hardly any row fulfils: it then looks the
/// few that are left up one by one by their whole key, instead of reading all that the directory
/// has, which it believes to be a few as well where it has no statistics.
const TRUE: &str = "directory_id || '' = ?1";

const ONE_OF: &str = "r.id IN (";
const END: &str = ")";

/// That the resource is one of those whose ids the sub-select finds.
fn one_of(select: &str) -> String {
    format!("{ONE_OF}{select}{END}")
}

/// A sub-select of the ids of the resources for which `condition` holds.
fn ids(condition: &str) -> String {
    match condition.strip_prefix(ONE_OF).and_then(|rest| rest.strip_suffix(END)) {
        Some(select) if !select.contains('(') => select.into(),
        _ => format!(
            "SELECT r.id FROM resource r WHERE r.directory_id = ?1 AND r.resource_type = ?2 \
             AND {condition}"
        ),
    }
}

/// That one of the conditions holds, each of which an index answers: no database looks into several
/// indexes for an OR between sub-selects.
fn any(parts: &[Part]) -> String {
    match parts {
        // A filter that was settled as matching nothing.
        [] => "(1 = 0)".into(),
        [one] => one.sql.clone(),
        parts => {
            let parts: Vec<String> = parts.iter().map(|part| ids(&part.sql)).collect();
            one_of(&parts.join(" UNION ALL "))
        }
    }
}

/// The keys of texts that begin with `text`, as a half-open range, and whether those of no others are
/// in it. `None` where that is every key, or where it has no end.
fn prefix(text: &str) -> Option<(String, String, bool)> {
    let from = beginning(text);
    let exact = from.len() == text.len();
    let mut end = from.to_owned();
    while let Some(last) = end.pop() {
        let next = (u32::from(last) + 1..=0x10_FFFF).find_map(char::from_u32);
        if let Some(next) = next {
            end.push(next);
            return Some((from.into(), end, exact));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    /// S-162.
    #[test]
    fn prefixes_are_ranges() {
        for (text, end) in
            [("ab", "ac"), ("a\u{10FFFF}", "b"), ("a\u{D7FF}", "a\u{E000}"), ("\0", "\u{1}")]
        {
            assert_eq!(super::prefix(text), Some((text.into(), end.into(), true)));
        }
        assert_eq!(super::prefix(""), None);
        // Keys do not tell more of a long text than its beginning.
        let long = "a".repeat(1_000);
        let (from, to, exact) = super::prefix(&long).unwrap();
        assert!(long.starts_with(&from) && to > long && !exact, "{from} {to}");
    }
}
