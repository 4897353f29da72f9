//! What the administrator of the job and the service itself do.

use rand::seq::IndexedRandom;
use serde_json::Value;

use crate::audit::expect_duplicate;
use crate::call::Call;
use crate::directory::Bin;
use crate::entra::attributes::{self, ExternalId, Match, of_person};
use crate::entra::job::{Depth, Disabled, Existing, Job};
use crate::entra::patch::{self, Change, Grammar, Membership};

impl Job<'_, '_> {
    /// The button "Test Connection", with every matching attribute that an administrator might choose, and once with a
    /// token that is wrong.
    pub async fn test_connection(&mut self) -> Result<(), Disabled> {
        while let Err(halt) = self.probe().await {
            let until = self.stand_still(halt)?;
            self.run.client.log().timeline.pass_until(until);
        }
        for attribute in [
            "externalId",
            "emails[type eq \"work\"].value",
            "emails.value",
            "displayName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
            "id",
        ] {
            let filter = self.guid_filter(attribute);
            let call = Call::query("/Users").with("filter", filter).verifying();
            self.run.client.list(call, "E-03").await;
        }
        let filter = self.guid_filter("userName");
        let call = Call::query("/Users").with("filter", filter).with_foreign_token().verifying();
        if let Some(answer) = self.run.client.send(call).await {
            let mut log = self.run.client.log();
            if log.expect(&answer, "E-04", "a wrong token is not refused", &[401])
                && !answer.challenges
            {
                let what = "401 does not say how to authenticate";
                log.fault("E-04", what, &answer.request, "`WWW-Authenticate`", "no such header");
            }
        }
        Ok(())
    }

