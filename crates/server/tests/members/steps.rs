//! What can happen to an organization, drawn at random. Steps name what is there by number, so that a
//! sequence of them still means something when some are left out.

use mapping::configuration::Leaves;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::model::{EMAIL, EXTERNAL_ID, Overrides, USERNAME};

#[derive(Clone, Debug)]
pub enum Step {
    CreateUser {
        directory: usize,
        user: NewUser,
    },
    PatchUser {
        user: usize,
        changes: Vec<Change>,
    },
    ReplaceUser {
        user: usize,
        with: NewUser,
    },
    DeleteUser {
        user: usize,
    },
    /// The user name, maybe also the address, with digits in front, and inactive: in one or two requests.
    SoftDelete {
        user: usize,
        with_email: bool,
        together: bool,
    },
    Restore {
        user: usize,
    },
    CreateGroup {
        directory: usize,
        name: usize,
        users: Vec<usize>,
    },
    RenameGroup {
        group: usize,
        name: usize,
    },
    ChangeMembers {
        group: usize,
        add: Vec<usize>,
        remove: Vec<usize>,
    },
    ReplaceMembers {
        group: usize,
        users: Vec<usize>,
    },
    DeleteGroup {
        group: usize,
    },
    AddDirectory,
    Switch {
        directory: usize,
        on: bool,
    },
    DeleteDirectory {
        directory: usize,
        leaves: Leaves,
    },
    Identify {
        directory: usize,
        by: &'static str,
    },
    Limit {
        directory: usize,
        ceiling: Option<usize>,
    },
    Map {
        directory: usize,
        overrides: Overrides,
    },
    AddRule {
        pattern: usize,
        role: usize,
        directory: Option<usize>,
    },
    RemoveRule {
        rule: usize,
    },
    /// Which roles there are, by bits; which is the default; whether any is an owner's.
    Declare {
        roles: u8,
        default: usize,
        owner: bool,
    },
    Verify {
        domain: usize,
    },
    RemoveDomain {
        domain: usize,
    },
    RoleByHand {
        member: usize,
        role: Option<usize>,
    },
    /// The product has somebody itself.
    Product {
        email: usize,
        username: Option<usize>,
        external_id: Option<usize>,
    },
}

#[derive(Clone, Debug)]
pub struct NewUser {
    pub name: usize,
    pub email: Option<usize>,
    pub external_id: Option<usize>,
    pub active: bool,
    pub role: Option<usize>,
}

#[derive(Clone, Debug)]
pub enum Change {
    Name(usize),
    Email(Option<usize>),
    NickName(Option<usize>),
    ExternalId(Option<usize>),
    Title(Option<usize>),
    Role(Option<usize>),
    Active(bool),
}

pub const DOMAINS: [&str; 2] = ["a.example", "b.example"];
pub const ROLES: [&str; 4] = ["owner", "admin", "editor", "viewer"];
/// What is sent as a role: declared ones and another.
pub const SENT_ROLES: [&str; 4] = ["owner", "editor", "viewer", "pilot"];
pub const GROUPS: [&str; 6] = ["Crew", "crew", "Admins", "Admin", "Owner", "The Crew"];
pub const PATTERNS: [&str; 5] = ["Crew", "admin*", "*", "OWNER", "*crew"];

/// The address with a number; from 8 on the same ones, written otherwise.
pub fn email(number: usize) -> String {
    let text = format!("p{}@{}", number % 4, DOMAINS[number / 4 % 2]);
    if number < 8 { text } else { text.to_uppercase() }
}

pub fn user_name(number: usize) -> String {
    format!("u{number}@a.example")
}

pub fn external_id(number: usize) -> String {
    format!("x{number}")
}

/// The steps of a seed.
pub fn sequence(seed: u64) -> Vec<Step> {
    let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
    let length = random.below(30) + 5;
    (0..length).map(|_| random.step()).collect()
}

