//! Mails that wait, were sent or could not be sent.

use std::collections::BTreeMap;

use store::{
    OrganizationTx, Store, Tx,
    mail::{Mail, State},
};

use super::{Error, organizations};
use crate::{
    ids,
    mail::{self, smtp::Relay},
    members::enrolment::content,
};

/// Which mails are listed.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// Of the organization with this slug; none: of all.
    pub organization: Option<&'a str>,
    pub state: Option<State>,
    /// At most so many, the newest.
    pub limit: i64,
}

/// Mails with the slugs of their organizations, newest first.
pub async fn list(store: &Store, filter: Filter<'_>) -> Result<Vec<(String, Mail)>, Error> {
    let all = match filter.organization {
        Some(slug) => vec![organizations::get(store, slug).await?],
        None => organizations::list(store).await?,
    };
    let only = filter.organization.and_then(|_| all.first()).map(|only| only.id.clone());
    let mut slugs: BTreeMap<String, String> = all.into_iter().map(|o| (o.id, o.slug)).collect();
    let Filter { state, limit, .. } = filter;
    let mails: Vec<Mail> = store
        .look_up(async move |tx: &mut Tx| {
            store::mail::list(tx, only.as_deref(), state, limit).await
        })
        .await?;
    Ok(mails
        .into_iter()
        .map(|mail| (slugs.entry(mail.organization_id.clone()).or_default().clone(), mail))
        .collect())
}

/// Queues a mail anew, due at once, to the address that the member has now: one that failed or of
/// which nobody knows whether it arrived, or one that waits for its next attempt. A mail that was sent
/// is not sent again.
pub async fn send_again(store: &Store, id: &str, now: i64) -> Result<Mail, Error> {
    let key = id.to_owned();
    store
        .administer(async move |tx: &mut Tx| {
            let id = &key;
            let Some(mut mail) = store::mail::get(tx, id).await? else {
                return Err(Error::NotFound(format!("no mail `{id}`")));
            };
            if mail.state == State::Sent {
                return Err(Error::Conflict(format!("mail `{id}` was sent")));
            }
            let mut organization = OrganizationTx::new(tx, &mail.organization_id);
            let found = organization.load_members(&[&mail.member_id]).await?;
            if let Some(member) = found.first().map(|found| &found.stored.member)
                && let Some(address) = member.email_address()
            {
                mail.recipient = address.to_owned();
                mail.content = content(member);
            }
            if !store::mail::again(tx, &mail, now).await? {
                return Err(Error::Conflict(format!("mail `{id}` is being sent right now")));
            }
            (mail.state, mail.attempts, mail.due_at) = (State::Queued, 0, Some(now));
            Ok(mail)
        })
        .await
}

/// Sends a test mail through the mail server; its answer, or why it did not take the mail.
pub async fn test(relay: &Relay, to: &str, now: i64) -> Result<Result<String, String>, Error> {
    if mail::message::address(to).is_none() {
        return Err(Error::Invalid(format!("`{to}` is no address that mail can be sent to")));
    }
    Ok(mail::test(relay, to, &ids::prefixed("mail"), now).await)
}
