//! What keeps a job from doing too much: scoping filters, and the guard against accidental deletions.

use crate::audit::ACTIVE;
use crate::call::Call;
use crate::entra::job::{Depth, Disabled, Job};
use crate::entra::quarantine::Cause;

impl Job<'_, '_> {
    /// A filter comes, another one takes its place, and it goes. In between, people out of scope are left alone.
    pub async fn scope(&mut self) -> Result<(), Disabled> {
        let before = self.setup.scoped.then_some(0);
        let skip = self.setup.skip_deletions;
        for remainder in [1, 2] {
            self.source.narrow(Some(remainder));
            self.cycle(Depth::Incremental).await?;
            let out: Vec<usize> = self.scoped_out();
            for place in out.into_iter().filter(|_| !skip).take(5) {
                let Some(held) = self.users.get(&place) else { continue };
                self.expect_hit(held.name(), &held.id, "E-96").await;
            }
        }
        self.source.narrow(before);
        self.cycle(Depth::Incremental).await?;
        self.setup.skip_deletions = true;
        self.source.narrow(Some(3));
        self.cycle(Depth::Incremental).await?;
        let out = self.scoped_out();
        self.expect_active(&out[..out.len().min(5)], "E-96", "a user was left alone").await;
        self.source.narrow(before);
        self.setup.skip_deletions = skip;
        self.cycle(Depth::Incremental).await
    }

    fn scoped_out(&self) -> Vec<usize> {
        let first = 0..self.source.first_people;
        first.filter(|place| self.source.people[*place].scoped_out).collect()
    }

    /// Users whom nobody has switched off are on.
    async fn expect_active(&self, places: &[usize], case: &'static str, what: &'static str) {
        let client = &self.run.client;
        for place in places {
            let Some(held) = self.users.get(place) else { continue };
            if held.values.get(&ACTIVE) != Some(&true.into()) {
                continue;
            }
            let call = Call::get("/Users", &held.id).verifying();
            let Some(answer) = client.send(call).await else { continue };
            let active = answer.body.as_ref().map(|body| body["active"].clone());
            if active != Some(true.into()) {
                let what = format!("{what}, and is off");
                client.log().fault(case, what, &answer.request, "active", answer.summary());
            }
        }
    }

    /// `E-107`: somebody unassigns far too many. Nothing is sent until the deletions are allowed, after a day.
    pub async fn accidental_deletion(&mut self) -> Result<(), Disabled> {
        let people = self.source.some_people(self.few());
        let groups = self.found("accident", 2).await;
        self.join(&people, &groups);
        self.cycle(Depth::Incremental).await?;
        let before = self.setup.threshold;
        self.setup.threshold = Some(people.len().saturating_sub(1));
        for place in &people {
            self.source.change(*place, |person| person.assigned = false);
        }
        for place in &groups {
            self.source.change_group(*place, |group| group.assigned = false);
        }
        self.await_cycle();
        while let Err(halt) = self.once(Depth::Incremental).await {
            if halt.cause == Cause::Deletions {
                let what = "a user would have been switched off by mistake";
                self.expect_active(&people, "E-107", what).await;
            }
            let until = self.stand_still(halt)?;
            self.run.client.log().timeline.pass_until(until);
        }
        self.setup.threshold = before;
        self.settle().await?;
        for place in &people {
            self.source.change(*place, |person| person.assigned = true);
        }
        self.cycle(Depth::Incremental).await
    }
}