    /// The first cycle has run; a sample of it is tried for what makes duplicates.
    pub async fn initial(&mut self) -> Result<(), Disabled> {
        for place in self.source.some_people(5) {
            let Some(held) = self.users.get(&place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-10").await;
            self.expect_hit(&held.name().to_uppercase(), &held.id, "E-11").await;
            let mut twin = attributes::creation(&held.values, 0).0;
            twin["userName"] = held.name().to_uppercase().into();
            expect_duplicate(&self.run.client, "/Users", twin, "E-25").await;
        }
        let places: Vec<usize> = self.groups.keys().copied().take(3).collect();
        for place in places {
            let twin = attributes::group_creation(&self.source.groups[place]);
            expect_duplicate(&self.run.client, "/Groups", twin, "E-76").await;
        }
        Ok(())
    }

    pub async fn quiet(&mut self) -> Result<(), Disabled> {
        self.cycle(Depth::Incremental).await?;
        // Nothing changed, so whatever a full look finds would be written in every cycle (`E-30`).
        self.cycle(Depth::Full).await
    }

    pub async fn restart(&mut self) -> Result<(), Disabled> {
        // E-115: the watermark is cleared, and members are pushed again.
        for link in self.groups.values_mut() {
            link.pushed.clear();
        }
        self.cycle(Depth::Full).await?;
        // E-116: the links are dropped too.
        self.reset().await
    }

    pub async fn provision_on_demand(&mut self) -> Result<(), Disabled> {
        let flag = self.run.client.flag();
        self.run.client.set_flag(true);
        let new = self.hire("demand", 2).await;
        let known = self.source.some_people(3);
        for place in &known {
            let title = self.source.people[(place + 1) % self.source.first_people].title.clone();
            self.source.change(*place, |person| person.title = format!("Acting {title}"));
        }
        self.source.take_changed_people();
        let mut outcome = Ok(());
        for place in new.iter().chain(&known) {
            outcome = outcome.and(self.provision_user_on_demand(*place).await);
        }
        let groups = self.found("demand", 1).await;
        for group in &groups {
            self.source.take_changed_groups();
            let chosen: Vec<usize> = new.iter().chain(&known).copied().collect();
            self.source.change_group(*group, |group| group.members.extend(&chosen));
            self.source.take_changed_groups();
            outcome = outcome.and(self.provision_group_on_demand(*group, &chosen).await);
        }
        self.run.client.set_flag(flag);
        outcome?;
        self.cycle(Depth::Incremental).await
    }

    /// The administrator changes the source of externalId on a live job, and then matches on it.
    pub async fn remap(&mut self) -> Result<(), Disabled> {
        self.mapping.external_id = ExternalId::ObjectId;
        for place in self.users.keys() {
            self.source.change(*place, |_| ());
        }
        self.cycle(Depth::Incremental).await?;
        let before = self.mapping.clone();
        self.mapping.users = vec![Match::ExternalId];
        self.mapping.groups = Match::ExternalId;
        let outcome = self.reset().await;
        self.mapping = before;
        self.mapping.external_id = ExternalId::ObjectId;
        outcome
    }

    /// The server did what it was asked, and nobody heard of it.
    pub async fn lost_answers(&mut self) -> Result<(), Disabled> {
        let groups = self.found("lost", 1).await;
        self.cycle(Depth::Incremental).await?;
        let people = self.hire("lost", self.few().min(10)).await;
        for place in &people {
            let values = of_person(&self.source.people[*place], &self.mapping);
            let body = attributes::creation(&values, 0).0;
            self.run.client.send_and_lose(Call::post("/Users", body.clone())).await;
            // E-111: the repeat meets the first one's work; the next cycle finds it.
            if place % 2 == 0 {
                expect_duplicate(&self.run.client, "/Users", body, "E-111").await;
            }
        }
        let sent = people.iter().copied().collect();
        let case = "E-111";
        self.find_again(Existing { case, people: sent, ..Existing::default() }).await?;
        for place in &people {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-111").await;
            // E-60: the same PATCH twice.
            let title = Value::from("Keeper of Lost Things");
            let target = crate::target::Target::Plain("title");
            let change = Change { target, value: title.clone(), absent: false };
            let call = Call::patch("/Users", &held.id, patch::user(&[change], self.grammar, 0));
            self.run.client.send_and_lose(call.clone()).await;
            if let Some(answer) = self.run.client.send(call).await {
                let what = "a repeated PATCH is refused";
                self.run.client.log().expect(&answer, "E-60", what, &[200, 204]);
            }
            self.source.change(*place, |person| person.title = "Keeper of Lost Things".to_owned());
            if let Some(held) = self.users.get_mut(place) {
                held.values.insert(target, title);
            }
        }
        self.lose_members(&people, &groups).await;
        if let Some(held) = people.first().and_then(|place| self.users.get(place)) {
            self.run.client.send_and_lose(Call::delete("/Users", &held.id)).await;
            self.source.change(people[0], |person| person.bin = Bin::Purged);
            for group in groups {
                self.source.change_group(group, |group| group.members.remove(&people[0]));
            }
        }
        // The DELETE of this cycle meets a 404 by id or on the DELETE itself: both mean that the goal is reached.
        if let Some(held) = people.first().and_then(|place| self.users.get(place)).cloned()
            && self.delete_user(&held).await.is_ok()
        {
            self.settle_user(people[0], Ok(None));
        }
        self.cycle(Depth::Incremental).await
    }

    /// `E-112`: members added and removed twice.
    pub async fn lose_members(&mut self, people: &[usize], groups: &[usize]) {
        let ids: Vec<String> =
            people.iter().filter_map(|place| self.users.get(place)).map(|u| u.id.clone()).collect();
        let leaver = ids.get(..1).unwrap_or_default();
        for place in groups {
            let Some(link) = self.groups.get(place) else { continue };
            let mut link = link.clone();
            for (change, ids) in [(Membership::Add, ids.as_slice()), (Membership::Remove, leaver)] {
                let body = patch::members(change, ids, self.grammar);
                let call = Call::patch("/Groups", &link.held.id, body);
                self.run.client.send_and_lose(call).await;
                if let Ok(answer) = self.push(&link.held.id, change, ids, self.grammar).await {
                    link.apply(change, ids);
                    self.verify_members(&link.held, "E-112", &answer).await;
                }
            }
            let stay = people.iter().copied().skip(leaver.len());
            self.source.change_group(*place, |group| group.members.extend(stay));
            self.groups.insert(*place, link);
        }
    }

    /// The flag is put into the Tenant URL.
    pub async fn flag(&mut self) -> Result<(), Disabled> {
        let (flag, grammar) = (self.run.client.flag(), self.grammar);
        self.run.client.set_flag(true);
        self.grammar = Grammar::Flag;
        let outcome = self.play_flagged().await;
        self.run.client.set_flag(flag);
        self.grammar = grammar;
        outcome
    }

    pub async fn play_flagged(&mut self) -> Result<(), Disabled> {
        self.rename("flag").await?;
        self.move_people().await?;
        self.leaver().await?;
        self.soft_delete("flagbin").await?;
        self.concurrent_members("flagcrowd").await?;
        let joiners = self.source.people.len();
        let people: Vec<usize> =
            (0..joiners).filter(|place| self.users.contains_key(place)).collect();
        if let Some(place) = people.choose(&mut self.source.rng).copied() {
            self.source.change(place, |person| person.language = "xx-Custom".to_owned());
        }
        self.cycle(Depth::Incremental).await
    }
}
