//! Changing who is in a group.

use std::collections::{BTreeSet, HashMap};

use scim::{
    Notes,
    filter::{self, Filter},
    patch::{MemberRef, MembershipStep},
    path::AttributePath,
    schema::ResourceType,
};
use store::DirectoryTx;

use super::{Context, Error};

/// What a membership change came to: who was not a member before and is now, and the reverse.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MembersChanged {
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

impl MembersChanged {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// As the journal keeps it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"path": "members", "added": self.added, "removed": self.removed})
    }
}

/// Takes the steps in order; touches only the rows that change.
///
/// An id that once was this directory's and is deleted is passed over with a note; ids that it
/// never gave out refuse the whole request.
pub(super) async fn apply(
    group_id: &str,
    steps: &[MembershipStep],
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<MembersChanged, Error> {
    let mut net = Net::default();
    for step in steps {
        match step {
            MembershipStep::Add(members) => {
                let ids = known(group_id, members, tx, notes).await?;
                add(group_id, &ids, &mut net, tx).await?;
            }
            MembershipStep::Remove(ids) => {
                let unique: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
                remove(group_id, unique, &mut net, tx).await?;
            }
            MembershipStep::RemoveMatching(filter) => {
                let matching = matching(group_id, filter, resource_type, context, tx).await?;
                let ids = matching.iter().map(String::as_str).collect();
                remove(group_id, ids, &mut net, tx).await?;
            }
            MembershipStep::Replace(members) => {
                let ids = known(group_id, members, tx, notes).await?;
                let list: Vec<&str> = ids.iter().copied().collect();
                net.remove(tx.retain_members(group_id, &list).await?);
                add(group_id, &ids, &mut net, tx).await?;
            }
        }
    }
    Ok(net.changed())
}

/// The members that satisfy a filter on `members`: the one step that reads the whole list.
async fn matching(
    group_id: &str,
    filter: &Filter,
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
) -> Result<Vec<String>, Error> {
    let path = AttributePath { schema: None, name: "members".into(), sub_attribute: None };
    let filter = Filter::ValuePath { path, filter: Box::new(filter.clone()) };
    let condition = filter::resolve(&filter, resource_type).map_err(scim::Error::from)?;
    let members = tx.members(group_id).await?;
    let matches = |member: &scim::representation::Reference| {
        let mut group = scim::Object::new();
        group.insert("members".into(), vec![member.to_member(&context.base_url)].into());
        condition.matches(&group)
    };
    Ok(members.into_iter().filter(matches).map(|member| member.id).collect())
}

async fn add(
    group_id: &str,
    ids: &BTreeSet<&str>,
    net: &mut Net,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let list: Vec<&str> = ids.iter().copied().collect();
    net.add(tx.add_members(group_id, &list).await?);
    let there = tx.count_members_among(group_id, &list).await?;
    if usize::try_from(there) != Ok(ids.len()) {
        return Err(Error::Postcondition("added members are missing"));
    }
    Ok(())
}

async fn remove(
    group_id: &str,
    ids: BTreeSet<&str>,
    net: &mut Net,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let list: Vec<&str> = ids.into_iter().collect();
    net.remove(tx.remove_members(group_id, &list).await?);
    if tx.count_members_among(group_id, &list).await? != 0 {
        return Err(Error::Postcondition("removed members are still there"));
    }
    Ok(())
}

/// The named members that live in this directory, each once.
async fn known<'m>(
    group_id: &str,
    members: &'m [MemberRef],
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<BTreeSet<&'m str>, Error> {
    let mut ids: BTreeSet<&str> = members.iter().map(|member| member.value.as_str()).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    if ids.contains(group_id) {
        return Err(Error::SelfMember(group_id.into()));
    }
    let living: BTreeSet<String> =
        tx.living_among(&Vec::from_iter(ids.iter().copied())).await?.into_iter().collect();
    if living.len() == ids.len() {
        return Ok(ids);
    }
    let missing: BTreeSet<&str> = ids.iter().copied().filter(|id| !living.contains(*id)).collect();
    let deleted: BTreeSet<String> =
        tx.deleted_among(&Vec::from_iter(missing.iter().copied())).await?.into_iter().collect();
    let never: Vec<String> =
        missing.iter().filter(|id| !deleted.contains(**id)).map(|id| (*id).to_owned()).collect();
    if !never.is_empty() {
        return Err(Error::UnknownMembers(never));
    }
    notes.add(format!("{} members passed over: they are deleted", missing.len()));
    ids.retain(|id| !missing.contains(id));
    Ok(ids)
}

/// The net effect of several steps: who is added and removed again counts as neither.
#[derive(Default)]
struct Net(HashMap<String, bool>);

impl Net {
    fn add(&mut self, ids: Vec<String>) {
        self.change(ids, true);
    }

    fn remove(&mut self, ids: Vec<String>) {
        self.change(ids, false);
    }

    /// A row that appears and then vanishes, or the reverse, cancels out: both calls name only
    /// rows that really changed.
    fn change(&mut self, ids: Vec<String>, to: bool) {
        for id in ids {
            if self.0.remove(&id).is_none() {
                self.0.insert(id, to);
            }
        }
    }

    fn changed(self) -> MembersChanged {
        let mut changed = MembersChanged::default();
        for (id, member) in self.0 {
            if member { changed.added.push(id) } else { changed.removed.push(id) }
        }
        changed.added.sort();
        changed.removed.sort();
        changed
    }
}
