//! An Okta org with one directory connected to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::{ACTIVE, Beliefs, Gone, HeldGroup, HeldUser};
use crate::call::{Blank, Call};
use crate::directory::{Directory, Person};
use crate::run::Run;
use crate::timeline::HOUR;

use super::knobs::Setup;

/// How an app came to be, which decides its verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Made with the App Integration Wizard: everything is a PUT.
    Aiw,
    /// From the catalogue: PATCH for states and groups.
    Oin,
}

pub const FAMILIES: [Family; 2] = [Family::Aiw, Family::Oin];

impl Family {
    /// Both spellings of a blank have been seen (`O-05`).
    pub fn blank(self) -> Blank {
        match self {
            Family::Aiw => Blank::Percent,
            Family::Oin => Blank::Plus,
        }
    }
}

/// The connector test failed, and with it everything.
#[derive(Debug)]
pub struct Stop;

/// A task failed. It stays so until an administrator retries it.
#[derive(Debug)]
pub struct Failed;

pub struct Org<'a, 'r> {
    pub run: &'a mut Run<'r>,
    pub source: Directory,
    pub setup: Setup,
    pub users: BTreeMap<usize, HeldUser>,
    pub groups: BTreeMap<usize, HeldGroup>,
    pub gone: Vec<Gone>,
    /// Groups that are not linked (any more) and still there.
    pub left_behind: Vec<HeldGroup>,
    connected: bool,
}

/// What happens to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Assign,
    Update,
    Unassign,
    Reassign,
    SetPassword,
}

/// Okta's page size.
pub const HUNDRED: usize = 100;
/// Rounds in which an administrator has failed tasks done again.
pub const ROUNDS: usize = 40;

impl<'a, 'r> Org<'a, 'r> {
    pub fn new(run: &'a mut Run<'r>) -> Self {
        let options = run.options;
        let setup = Setup::new(&run.settings);
        let mut source = Directory::new(options.seed, options.users, options.groups);
        if setup.by_mail {
            source.people.iter_mut().for_each(Person::sign_in_by_mail);
        }
        Org {
            source,
            setup,
            run,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            gone: Vec::new(),
            left_behind: Vec::new(),
            connected: false,
        }
    }

    pub fn into_beliefs(self) -> Beliefs {
        let undecided = self.inactive_ids();
        let mut groups: Vec<HeldGroup> = self.groups.into_values().collect();
        groups.extend(self.left_behind);
        for group in &mut groups {
            group.members.retain(|id| !undecided.contains(id));
            group.undecided.clone_from(&undecided);
        }
        Beliefs { users: self.users.into_values().collect(), groups, gone: self.gone }
    }

    /// "Test Connector Configuration", with importing groups ticked (`T1`).
    pub async fn connect(&mut self) -> Result<(), Stop> {
        let users = Call::query("/Users").with("startIndex", 1).with("count", 2);
        let list = self.run.client.list(users, "O-08").await.ok_or(Stop)?;
        if list.resources.len() > 2 {
            let what = "a page is longer than was asked for";
            let got = list.resources.len().to_string();
            self.run.client.log().fault("O-09", what, &list.answer.request, "2 at most", got);
        }
        if self.setup.import_groups {
            let groups = Call::query("/Groups").with("startIndex", 1).with("count", HUNDRED);
            self.run.client.list(groups, "O-10").await.ok_or(Stop)?;
        }
        if self.setup.entitlements {
            self.discover().await;
        }
        self.connected = true;
        Ok(())
    }

    /// Sees to it that the connector was tested and the first people are assigned.
    pub async fn start(&mut self, family: Family) -> Result<(), Stop> {
        if !self.connected {
            self.connect().await?;
        }
        let first = 0..self.source.first_people;
        let is_new =
            |place: &usize| self.source.people[*place].assigned && !self.users.contains_key(place);
        let new: Vec<usize> = first.filter(is_new).collect();
        self.happen("users assigned", family, Event::Assign, &new).await;
        Ok(())
    }

