//! Members of organizations: reading them. Changing them by hand is in [`by_hand`].

pub mod by_hand;

use std::collections::BTreeMap;

use mapping::{Target, member::State};
use scim::text::fold;
use store::{
    OrganizationTx, Store,
    accounts::{self, Account},
    events::Event,
    members::{Loaded, value_key},
    roster::MemberFilter,
    teams::Team,
};

use super::{Error, organizations, reasons::Directories, teams};

/// Members that are listed at a time unless asked for fewer, at most.
pub const MAX_PAGE: usize = 1_000;
/// Members that are read at a time.
const CHUNK: usize = 200;
/// The latest changes that are shown of a member.
pub const SHOWN_EVENTS: usize = 20;

/// Which members to list.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// None: all but the deleted ones.
    pub state: Option<State>,
    pub role: Option<&'a str>,
    /// By its slug or id.
    pub team: Option<&'a str>,
    /// What an e-mail address, name, username or external id contains, without regard to case.
    pub search: Option<&'a str>,
}

/// Some members, oldest first.
#[derive(Clone, Debug)]
pub struct Page {
    pub members: Vec<Loaded>,
    /// After which id the list goes on, if it does.
    pub next: Option<String>,
    pub directories: Directories,
}

/// Everything that is known of a member.
#[derive(Clone, Debug)]
pub struct Details {
    pub loaded: Loaded,
    pub teams: Vec<Team>,
    pub account: Option<Account>,
    /// The userNames of its sources, by directory and user.
    pub user_names: BTreeMap<(String, String), String>,
    /// The latest changes, the latest first.
    pub events: Vec<Event>,
    pub directories: Directories,
}

/// Lists members of an organization after the id `after`, at most `limit`.
pub async fn list(
    store: &Store,
    slug: &str,
    filter: Filter<'_>,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, Error> {
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::Invalid(format!("1 to {MAX_PAGE} members can be listed at a time")));
    }
    let organization = organizations::get(store, slug).await?;
    let (team, role) = (filter.team.map(str::to_owned), filter.role.map(str::to_owned));
    let search = filter.search.map(fold).filter(|text| !text.is_empty());
    let mut after = after.unwrap_or_default().to_owned();
    let slug = organization.slug;
    store
        .look_through(&organization.id, async move |mut tx: OrganizationTx<'_>| {
            let team_id = match team {
                None => None,
                Some(team) => Some(teams::find(&mut tx, &slug, &team).await?.id),
            };
            let matching = MemberFilter { state: filter.state, role, team_id };
            let mut members: Vec<Loaded> = Vec::new();
            // One more than asked for says whether the list goes on.
            while members.len() <= limit {
                let chunk = if search.is_some() { CHUNK } else { CHUNK.min(limit + 1) };
                let ids = tx.members_matching(&matching, &after, chunk).await?;
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let Some(last) = ids.last() else { break };
                after = (*last).to_owned();
                let loaded = tx.load_members(&ids).await?.into_iter();
                let found = |loaded: &Loaded| {
                    search.as_deref().is_none_or(|search| contains(loaded, search))
                };
                members.extend(loaded.filter(found));
            }
            let goes_on = members.len() > limit;
            members.truncate(limit);
            let next = members.last().filter(|_| goes_on).map(|last| last.stored.id.clone());
            Ok(Page { members, next, directories: Directories::load(&mut tx).await? })
        })
        .await
}

/// Whether one of the values by which people look for each other contains a folded text.
fn contains(loaded: &Loaded, search: &str) -> bool {
    const SEARCHED: [Target; 6] = [
        Target::EmailAddress,
        Target::Username,
        Target::FirstName,
        Target::LastName,
        Target::DisplayName,
        Target::ExternalId,
    ];
    let member = &loaded.stored.member;
    let values = SEARCHED.iter().filter_map(|target| member.text(target)).map(str::to_owned);
    let whole = [Target::FirstName, Target::LastName].map(|target| member.text(&target));
    let whole = match whole {
        [Some(first), Some(last)] => Some(format!("{first} {last}")),
        _ => None,
    };
    let wanted = member.wanted_email.as_ref().map(|wanted| wanted.email_address.clone());
    values.chain(whole).chain(wanted).any(|value| fold(&value).contains(search))
}

/// The id of a member that is named by it, or by its e-mail address.
pub(super) async fn find(
    tx: &mut OrganizationTx<'_>,
    slug: &str,
    who: &str,
) -> Result<String, Error> {
    let found = match who.contains('@') {
        true => tx.member_with_email(&value_key(who)).await?,
        false => tx.load_members(&[who]).await?.into_iter().next().map(|found| found.stored.id),
    };
    found.ok_or_else(|| not_found(slug, who))
}

fn not_found(slug: &str, who: &str) -> Error {
    Error::NotFound(format!("`{slug}` has no member `{who}`: name one by id or e-mail address"))
}

/// A member by id or e-mail address; a deleted one by its id.
pub async fn get(store: &Store, slug: &str, who: &str) -> Result<Details, Error> {
    let organization = organizations::get(store, slug).await?;
    let (slug, who) = (organization.slug, who.to_owned());
    store
        .look_through(&organization.id, async move |mut tx: OrganizationTx<'_>| {
            let id = find(&mut tx, &slug, &who).await?;
            let loaded = tx.load_members(&[&id]).await?.into_iter().next();
            let loaded = loaded.ok_or_else(|| not_found(&slug, &who))?;
            let mut teams = Vec::with_capacity(loaded.teams.len());
            for team in &loaded.teams {
                teams.extend(tx.team(team).await?);
            }
            teams.sort_by(|a, b| a.slug.cmp(&b.slug));
            let mut user_names = BTreeMap::new();
            for source in &loaded.sources {
                let users = tx.users(&source.directory_id, &[&source.user_id]).await?;
                for (user_id, user) in users {
                    let name = user.get("userName").and_then(serde_json::Value::as_str);
                    let key = (source.directory_id.clone(), user_id);
                    user_names.extend(name.map(|name| (key, name.to_owned())));
                }
            }
            let events = tx.events_of_member(&id, SHOWN_EVENTS).await?;
            let directories = Directories::load(&mut tx).await?;
            let account = match &loaded.stored.account_id {
                None => None,
                Some(id) => accounts::get(tx.tx(), id).await?,
            };
            Ok(Details { loaded, teams, account, user_names, events, directories })
        })
        .await
}

/// The latest changes of a member, the latest first, at most `limit`; with what their causes are
/// named by.
pub async fn events(
    store: &Store,
    slug: &str,
    who: &str,
    limit: usize,
) -> Result<(Vec<Event>, Directories), Error> {
    let organization = organizations::get(store, slug).await?;
    let (slug, who) = (organization.slug, who.to_owned());
    store
        .look_through(&organization.id, async move |mut tx: OrganizationTx<'_>| {
            let id = find(&mut tx, &slug, &who).await?;
            Ok((tx.events_of_member(&id, limit).await?, Directories::load(&mut tx).await?))
        })
        .await
}

/// How many members there are of each state and role.
pub async fn count(store: &Store, slug: &str) -> Result<Vec<(String, Option<String>, i64)>, Error> {
    let id = organizations::get(store, slug).await?.id;
    let count = async |mut tx: OrganizationTx<'_>| Ok(tx.count_members().await?);
    store.look_through(&id, count).await
}
