//! The source directory: people and groups that no server has seen yet, and what happens to them.

use std::collections::BTreeSet;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::names::{AWKWARD_GROUPS, CITIES, DEPARTMENTS, FAMILY, GIVEN, TITLES};

/// One person. Places in [`Directory::people`] identify them for good.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Entra's object id.
    pub object_id: String,
    /// Okta's user id.
    pub okta_id: String,
    pub given: String,
    pub family: String,
    /// The name to sign in with, before the `@`.
    pub login: String,
    pub domain: String,
    pub mail: String,
    pub title: String,
    pub department: String,
    pub employee_number: String,
    pub phone: String,
    pub mobile: Option<String>,
    pub fax: Option<String>,
    pub language: String,
    pub office: String,
    pub street: String,
    pub city: String,
    pub region: String,
    pub postal_code: String,
    pub country: String,
    pub manager: Option<usize>,
    pub assigned: bool,
    pub enabled: bool,
    /// Whether a scoping filter leaves the person out.
    pub scoped_out: bool,
    pub bin: Bin,
}

/// Where Entra's recycle bin comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bin {
    Out,
    /// Deleted, can be restored for 30 days.
    In,
    Purged,
}

impl Person {
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// The user principal name as it was before any deletion.
    pub fn clean_user_name(&self) -> String {
        format!("{}@{}", self.login, self.domain)
    }

    /// The user principal name; in the recycle bin the object id stands in front (`E-97`).
    pub fn user_name(&self) -> String {
        match self.bin {
            Bin::Out => self.clean_user_name(),
            Bin::In | Bin::Purged => self.tombstone(),
        }
    }

    pub fn tombstone(&self) -> String {
        format!("{}{}", self.object_id.replace('-', ""), self.clean_user_name())
    }

    /// Somebody else with the same name, hired when this one was gone (`E-100`).
    pub fn namesake(&self) -> Person {
        let (id, last) = self.object_id.split_at(self.object_id.len() - 1);
        let last = if last == "0" { "1" } else { "0" };
        let object_id = format!("{id}{last}");
        let employee_number = format!("{}9", self.employee_number);
        let given = "Another".to_owned();
        Person { object_id, employee_number, given, bin: Bin::Out, ..self.clone() }
    }

    pub fn in_scope(&self) -> bool {
        self.assigned && self.enabled && !self.scoped_out && self.bin == Bin::Out
    }

    /// Takes another family name, and with it another login and address.
    pub fn marry(&mut self) {
        let own = FAMILY.iter().position(|(family, _)| *family == self.family).unwrap_or_default();
        let (family, login) = FAMILY[(own + 1) % FAMILY.len()];
        self.family = format!("{}-{family}", self.family);
        self.login = match self.login.rsplit_once('.') {
            Some((before, end)) => format!("{before}-{login}.{end}"),
            None => format!("{}-{login}", self.login),
        };
        self.mail = self.clean_user_name();
    }

    /// The address becomes the name to sign in with.
    pub fn sign_in_by_mail(&mut self) {
        if let Some((_, domain)) = self.mail.split_once('@') {
            self.domain = domain.to_owned();
        }
    }

    /// Every name that the person can come to hold on a server.
    pub fn possible_names(&self) -> [String; 3] {
        let mut married = self.clone();
        married.marry();
        [self.clean_user_name(), self.tombstone(), married.clean_user_name()]
    }
}

/// One group. Places in [`Directory::groups`] identify them for good.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub object_id: String,
    pub name: String,
    pub members: BTreeSet<usize>,
    pub assigned: bool,
}

impl Group {
    /// What the group is called after a rename.
    pub fn other_name(&self) -> String {
        format!("{}, renamed", self.name)
    }
}

/// People and groups, and who of them changed since somebody last asked.
#[derive(Debug)]
pub struct Directory {
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    /// How many of the people and groups were there at first; scenarios add theirs behind them.
    pub first_people: usize,
    pub first_groups: usize,
    pub rng: ChaCha8Rng,
    seed: u64,
    filter: Option<usize>,
    changed_people: BTreeSet<usize>,
    changed_groups: BTreeSet<usize>,
}

impl Directory {
    /// Invents a directory; the same arguments invent the same one.
    pub fn new(seed: u64, users: usize, groups: usize) -> Self {
        let mut directory = Directory {
            people: Vec::new(),
            groups: Vec::new(),
            first_people: users,
            first_groups: groups,
            rng: ChaCha8Rng::seed_from_u64(seed),
            seed,
            filter: None,
            changed_people: BTreeSet::new(),
            changed_groups: BTreeSet::new(),
        };
        let people = directory.draft_people(users, "");
        directory.hire(people);
        let groups = directory.draft_groups(groups, "");
        for group in directory.found(groups) {
            directory.fill(group);
        }
        directory
    }

