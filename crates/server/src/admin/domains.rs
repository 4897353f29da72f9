//! E-mail domains of organizations. What their verification means is decision 14.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use mapping::domain_name;
use store::{
    Store, Tx,
    domains::{Domain, VerifiedBy},
};
use tokio::time::Duration;

use super::{Error, organizations};
use crate::{
    background::{Done, Held},
    clock,
    dns::{Dns, LONGEST, NoTexts},
    ids,
};

/// The most domains of an organization.
pub const MAX_DOMAINS: usize = 500;

/// How often background work looks for domains that are due.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Domains that background work asks for at a time.
const AT_A_TIME: usize = 8;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// How long background work asks for a domain after it was added.
const GIVEN_UP_AFTER: i64 = 30 * 24 * HOUR;

/// The label below a domain that its record stands at. Nobody can register a name with an underscore,
/// so that whoever can set the record runs the domain itself.
const LABEL: &str = "_headcount-challenge";

/// Where the TXT record of a domain is looked for.
pub fn record_name(domain: &str) -> String {
    format!("{LABEL}.{domain}")
}

/// Adds a domain to an organization, and makes the challenge that its TXT record has to answer.
/// International names are kept in their ASCII form.
pub async fn add(store: &Store, organization: &str, name: &str, now: i64) -> Result<Domain, Error> {
    let name = parse(name)?;
    let organization = organizations::get(store, organization).await?;
    let challenge = format!("headcount-domain-verification={}", ids::prefixed("dom"));
    store
        .administer(async move |tx: &mut Tx| {
            if !store::organizations::hold(tx, &organization.id).await? {
                return Err(organizations::not_found(&organization.slug));
            }
            if store::domains::list(tx, &organization.id).await?.len() >= MAX_DOMAINS {
                return Err(Error::Conflict(format!(
                    "`{}` has {MAX_DOMAINS} domains, the most that an organization can have: \
                     remove one",
                    organization.slug
                )));
            }
            if !store::domains::add(tx, &organization.id, &name, &challenge, now).await? {
                return Err(Error::Conflict(format!(
                    "`{}` has the domain `{name}` already",
                    organization.slug
                )));
            }
            let added = store::domains::get(tx, &organization.id, &name).await?;
            added.ok_or_else(|| not_found(&organization.slug, &name))
        })
        .await
}

fn parse(text: &str) -> Result<String, Error> {
    let given = text.trim().trim_end_matches('.');
    let name = domain_name(given).ok_or_else(|| {
        Error::Invalid(match given.rsplit_once('@') {
            Some((_, domain)) if domain_name(domain).is_some() => {
                format!("`{given}` is an e-mail address: name its domain alone, `{domain}`")
            }
            _ => format!(
                "`{given}` is no domain of e-mail addresses: name one as in `example.com`, without \
                 `https://`, a path or a port"
            ),
        })
    })?;
    // RFC 1035 §2.3.4, written with dots.
    let longest = 253 - LABEL.len() - 1;
    if name.len() > longest {
        return Err(Error::Invalid(format!(
            "`{name}` has {} characters: there is room for the record's name below a domain of at \
             most {longest}",
            name.len()
        )));
    }
    Ok(name)
}

fn not_found(organization: &str, name: &str) -> Error {
    Error::NotFound(format!(
        "`{organization}` has no domain `{name}`: add it with `headcount domain add`"
    ))
}

/// The domains of an organization, by name.
pub async fn list(store: &Store, organization: &str) -> Result<Vec<Domain>, Error> {
    let id = organizations::get(store, organization).await?.id;
    Ok(store.look_up(async move |tx: &mut Tx| store::domains::list(tx, &id).await).await?)
}

/// One domain of an organization, however its name is spelt.
pub async fn get(store: &Store, organization: &str, name: &str) -> Result<Domain, Error> {
    let name = parse(name)?;
    let organization = organizations::get(store, organization).await?;
    let (id, key) = (organization.id, name.clone());
    let found: Option<Domain> = store
        .look_up::<_, store::Error, _>(async move |tx: &mut Tx| {
            store::domains::get(tx, &id, &key).await
        })
        .await?;
    found.ok_or_else(|| not_found(&organization.slug, &name))
}

/// Asks DNS for the record of a domain and verifies it if the record is there; [`Error::Unproven`]
/// says what is wrong where it is not. One that is verified stays so, and nobody is asked.
pub async fn verify(
    store: &Store,
    dns: &Dns,
    organization: &str,
    name: &str,
) -> Result<Domain, Error> {
    let domain = get(store, organization, name).await?;
    if domain.verified.is_some() {
        return Ok(domain);
    }
    let (found, asked) = (ask(dns, &domain).await, domain.clone());
    let problem = found.clone().err();
    let (now, run) = (clock::now(), ids::prefixed("run"));
    store
        .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
            settle(tx, &asked, &found, &run, now).await
        })
        .await?;
    match problem {
        None => get(store, organization, &domain.name).await,
        Some(problem) => Err(Error::Unproven(problem)),
    }
}

