//! Teams of organizations.

use store::{
    OrganizationTx, Store,
    events::Event,
    roster::TeamSize,
    teams::{Team, TeamSource},
};

use super::{Error, members::SHOWN_EVENTS, organizations, reasons::Directories};

/// Teams that are read at a time.
const CHUNK: usize = 500;

/// Everything that is known of a team, besides who is in it ([`super::members::list`]).
#[derive(Clone, Debug)]
pub struct Details {
    pub team: Team,
    pub size: TeamSize,
    /// The groups that it is.
    pub sources: Vec<TeamSource>,
    /// The latest changes, the latest first.
    pub events: Vec<Event>,
    pub directories: Directories,
}

/// The living teams of an organization, by slug.
pub async fn list(store: &Store, slug: &str) -> Result<Vec<(Team, TeamSize)>, Error> {
    let id = organizations::get(store, slug).await?.id;
    store
        .look_through(&id, async |mut tx: OrganizationTx<'_>| {
            let sizes = tx.team_sizes().await?;
            let mut teams: Vec<(Team, TeamSize)> = Vec::new();
            loop {
                let after = teams.last().map_or("", |(team, _)| &*team.id).to_owned();
                let more = tx.teams_after(&after, CHUNK).await?;
                if more.is_empty() {
                    break;
                }
                let sized = |team: Team| {
                    let size = sizes.get(&team.id).copied().unwrap_or_default();
                    (team, size)
                };
                teams.extend(more.into_iter().map(sized));
            }
            teams.sort_by(|(a, _), (b, _)| a.slug.cmp(&b.slug));
            Ok(teams)
        })
        .await
}

/// A team by slug or id; a deleted one by its id.
pub async fn get(store: &Store, slug: &str, which: &str) -> Result<Details, Error> {
    let organization = organizations::get(store, slug).await?;
    let (slug, which) = (organization.slug, which.to_owned());
    store
        .look_through(&organization.id, async move |mut tx: OrganizationTx<'_>| {
            let team = find(&mut tx, &slug, &which).await?;
            let size = tx.team_sizes().await?.remove(&team.id).unwrap_or_default();
            Ok(Details {
                size,
                sources: tx.team_sources(&team.id).await?,
                events: tx.events_of_team(&team.id, SHOWN_EVENTS).await?,
                directories: Directories::load(&mut tx).await?,
                team,
            })
        })
        .await
}

/// The team with this slug or id.
pub(super) async fn find(
    tx: &mut OrganizationTx<'_>,
    slug: &str,
    which: &str,
) -> Result<Team, Error> {
    if let Some(team) = tx.team_with_slug(which).await? {
        return Ok(team);
    }
    let found = tx.team(which).await?;
    found.ok_or_else(|| {
        Error::NotFound(format!("`{slug}` has no team `{which}`: name one by slug or id"))
    })
}
