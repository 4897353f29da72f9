//! Bringing everybody to a changed configuration, a batch at a time: a run can be interrupted at any
//! moment and goes on where it was.

use std::{ops::ControlFlow, sync::Arc};

use store::{
    OrganizationTx, Store, Tx, events::Cause, organizations, projections, projections::Projection,
};

use super::{Configurations, TeamError, World};
use crate::{
    background::{Done, Held},
    clock,
};

/// As many members or teams share a transaction: others wait for it.
const BATCH: usize = 100;

/// How often it is looked for runs that have begun.
pub const EVERY: std::time::Duration = std::time::Duration::from_millis(500);

/// Carries on all runs, until there is none.
pub async fn carry_on(held: Held, configurations: Arc<Configurations>) -> Done {
    let running: Vec<Projection> =
        held.store.look_up(async |tx: &mut Tx| projections::running(tx).await).await?;
    for run in running {
        let organization_id = Arc::<str>::from(run.organization_id);
        loop {
            let (organization_id, configurations) =
                (Arc::clone(&organization_id), Arc::clone(&configurations));
            let now = clock::now();
            let left = held
                .write(async move |tx: &mut Tx| {
                    batch(&organization_id, &configurations, now, tx).await
                })
                .await?;
            if left.is_none_or(|left| left.is_done) {
                break;
            }
        }
    }
    Ok(())
}

/// Carries a run to its end, and says after each batch how far it is, unless that says to stop. Others
/// may do the same at the same time: what is done is done once.
pub async fn finish(
    store: &Store,
    organization_id: &str,
    mut progress: impl FnMut(&Projection) -> ControlFlow<()>,
) -> Result<Option<Projection>, store::Error> {
    let configurations = Arc::<Configurations>::default();
    let organization_id = Arc::<str>::from(organization_id);
    loop {
        let (organization, configurations) =
            (Arc::clone(&organization_id), Arc::clone(&configurations));
        let now = clock::now();
        let run = store
            .administer(async move |tx: &mut Tx| {
                batch(&organization, &configurations, now, tx).await
            })
            .await?;
        match run {
            None => return Ok(None),
            Some(run) => {
                if progress(&run).is_break() || run.is_done {
                    return Ok(Some(run));
                }
            }
        }
    }
}

/// Does the next part of an organization's run: its teams first, then its members, both in the order
/// of their ids. How far it is then; none if there is nothing to be done at all.
async fn batch(
    organization_id: &str,
    configurations: &Configurations,
    now: i64,
    tx: &mut Tx,
) -> Result<Option<Projection>, store::Error> {
    if !organizations::hold(tx, organization_id).await? {
        return abandon(organization_id, now, tx).await;
    }
    let Some(mut run) = projections::get(tx, organization_id).await? else { return Ok(None) };
    if run.is_done {
        return Ok(Some(run));
    }
    let mut organization = OrganizationTx::new(tx, organization_id);
    let standing = organization.standing().await?;
    let configuration = configurations.get(&standing, &mut organization).await?;
    let teams = match run.member_id.is_empty() {
        true => organization.teams_after(&run.team_id, BATCH).await?,
        false => Vec::new(),
    };
    let mut world = World::new(organization, configuration);
    let mut events = Vec::new();
    if teams.is_empty() {
        let ids = world.organization.member_ids(&run.member_id, BATCH).await?;
        if ids.len() < BATCH {
            run.is_done = true;
            run.finished_at = Some(now);
        }
        run.seen += i64::try_from(ids.len()).unwrap_or(0);
        if let Some(last) = ids.last() {
            run.member_id.clone_from(last);
        }
        world.queue.extend(ids);
        world.settle().await?;
    }
    for team in teams {
        run.team_id.clone_from(&team.id);
        match world.settle_team(team, now).await {
            Ok(more) => events.extend(more),
            // It keeps the name and slug that it has.
            Err(TeamError::Name(_)) => {}
            Err(TeamError::Store(error)) => return Err(error),
        }
    }
    let mut effects = world.effects();
    effects.events = events;
    let changed = effects.members.len();
    run.changed += i64::try_from(changed).unwrap_or(0);
    let World { mut organization, configuration, .. } = world;
    if !effects.is_empty() {
        let cause = Cause::Configuration { run_id: run.id.clone() };
        effects.store(&standing, &configuration, &cause, now, &mut organization).await?;
    }
    projections::save(organization.tx(), &run).await?;
    Ok(Some(run))
}

/// Ends the run of an organization that is deleted: nobody sees its members.
async fn abandon(
    organization_id: &str,
    now: i64,
    tx: &mut Tx,
) -> Result<Option<Projection>, store::Error> {
    let Some(mut run) = projections::get(tx, organization_id).await? else { return Ok(None) };
    (run.is_done, run.finished_at) = (true, Some(now));
    projections::save(tx, &run).await?;
    Ok(Some(run))
}