/// Verifies a domain because the operator says so; DNS is not asked. One that is verified stays as
/// it is.
pub async fn verify_by_operator(
    store: &Store,
    organization: &str,
    name: &str,
    now: i64,
) -> Result<Domain, Error> {
    let domain = get(store, organization, name).await?;
    let run = ids::prefixed("run");
    store
        .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
            mark(tx, &domain, VerifiedBy::Operator, &run, now).await
        })
        .await?;
    get(store, organization, name).await
}

/// Takes a domain from an organization, and with it what its verification allowed.
pub async fn remove(
    store: &Store,
    organization: &str,
    name: &str,
    now: i64,
) -> Result<Domain, Error> {
    let Domain { organization_id, name, .. } = get(store, organization, name).await?;
    let (slug, run) = (organization.to_owned(), ids::prefixed("run"));
    store
        .administer(async move |tx: &mut Tx| {
            if !store::organizations::hold(tx, &organization_id).await? {
                return Err(organizations::not_found(&slug));
            }
            let removed = store::domains::remove(tx, &organization_id, &name)
                .await?
                .ok_or_else(|| not_found(&slug, &name))?;
            if removed.verified.is_some() {
                store::projections::begin(tx, &organization_id, "domains", &run, now).await?;
            }
            Ok(removed)
        })
        .await
}

/// Background work: asks for the records of all domains that are due.
pub async fn ask_again(held: Held, dns: Dns) -> Done {
    let now = clock::now();
    let pending: Vec<Domain> = held
        .store
        .look_up::<_, store::Error, _>(async move |tx: &mut Tx| {
            store::domains::pending(tx, now - GIVEN_UP_AFTER).await
        })
        .await?;
    let due = pending.into_iter().filter(|domain| is_due(domain, now));
    let mut found = stream::iter(due)
        .map(|domain| {
            let dns = &dns;
            async move { (ask(dns, &domain).await, domain) }
        })
        .buffer_unordered(AT_A_TIME);
    while let Some((found, domain)) = found.next().await {
        let (now, run) = (clock::now(), ids::prefixed("run"));
        let (organization, name) = (domain.organization_id.clone(), domain.name.clone());
        let verified = held
            .write(async move |tx: &mut Tx| settle(tx, &domain, &found, &run, now).await)
            .await?;
        if verified {
            tracing::info!(organization.id = organization, domain = name, "domain verified");
        }
    }
    Ok(())
}

/// Whether background work asks for the domain no more, because it has waited for too long.
pub fn is_given_up(domain: &Domain, now: i64) -> bool {
    domain.verified.is_none() && domain.created_at <= now - GIVEN_UP_AFTER
}

/// Whether background work has to ask for a domain: at once when it was added, then after a tenth of
/// the time that it has waited, but not more often than once a minute and not less than once an hour.
fn is_due(domain: &Domain, now: i64) -> bool {
    let Some(checked_at) = domain.checked_at else { return true };
    now - checked_at >= ((checked_at - domain.created_at) / 10).clamp(MINUTE, HOUR)
}

/// Keeps what DNS said of a domain, unless it was verified, removed or added anew meanwhile. Whether
/// it is verified by this.
async fn settle(
    tx: &mut Tx,
    domain: &Domain,
    found: &Result<(), String>,
    run: &str,
    now: i64,
) -> Result<bool, store::Error> {
    match found {
        Ok(()) => mark(tx, domain, VerifiedBy::Dns, run, now).await,
        Err(problem) => {
            let Domain { organization_id, name, challenge, .. } = domain;
            store::domains::refuse(tx, organization_id, name, challenge, problem, now).await?;
            Ok(false)
        }
    }
}

async fn mark(
    tx: &mut Tx,
    domain: &Domain,
    by: VerifiedBy,
    run: &str,
    now: i64,
) -> Result<bool, store::Error> {
    let Domain { organization_id, name, challenge, .. } = domain;
    if !store::organizations::hold(tx, organization_id).await?
        || !store::domains::verify(tx, organization_id, name, challenge, by, now).await?
    {
        return Ok(false);
    }
    store::projections::begin(tx, organization_id, "domains", run, now).await?;
    Ok(true)
}