    /// People who might join. `tag` ends their logins, so that they are nobody else.
    pub fn draft_people(&self, count: usize, tag: &str) -> Vec<Person> {
        let mut rng = self.rng_for(tag);
        let mut logins = BTreeSet::new();
        (0..count)
            .map(|number| {
                let mut person = self.invent(&mut rng, number, tag);
                let login = person.login.clone();
                let mut twin = 2;
                while !logins.insert(person.login.to_lowercase()) {
                    person.login = match tag {
                        "" => format!("{login}{twin}"),
                        _ => login.replacen('.', &format!("{twin}."), 1),
                    };
                    twin += 1;
                }
                // O-153: the name to sign in with and the address are two things.
                person.mail = match number % 7 {
                    3 => format!("{}@mail.{}", person.login, person.domain),
                    _ => person.clean_user_name(),
                };
                person
            })
            .collect()
    }

    fn invent(&self, rng: &mut ChaCha8Rng, number: usize, tag: &str) -> Person {
        let (given, given_login) = *GIVEN.choose(rng).expect("the list is not empty");
        let (family, family_login) = *FAMILY.choose(rng).expect("the list is not empty");
        let (city, region, country, street, prefix, language) =
            *CITIES.choose(rng).expect("the list is not empty");
        // E-14: a literal plus is part of some addresses.
        let plus = if number % 29 == 11 { "+test" } else { "" };
        let login = match tag {
            "" => format!("{given_login}.{family_login}{plus}"),
            _ => format!("{given_login}.{family_login}.{tag}"),
        };
        // O-36, E-30: the case of a name is kept, though it does not count.
        let login = match number % 6 {
            2 => login.split('.').map(capitalised).collect::<Vec<_>>().join("."),
            _ => login,
        };
        let digits = |rng: &mut ChaCha8Rng| rng.random_range(100_000..999_999);
        Person {
            object_id: uuid(rng),
            okta_id: okta_id(rng),
            given: given.to_owned(),
            family: family.to_owned(),
            login,
            domain: format!("northlab{}.example", self.seed),
            mail: String::new(),
            title: (*TITLES.choose(rng).expect("the list is not empty")).to_owned(),
            department: (*DEPARTMENTS.choose(rng).expect("the list is not empty")).to_owned(),
            employee_number: digits(rng).to_string(),
            // E-133: nobody may tidy these up.
            phone: format!("{prefix} ({}) {}", rng.random_range(10..99), digits(rng)),
            mobile: (number % 3 != 2).then(|| format!("{prefix}-{}", digits(rng))),
            fax: number.is_multiple_of(5).then(|| format!("{prefix}/{}", digits(rng))),
            language: language.to_owned(),
            office: format!("{city} {}", rng.random_range(1..9)),
            street: format!("{street} {}", rng.random_range(1..200)),
            city: city.to_owned(),
            region: region.to_owned(),
            postal_code: rng.random_range(10_000..99_999).to_string(),
            country: country.to_owned(),
            manager: None,
            assigned: true,
            enabled: true,
            scoped_out: false,
            bin: Bin::Out,
        }
    }

    /// They join, each reporting to somebody who joined before.
    pub fn hire(&mut self, people: Vec<Person>) -> Vec<usize> {
        let first = self.people.len();
        for mut person in people {
            let place = self.people.len();
            let heads = self.first_people.div_ceil(8).clamp(1, place.max(1));
            person.scoped_out = self.leaves_out(&person);
            person.manager = (place > 0).then(|| self.rng.random_range(0..heads.min(place)));
            self.people.push(person);
            self.changed_people.insert(place);
        }
        (first..self.people.len()).collect()
    }

    /// Groups that might be made. `tag` ends their names.
    pub fn draft_groups(&self, count: usize, tag: &str) -> Vec<Group> {
        let mut rng = self.rng_for(&format!("groups {tag}"));
        (0..count)
            .map(|number| {
                let place = number.saturating_sub(AWKWARD_GROUPS.len());
                let (department, city) = (place % DEPARTMENTS.len(), place / DEPARTMENTS.len());
                let name = match (AWKWARD_GROUPS.get(number), CITIES.get(city)) {
                    (Some(name), _) => (*name).to_owned(),
                    (None, Some((city, ..))) => format!("{} {city}", DEPARTMENTS[department]),
                    (None, None) => format!("{} {city}", DEPARTMENTS[department]),
                };
                let name = if tag.is_empty() { name } else { format!("{name} {tag}") };
                Group { object_id: uuid(&mut rng), name, members: BTreeSet::new(), assigned: true }
            })
            .collect()
    }

