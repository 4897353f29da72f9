//! Groups fill, empty, nest and end.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::audit::expect_duplicate;
use crate::call::Call;
use crate::entra::attributes;
use crate::entra::job::{Depth, Disabled, Job};
use crate::entra::patch::Membership;

impl Job<'_, '_> {
    /// People change groups while others do, five requests to one group and more at a time (`E-87`).
    pub async fn move_people(&mut self) -> Result<(), Disabled> {
        let people = self.source.some_people((self.source.first_people / 5).clamp(1, 200));
        let groups = self.source.first_groups;
        for place in &people {
            let department =
                self.source.people[(place + 1) % self.source.first_people].department.clone();
            let manager = self.source.rng.random_range(0..(*place).max(1));
            self.source.change(*place, |person| {
                person.department = department;
                // E-44: some had no such number yet.
                person.mobile.get_or_insert_with(|| "+47 900 00 111".to_owned());
                if *place > 0 {
                    person.manager = Some(manager);
                }
            });
            // The first group holds everybody, and nobody leaves it.
            if groups > 2 {
                let from =
                    (1..groups).find(|group| self.source.groups[*group].members.contains(place));
                let to = self.source.rng.random_range(1..groups);
                if let Some(from) = from {
                    self.source.change_group(from, |group| group.members.remove(place));
                }
                self.source.change_group(to, |group| group.members.insert(*place));
            }
        }
        self.push_singly("E-87").await;
        self.cycle(Depth::Incremental).await
    }

    /// Sends every change of members in a request of its own, all at once, then looks at the groups.
    pub async fn push_singly(&mut self, case: &'static str) {
        let changes = self.member_changes().into_iter();
        let mut singles: Vec<(usize, Membership, String)> = changes
            .flat_map(|(place, change, ids)| ids.into_iter().map(move |id| (place, change, id)))
            .collect();
        singles.shuffle(&mut self.source.rng);
        // The first who leaves does so alone, so that a wrong reading of the request is told from a lost update.
        let first = singles.iter().position(|(_, change, _)| *change == Membership::Remove);
        if let Some((place, change, id)) = first.map(|first| singles.swap_remove(first))
            && let Some(link) = self.groups.get(&place).cloned()
        {
            let (link, _) = self.push_batches(link, vec![(change, vec![id])], self.grammar).await;
            self.groups.insert(place, link);
        }
        let done = self.run.each("members one by one", singles, async |(place, change, id)| {
            let group = &self.groups[&place].held.id;
            let outcome = self.push(group, change, std::slice::from_ref(&id), self.grammar).await;
            outcome.ok().map(|answer| (place, change, id, answer))
        });
        let mut touched = std::collections::BTreeMap::new();
        for (place, change, id, answer) in done.await.into_iter().flatten() {
            if let Some(link) = self.groups.get_mut(&place) {
                link.apply(change, &[id]);
            }
            touched.insert(place, answer);
        }
        let touched: Vec<_> = touched.into_iter().collect();
        self.run
            .each("groups looked at", touched, async |(place, answer)| {
                self.verify_members(&self.groups[&place].held, case, &answer).await;
            })
            .await;
    }

    pub async fn group_lifecycle(&mut self) -> Result<(), Disabled> {
        let groups = self.found("life", 6).await;
        let [large, nested, .., doomed] = groups.as_slice() else { return Ok(()) };
        let people = self.source.some_people(self.few());
        self.join(&people, &groups);
        self.cycle(Depth::Incremental).await?;
        for place in &groups {
            let group = &self.source.groups[*place];
            expect_duplicate(
                &self.run.client,
                "/Groups",
                attributes::group_creation(group),
                "E-76",
            )
            .await;
        }
        // E-86: everybody in one request, then a hundred leave in one.
        let everybody: Vec<usize> = (0..self.source.first_people.min(5000)).collect();
        for (change, some) in [
            (Membership::Add, everybody.as_slice()),
            (Membership::Remove, &everybody[..people.len()]),
        ] {
            let ids: Vec<String> = some
                .iter()
                .filter_map(|place| self.users.get(place))
                .map(|u| u.id.clone())
                .collect();
            if let Some(link) = self.groups.get(large).cloned() {
                let (link, _) = self.push_batches(link, vec![(change, ids)], self.grammar).await;
                self.groups.insert(*large, link);
            }
            self.source.change_group(*large, |group| match change {
                Membership::Add => group.members.extend(some),
                Membership::Remove => group.members.retain(|place| !some.contains(place)),
            });
        }
        // E-91: a group in a group. Source members are people, so the link alone knows of it.
        if let (Some(link), Some(inner)) =
            (self.groups.get(nested).cloned(), self.groups.get(large))
        {
            let ids = [inner.held.id.clone()];
            let mut link = link;
            if let Ok(answer) = self.push(&link.held.id, Membership::Add, &ids, self.grammar).await
            {
                link.held.members.extend(ids);
                self.verify_members(&link.held, "E-91", &answer).await;
            }
            self.groups.insert(*nested, link);
        }
        // E-88, E-93, E-95: one is renamed, another deleted and assigned once more.
        self.source.change_group(*large, |group| group.name = group.other_name());
        self.source.change_group(*doomed, |group| group.assigned = false);
        self.cycle(Depth::Incremental).await?;
        let client = &self.run.client;
        let deleted = self.gone.last().map(|gone| gone.id.clone()).unwrap_or_default();
        for call in [Call::get("/Groups", &deleted), Call::delete("/Groups", &deleted)] {
            if let Some(answer) = client.send(call.verifying()).await {
                let what = "a deleted group is still there";
                client.log().expect(&answer, "E-93", what, &[404]);
            }
        }
        self.source.change_group(*doomed, |group| group.assigned = true);
        self.cycle(Depth::Incremental).await?;
        if self.groups.get(doomed).is_some_and(|link| link.held.id == deleted) {
            self.fault_of_id("E-95", "a deleted group's id is used again", &deleted);
        }
        Ok(())
    }

    /// `E-87`: a request for every member, all of them to one group.
    pub async fn concurrent_members(&mut self, tag: &str) -> Result<(), Disabled> {
        let groups = self.found(tag, 1).await;
        self.cycle(Depth::Incremental).await?;
        let people: Vec<usize> = (0..self.source.first_people.min(1000)).collect();
        self.join(&people, &groups);
        self.push_singly("E-87").await;
        // Half of them leave while the others arrive once more (E-78).
        let leave: Vec<usize> = people.iter().copied().filter(|place| place % 2 == 0).collect();
        let leavers: BTreeSet<String> =
            leave.iter().filter_map(|place| self.users.get(place)).map(|u| u.id.clone()).collect();
        for place in &groups {
            if let Some(link) = self.groups.get_mut(place) {
                link.pushed.retain(|id| leavers.contains(id));
            }
            self.source.change_group(*place, |group| {
                group.members.retain(|place| !leave.contains(place));
            });
        }
        self.push_singly("E-87").await;
        self.cycle(Depth::Incremental).await
    }
}
