//! The server cannot be reached, is overloaded, or refuses the token. All of it is made up.

use crate::entra::job::{Depth, Disabled, Job};
use crate::timeline::{HOUR, MINUTE};
use crate::trouble::{Trouble, Troubled};

impl Job<'_, '_> {
    /// Lets time pass until the next cycle is due.
    pub fn await_cycle(&mut self) {
        let due = self.next_cycle();
        self.run.client.log().timeline.pass_until(due);
    }

    /// `E-114`: 50 minutes of 503; then a cycle in which a third of all requests goes wrong in one way or another.
    pub async fn outage(&mut self) -> Result<(), Disabled> {
        let people = self.hire("outage", self.few()).await;
        let groups = self.found("outage", 1).await;
        self.join(&people, &groups);
        self.await_cycle();
        self.run.client.break_for(Trouble::Unavailable, 50 * MINUTE);
        self.cycle(Depth::Incremental).await?;
        for place in &people {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-114").await;
        }
        let rates = [
            (Trouble::Throttled, 9),
            (Trouble::Unavailable, 17),
            (Trouble::TimedOut, 19),
            (Trouble::Lost, 7),
            (Trouble::BadGateway, 23),
            (Trouble::Repeated, 11),
        ];
        let rates = rates.map(|(trouble, one_in)| Troubled { trouble, one_in }).to_vec();
        let before = std::mem::replace(&mut self.run.client.troubles().rates, rates);
        let outcome = self.through_trouble(&people, &groups).await;
        self.run.client.troubles().rates = before;
        outcome?;
        for place in &people {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-111").await;
        }
        self.settle().await
    }

    async fn through_trouble(
        &mut self,
        people: &[usize],
        groups: &[usize],
    ) -> Result<(), Disabled> {
        for place in people {
            self.source.change(*place, |person| person.marry());
        }
        let (leave, stay) = people.split_at(people.len() / 2);
        for place in groups {
            self.source.change_group(*place, |group| {
                group.members.retain(|member| !leave.contains(member));
            });
        }
        self.cycle(Depth::Incremental).await?;
        for place in stay {
            self.source.change(*place, |person| person.assigned = false);
        }
        let mut more = self.hire("troubled", 3).await;
        more.extend(leave);
        for place in groups {
            self.source.change_group(*place, |group| group.members.extend(&more));
        }
        self.cycle(Depth::Incremental).await?;
        for place in stay {
            self.source.change(*place, |person| person.assigned = true);
        }
        self.cycle(Depth::Incremental).await
    }

    /// `E-128`, and the escrow: the token is refused for 15 hours until somebody pastes another one; then every write
    /// fails for a while.
    pub async fn quarantine(&mut self) -> Result<(), Disabled> {
        let people = self.source.some_people((self.source.first_people / 2).min(200));
        let title = |person: &mut crate::directory::Person| person.title += " (acting)";
        for place in people.iter().take(3) {
            self.source.change(*place, title);
        }
        self.await_cycle();
        self.run.client.break_for(Trouble::Unauthorized, 15 * HOUR);
        let next = self.run.options.next_token.clone();
        if let Some(token) = next
            && let Err(error) = self.run.client.paste_token(&token).await
        {
            let request =
                crate::Request { method: "GET".to_owned(), path: "/Users".to_owned(), body: None };
            self.run.client.log().fault("E-128", error.to_string(), &request, "a token", "another");
        }
        self.cycle(Depth::Incremental).await?;
        let before = self.setup.escrow;
        self.setup.escrow = before.min(people.len().max(1));
        for place in &people {
            self.source.change(*place, title);
        }
        self.await_cycle();
        self.run.client.break_writes_for(Trouble::Unavailable, 5 * HOUR);
        self.cycle(Depth::Incremental).await?;
        self.setup.escrow = before;
        for place in &people {
            self.source.change(*place, |person| {
                person.title = person.title.replace(" (acting)", "");
            });
        }
        self.cycle(Depth::Incremental).await
    }
}
