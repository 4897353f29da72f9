//! The group program: push, change, overwrite, unlink.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::audit::{self, DISPLAY_NAME, HeldGroup, text};
use crate::call::{Answer, Call};
use crate::target::{CORE_GROUP, PATCH_OP};

use super::org::{Failed, Family, Org};
use super::users::replace;

/// Ids of members with the names that go along.
pub type Members = BTreeMap<String, String>;

impl Org<'_, '_> {
    /// `T10`, `T11`; a group that is there already is linked (`O-77`).
    pub async fn push(&self, family: Family, place: usize) -> Result<HeldGroup, Failed> {
        let client = &self.run.client;
        let name = &self.source.groups[place].name;
        let members = self.pushed_members(place);
        let call = Self::lookup("/Groups", "displayName", name, self.setup.blank(family));
        let list = client.list(call, "O-59").await.ok_or(Failed)?;
        let hits: Vec<&Value> = list.resources.iter().collect();
        let values = BTreeMap::from([(DISPLAY_NAME, name.clone().into())]);
        let held = match hits.as_slice() {
            [] => {
                let held = self.create_group(place, values, &members).await?;
                if family == Family::Oin && self.setup.reorder {
                    let held = self.overwrite(family, held, members).await?;
                    self.patch_name(&held).await?;
                    return Ok(held);
                }
                if family == Family::Oin {
                    self.patch_name(&held).await?;
                    return self.overwrite(family, held, members).await;
                }
                held
            }
            [hit] => {
                let found = hit["displayName"].as_str().unwrap_or_default();
                let id = hit["id"].as_str().ok_or(Failed)?.to_owned();
                if found.to_lowercase() != name.to_lowercase() {
                    let what = "a look-up finds another group";
                    client.log().fault("O-59", what, &list.answer.request, name.as_str(), found);
                    return Err(Failed);
                }
                client.log().changes.groups_linked += 1;
                let there = audit::members(client, &id).await.unwrap_or_default();
                let held = HeldGroup { id, values, members: there, ..HeldGroup::default() };
                if family == Family::Oin {
                    return self.change(family, held, members, BTreeSet::new()).await;
                }
                held
            }
            several => {
                let what = "a look-up by name finds several groups";
                let got = format!("{} hits", several.len());
                client.log().fault("O-59", what, &list.answer.request, "at most one hit", got);
                return Err(Failed);
            }
        };
        self.replace_whole(held, members, place).await
    }

    async fn create_group(
        &self,
        place: usize,
        values: BTreeMap<crate::target::Target, Value>,
        members: &Members,
    ) -> Result<HeldGroup, Failed> {
        let client = &self.run.client;
        let name = &self.source.groups[place].name;
        let members = if self.setup.post_members { listed(members) } else { Vec::new() };
        let body = json!({"schemas": [CORE_GROUP], "displayName": name, "members": members});
        let answer = client.send(Call::post("/Groups", body)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, "O-60", "a group is not created", &[201]) {
            return Err(Failed);
        }
        let created = answer.body.as_ref().ok_or(Failed)?;
        if created["displayName"].as_str() != Some(name) {
            let what = "a new group's name is not as it was sent";
            let got = text(Some(&created["displayName"]));
            client.log().fault("O-60", what, &answer.request, name.as_str(), got);
        }
        client.log().changes.groups_created += 1;
        let id = created["id"].as_str().ok_or(Failed)?.to_owned();
        Ok(HeldGroup { id, values, ..HeldGroup::default() })
    }

    /// Sends the name, which catalogue apps do along with everything else (`O-62`, `O-64`).
    pub async fn patch_name(&self, held: &HeldGroup) -> Result<(), Failed> {
        if !self.setup.rename_groups {
            return Ok(());
        }
        let client = &self.run.client;
        let body = replace(json!({"id": held.id, "displayName": held.name()}));
        let answer = client.send(Call::patch("/Groups", &held.id, body)).await.ok_or(Failed)?;
        let what = "a group's name is not taken";
        if !client.log().expect(&answer, "O-62", what, &[200, 204]) {
            return Err(Failed);
        }
        check_patched(&mut client.log(), &answer);
        Ok(())
    }

