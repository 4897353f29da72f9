//! The run itself: start-up and idle memory, rounds that measure every operation beside the
//! floors, then the memory and the group patches of a full directory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use hyper::Uri;

use crate::database::{Database, Databases};
use crate::directory::Directory;
use crate::floors::Floors;
use crate::load::{Call, Client, Limit, Samples};
use crate::operations::{Operation, Sharing};
use crate::process::{self, Server};
use crate::report::{Report, middle};

pub struct Plan {
    pub server_binary: PathBuf,
    pub dir: PathBuf,
    pub create_callers: usize,
    pub callers: usize,
    pub round: Duration,
    pub rounds: usize,
    pub users: usize,
    /// Group patches measured on each of the two groups.
    pub pairs: usize,
    /// Starts on an empty store, beside that of the server that is measured.
    pub starts: usize,
    /// How long each way to use the database is tried to find the best.
    pub trial: Duration,
}

pub async fn run(plan: &Plan, databases: &Databases) -> anyhow::Result<Report> {
    let dir = tempfile::Builder::new().prefix("headcount-bench-").tempdir_in(&plan.dir)?;
    let start = |database: &Database, name: &str| {
        process::headcount(&plan.server_binary, database, &dir.path().join(format!("{name}.log")))
    };

    progress("starting on empty stores");
    let mut starts = Vec::new();
    for number in 0..plan.starts {
        let name = format!("empty{number}");
        let Some(database) = databases.create(&dir.path().join(&name))? else { break };
        starts.push(ready(&start(&database, &name)?).await?);
    }
    let database = databases.main(&dir.path().join("data"))?;
    let server = start(&database, "server")?;
    starts.push(ready(&server).await?);

    let directory = Directory::open(&plan.server_binary, &database, "acme", &[server.address])?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle_memory = server.resident();
    directory.create_groups().await?;

    let bare_server = process::bare_server()?;
    let bare = Client::new(&[bare_server.address], None)?;
    let floors = Floors::open(&database, dir.path(), plan).await?;
    let mut report = Report::new(&database, describe(plan, &floors).await?);
    report.ready = middle(starts, |time| time.as_secs_f64());
    report.idle_memory = idle_memory;
    let second = match &database {
        Database::Embedded(_) => None,
        Database::Postgres(_) => {
            let second = start(&database, "second")?;
            ready(&second).await?;
            let other =
                Directory::open(&plan.server_binary, &database, "birch", &[server.address])?;
            Some((second, other))
        }
    };

    for round in 1..=plan.rounds {
        progress(&format!("round {round} of {}", plan.rounds));
        let time = Limit::time(plan.round);
        let document = |_| Some(Call::get(Uri::from_static("/document")));
        let mut measured = floors.inserts(plan).await?;
        measured.extend([
            (Operation::Create, directory.create(plan.create_callers, time).await?),
            (Operation::BareHttp, bare.run(plan.callers, time, document, |_, _| Ok(())).await?),
        ]);
        measured.extend(floors.look_ups(plan).await?);
        measured.extend([
            (Operation::GetById, directory.get(plan.callers, time).await?),
            (Operation::LookUp, directory.look_up(plan.callers, time).await?),
            (Operation::Patch, directory.replace_title(plan.callers, time).await?),
            (Operation::AddMember, directory.add_member(plan.callers, time).await?),
        ]);
        report.rounds.push(measured.into_iter().collect());
        if let Some((second, other)) = &second {
            let addresses = [server.address, second.address];
            let shared = share(plan, round, [&directory, other], addresses).await?;
            report.sharing.push(shared);
        }
    }
    drop((bare, bare_server, floors, second));

    progress(&format!("loading {} users", plan.users));
    directory.fill(plan.create_callers, plan.users).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    report.loaded_users = directory.users.borrow().len();
    report.loaded_memory = server.resident();

    progress("listing everybody");
    (report.index_pages, report.cursor_pages) = directory.two_walks().await?;

    progress("creating by Bulk and one after another");
    (report.bulk, report.one_by_one) = directory.two_loads(plan.pairs.div_ceil(25)).await?;

    progress("patching a small and a large group");
    report.large_group = plan.users;
    (report.small_patch, report.large_patch) = directory.two_groups(plan).await?;
    Ok(report)
}

/// Creates and reads through one server process and through two, in one directory and in two of
/// different organizations, with the same number of callers.
async fn share(
    plan: &Plan,
    round: usize,
    directories: [&Directory; 2],
    addresses: [SocketAddr; 2],
) -> anyhow::Result<BTreeMap<Sharing, Samples>> {
    let time = Limit::time(plan.round);
    let mut measured = BTreeMap::new();
    // The tables grow meanwhile: neither is always the later one.
    let order = if round % 2 == 1 { [1, 2] } else { [2, 1] };
    for processes in order {
        let [first, second] = directories.map(|each| each.through(&addresses[..processes]));
        let (first, second) = (first?, second?);
        let (creating, reading) = (plan.create_callers, plan.callers);
        let one = [
            (Operation::Create, first.create(creating, time).await?),
            (Operation::GetById, first.get(reading, time).await?),
        ];
        let halves = |callers: usize| (callers.div_ceil(2), (callers / 2).max(1));
        let (left, right) = halves(creating);
        let (created, also_created) =
            tokio::try_join!(first.create(left, time), second.create(right, time))?;
        let (left, right) = halves(reading);
        let (read, also_read) = tokio::try_join!(first.get(left, time), second.get(right, time))?;
        let two = [
            (Operation::Create, created.beside(also_created)),
            (Operation::GetById, read.beside(also_read)),
        ];
        for (directories, samples) in [(1, one), (2, two)] {
            for (operation, samples) in samples {
                measured.insert(Sharing { operation, directories, processes }, samples);
            }
        }
    }
    Ok(measured)
}

/// From before the process started until `/readyz` answers 200.
async fn ready(server: &Server) -> anyhow::Result<Duration> {
    let client = Client::new(&[server.address], None)?;
    loop {
        match client.call(Call::get(Uri::from_static("/readyz"))).await {
            Ok(_) => return Ok(server.spawned.elapsed()),
            Err(error) if server.spawned.elapsed() > Duration::from_secs(10) => {
                return Err(error.context("`/readyz` did not become 200"));
            }
            Err(_) => tokio::time::sleep(Duration::from_micros(500)).await,
        }
    }
}

fn progress(what: &str) {
    eprintln!("{what} …");
}

/// The machine and the settings, for the head of the report.
async fn describe(plan: &Plan, floors: &Floors) -> anyhow::Result<Vec<(&'static str, String)>> {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let disk = Command::new("df").arg("--output=fstype").arg(&plan.dir).output().ok();
    let disk = disk.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let disk = disk.as_deref().and_then(|text| text.lines().nth(1)).unwrap_or("unknown").to_owned();
    let mut head = vec![
        (
            "machine",
            format!(
                "{cores} × {processor}, {} {}",
                std::env::consts::OS,
                read("/proc/sys/kernel/osrelease").trim()
            ),
        ),
        ("file system", disk),
        (
            "settings",
            format!(
                "{} round(s) of {:?}, {} callers create, {} callers otherwise",
                plan.rounds, plan.round, plan.create_callers, plan.callers
            ),
        ),
    ];
    head.extend(floors.describe().await?);
    Ok(head)
}