/// Looks for the record of a domain; where it is not as it should be, what is to be done.
async fn ask(dns: &Dns, domain: &Domain) -> Result<(), String> {
    let (name, challenge) = (record_name(&domain.name), &domain.challenge);
    let found = dns.texts(&name).await;
    let Err(problem) = found else { return compare(&name, challenge, &found.unwrap_or_default()) };
    Err(match problem {
        NoTexts::NoName => format!(
            "there is no `{name}` in DNS: set a TXT record of that name to `{challenge}`; if it is \
             set, wait until name servers know it, which takes minutes, seldom hours"
        ),
        NoTexts::NoRecord => {
            format!("`{name}` has no TXT record: set one to `{challenge}`, not one of another type")
        }
        NoTexts::Failed(code) => format!(
            "the name servers of `{}` did not answer for `{name}` ({code}): have them looked at, \
             DNSSEC too, then ask again",
            domain.name
        ),
        NoTexts::Silent => format!(
            "no name server answered for `{name}` within {} seconds: check that this machine reaches \
             its name servers (name others with --dns-server), and that those of `{}` work",
            LONGEST.as_secs(),
            domain.name
        ),
        NoTexts::Unreachable(why) => format!(
            "this machine reaches no name server ({why}): check its network, or name others with \
             --dns-server"
        ),
    })
}

/// Whether one of the records says it. Blanks and quotation marks around it, which people copy along,
/// do no harm.
fn compare(name: &str, challenge: &str, texts: &[String]) -> Result<(), String> {
    let bare = |text: &str| text.trim_matches(|c: char| c.is_whitespace() || c == '"').to_owned();
    if texts.iter().any(|text| bare(text) == challenge) {
        return Ok(());
    }
    let said: BTreeSet<String> = texts.iter().map(|text| shown(text)).collect();
    let said: Vec<String> = said.into_iter().take(3).map(|text| format!("`{text}`")).collect();
    let more = if texts.len() > said.len() { ", and more" } else { "" };
    Err(format!(
        "the TXT record of `{name}` says {}{more}: set one to `{challenge}`",
        said.join(" and ")
    ))
}

/// The beginning of a text from outside, fit for a line.
fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_become_rarer() {
        let domain = |checked_at| Domain {
            organization_id: "org".into(),
            name: "a.example".into(),
            challenge: "c".into(),
            verified: None,
            checked_at,
            problem: None,
            created_at: 0,
        };
        assert!(is_due(&domain(None), 0));
        // When it was asked for, and the pause after that.
        for (at, pause) in [
            (0, MINUTE),
            (10 * MINUTE, MINUTE),
            (20 * MINUTE, 2 * MINUTE),
            (5 * HOUR, HOUR / 2),
            (10 * HOUR, HOUR),
            (20 * 24 * HOUR, HOUR),
            // Another machine's clock was behind.
            (-HOUR, MINUTE),
        ] {
            let domain = domain(Some(at));
            assert!(is_due(&domain, at + pause), "{at}");
            assert!(!is_due(&domain, at + pause - 1), "{at}");
        }
    }

    #[test]
    fn records_are_compared_without_what_was_copied_along() {
        let found = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.into()).collect();
            compare("_c.a.example", "say=me", &texts)
        };
        for texts in [&["say=me"][..], &["v=spf1 -all", "say=me"], &["\"say=me\""], &[" say=me\n"]]
        {
            assert_eq!(found(texts), Ok(()), "{texts:?}");
        }
        for (texts, said) in [
            (&["say=you"][..], "says `say=you`: set one to `say=me`"),
            (&["SAY=ME"], "says `SAY=ME`: "),
            (&["say=me too"], "says `say=me too`: "),
            (&["b", "a"], "says `a` and `b`: "),
            (&["d", "c", "b", "a"], "says `a` and `b` and `c`, and more: "),
            (&["a\u{1b}[31m\nb"], "says `a\\u{1b}[31m\\nb`: "),
            (&[""], "says ``: "),
        ] {
            let problem = found(texts).unwrap_err();
            assert!(problem.contains(said), "{texts:?}: {problem}");
        }
        let long = "x".repeat(4_000);
        assert!(found(&[&long]).unwrap_err().len() < 300);
    }

    #[test]
    fn names_of_domains() {
        let name = |text: &str| parse(text).map_err(|error| error.to_string());
        assert_eq!(name(" Bücher.Example. "), Ok("xn--bcher-kva.example".into()));
        for (text, said) in [
            ("ada@example.com", "name its domain alone, `example.com`"),
            ("https://example.com", "is no domain"),
            ("com", "is no domain"),
            (&format!("{}example", "abcdefg.".repeat(29)), "239 characters"),
        ] {
            let why = name(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }
}
