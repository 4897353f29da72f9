//! References between objects, sent after the objects themselves: managers and members.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::audit::{self, HeldGroup, MANAGER};
use crate::call::{Answer, Call, equals};

use super::job::{Depth, GroupLink, Job, Retry};
use super::patch::{self, Grammar, Membership, Shape};

impl Job<'_, '_> {
    /// Sets the managers of those who are due. Whoever's manager has no link is passed over, without a word (`E-68`).
    pub async fn set_managers(&mut self, places: &BTreeSet<usize>, depth: Depth) {
        let due = places.iter().filter_map(|place| {
            let person = &self.source.people[*place];
            let manager = self.users.get(&person.manager?)?.id.clone();
            let held = self.users.get(place).filter(|_| person.in_scope())?;
            let known =
                held.manager.as_ref() == Some(&manager) && !self.unsure_managers.contains(&held.id);
            (depth == Depth::Full || !known).then_some((*place, manager))
        });
        let due: Vec<(usize, String)> = due.collect();
        let done = self.run.each("managers", due, async |(place, manager)| {
            (place, self.set_manager(place, &manager, self.grammar_of(place)).await, manager)
        });
        for (place, outcome, manager) in done.await {
            self.settle_manager(place, manager, outcome);
        }
    }

    pub fn settle_manager(&mut self, place: usize, manager: String, outcome: Result<(), Retry>) {
        let Some(held) = self.users.get_mut(&place) else { return };
        match outcome {
            Ok(()) => {
                self.unsure_managers.remove(&held.id);
                held.manager = Some(manager);
            }
            Err(Retry) => {
                self.unsure_managers.insert(held.id.clone());
                self.settle_user(place, Err(Retry));
            }
        }
    }

    /// Asks whether the manager is the right one already, and writes it if not (`E-64`, `E-65`).
    pub async fn set_manager(
        &self,
        place: usize,
        manager: &str,
        grammar: Grammar,
    ) -> Result<(), Retry> {
        let client = &self.run.client;
        let held = &self.users[&place];
        let (id, is) = (equals("id", &held.id), equals("manager", manager));
        let filter = match place % 2 {
            0 => format!("{id} and {is}"),
            _ => format!("{is} and {id}"),
        };
        let call = Call::query("/Users").with("attributes", "id").with("filter", filter);
        let list = client.list(call, "E-64").await.ok_or(Retry)?;
        let hit = list.ids() == [held.id.as_str()];
        let expected = held.manager.as_deref() == Some(manager);
        if hit != expected && !self.unsure_managers.contains(&held.id) {
            let what = "the query for a user and their manager answers wrongly";
            let text = |hit| if hit { "one hit" } else { "no hit" };
            client.log().fault("E-64", what, &list.answer.request, text(expected), text(hit));
        }
        if hit {
            return Ok(());
        }
        let reference = client.location("/Users", manager);
        let shape = self.setup.manager.unwrap_or(Shape::of(grammar, place / 2));
        let absent = held.manager.is_none() && self.setup.add_when_empty;
        let body = patch::manager(manager, &reference, absent, grammar, shape);
        let answer = client.send(Call::patch("/Users", &held.id, body)).await.ok_or(Retry)?;
        if !client.log().expect(&answer, "E-65", "a manager is not set", &[200, 204]) {
            return Err(Retry);
        }
        client.log().changes.managers_set += 1;
        self.verify_manager(&held.id, manager, &answer).await;
        Ok(())
    }

    async fn verify_manager(&self, id: &str, manager: &str, written: &Answer) {
        let client = &self.run.client;
        let Some(answer) = client.send(Call::get("/Users", id).verifying()).await else { return };
        let Some(body) = answer.body.as_ref().filter(|_| answer.status == 200) else { return };
        let (case, what, got) = match MANAGER.read(body) {
            None => ("E-30", "a manager that was written is not returned", "none".to_owned()),
            Some(held) if held["value"].as_str() == Some(manager) => return,
            Some(held) if held["value"].is_string() => {
                ("E-65", "a manager is another one than was written", held.to_string())
            }
            Some(held) => {
                ("E-67", "a manager is not an object with a string `value`", held.to_string())
            }
        };
        client.log().fault(case, what, &written.request, manager, got);
    }