    /// Members come and go (`T12`, `T13`, `T14`).
    pub async fn change(
        &self,
        family: Family,
        mut held: HeldGroup,
        come: Members,
        leave: BTreeSet<String>,
    ) -> Result<HeldGroup, Failed> {
        let client = &self.run.client;
        let (gone, new) = (leave.len() as u64, come.len() as u64);
        let count = || {
            let mut log = client.log();
            log.changes.members_added += new;
            log.changes.members_removed += gone;
        };
        if family == Family::Aiw {
            let mut body = self.read_group(&held.id).await?;
            let members = body["members"].as_array().cloned().unwrap_or_default();
            let mut members: Vec<Value> = members
                .into_iter()
                .filter(|member| member["value"].as_str().is_none_or(|id| !leave.contains(id)))
                .collect();
            members.extend(listed(&come));
            body["members"] = members.into();
            held.members.retain(|id| !leave.contains(id));
            held.members.extend(come.into_keys());
            let held = self.put_group(held, body).await?;
            count();
            return Ok(held);
        }
        let mut messages = Vec::new();
        let mut operations: Vec<Value> = leave
            .iter()
            .map(|id| format!("members[value eq {}]", Value::from(id.as_str())))
            .map(|path| json!({"op": "remove", "path": path}))
            .collect();
        for batch in listed(&come).chunks(self.setup.batch) {
            let add = json!({"op": "add", "path": "members", "value": batch});
            operations.push(add);
            messages.push((std::mem::take(&mut operations), "O-68"));
        }
        if !operations.is_empty() {
            messages.push((operations, "O-67"));
        }
        if self.setup.reorder {
            messages.reverse();
        } else {
            self.patch_name(&held).await?;
        }
        for (operations, case) in messages {
            let message = json!({"schemas": [PATCH_OP], "Operations": operations});
            self.patch_members(&held.id, message, case).await?;
        }
        if self.setup.reorder {
            self.patch_name(&held).await?;
        }
        count();
        held.members.retain(|id| !leave.contains(id));
        held.members.extend(come.into_keys());
        let case = if leave.is_empty() { "O-69" } else { "O-67" };
        self.check_members(&held, case).await;
        Ok(held)
    }

    async fn patch_members(
        &self,
        id: &str,
        body: Value,
        case: &'static str,
    ) -> Result<Answer, Failed> {
        let client = &self.run.client;
        let answer = client.send(Call::patch("/Groups", id, body)).await.ok_or(Failed)?;
        let right = client.log().expect(&answer, case, "members are not changed", &[200, 204]);
        check_patched(&mut client.log(), &answer);
        right.then_some(answer).ok_or(Failed)
    }

    /// The full member list, whatever was there: first push and "Push now" (`T15`, `O-79`).
    pub async fn overwrite(
        &self,
        family: Family,
        mut held: HeldGroup,
        members: Members,
    ) -> Result<HeldGroup, Failed> {
        let list = listed(&members);
        let case = if members.is_empty() { "O-72" } else { "O-71" };
        held.members = Self::ids(&members);
        match family {
            Family::Aiw => {
                let name = held.name().to_owned();
                let body = json!({"schemas": [CORE_GROUP], "displayName": name, "members": list});
                self.put_group(held, body).await
            }
            Family::Oin => {
                let replace = json!({"op": "replace", "path": "members", "value": list});
                let body = json!({"schemas": [PATCH_OP], "Operations": [replace]});
                self.patch_members(&held.id, body, case).await?;
                self.run.client.log().changes.members_added += members.len() as u64;
                self.check_members(&held, case).await;
                Ok(held)
            }
        }
    }

