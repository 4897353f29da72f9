//! What the product had of its own: it is linked, and imported.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::audit::{self, deviations, text};
use crate::call::Call;
use crate::okta::org::{Event, FAMILIES, Family, HUNDRED, Org};
use crate::okta::profile;
use crate::target::{CORE_GROUP, Target};

impl Org<'_, '_> {
    /// People and groups were in the product before Okta came (`T3`, `O-77`, `O-78`).
    pub async fn link_existing(&mut self) {
        let mut people = self.hire("link", self.few()).await;
        for place in &people {
            let body = profile::homegrown(&self.source.people[*place]);
            if let Some(answer) = self.run.client.send(Call::post("/Users", body).verifying()).await
            {
                let what = "a user is not created";
                self.run.client.log().expect(&answer, "O-26", what, &[201]);
            }
        }
        let others = people.split_off(people.len() / 2);
        let before = self.run.client.log().changes.users_created;
        self.happen("users linked", Family::Aiw, Event::Assign, &people).await;
        self.happen("users linked", Family::Oin, Event::Assign, &others).await;
        if self.run.client.log().changes.users_created != before {
            let request =
                crate::Request { method: "POST".to_owned(), path: "/Users".to_owned(), body: None };
            let what = "a user whom the product knew before is created again";
            self.run.client.log().fault("O-152", what, &request, "one account", "two");
        }
        let groups = self.found("link", 2).await;
        for (place, family) in groups.into_iter().zip(FAMILIES) {
            let old: Vec<Value> =
                self.member(0).into_keys().map(|id| json!({"value": id})).collect();
            let name = &self.source.groups[place].name;
            let body = json!({"schemas": [CORE_GROUP], "displayName": name, "members": old});
            if let Some(answer) =
                self.run.client.send(Call::post("/Groups", body).verifying()).await
            {
                let what = "a group is not created with its members";
                self.run.client.log().expect(&answer, "O-60", what, &[201]);
            }
            let new = if family == Family::Aiw { people.clone() } else { others.clone() };
            self.source.change_group(place, |group| group.members.extend(new));
            self.push_all(family, &[place]).await;
        }
    }

    /// `T17`: everything is read, and everybody is in it as they are.
    pub async fn import(&mut self) {
        if !self.setup.import_users {
            return;
        }
        let users = audit::read_pages(self.run, "/Users", false).await;
        let groups = match self.setup.import_groups {
            true => audit::read_pages(self.run, "/Groups", false).await,
            false => Vec::new(),
        };
        let request = |endpoint: &str| crate::Request {
            method: "GET".to_owned(),
            path: format!("{endpoint}?startIndex=1&count=100"),
            body: None,
        };
        let undecided = self.inactive_ids();
        {
            let mut log = self.run.client.log();
            let by_id: BTreeMap<_, _> =
                users.iter().filter_map(|user| Some((user["id"].as_str()?, user))).collect();
            for held in self.users.values() {
                let (what, request) = ("a user is missing in the import", request("/Users"));
                let Some(user) = by_id.get(held.id.as_str()) else {
                    log.fault("O-89", what, &request, held.id.as_str(), "absent");
                    continue;
                };
                for (target, value, now) in deviations(&held.values, user) {
                    let name = matches!(target, Target::Sub("name", _));
                    let case = if name { "O-94" } else { "O-89" };
                    let what = format!("`{target}` is another in the import");
                    let (expected, got) = (text(Some(&value)), text(now.as_ref()));
                    log.fault(case, what, &request, expected, got);
                }
            }
            for held in self.groups.values().filter(|_| self.setup.import_groups) {
                let found = groups.iter().find(|group| group["id"] == held.id.as_str());
                let decided = |ids: &BTreeSet<String>| -> BTreeSet<String> {
                    ids.difference(&undecided).cloned().collect()
                };
                let now = found.map(|group| decided(&audit::member_ids(group)));
                if now != Some(decided(&held.members)) {
                    let what = "a group's members are others in the import";
                    let expected = format!("{} members", held.members.len());
                    let got = found.map_or("no such group".to_owned(), |group| {
                        format!("{} members", audit::member_ids(group).len())
                    });
                    log.fault("O-93", what, &request("/Groups"), expected, got);
                }
            }
        }
        // O-91: beyond the end there is an empty page with the true total.
        let beyond = users.len() + HUNDRED + 1;
        let call = Call::query("/Users").with("startIndex", beyond).with("count", HUNDRED);
        if let Some(list) = self.run.client.list(call.verifying(), "O-91").await
            && (!list.resources.is_empty() || list.total != users.len() as u64)
        {
            let what = "a page beyond the end is not empty or has another total";
            let got = format!("{} users, total {}", list.resources.len(), list.total);
            let expected = format!("none, total {}", users.len());
            self.run.client.log().fault("O-91", what, &list.answer.request, expected, got);
        }
    }
}