pub struct Random(pub ChaCha8Rng);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn maybe(&mut self, percent: usize, end: usize) -> Option<usize> {
        self.chance(percent).then(|| self.below(end))
    }

    fn some(&mut self) -> Vec<usize> {
        let count = self.below(4);
        (0..count).map(|_| self.below(8)).collect()
    }

    fn email(&mut self) -> usize {
        // Few of them are much wanted.
        if self.chance(60) { self.below(3) } else { self.below(12) }
    }

    fn user(&mut self) -> NewUser {
        NewUser {
            name: self.below(8),
            email: self.chance(85).then(|| self.email()),
            external_id: self.maybe(50, 4),
            active: self.chance(85),
            role: self.maybe(15, SENT_ROLES.len()),
        }
    }

    fn change(&mut self) -> Change {
        match self.below(10) {
            0 => Change::Name(self.below(8)),
            1..=4 => Change::Email(self.chance(85).then(|| self.email())),
            5 => Change::ExternalId(self.maybe(80, 4)),
            6 => match self.below(3) {
                0 => Change::Title(self.maybe(80, SENT_ROLES.len())),
                1 => Change::NickName(self.chance(80).then(|| self.email())),
                _ => Change::Role(self.maybe(70, SENT_ROLES.len())),
            },
            _ => Change::Active(self.chance(50)),
        }
    }

    fn step(&mut self) -> Step {
        let (directory, user, group) = (self.below(4), self.below(16), self.below(8));
        match self.below(100) {
            0..20 => Step::CreateUser { directory, user: self.user() },
            20..42 => {
                let count = if self.chance(25) { 2 } else { 1 };
                Step::PatchUser { user, changes: (0..count).map(|_| self.change()).collect() }
            }
            42..45 => Step::ReplaceUser { user, with: self.user() },
            45..49 => Step::DeleteUser { user },
            49..52 => {
                let (with_email, together) = (self.chance(50), self.chance(50));
                Step::SoftDelete { user, with_email, together }
            }
            52..54 => Step::Restore { user },
            54..61 => {
                Step::CreateGroup { directory, name: self.below(GROUPS.len()), users: self.some() }
            }
            61..64 => Step::RenameGroup { group, name: self.below(GROUPS.len()) },
            64..71 => Step::ChangeMembers { group, add: self.some(), remove: self.some() },
            71..73 => Step::ReplaceMembers { group, users: self.some() },
            73..76 => Step::DeleteGroup { group },
            76..80 => Step::AddDirectory,
            80..84 => Step::Switch { directory, on: self.chance(50) },
            84..86 => {
                let leaves = if self.chance(60) { Leaves::Keep } else { Leaves::Deactivate };
                Step::DeleteDirectory { directory, leaves }
            }
            86 => {
                let by = [EMAIL, EXTERNAL_ID, USERNAME][self.below(3)];
                Step::Identify { directory, by }
            }
            87 => Step::Limit { directory, ceiling: self.maybe(75, ROLES.len()) },
            88 => {
                use Overrides::{Groups, NickName, Nothing, Title};
                let overrides = [Nothing, Title, Groups, NickName][self.below(4)];
                Step::Map { directory, overrides }
            }
            89..92 => Step::AddRule {
                pattern: self.below(PATTERNS.len()),
                role: self.below(ROLES.len()),
                directory: self.maybe(20, 4),
            },
            92 => Step::RemoveRule { rule: self.below(4) },
            93..95 => Step::Declare {
                roles: u8::try_from(self.below(16)).unwrap(),
                default: self.below(5),
                owner: self.chance(75),
            },
            95..97 => Step::Verify { domain: self.below(2) },
            97 => Step::RemoveDomain { domain: self.below(2) },
            98 if self.chance(50) => {
                Step::RoleByHand { member: self.below(16), role: self.maybe(80, ROLES.len()) }
            }
            _ => Step::Product {
                email: self.email(),
                username: self.maybe(30, 8),
                external_id: self.maybe(30, 4),
            },
        }
    }
}