    pub fn found(&mut self, groups: Vec<Group>) -> Vec<usize> {
        let first = self.groups.len();
        self.groups.extend(groups);
        self.changed_groups.extend(first..self.groups.len());
        (first..self.groups.len()).collect()
    }

    /// The first group holds everybody, the others up to thirty people each.
    fn fill(&mut self, group: usize) {
        let count = self.people.len();
        let size = match group {
            0 => count,
            _ => self.rng.random_range(2..=30).min(count),
        };
        let members: BTreeSet<usize> = match group {
            0 => (0..count).collect(),
            _ => (0..size).map(|_| self.rng.random_range(0..count)).collect(),
        };
        self.groups[group].members = members;
    }

    /// Somebody out of the first people, each one at most once.
    pub fn some_people(&mut self, count: usize) -> Vec<usize> {
        let count = count.clamp(1, self.first_people);
        let mut places =
            rand::seq::index::sample(&mut self.rng, self.first_people, count).into_vec();
        places.sort_unstable();
        places
    }

    /// Changes a person and remembers that.
    pub fn change<T>(&mut self, person: usize, how: impl FnOnce(&mut Person) -> T) {
        how(&mut self.people[person]);
        self.people[person].scoped_out = self.leaves_out(&self.people[person]);
        self.changed_people.insert(person);
    }

    pub fn change_group<T>(&mut self, group: usize, how: impl FnOnce(&mut Group) -> T) {
        how(&mut self.groups[group]);
        self.changed_groups.insert(group);
    }

    /// Sets a scoping filter that leaves every fourth department out, those with this remainder; `None` takes it away.
    /// Whoever it concerns is changed.
    pub fn narrow(&mut self, remainder: Option<usize>) {
        self.filter = remainder;
        for place in 0..self.people.len() {
            let out = self.leaves_out(&self.people[place]);
            if self.people[place].scoped_out != out {
                self.change(place, |person| person.scoped_out = out);
            }
        }
    }

    /// A scoping filter by something else leaves a person out until they change.
    pub fn leave_out(&mut self, person: usize) {
        self.people[person].scoped_out = true;
        self.changed_people.insert(person);
    }

    fn leaves_out(&self, person: &Person) -> bool {
        let number = DEPARTMENTS.iter().position(|name| *name == person.department);
        number.is_some_and(|number| Some(number % 4) == self.filter)
    }

    pub fn take_changed_people(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.changed_people)
    }

    pub fn take_changed_groups(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.changed_groups)
    }

    pub fn guid(&mut self) -> String {
        uuid(&mut self.rng)
    }

    fn rng_for(&self, tag: &str) -> ChaCha8Rng {
        // FNV-1a, so that every tag has people of its own.
        let hash = tag.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        ChaCha8Rng::seed_from_u64(self.seed ^ hash)
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn uuid(rng: &mut ChaCha8Rng) -> String {
    let (high, low): (u64, u64) = (rng.random(), rng.random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

fn okta_id(rng: &mut ChaCha8Rng) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut letter = || char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
    format!("00u{}", (0..17).map(|_| letter()).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_invents_the_same_directory() {
        let (one, other) = (Directory::new(7, 300, 40), Directory::new(7, 300, 40));
        assert_eq!(one.people, other.people);
        assert_eq!(one.groups, other.groups);
        assert_ne!(one.people, Directory::new(8, 300, 40).people);
    }

    #[test]
    fn nobody_shares_a_name() {
        let directory = Directory::new(1, 3000, 300);
        let names: BTreeSet<_> =
            directory.people.iter().map(|p| p.user_name().to_lowercase()).collect();
        assert_eq!(names.len(), 3000);
        let groups: BTreeSet<_> = directory.groups.iter().map(|g| g.name.to_lowercase()).collect();
        assert_eq!(groups.len(), 300);
        let cast = directory.draft_people(200, "rename1");
        let names: BTreeSet<_> = cast.iter().flat_map(Person::possible_names).collect();
        assert_eq!(names.len(), 600);
    }

    #[test]
    fn everybody_reports_to_somebody_senior() {
        let directory = Directory::new(1, 100, 0);
        assert_eq!(directory.people[0].manager, None);
        for (place, person) in directory.people.iter().enumerate().skip(1) {
            assert!(person.manager.is_some_and(|manager| manager < place));
        }
    }
}