    /// Sends members to one group, batch after batch, and looks at the group whenever the direction changes. The link
    /// comes back as far as it got.
    pub async fn push_batches(
        &self,
        mut link: GroupLink,
        batches: Vec<(Membership, Vec<String>)>,
        grammar: Grammar,
    ) -> (GroupLink, Result<(), Retry>) {
        let count = batches.len();
        let directions: Vec<Membership> = batches.iter().map(|(change, _)| *change).collect();
        for (number, (change, ids)) in batches.into_iter().enumerate() {
            let Ok(answer) = self.push(&link.held.id, change, &ids, grammar).await else {
                // Whether it got there nobody knows, so these are sent again whatever is wanted then.
                link.held.undecided.extend(ids);
                return (link, Err(Retry));
            };
            link.apply(change, &ids);
            if number + 1 == count || directions[number + 1] != change {
                self.verify_members(&link.held, change.case(grammar), &answer).await;
            }
        }
        (link, Ok(()))
    }

    pub async fn push(
        &self,
        group: &str,
        change: Membership,
        ids: &[String],
        grammar: Grammar,
    ) -> Result<Answer, Retry> {
        let client = &self.run.client;
        let call = Call::patch("/Groups", group, patch::members(change, ids, grammar));
        let answer = client.send(call).await.ok_or(Retry)?;
        let what = "members are not changed";
        if !client.log().expect(&answer, change.case(grammar), what, &[200, 204]) {
            return Err(Retry);
        }
        let mut log = client.log();
        check_silent(&mut log, &answer);
        match change {
            Membership::Add => log.changes.members_added += ids.len() as u64,
            Membership::Remove => log.changes.members_removed += ids.len() as u64,
        }
        drop(log);
        Ok(answer)
    }

    /// Reads a group, which the service never does, and compares its members with what is believed.
    pub async fn verify_members(&self, held: &HeldGroup, case: &'static str, answer: &Answer) {
        let client = &self.run.client;
        let Some(now) = audit::members(client, &held.id).await else { return };
        let sure = |id: &&String| !held.undecided.contains(*id);
        let missing: Vec<_> = held.members.difference(&now).filter(sure).cloned().collect();
        let extra: Vec<_> = now.difference(&held.members).filter(sure).cloned().collect();
        let expected = format!("{} members", held.members.len());
        let got = |ids: &[String]| {
            let ids = crate::report::shorten(&ids.join(", "), 120);
            format!("{} members; it is about {ids}", now.len())
        };
        let mut log = client.log();
        if !missing.is_empty() {
            let what = "members are missing after a change of members";
            log.fault(case, what, &answer.request, expected.as_str(), got(&missing));
        }
        if !extra.is_empty() {
            let what = "members are there who should not be after a change of members";
            log.fault(case, what, &answer.request, expected.as_str(), got(&extra));
        }
    }

    /// Whether the index of members answers as the group does (`E-90`).
    pub async fn expect_member(&self, group: &str, user: &str, case: &'static str) {
        let (id, is) = (equals("id", group), equals("members", user));
        let call = Call::query("/Groups")
            .with("attributes", "id")
            .with("filter", format!("{id} and {is}"))
            .verifying();
        if let Some(list) = self.run.client.list(call, "E-90").await
            && list.ids() != [group]
        {
            let what = "a member of a group is not one by the reference query";
            let got = format!("{} hits", list.resources.len());
            self.run.client.log().fault(case, what, &list.answer.request, "one hit", got);
        }
    }
}

impl GroupLink {
    pub fn apply(&mut self, change: Membership, ids: &[String]) {
        for id in ids {
            self.held.undecided.remove(id);
            match change {
                Membership::Add => {
                    self.pushed.insert(id.clone());
                    self.held.members.insert(id.clone());
                }
                Membership::Remove => {
                    self.pushed.remove(id);
                    self.held.members.remove(id);
                }
            }
        }
    }
}

/// The answer to a group's PATCH lists no members (`E-63`).
pub fn check_silent(log: &mut crate::log::Log, answer: &Answer) {
    let members = answer.body.as_ref().and_then(|body| body["members"].as_array());
    if let Some(members) = members.filter(|members| !members.is_empty()) {
        let what = "the answer to a group's PATCH lists the members";
        let got = format!("{} members", members.len());
        log.fault("E-63", what, &answer.request, "no members", got);
    }
}

/// Nor does a search that excluded them (`E-72`).
pub fn check_excluded(log: &mut crate::log::Log, answer: &Answer, group: &Value) {
    if group["members"].as_array().is_some_and(|members| !members.is_empty()) {
        let what = "members are returned although they were excluded";
        log.fault("E-72", what, &answer.request, "no members", group["members"].to_string());
    }
}
