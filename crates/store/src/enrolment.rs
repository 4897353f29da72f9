//! What an organization has set about the mail that greets new members. It stands in the
//! organization's settings under [`SETTING`]:
//!
//! ```json
//! {"policy": "creation", "link": "https://app.example.com", "sender": "Acme",
//!  "texts": {"de": {"subject": "…", "text": "…"}}}
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    Tx,
    error::{Error, Result},
    organizations,
};

/// The name of the setting.
pub const SETTING: &str = "enrolment";

/// When a member is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    #[default]
    Off,
    /// Once, when a directory makes them active for the first time.
    Creation,
}

impl Policy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Creation => "creation",
        }
    }
}

/// A text that replaces or adds to the built-in ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub subject: String,
    pub text: String,
}

/// The setting; without any it is [`Policy::Off`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolment {
    pub policy: Policy,
    /// Where people sign in.
    pub link: Option<String>,
    /// Who the mail is from, by name; where there is none, the sender that is set for all.
    pub sender: Option<String>,
    /// By language tag in lower case.
    pub texts: BTreeMap<String, Text>,
}

impl Enrolment {
    /// Reads it from an organization's settings. What is not understood is told in one line.
    pub fn of(settings: &Map<String, Value>) -> Result<Self, String> {
        let Some(setting) = settings.get(SETTING) else { return Ok(Self::default()) };
        let text = |of: &Value, name: &str| match of.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!("`{SETTING}`: `{name}` is `{other}`, not a text")),
        };
        let policy = match text(setting, "policy")?.as_deref() {
            None | Some("off") => Policy::Off,
            Some("creation") => Policy::Creation,
            Some(other) => return Err(format!("`{SETTING}`: unknown policy `{other}`")),
        };
        let mut texts = BTreeMap::new();
        for (language, of) in setting.get("texts").and_then(Value::as_object).into_iter().flatten()
        {
            let part = |name: &str| {
                let missing = || format!("`{SETTING}`: no `{name}` in the texts of `{language}`");
                text(of, name)?.ok_or_else(missing)
            };
            let text = Text { subject: part("subject")?, text: part("text")? };
            texts.insert(language.clone(), text);
        }
        let (link, sender) = (text(setting, "link")?, text(setting, "sender")?);
        Ok(Self { policy, link, sender, texts })
    }

    /// As it is stored: nothing where it says nothing.
    fn to_json(&self) -> Option<Value> {
        if *self == Self::default() {
            return None;
        }
        let mut setting = Map::new();
        setting.insert("policy".into(), self.policy.name().into());
        for (name, value) in [("link", &self.link), ("sender", &self.sender)] {
            if let Some(value) = value {
                setting.insert(name.into(), value.as_str().into());
            }
        }
        if !self.texts.is_empty() {
            let texts = self.texts.iter().map(|(language, text)| {
                (language.clone(), json!({"subject": text.subject, "text": text.text}))
            });
            setting.insert("texts".into(), Value::Object(texts.collect()));
        }
        Some(setting.into())
    }
}

/// What an organization has set.
pub async fn get(tx: &mut Tx, organization_id: &str) -> Result<Enrolment> {
    let settings = organizations::settings(tx, organization_id).await?;
    Enrolment::of(&settings).map_err(|problem| Error::Corrupt {
        table: "organization",
        row: organization_id.into(),
        problem,
    })
}

/// Sets it. Call [`organizations::hold`] before: others may set something else.
pub async fn set(tx: &mut Tx, organization_id: &str, enrolment: &Enrolment) -> Result<()> {
    organizations::set_setting(tx, organization_id, SETTING, enrolment.to_json()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let text = |subject: &str| Text { subject: subject.into(), text: "Hello".into() };
        for enrolment in [
            Enrolment::default(),
            Enrolment { policy: Policy::Creation, ..Enrolment::default() },
            Enrolment {
                policy: Policy::Off,
                link: Some("https://app.example.com".into()),
                sender: Some("Acme \"X\"".into()),
                texts: [("de".into(), text("Hallo")), ("pt-br".into(), text("Olá"))].into(),
            },
        ] {
            let setting = enrolment.to_json();
            assert_eq!(setting.is_none(), enrolment == Enrolment::default());
            let settings = setting.map(|setting| (SETTING.to_owned(), setting));
            assert_eq!(Enrolment::of(&settings.into_iter().collect()), Ok(enrolment));
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (setting, said) in [
            (json!({"policy": "always"}), "unknown policy `always`"),
            (json!({"policy": 1}), "`policy` is `1`"),
            (json!({"link": ["x"]}), "`link` is"),
            (json!({"texts": {"de": {"subject": "Hallo"}}}), "no `text` in the texts of `de`"),
        ] {
            let settings = Map::from_iter([(SETTING.to_owned(), setting)]);
            let error = Enrolment::of(&settings).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
