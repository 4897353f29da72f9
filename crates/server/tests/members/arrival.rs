//! Where no two people claim one value, it does not matter in which order they come, nor who writes at
//! the same time.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::{
    compare::{hear, without_ids},
    play::{Play, Played},
    sequences::Home,
    steps::{GROUPS, NewUser, Random, SENT_ROLES, Step, email, external_id, user_name},
};

const PEOPLE: usize = 6;
/// Names of groups that are different in more than letter case.
const NAMES: [usize; 4] = [0, 2, 4, 5];

/// What is to arrive in one directory.
#[derive(Clone, Debug)]
enum Arrival {
    User { directory: usize, user: NewUser },
    Group { directory: usize, name: usize, members: BTreeSet<usize> },
}

/// Everybody's users and the groups of three directories: a person has the same values everywhere.
fn arrivals(random: &mut Random) -> Vec<Arrival> {
    let mut all = Vec::new();
    let have_email: Vec<bool> = (0..PEOPLE).map(|_| random.below(5) > 0).collect();
    for directory in 0..3 {
        for (person, has_email) in have_email.iter().enumerate() {
            if random.below(3) == 0 {
                continue;
            }
            let user = NewUser {
                name: person,
                email: has_email.then_some(person),
                external_id: (person % 2 == 0).then_some(person),
                active: random.below(4) > 0,
                role: (random.below(5) == 0).then(|| random.below(SENT_ROLES.len())),
            };
            all.push(Arrival::User { directory, user });
        }
        for name in NAMES {
            if random.below(2) == 0 {
                let members = (0..PEOPLE).filter(|_| random.below(2) == 0).collect();
                all.push(Arrival::Group { directory, name, members });
            }
        }
    }
    all
}

fn shuffled<T>(mut all: Vec<T>, random: &mut Random) -> Vec<T> {
    for at in (1..all.len()).rev() {
        all.swap(at, random.below(at + 1));
    }
    all
}

/// An organization with rules and three directories, in which nobody has come yet.
async fn prepared(home: &Home) -> Played<Play> {
    let mut play = Play::new(&home.open().await).await?;
    prepare(&mut play).await?;
    Ok(play)
}

async fn prepare(play: &mut Play) -> Played<()> {
    play.declare(0b1111, 3, false).await?;
    for _ in 0..2 {
        play.add_directory().await?;
    }
    for (pattern, role) in [(0, 2), (1, 1)] {
        play.step_meanwhile(&Step::AddRule { pattern, role, directory: None }).await?;
    }
    play.reconfigured().await?;
    Ok(())
}

/// Who is in the groups comes in as people do, one by one.
async fn arrive(play: &mut Play, order: &[Arrival], random: &mut Random) -> Played<()> {
    let mut memberships = Vec::new();
    for arrival in order {
        match arrival {
            Arrival::User { directory, user } => {
                play.create_user(*directory, user).await?;
            }
            Arrival::Group { directory, name, members } => {
                play.create_group(*directory, GROUPS[*name], BTreeSet::new()).await?;
                let group = play.model.groups.len() - 1;
                memberships.extend(members.iter().map(|&person| (*directory, group, person)));
            }
        }
    }
    for (directory, group, person) in shuffled(memberships, random) {
        let name = user_name(person);
        let users = &play.model.users;
        let is = |at: &usize| users[*at].directory == directory && users[*at].name == name;
        let Some(user) = (0..users.len()).find(is) else { continue };
        let value = play.references(&BTreeSet::from([user]));
        let add = json!([{"op": "add", "path": "members", "value": value}]);
        play.patch("Group", group, add).await?;
    }
    Ok(())
}

/// Members and teams without ids.
async fn outcome(play: &mut Play) -> Played<(BTreeSet<String>, BTreeSet<String>)> {
    hear(play).await?;
    let names: BTreeMap<String, String> = play
        .model
        .users
        .iter()
        .map(|user| (user.id.clone(), format!("{} of {}", user.name, user.directory)))
        .collect();
    without_ids(play, |id| names.get(id).cloned().unwrap_or_else(|| "nobody".into())).await
}

