//! What a change of the configuration would come to, without making it.

use mapping::{AttributeMapping, Configuration};
use serde_json::Value;
use store::{DirectoryTx, Store, members::Standing};

use super::{Configurations, World, effects::differences};

/// As many members are looked at before those that stay as they are are forgotten.
const BATCH: usize = 100;

/// What would become of a member.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub member_id: String,
    /// Its e-mail address, before if it has one then.
    pub email_address: Option<String>,
    /// The parts that differ, by name, each with its reason; what is not there is null.
    pub before: Value,
    pub after: Value,
    /// Teams that it would join and leave.
    pub joined: Vec<String>,
    pub left: Vec<String>,
}

/// What a change would come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Those who would change, by their ids.
    pub changes: Vec<Change>,
    /// How many were looked at.
    pub seen: usize,
    /// What it was seen on: another one as soon as anything is written to the organization.
    pub stamp: String,
}

/// The stamp of an organization as it stands.
pub fn stamp(standing: &Standing) -> String {
    format!("{}-{}", standing.configuration, standing.writes)
}

/// What would become of the members if a directory had another mapping.
pub async fn of_mapping(
    store: &Store,
    directory_id: &str,
    mapping: AttributeMapping,
) -> Result<Preview, store::Error> {
    let id = directory_id.to_owned();
    store
        .scan(directory_id, async move |mut tx: DirectoryTx<'_>| {
            let change = |configuration: &mut Configuration| {
                if let Some(directory) = configuration.directories.get_mut(&id) {
                    directory.mapping = mapping;
                }
            };
            look(change, &mut tx).await
        })
        .await
}

/// Looks at everybody in the order in which a run does.
async fn look(
    change: impl FnOnce(&mut Configuration),
    tx: &mut DirectoryTx<'_>,
) -> Result<Preview, store::Error> {
    let standing = tx.standing().await?;
    let mut organization = tx.organization(&standing);
    let configuration = Configurations::default().get(&standing, &mut organization).await?;
    let mut configuration = Configuration::clone(&configuration);
    change(&mut configuration);
    let mut world = World::new(organization, configuration.into());
    let (mut after, mut seen) = (String::new(), 0);
    loop {
        let ids = world.organization.member_ids(&after, BATCH).await?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        seen += ids.len();
        world.queue.extend(ids);
        world.settle().await?;
        world.forget();
    }
    let changes = world.effects().members.into_iter().filter_map(|effect| {
        let before = effect.before?;
        let (old, new) = differences(&before.member, &effect.now);
        let email = before.member.email_address().or(effect.now.email_address());
        Some(Change {
            email_address: email.map(str::to_owned),
            member_id: effect.id,
            before: old,
            after: new,
            joined: effect.joined,
            left: effect.left,
        })
    });
    let is_seen = |change: &Change| {
        change.before.as_object().is_some_and(|parts| !parts.is_empty())
            || !change.joined.is_empty()
            || !change.left.is_empty()
    };
    let changes = changes.filter(is_seen).collect();
    Ok(Preview { changes, seen, stamp: stamp(&standing) })
}
