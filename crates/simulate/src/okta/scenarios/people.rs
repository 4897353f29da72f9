//! Profiles change, people leave, come back and get other names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::audit::{ACTIVE, HeldUser};
use crate::call::Call;
use crate::okta::org::{Event, Family, Org};
use crate::okta::users::replace;

impl Org<'_, '_> {
    pub async fn update_profiles(&mut self) {
        self.start_groups().await;
        for (family, people) in self.halves() {
            for (number, place) in people.iter().enumerate() {
                let other = (place + 1) % self.source.first_people;
                let department = self.source.people[other].department.clone();
                self.source.change(*place, |person| {
                    person.title = format!("Senior {}", person.title);
                    person.department = department;
                    // O-43: a value is emptied.
                    if number % 3 == 0 {
                        person.phone.clear();
                    }
                });
            }
            self.happen("profiles pushed", family, Event::Update, &people).await;
        }
    }

    /// Suspended people are never spoken of (`T9`); the others are switched off, some of them twice (`O-53`).
    pub async fn deactivate(&mut self) {
        self.start_groups().await;
        for (family, people) in self.halves() {
            self.happen("users deactivated", family, Event::Unassign, &people).await;
            let again = &people[..people.len().min(2)];
            self.happen("users deactivated again", family, Event::Unassign, again).await;
            for place in &people {
                let Some(held) = self.users.get(place) else { continue };
                self.expect_found(held.name(), &held.id, "O-17").await;
            }
        }
    }

    pub fn inactive(&self) -> Vec<usize> {
        let off = |held: &HeldUser| held.values.get(&ACTIVE) == Some(&Value::Bool(false));
        self.users.iter().filter(|(_, held)| off(held)).map(|(place, _)| *place).collect()
    }

    pub async fn reactivate(&mut self) {
        if self.inactive().is_empty() {
            self.deactivate().await;
        }
        let mut people = self.inactive();
        let before: BTreeMap<usize, String> =
            people.iter().map(|place| (*place, self.users[place].id.clone())).collect();
        let others = people.split_off(people.len() / 2);
        self.happen("users reactivated", Family::Aiw, Event::Reassign, &people).await;
        self.happen("users reactivated", Family::Oin, Event::Reassign, &others).await;
        for (place, id) in before {
            if let Some(held) = self.users.get(&place) {
                self.expect_found(held.name(), &id, "O-51").await;
            }
        }
    }

    pub async fn rename(&mut self) {
        let mut people = self.hire("rename", self.few()).await;
        let others = people.split_off(people.len() / 2);
        for (family, people) in [(Family::Aiw, people), (Family::Oin, others)] {
            self.happen("users assigned", family, Event::Assign, &people).await;
            if !self.setup.update {
                continue;
            }
            let names = people.iter().map(|place| self.source.people[*place].clean_user_name());
            let before: Vec<String> = names.collect();
            for place in &people {
                self.source.change(*place, |person| person.marry());
            }
            self.happen("users renamed", family, Event::Update, &people).await;
            for (place, before) in people.iter().zip(before) {
                let Some(held) = self.users.get(place) else { continue };
                self.expect_found(held.name(), &held.id, "O-42").await;
                self.expect_free(&before, "O-42").await;
            }
        }
    }

    pub async fn passwords(&mut self) {
        for (family, people) in self.halves() {
            self.happen("passwords set", family, Event::SetPassword, &people).await;
        }
    }

    /// Every provisioned profile is pushed again; nobody is created. Titles that somebody else changed are put right.
    pub async fn force_sync(&mut self) {
        self.start_groups().await;
        for place in self.source.some_people(3) {
            let Some(held) = self.users.get(&place) else { continue };
            let body = replace(json!({"title": "Changed By Somebody Else"}));
            let call = Call::patch("/Users", &held.id, body).verifying();
            if let Some(answer) = self.run.client.send(call).await {
                let what = "a title is not taken";
                self.run.client.log().expect(&answer, "O-99", what, &[200, 204]);
            }
        }
        let inactive: BTreeSet<usize> = self.inactive().into_iter().collect();
        let people: Vec<usize> =
            self.users.keys().copied().filter(|place| !inactive.contains(place)).collect();
        self.happen("profiles pushed", Family::Aiw, Event::Update, &people).await;
    }
}
