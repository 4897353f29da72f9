//! Proxies, limits, replaced tokens, and somebody who deletes rows behind Okta's back.

use crate::audit::Gone;
use crate::call::Call;
use crate::okta::org::{Event, FAMILIES, Family, Org, Stop};
use crate::timeline::{HOUR, SECOND};
use crate::trouble::{Trouble, Troubled};

impl Org<'_, '_> {
    /// `T19`, `O-165`: a wrong token is saved and refused; later the right one is replaced by another.
    pub async fn credentials(&mut self) -> Result<(), Stop> {
        let call =
            Call::query("/Users").with("startIndex", 1).with("count", 2).with_foreign_token();
        if let Some(answer) = self.run.client.send(call).await {
            let what = "a wrong token is not refused";
            self.run.client.log().expect(&answer, "O-165", what, &[401]);
        }
        self.run.client.break_for(Trouble::Unauthorized, SECOND);
        let call = Call::query("/Users").with("startIndex", 1).with("count", 2);
        self.run.client.send(call).await;
        if let Some(token) = &self.run.options.next_token
            && self.run.client.paste_token(token).await.is_err()
        {
            return Err(Stop);
        }
        self.run.pass(SECOND);
        self.connect().await
    }

    /// `T20`: a proxy answers with a page of its own. Nothing is tried again until an administrator says so.
    pub async fn bad_gateway(&mut self) {
        let groups = self.found("gateway", 2).await;
        let people = self.source.some_people(self.few());
        for (place, family) in groups.into_iter().zip(FAMILIES) {
            self.source.change_group(place, |group| group.members.extend(&people));
            self.run.client.break_for(Trouble::BadGateway, SECOND);
            self.push_all(family, &[place]).await;
        }
    }

    /// `O-96`, `O-98`, `O-99`, `O-31`: limits, time-outs, lost answers and repeats, until everything has arrived.
    pub async fn bad_network(&mut self) {
        self.start_groups().await;
        let rates = [
            (Trouble::Throttled, 9),
            (Trouble::Unavailable, 23),
            (Trouble::TimedOut, 19),
            (Trouble::Lost, 7),
            (Trouble::BadGateway, 29),
            (Trouble::Repeated, 11),
        ];
        let rates = rates.map(|(trouble, one_in)| Troubled { trouble, one_in }).to_vec();
        let before = std::mem::replace(&mut self.run.client.troubles().rates, rates);
        for family in FAMILIES {
            let (people_tag, groups_tag) = match family {
                Family::Aiw => ("netaiw", "netaiw"),
                Family::Oin => ("netoin", "netoin"),
            };
            let people = self.hire(people_tag, self.few()).await;
            let groups = self.found(groups_tag, 2).await;
            for place in &groups {
                self.source.change_group(*place, |group| group.members.extend(&people));
            }
            self.happen("users assigned", family, Event::Assign, &people).await;
            self.push_all(family, &groups).await;
            for place in &people {
                self.source
                    .change(*place, |person| person.title = format!("Senior {}", person.title));
            }
            self.happen("profiles pushed", family, Event::Update, &people).await;
            self.happen("users deactivated", family, Event::Unassign, &people).await;
            self.happen("users reactivated", family, Event::Reassign, &people).await;
        }
        self.run.client.troubles().rates = before;
        // O-96: ten times 429 is the end of a task; the administrator's retry is not.
        let people = self.hire("limited", 2).await;
        self.run.client.break_for(Trouble::Throttled, 6 * HOUR);
        self.happen("users assigned", Family::Aiw, Event::Assign, &people).await;
    }

    /// `O-52`: the row is gone when Okta comes back to it; the look-up finds nobody, and there is a new account.
    pub async fn deleted_behind(&mut self) {
        let people = self.hire("behind", 4).await;
        for (number, place) in people.into_iter().enumerate() {
            let family = FAMILIES[number % 2];
            self.happen("users assigned", family, Event::Assign, &[place]).await;
            let Some(held) = self.users.remove(&place) else { continue };
            let client = &self.run.client;
            client.send(Call::delete("/Users", &held.id).verifying()).await;
            if let Some(answer) = client.send(Call::get("/Users", &held.id)).await {
                let what = "a user whom somebody else deleted can be read";
                client.log().expect(&answer, "O-52", what, &[404]);
            }
            self.happen("users assigned again", family, Event::Assign, &[place]).await;
            if let Some(again) = self.users.get(&place)
                && again.id == held.id
            {
                let request = crate::Request {
                    method: "POST".to_owned(),
                    path: "/Users".to_owned(),
                    body: None,
                };
                let what = "a deleted user's id is used again";
                let id = held.id.as_str();
                self.run.client.log().fault("O-52", what, &request, "another id", id);
            }
            let name = held.name().to_owned();
            self.gone.push(Gone { endpoint: "/Users", id: held.id, name });
        }
    }

    /// `O-83`: everybody in one group, by one PUT, and all but one by another.
    pub async fn large_group(&mut self) {
        let groups = self.found("everybody", 1).await;
        for place in groups {
            let everybody = 0..self.source.first_people.min(self.setup.large);
            let last = everybody.end.saturating_sub(1);
            self.source.change_group(place, |group| group.members.extend(everybody));
            self.push_all(Family::Aiw, &[place]).await;
            let Some(held) = self.groups.get(&place).cloned() else { continue };
            self.source.change_group(place, |group| group.members.remove(&last));
            let leave = self.member(last).into_keys().collect();
            let none = Default::default();
            if let Ok(held) = self.change(Family::Aiw, held, none, leave).await {
                self.groups.insert(place, held);
            }
        }
    }
}