    /// People whose accounts are not as they should be, because a task failed.
    pub fn behind(&self) -> Vec<(Event, usize)> {
        let mut behind = Vec::new();
        for (place, person) in self.source.people.iter().enumerate() {
            let held = self.users.get(&place);
            let on = held.map(|held| held.values.get(&ACTIVE) == Some(&true.into()));
            match (person.assigned, on) {
                (true, None) => behind.push((Event::Assign, place)),
                (true, Some(false)) => behind.push((Event::Reassign, place)),
                (false, Some(true)) => behind.push((Event::Unassign, place)),
                (true, Some(true)) | (false, Some(false) | None) => {}
            }
        }
        behind
    }

    /// An administrator retries all of them.
    pub async fn catch_up(&mut self, family: Family) {
        for (event, place) in self.behind() {
            self.happen("tasks retried", family, event, &[place]).await;
        }
    }

    /// Lets something happen to people. An administrator retries what failed an hour later: once, or until all is well
    /// where the trouble is made up.
    pub async fn happen(
        &mut self,
        step: &'static str,
        family: Family,
        event: Event,
        places: &[usize],
    ) {
        let mut due = places.to_vec();
        for round in 0..ROUNDS {
            if !self.tries(round, due.len()) {
                break;
            }
            let done = self.run.each(step, std::mem::take(&mut due), async |place| {
                (place, self.befall(family, event, place).await)
            });
            for (place, outcome) in done.await {
                match outcome {
                    Ok(Some(held)) => {
                        self.users.insert(place, held);
                    }
                    Ok(None) => {}
                    Err(Failed) => due.push(place),
                }
            }
        }
        self.run.client.troubles().on = false;
    }

    /// Whether failed tasks are tried in this round.
    pub fn tries(&self, round: usize, due: usize) -> bool {
        let troubled = self.run.client.log().troubled();
        if due == 0 || round > 1 && !troubled {
            return false;
        }
        if round > 0 {
            self.run.pass(HOUR);
        }
        self.run.client.troubles().on = true;
        true
    }

    async fn befall(
        &self,
        family: Family,
        event: Event,
        place: usize,
    ) -> Result<Option<HeldUser>, Failed> {
        if event == Event::Assign {
            return self.assign(family, place).await.map(Some);
        }
        let Some(held) = self.users.get(&place) else { return Ok(None) };
        let held = held.clone();
        match event {
            Event::Unassign if !self.setup.deactivate => Ok(held),
            Event::SetPassword if !self.setup.sync_password => Ok(held),
            Event::Assign | Event::Update => self.update(held, place).await,
            Event::Unassign => self.unassign(family, held, place).await,
            Event::Reassign => self.reassign(family, held, place).await,
            Event::SetPassword => self.set_password(family, held, place).await,
        }
        .map(Some)
    }

    /// Members that Okta pushes: those who are provisioned and active, with the names that it shows.
    pub fn pushed_members(&self, group: usize) -> BTreeMap<String, String> {
        let active = |held: &&HeldUser| held.values.get(&ACTIVE) == Some(&true.into());
        let members = self.source.groups[group].members.iter();
        let held = members.filter_map(|place| self.users.get(place)).filter(active);
        held.map(|held| (held.id.clone(), held.name().to_owned())).collect()
    }

    /// Whoever is switched off is a member or is not, as the server likes (`O-48`).
    pub fn inactive_ids(&self) -> BTreeSet<String> {
        let off = |held: &&HeldUser| held.values.get(&ACTIVE) == Some(&false.into());
        self.users.values().filter(off).map(|held| held.id.clone()).collect()
    }

    /// Forgets all links to the first people and groups, as a new app on the same directory has none.
    pub fn forget_users(&mut self) {
        let first = self.source.first_people;
        self.users.retain(|place, _| *place >= first);
    }

    pub fn ids(members: &BTreeMap<String, String>) -> BTreeSet<String> {
        members.keys().cloned().collect()
    }
}
