//! Random sequences, one after another.

use std::{
    env,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use headcount::members::Configurations;
use local_postgres::TestDatabase;
use store::{Database, PostgresOptions, Store};
use tempfile::TempDir;

use crate::{
    compare::hear,
    play::{Place, Play, Played},
    steps::{Step, sequence},
};

/// How many sequences are played, where nothing else is said: [`SEQUENCES`].
const DEFAULT: u64 = 1_000;
/// The variable that says how many are played.
const SEQUENCES: &str = "HEADCOUNT_SEQUENCES";
/// The variable that says with which seed they begin.
const SEED: &str = "HEADCOUNT_SEED";
/// As many share a store.
const IN_ONE_STORE: u64 = 500;

pub fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Where a store is; it goes with this.
pub enum Home {
    Folder(TempDir),
    Database(Box<TestDatabase>),
}

impl Home {
    /// In memory where there is a file system for that: what is on the disk is tested elsewhere.
    pub fn new() -> Self {
        if TestDatabase::is_postgres() {
            return Self::Database(Box::new(TestDatabase::new()));
        }
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        Self::Folder(folder.unwrap())
    }

    /// Opens the store, as one of any number of processes would.
    pub async fn open(&self) -> Place {
        let database = match self {
            Self::Folder(folder) => Database::Embedded(folder.path().into()),
            Self::Database(database) => {
                let url = database.url().unwrap().to_owned();
                Database::Postgres(PostgresOptions { url, connections: 4 })
            }
        };
        let store = Arc::new(Store::open(&database, 0).await.unwrap());
        Place { store, configurations: Arc::new(Configurations::default()) }
    }
}

/// How a sequence is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Every change of the configuration is brought to everybody before the next step.
    AtOnce,
    /// It is brought to them at the end: requests come in between.
    AtTheEnd,
}

async fn played(steps: &[Step], way: Way, place: &Place) -> Played<()> {
    let mut play = Play::new(place).await?;
    for step in steps {
        match way {
            Way::AtOnce => play.step(step).await?,
            Way::AtTheEnd => play.step_meanwhile(step).await?,
        }
    }
    if way == Way::AtTheEnd {
        play.reconfigured().await?;
        hear(&mut play).await?;
    }
    play.look_at_everybody().await
}

/// The same failure with as few steps as can be found.
async fn shortest(mut steps: Vec<Step>, way: Way, place: &Place) -> (Vec<Step>, String) {
    let mut why = String::new();
    let mut size = steps.len();
    while size > 0 {
        let mut start = 0;
        while start < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + size).min(steps.len()));
            match played(&fewer, way, place).await {
                Err(error) => (steps, why) = (fewer, error),
                Ok(()) => start += size,
            }
        }
        size = if size > 1 { size / 2 } else { 0 };
    }
    if why.is_empty() {
        why = played(&steps, way, place).await.err().unwrap_or_else(|| "not again".into());
    }
    (steps, why)
}

/// Plays seeds as long as there are any and none has failed.
async fn play_seeds(way: Way, next: &AtomicU64, end: u64, failed: &Mutex<Option<String>>) {
    loop {
        let home = Home::new();
        let place = home.open().await;
        for _ in 0..IN_ONE_STORE {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || failed.lock().unwrap().is_some() {
                return;
            }
            let steps = sequence(seed);
            if let Err(first) = played(&steps, way, &place).await {
                let (steps, why) = shortest(steps, way, &place).await;
                let steps: Vec<String> = steps.iter().map(|step| format!("  {step:?}\n")).collect();
                let told = format!("seed {seed}: {first}\nshortest:\n{}{why}", steps.concat());
                failed.lock().unwrap().get_or_insert(told);
            }
        }
    }
}

/// Plays as many seeds as are asked for, one `part` of them.
fn play_all(way: Way, part: u64) {
    let first = number(SEED).unwrap_or(0);
    let count = number(SEQUENCES).unwrap_or(if TestDatabase::is_postgres() { 60 } else { DEFAULT });
    let (next, failed) = (AtomicU64::new(first), Mutex::new(None));
    let end = first + count.div_ceil(part);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(play_seeds(way, &next, end, &failed));
            });
        }
    });
    if let Some(why) = failed.into_inner().unwrap() {
        panic!("{why}");
    }
}

/// After each step of a random sequence the stored members, teams and roles are the model's, and what
/// the events say; at the end a look at everybody from the beginning changes nothing.
#[test]
fn random_sequences_come_to_what_the_model_says() {
    play_all(Way::AtOnce, 1);
}

/// Requests that come while a change of the configuration is still to be brought to everybody leave
/// nothing that another look would change.
#[test]
fn requests_come_while_a_change_is_brought_to_everybody() {
    play_all(Way::AtTheEnd, 4);
}
