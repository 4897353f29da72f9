//! Groups are pushed, changed, overwritten and unlinked.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::audit::{Gone, HeldGroup, expect_duplicate};
use crate::call::{Blank, Call};
use crate::okta::groups::Members;
use crate::okta::org::{FAMILIES, Failed, Family, Org, ROUNDS};
use crate::okta::users::replace;
use crate::target::{CORE_GROUP, PATCH_OP};

impl Org<'_, '_> {
    /// People are in groups, so that it shows when they lose them.
    pub async fn start_groups(&mut self) {
        let first = 0..self.source.first_groups;
        let is_new =
            |place: &usize| self.source.groups[*place].assigned && !self.groups.contains_key(place);
        let new: Vec<usize> = first.filter(is_new).collect();
        self.push_all(self.setup.family.unwrap_or(Family::Oin), &new).await;
        let linked: BTreeSet<&String> = self.groups.values().map(|held| &held.id).collect();
        self.left_behind.retain(|held| !linked.contains(&held.id));
    }

    /// Pushes groups, and once more those that failed, as [`happen`](Org::happen) does.
    pub async fn push_all(&mut self, family: Family, places: &[usize]) {
        let mut due = if self.setup.push_groups { places.to_vec() } else { Vec::new() };
        for round in 0..ROUNDS {
            if !self.tries(round, due.len()) {
                break;
            }
            let done = self.run.each("groups pushed", std::mem::take(&mut due), async |place| {
                (place, self.push(family, place).await)
            });
            for (place, outcome) in done.await {
                match outcome {
                    Ok(held) => {
                        self.groups.insert(place, held);
                    }
                    Err(Failed) => due.push(place),
                }
            }
        }
        self.run.client.troubles().on = false;
    }

    pub async fn push_groups(&mut self, family: Family) {
        // A new app on this directory knows none of the groups.
        let first: Vec<usize> = (0..self.source.first_groups).collect();
        for place in &first {
            self.groups.remove(place);
        }
        self.push_all(family, &first).await;
        // One member comes and two go, in every group that has as many.
        let mut changes = Vec::new();
        for place in &first {
            let members = &self.source.groups[*place].members;
            let leave: Vec<usize> = members.iter().copied().take(2).collect();
            let come = (0..self.source.first_people).find(|person| !members.contains(person));
            if let (Some(come), [_, _]) = (come, leave.as_slice()) {
                changes.push((*place, come, leave));
            }
        }
        let done = self.run.each("members changed", changes, async |(place, come, leave)| {
            let held = self.groups.get(&place)?;
            let leave: BTreeSet<String> = leave
                .iter()
                .filter_map(|place| self.users.get(place))
                .map(|u| u.id.clone())
                .collect();
            let held = held.clone();
            self.change(family, held, self.member(come), leave).await.ok().map(|held| (place, held))
        });
        let done: Vec<_> = done.await;
        self.groups.extend(done.into_iter().flatten());
        self.push_large(family).await;
        self.groups_are_unique().await;
    }

    pub fn member(&self, place: usize) -> Members {
        let held = self.users.get(&place);
        held.map(|held| (held.id.clone(), held.name().to_owned())).into_iter().collect()
    }

    /// `T14`: up to 350 members at once, added twice, and three of five taken out by one request.
    pub async fn push_large(&mut self, family: Family) {
        let tag = if family == Family::Aiw { "largeaiw" } else { "largeoin" };
        let groups = self.found(tag, 1).await;
        self.push_all(family, &groups).await;
        for place in groups {
            let Some(held) = self.groups.get(&place).cloned() else { continue };
            let crowd: Members = (0..self.source.first_people.min(350))
                .flat_map(|place| self.member(place))
                .collect();
            let Ok(held) = self.change(family, held, crowd.clone(), BTreeSet::new()).await else {
                continue;
            };
            let again: Members = crowd.clone().into_iter().take(5).collect();
            let leave: BTreeSet<String> = again.keys().take(3).cloned().collect();
            let held = match family {
                Family::Oin => match self.change(family, held, again, BTreeSet::new()).await {
                    Ok(held) => held,
                    Err(Failed) => continue,
                },
                Family::Aiw => held,
            };
            if let Ok(held) = self.change(family, held, Members::new(), leave).await {
                self.groups.insert(place, held);
            }
        }
    }