    /// The wizard's way to a full list: read, then replace. Its document has the `id` or has not.
    async fn replace_whole(
        &self,
        mut held: HeldGroup,
        members: Members,
        place: usize,
    ) -> Result<HeldGroup, Failed> {
        self.read_group(&held.id).await?;
        let mut body = json!({"schemas": [CORE_GROUP], "id": held.id, "displayName": held.name(),
            "members": listed(&members)});
        if !self.setup.puts_id(place)
            && let Some(body) = body.as_object_mut()
        {
            body.remove("id");
        }
        held.members = Self::ids(&members);
        self.run.client.log().changes.members_added += members.len() as u64;
        self.put_group(held, body).await
    }

    /// The name alone changes (`O-64`): a catalogue app patches it, others read the group and replace it.
    pub async fn rename_group(&self, family: Family, held: HeldGroup) -> Result<HeldGroup, Failed> {
        if !self.setup.rename_groups {
            return Ok(held);
        }
        if family == Family::Aiw {
            let mut body = self.read_group(&held.id).await?;
            body["displayName"] = held.name().into();
            return self.put_group(held, body).await;
        }
        self.patch_name(&held).await?;
        self.check_members(&held, "O-64").await;
        Ok(held)
    }

    async fn read_group(&self, id: &str) -> Result<Value, Failed> {
        let client = &self.run.client;
        let answer = client.send(Call::get("/Groups", id)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, "O-88", "a pushed group cannot be read", &[200]) {
            return Err(Failed);
        }
        answer.body.ok_or(Failed)
    }

    async fn put_group(&self, held: HeldGroup, body: Value) -> Result<HeldGroup, Failed> {
        let client = &self.run.client;
        let answer = client.send(Call::put("/Groups", &held.id, body)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, "O-74", "a group is not replaced", &[200, 204]) {
            return Err(Failed);
        }
        self.check_members(&held, "O-74").await;
        Ok(held)
    }

    /// The mapping ends. Without deletion nothing is sent (`T16`).
    pub async fn delete_group(&self, held: &HeldGroup) -> Result<(), Failed> {
        let client = &self.run.client;
        let answer = client.send(Call::delete("/Groups", &held.id)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, "O-75", "a group is not deleted", &[204, 404]) {
            return Err(Failed);
        }
        client.log().changes.groups_deleted += 1;
        Ok(())
    }

    /// Reads the group and compares members and name.
    pub async fn check_members(&self, held: &HeldGroup, case: &'static str) {
        let client = &self.run.client;
        let Some(answer) = client.send(Call::get("/Groups", &held.id).verifying()).await else {
            return;
        };
        let mut log = client.log();
        if !log.expect(&answer, "O-88", "a pushed group cannot be read", &[200]) {
            return;
        }
        let Some(body) = &answer.body else { return };
        let undecided = self.inactive_ids();
        let decided = |ids: &BTreeSet<String>| -> BTreeSet<String> {
            ids.difference(&undecided).cloned().collect()
        };
        let (now, believed) = (decided(&audit::member_ids(body)), decided(&held.members));
        if now != believed {
            let what = "a group's members are not those that were pushed";
            let missing = believed.difference(&now).count();
            let extra = now.difference(&believed).count();
            let expected = format!("{} members", believed.len());
            let got = format!("{} members: {missing} missing, {extra} too many", now.len());
            log.fault(case, what, &answer.request, expected, got);
        }
        if body["displayName"].as_str() != Some(held.name()) {
            let what = "a group's name is not the one that was pushed";
            let got = text(Some(&body["displayName"]));
            log.fault("O-87", what, &answer.request, held.name(), got);
        }
    }
}

fn listed(members: &Members) -> Vec<Value> {
    members.iter().map(|(id, name)| json!({"value": id, "display": name})).collect()
}

/// A 200 to a group's PATCH names the group; members may be left out (`O-66`).
fn check_patched(log: &mut crate::log::Log, answer: &Answer) {
    let Some(body) = answer.body.as_ref().filter(|_| answer.status == 200) else { return };
    if !body["id"].is_string() || !body["displayName"].is_string() {
        let what = "the answer to a group's PATCH lacks `id` or `displayName`";
        let got = text(Some(body));
        log.fault("O-66", what, &answer.request, "`id` and `displayName`, or 204", got);
    }
}
