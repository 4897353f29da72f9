//! A server starts, keeps what it was given, and is gone with its owner.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use local_postgres::{LocalPostgres, Options, Shutdown, TestDatabase, shared};

/// Set for the process that [`is_gone_after_its_owner_was_killed`] kills.
const OWNER: &str = "LOCAL_POSTGRES_TEST_OWNER";

fn name(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

fn is_gone(port: u16, folder: &Path) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err() && !folder.exists()
}

#[test]
fn data_survives_restarts_and_nothing_survives_the_owner() {
    let options = Options {
        max_connections: 17,
        settings: vec!["work_mem = '5MB'".into()],
        ..Options::default()
    };
    let server = LocalPostgres::start(&options).unwrap();
    let (port, folder) = (server.port(), server.folder().to_owned());
    let url = server.create_database().unwrap();
    let ask = |sql: &str| server.run(name(&url), sql).unwrap();
    assert_eq!(ask("SHOW max_connections"), "17");
    assert_eq!(ask("SHOW work_mem"), "5MB");
    assert_eq!(ask("SHOW fsync"), "off");
    assert_eq!(ask("SHOW server_encoding"), "UTF8");
    assert_eq!(ask("SELECT datcollate FROM pg_database WHERE datname = current_database()"), "C");

    ask("CREATE TABLE kept (number INT)");
    for (round, shutdown) in [Shutdown::Fast, Shutdown::Immediate].into_iter().enumerate() {
        ask(&format!("INSERT INTO kept VALUES ({round})"));
        server.restart(shutdown).unwrap();
        assert_eq!(ask("SELECT count(*) FROM kept"), (round + 1).to_string());
    }
    server.stop(Shutdown::Fast).unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    server.start_again().unwrap();
    assert_eq!((server.port(), ask("SELECT count(*) FROM kept")), (port, "2".to_owned()));
    assert!(server.log().contains("database system is ready to accept connections"));

    drop(server);
    assert!(is_gone(port, &folder));
}

#[test]
fn databases_are_apart_and_can_be_dropped_while_in_use() {
    let server = shared();
    let urls = [server.create_database().unwrap(), server.create_database().unwrap()];
    assert_ne!(urls[0], urls[1]);
    server.run(name(&urls[0]), "CREATE TABLE mine (number INT)").unwrap();
    let error = server.run(name(&urls[1]), "SELECT * FROM mine").unwrap_err().to_string();
    assert!(error.contains("\"mine\" does not exist"), "{error}");
    server.drop_database(&urls[0]).unwrap();
    let error = server.run(name(&urls[0]), "SELECT 1").unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");
    server.drop_database(&urls[1]).unwrap();
}

#[test]
fn the_database_of_a_test_goes_with_it() {
    let database = TestDatabase::on(shared());
    database.run("CREATE TABLE mine (number INT)");
    assert_eq!(database.run("INSERT INTO mine VALUES (7) RETURNING number"), "7");
    let (url, folder) = (database.url().unwrap().to_owned(), database.folder().to_owned());
    assert!(folder.exists());
    drop(database);
    let error = shared().run(name(&url), "SELECT 1").unwrap_err().to_string();
    assert!(error.contains("does not exist") && !folder.exists(), "{error}");
}

#[test]
fn settings_it_does_not_know_are_refused_with_its_words() {
    let options = Options { settings: vec!["no_such_setting = 1".into()], ..Options::default() };
    let Err(error) = LocalPostgres::start(&options) else { panic!("it started") };
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn is_gone_after_its_owner_was_killed() {
    if env::var_os(OWNER).is_some() {
        let server = LocalPostgres::start(&Options::default()).unwrap();
        println!("{OWNER} {} {}", server.port(), server.folder().display());
        // Waits to be killed.
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "is_gone_after_its_owner_was_killed", "--nocapture"])
        .env(OWNER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.contains(OWNER)).unwrap();
    let mut words = line.split(' ').skip_while(|word| *word != OWNER).skip(1);
    let port: u16 = words.next().unwrap().parse().unwrap();
    let folder = Path::new(words.next().unwrap()).to_owned();
    assert!(folder.exists());
    TcpStream::connect(("127.0.0.1", port)).unwrap();

    owner.kill().unwrap();
    owner.wait().unwrap();
    let start = Instant::now();
    while !is_gone(port, &folder) {
        assert!(start.elapsed() < Duration::from_secs(60), "it outlives its owner");
        sleep(Duration::from_millis(20));
    }
}