#[tokio::test]
async fn the_order_of_arrival_does_not_matter() {
    let home = Home::new();
    let mut play = prepared(&home).await.unwrap();
    for seed in 0..if matches!(home, Home::Folder(_)) { 150 } else { 8 } {
        let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
        let all = arrivals(&mut random);
        let mut seen = Vec::new();
        for _ in 0..3 {
            let place = play.place.clone();
            play = Play::new(&place).await.unwrap();
            prepare(&mut play).await.unwrap();
            let order = shuffled(all.clone(), &mut random);
            arrive(&mut play, &order, &mut random).await.unwrap();
            seen.push(outcome(&mut play).await.unwrap());
            play.look_at_everybody().await.unwrap();
        }
        assert_eq!(seen[0], seen[1], "seed {seed}: {all:#?}");
        assert_eq!(seen[0], seen[2], "seed {seed}: {all:#?}");
    }
}

/// The part of what arrives that is for one directory.
fn of_directory(all: &[Arrival], wanted: usize) -> Vec<Arrival> {
    let is = |arrival: &&Arrival| match arrival {
        Arrival::User { directory, .. } | Arrival::Group { directory, .. } => *directory == wanted,
    };
    all.iter().filter(is).cloned().collect()
}

/// Fills a directory, turns much of it around and back again.
async fn fill(mut play: Play, mine: Vec<Arrival>, mut random: Random) -> Played<Play> {
    arrive(&mut play, &mine, &mut random).await?;
    for at in 0..play.model.users.len() {
        let before = play.model.users[at].clone();
        let mut other = before.clone();
        other.active = !other.active;
        play.patch_user(at, other).await?;
        play.patch_user(at, before).await?;
    }
    for at in 0..play.model.groups.len() {
        let name = play.model.groups[at].name.clone();
        for name in ["Interim", &*name] {
            let rename = json!([{"op": "replace", "path": "displayName", "value": name}]);
            play.patch("Group", at, rename).await?;
        }
    }
    Ok(play)
}

/// Two processes write to two directories of one organization at the same time: it comes to what it
/// comes to one after the other, and no event is lost.
#[tokio::test]
async fn two_directories_are_written_at_the_same_time() {
    let home = Home::new();
    let one = home.open().await;
    // The embedded store is one process's.
    let other = if matches!(home, Home::Folder(_)) { one.clone() } else { home.open().await };
    for seed in 0..if matches!(home, Home::Folder(_)) { 20 } else { 4 } {
        let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
        let all = arrivals(&mut random);
        let mut play = Play::new(&one).await.unwrap();
        prepare(&mut play).await.unwrap();
        let second = Play { place: other.clone(), ..play.copy() };
        let other_random = Random(ChaCha8Rng::seed_from_u64(seed + 1_000));
        let (first, second) = tokio::join!(
            fill(play, of_directory(&all, 0), random),
            fill(second, of_directory(&all, 1), other_random)
        );
        let (mut first, second) = (first.unwrap(), second.unwrap());
        first.model.users.extend(second.model.users);
        let at_once = outcome(&mut first).await.unwrap();
        first.look_at_everybody().await.unwrap();

        let mut play = Play::new(&one).await.unwrap();
        prepare(&mut play).await.unwrap();
        let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
        for directory in [1, 0] {
            let mine = of_directory(&all, directory);
            arrive(&mut play, &mine, &mut random).await.unwrap();
        }
        let one_by_one = outcome(&mut play).await.unwrap();
        assert_eq!(at_once.0, one_by_one.0, "seed {seed}: {all:#?}");
    }
}

/// The values of different people are different.
#[test]
fn nobody_claims_what_is_anothers() {
    let people = 0..PEOPLE;
    let values: BTreeSet<String> =
        people.flat_map(|person| [email(person), user_name(person), external_id(person)]).collect();
    assert_eq!(values.len(), 3 * PEOPLE);
}
