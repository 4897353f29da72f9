//! Accounts: the people behind memberships, across organizations.

use mapping::member::State;
use store::{
    OrganizationTx, Store, Tx,
    accounts::{self, Account},
    organizations,
};

use super::Error;

/// Where a person is a member.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The organization's slug.
    pub organization: String,
    pub member_id: String,
    pub state: State,
    pub role: Option<String>,
}

/// An account by id or e-mail address, and its memberships in organizations that are not deleted.
pub async fn get(store: &Store, who: &str) -> Result<(Account, Vec<Membership>), Error> {
    let key = who.to_owned();
    let found: Option<Account> = store
        .look_up::<_, store::Error, _>(async move |tx: &mut Tx| match key.contains('@') {
            true => accounts::with_email(tx, &key).await,
            false => accounts::get(tx, &key).await,
        })
        .await?;
    let account = found.ok_or_else(|| {
        Error::NotFound(format!(
            "there is no account `{who}`: people have one where an organization has verified the \
             domain of their e-mail address, or where the product created them"
        ))
    })?;
    let id = account.id.clone();
    let places: Vec<(String, String)> = store
        .look_up::<_, store::Error, _>(async move |tx: &mut Tx| {
            accounts::memberships(tx, &id).await
        })
        .await?;
    let mut memberships = Vec::with_capacity(places.len());
    for (organization_id, member_id) in places {
        let read = async move |mut tx: OrganizationTx<'_>| {
            let id = tx.organization_id().to_owned();
            let Some(organization) = organizations::with_id(tx.tx(), &id).await? else {
                return Ok(None);
            };
            let loaded = tx.load_members(&[&member_id]).await?.into_iter().next();
            Ok::<_, Error>(loaded.map(|loaded| Membership {
                organization: organization.slug,
                state: loaded.stored.member.state,
                role: loaded.stored.member.role_name().map(str::to_owned),
                member_id,
            }))
        };
        memberships.extend(store.look_through(&organization_id, read).await?);
    }
    memberships.sort_by(|a, b| a.organization.cmp(&b.organization));
    Ok((account, memberships))
}
