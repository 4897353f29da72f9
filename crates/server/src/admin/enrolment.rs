//! The mail that greets an organization's new members: whether, from whom, and its texts.

use store::{
    Store, Tx,
    enrolment::{Enrolment, Policy, Text},
    organizations::Organization,
};

use super::{Error, organizations};
use crate::mail::text::{built_in, language, languages, read};

/// Longest link and sender's name.
const LINK: usize = 2_000;
const SENDER: usize = 100;

/// What of it changes; an empty link or sender takes it away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change<'a> {
    pub policy: Option<Policy>,
    pub link: Option<&'a str>,
    pub sender: Option<&'a str>,
}

/// What an organization has set.
pub async fn get(store: &Store, slug: &str) -> Result<Enrolment, Error> {
    let organization = organizations::get(store, slug).await?;
    let found = store
        .look_up(async move |tx: &mut Tx| store::enrolment::get(tx, &organization.id).await)
        .await;
    Ok(found?)
}

/// Changes it. Members that are active already are not written to.
pub async fn update(store: &Store, slug: &str, change: &Change<'_>) -> Result<Enrolment, Error> {
    let (policy, link, sender) = (
        change.policy,
        change.link.map(check_link).transpose()?,
        change.sender.map(check_sender).transpose()?,
    );
    edit(store, slug, move |enrolment| {
        if let Some(link) = &link {
            enrolment.link.clone_from(link);
        }
        if let Some(sender) = &sender {
            enrolment.sender.clone_from(sender);
        }
        enrolment.policy = policy.unwrap_or(enrolment.policy);
        if enrolment.policy == Policy::Creation && enrolment.link.is_none() {
            return Err(Error::Invalid(
                "an enrolment mail needs the link where members sign in (--enrolment-link)".into(),
            ));
        }
        Ok(())
    })
    .await
}

fn check_link(link: &str) -> Result<Option<String>, Error> {
    if link.is_empty() {
        return Ok(None);
    }
    let uri = link.parse::<http::Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    let is_plain = link.bytes().all(|byte| byte.is_ascii_graphic());
    if uri.is_none() || !is_plain || link.len() > LINK {
        return Err(Error::Invalid(format!(
            "the link `{}` must be http:// or https:// with a host, at most {LINK} characters",
            link.escape_debug()
        )));
    }
    Ok(Some(link.to_owned()))
}

fn check_sender(sender: &str) -> Result<Option<String>, Error> {
    let sender = sender.trim();
    if sender.chars().count() > SENDER || sender.contains(char::is_control) {
        return Err(Error::Invalid(format!(
            "the sender's name is one line of at most {SENDER} characters"
        )));
    }
    Ok(Some(sender.to_owned()).filter(|sender| !sender.is_empty()))
}

/// The text that members get in a language.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The tag, in lower case.
    pub language: String,
    /// Whether the organization has set it; else it is built in.
    pub is_own: bool,
    pub text: Text,
}

/// All texts of an organization, by language, or the one in `only`.
pub async fn texts(store: &Store, slug: &str, only: Option<&str>) -> Result<Vec<Shown>, Error> {
    let enrolment = get(store, slug).await?;
    let only = only.map(check_language).transpose()?;
    let shown: Vec<Shown> = languages(&enrolment)
        .into_iter()
        .filter(|language| only.as_ref().is_none_or(|only| only == language))
        .filter_map(|language| {
            let own = enrolment.texts.get(&language).cloned();
            let is_own = own.is_some();
            Some(Shown { text: own.or_else(|| built_in(&language))?, is_own, language })
        })
        .collect();
    match only {
        Some(only) if shown.is_empty() => Err(Error::NotFound(format!(
            "no text in the language `{only}`: members who read it get the English one"
        ))),
        _ => Ok(shown),
    }
}

/// Sets the text in a language from its written form: TOML or JSON with `subject` and `text`.
pub async fn set_text(store: &Store, slug: &str, tag: &str, source: &str) -> Result<Shown, Error> {
    let language = check_language(tag)?;
    let text = read(source).map_err(Error::Invalid)?;
    let shown = Shown { language, is_own: true, text };
    let (language, text) = (shown.language.clone(), shown.text.clone());
    edit(store, slug, move |enrolment| {
        enrolment.texts.insert(language.clone(), text.clone());
        Ok(())
    })
    .await?;
    Ok(shown)
}

/// Takes an organization's own text away: the built-in one counts again, where there is one.
pub async fn clear_text(store: &Store, slug: &str, tag: &str) -> Result<(), Error> {
    let language = check_language(tag)?;
    let missing = format!("organization `{slug}` has no text of its own in `{language}`");
    edit(store, slug, move |enrolment| match enrolment.texts.remove(&language) {
        Some(_) => Ok(()),
        None => Err(Error::NotFound(missing.clone())),
    })
    .await?;
    Ok(())
}

fn check_language(tag: &str) -> Result<String, Error> {
    language(tag)
        .ok_or_else(|| Error::Invalid(format!("`{tag}` is no language tag, as in `de` or `pt-BR`")))
}

async fn edit(
    store: &Store,
    slug: &str,
    change: impl Fn(&mut Enrolment) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Enrolment, Error> {
    let slug = slug.to_owned();
    store
        .administer(async move |tx: &mut Tx| {
            let found: Option<Organization> = store::organizations::get(tx, &slug).await?;
            let Some(Organization { id, .. }) = found else {
                return Err(organizations::not_found(&slug));
            };
            if !store::organizations::hold(tx, &id).await? {
                return Err(organizations::not_found(&slug));
            }
            let mut enrolment = store::enrolment::get(tx, &id).await?;
            change(&mut enrolment)?;
            store::enrolment::set(tx, &id, &enrolment).await?;
            Ok(enrolment)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links() {
        for link in ["https://app.example.com", "http://localhost:3000/in?to=%2F&x=1"] {
            assert_eq!(check_link(link).unwrap().as_deref(), Some(link));
        }
        assert_eq!(check_link("").unwrap(), None);
        for link in [
            "app.example.com",
            "javascript:alert(1)",
            "ftp://app.example.com",
            "https://",
            "https://a b.example",
            "https://app.example.com/\"><b>\n",
            "https://app.example.com@evil.example/",
            "https://münchen.example",
        ] {
            assert!(check_link(link).is_err(), "{link}");
        }
    }

    #[test]
    fn senders() {
        assert_eq!(check_sender(" Acme ").unwrap().as_deref(), Some("Acme"));
        assert_eq!(check_sender(" ").unwrap(), None);
        assert!(check_sender("Acme\r\nBcc: x").is_err());
        assert!(check_sender(&"a".repeat(101)).is_err());
    }
}
