//! Why something is as it is, in words for people.

use mapping::member::{Held, Reason, State, Why};
use serde_json::Value;
use store::{
    OrganizationTx,
    events::{Cause, NewEvent},
    roster::NamedDirectory,
};

/// The directories of an organization by age, also the deleted ones: reasons name them.
#[derive(Clone, Debug, Default)]
pub struct Directories(Vec<NamedDirectory>);

impl Directories {
    pub async fn load(tx: &mut OrganizationTx<'_>) -> Result<Self, store::Error> {
        Ok(Self(tx.named_directories().await?))
    }

    /// How a directory is named in a sentence.
    pub fn name(&self, id: &str) -> String {
        match self.0.iter().find(|directory| directory.id == id) {
            None => format!("directory `{id}`"),
            Some(NamedDirectory { kind, is_deleted: true, .. }) => {
                format!("directory `{id}` ({kind}, deleted)")
            }
            Some(NamedDirectory { kind, is_enabled: false, .. }) => {
                format!("directory `{id}` ({kind}, switched off)")
            }
            Some(NamedDirectory { kind, .. }) => format!("directory `{id}` ({kind})"),
        }
    }

    /// Where a value is from.
    pub fn reason(&self, reason: &Reason) -> String {
        match reason {
            Reason::Mapping { directory_id, source, is_default, .. } => {
                let mapping = if *is_default { "" } else { ", by its own mapping" };
                format!("`{source}` of {}{mapping}", self.name(directory_id))
            }
            Reason::Rule { directory_id, pattern, group, rule_id, .. } => format!(
                "group `{group}` of {}, by rule `{rule_id}` for `{pattern}`",
                self.name(directory_id)
            ),
            Reason::Person => "set by hand".into(),
            Reason::DefaultRole => "the default role".into(),
        }
    }

    /// Why somebody is in a state.
    pub fn why(&self, state: State, why: &Why) -> String {
        match why {
            Why::Nothing => "nothing says otherwise".into(),
            Why::Directory { directory_id, .. } => match state {
                State::Active => format!("active in {}", self.name(directory_id)),
                _ => format!("not active in {}", self.name(directory_id)),
            },
            Why::Person => "set by hand".into(),
            Why::DirectoryDeleted { directory_id } => {
                format!("left so when {} was deleted", self.name(directory_id))
            }
            Why::UserDeleted => "deleted in the directory, and in no other".into(),
            Why::Merged { member_id } => format!("turned out to be member `{member_id}`"),
            Why::NoEmailAddress => {
                "no e-mail address: have the identity provider send one, or set one by hand".into()
            }
            Why::EmailAddressTaken { email_address, member_id } => format!(
                "the e-mail address `{email_address}` is that of member `{member_id}`: one of the \
                 two needs another"
            ),
        }
    }

    /// What caused a change.
    pub fn cause(&self, cause: &Cause) -> String {
        match cause {
            Cause::Request { request_id, directory_id } => {
                format!("request `{request_id}` to {}", self.name(directory_id))
            }
            Cause::Configuration { run_id } => {
                format!("a change of the configuration, `{run_id}`")
            }
            Cause::Person { name } => format!("by hand: {name}"),
        }
    }
}

/// What is held back.
pub fn held(held: &Held) -> String {
    match held {
        Held::LastOwner { state, role } => {
            let role = role.as_deref().map_or("no role".into(), |role| format!("role `{role}`"));
            format!(
                "their directories say: {}, {role}. Held back, because they are the \
                 organization's last owner: it takes effect when there is another",
                state.as_str()
            )
        }
    }
}

/// What is different by an event, one line for each part.
pub fn changes(event: &NewEvent) -> Vec<String> {
    let parts = |value: &Option<Value>| {
        value.as_ref().and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let (before, after) = (parts(&event.before), parts(&event.after));
    let mut names: Vec<&String> = before.keys().collect();
    names.extend(after.keys().filter(|name| !before.contains_key(*name)));
    let change = |name: &String| match (before.get(name), after.get(name)) {
        (None, after) => format!("{name}: {}", shown(after)),
        (before, after) if shown(before) == shown(after) => format!("{name}: another reason"),
        (before, after) => format!("{name}: {} → {}", shown(before), shown(after)),
    };
    names.into_iter().map(change).collect()
}

/// The value of a part, without its reason.
fn shown(part: Option<&Value>) -> String {
    let value = part.and_then(|part| part.get("value")).or(part);
    match value {
        None | Some(Value::Null) => "nothing".into(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::events::Kind;

    use super::*;

    #[test]
    fn changes_are_told_by_their_values() {
        let event = |before: Value, after: Value| NewEvent {
            kind: Kind::MemberUpdated,
            member_id: None,
            team_id: None,
            before: Some(before).filter(|value| !value.is_null()),
            after: Some(after).filter(|value| !value.is_null()),
        };
        let field = |value: &str, from: &str| json!({"value": value, "from": from});
        for (before, after, told) in [
            (json!(null), json!({"locale": field("de", "a")}), &["locale: `de`"][..]),
            (
                json!({"first_name": field("Ada", "a"), "locale": null}),
                json!({"first_name": field("Eda", "a"), "locale": field("de", "a")}),
                &["first_name: `Ada` → `Eda`", "locale: nothing → `de`"],
            ),
            (
                json!({"locale": field("de", "a")}),
                json!({"locale": field("de", "b")}),
                &["locale: another reason"],
            ),
            (
                json!({"name": "Crew", "slug": "crew"}),
                json!(null),
                &["name: `Crew` → nothing", "slug: `crew` → nothing"],
            ),
        ] {
            assert_eq!(changes(&event(before, after)), told);
        }
    }
}