    /// `O-61`, `O-65`: two groups never share a name.
    pub async fn groups_are_unique(&self) {
        let client = &self.run.client;
        let mut names = self.groups.values().map(HeldGroup::name);
        let (Some(one), Some(held)) = (names.next(), self.groups.values().nth(1)) else { return };
        let body = json!({"schemas": [CORE_GROUP], "displayName": one, "members": []});
        expect_duplicate(&self.run.client, "/Groups", body, "O-61").await;
        let body = replace(json!({"id": held.id, "displayName": one}));
        if let Some(answer) = client.send(Call::patch("/Groups", &held.id, body).verifying()).await
        {
            let what = "a group takes another group's name";
            if !client.log().expect(&answer, "O-65", what, &[409]) {
                let name = json!({"displayName": held.name()});
                let call = Call::patch("/Groups", &held.id, replace(name));
                client.send(call.verifying()).await;
            }
        }
    }

    /// Somebody else changes a group on the server.
    pub async fn meddle(&self, held: &HeldGroup, stranger: Members) {
        let value: Vec<Value> = stranger.keys().map(|id| json!({"value": id})).collect();
        let add = json!({"op": "add", "path": "members", "value": value});
        let body = json!({"schemas": [PATCH_OP], "Operations": [add]});
        let call = Call::patch("/Groups", &held.id, body).verifying();
        if let Some(answer) = self.run.client.send(call).await {
            let what = "members are not changed";
            self.run.client.log().expect(&answer, "O-69", what, &[200, 204]);
        }
    }

    pub async fn push_now(&mut self) {
        let groups = self.found("now", 2).await;
        for (place, family) in groups.into_iter().zip(FAMILIES) {
            let people = self.source.some_people(self.few().min(self.source.first_people / 2));
            let outsider = (0..self.source.first_people).find(|place| !people.contains(place));
            self.source.change_group(place, |group| group.members.extend(&people));
            self.push_all(family, &[place]).await;
            let Some(held) = self.groups.get(&place).cloned() else { continue };
            if let Some(outsider) = outsider {
                self.meddle(&held, self.member(outsider)).await;
            }
            let members = self.pushed_members(place);
            let Ok(held) = self.overwrite(family, held, members.clone()).await else { continue };
            // `T15`: an empty group, and full again.
            let Ok(held) = self.overwrite(family, held, Members::new()).await else { continue };
            if let Ok(held) = self.overwrite(family, held, members).await {
                self.groups.insert(place, held);
            }
        }
    }

    pub async fn unlink(&mut self) {
        let groups = self.found("unlink", 4).await;
        let people = self.source.some_people(self.few());
        for (number, place) in groups.into_iter().enumerate() {
            let family = FAMILIES[number % 2];
            self.source.change_group(place, |group| group.members.extend(&people));
            self.push_all(family, &[place]).await;
            let Some(held) = self.groups.remove(&place) else { continue };
            if number < 2 {
                // O-76: the group is left alone, and found again by its name.
                self.left_behind.push(held.clone());
                self.push_all(family, &[place]).await;
                self.left_behind.pop();
                if self.groups.get(&place).is_none_or(|again| again.id != held.id) {
                    self.left_behind.push(held);
                }
            } else if self.delete_group(&held).await.is_ok() {
                self.expect_deleted(&held).await;
                let name = held.name().to_owned();
                self.gone.push(Gone { endpoint: "/Groups", id: held.id, name });
            }
        }
    }

    pub async fn expect_deleted(&self, held: &HeldGroup) {
        let client = &self.run.client;
        for call in [Call::get("/Groups", &held.id), Call::delete("/Groups", &held.id)] {
            if let Some(answer) = client.send(call.verifying()).await {
                client.log().expect(&answer, "O-75", "a deleted group is still there", &[404]);
            }
        }
        let call = Self::lookup("/Groups", "displayName", held.name(), Blank::Percent).verifying();
        if let Some(list) = client.list(call, "O-75").await
            && !list.resources.is_empty()
        {
            let what = "a deleted group is still found";
            let got = format!("{} hits", list.total);
            client.log().fault("O-75", what, &list.answer.request, "no hit", got);
        }
    }
}
