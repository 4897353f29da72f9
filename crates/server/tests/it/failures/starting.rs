//! Starting while the database cannot be reached or used.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Instant,
};

use local_postgres::{LocalPostgres, Options, Shutdown};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::at_port;
use crate::harness::{BINARY, PATIENCE, TestServer, TestStore, blocking, until, user};

const SECRET: &str = "s3cret-Harbour";

async fn database() -> Arc<LocalPostgres> {
    Arc::new(blocking(|| LocalPostgres::start(&Options::default()).unwrap()).await)
}

/// `serve` with this address, which it does not take: what it says on standard error.
async fn refused(url: &str) -> String {
    let start = Instant::now();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database", url]).stdin(Stdio::null());
    let output: Output = blocking(move || command.output().unwrap()).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{url}: {said}");
    assert!(start.elapsed() < PATIENCE, "{url}");
    assert!(!said.contains(SECRET), "{said}");
    assert!(output.stdout.is_empty());
    let error = said.lines().rfind(|line| line.starts_with("error: "));
    error.unwrap_or_else(|| panic!("{url}: {said}")).to_owned()
}

/// The server starts before its database does, and waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_later() {
    let database = database().await;
    let store = TestStore::on(&database).await;
    let stop = Arc::clone(&database);
    blocking(move || stop.stop(Shutdown::Fast).unwrap()).await;
    let log = store.data().join("server-0.log");
    let starting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { TestServer::on(&store, &[]).await }
    });
    until("it says that it waits", async || {
        fs::read_to_string(&log).ok()?.contains("waiting for the database").then_some(())
    })
    .await;
    blocking(move || database.start_again().unwrap()).await;
    let server = starting.await.unwrap();
    assert_eq!(server.log().matches("waiting for the database").count(), 1, "{}", server.log());
    let client = server.client(&store.directory("generic", 0).await);
    client.post("/Users", user("a@example.com")).await.expect(201);
}

/// What does not come by itself ends the server at once, and it says what to change, but no secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_will_not_do() {
    let database = database().await;
    let (server, port) = (Arc::clone(&database), database.port());
    blocking(move || {
        let roles = format!(
            "SET password_encryption = 'scram-sha-256'; \
             CREATE ROLE sync LOGIN PASSWORD '{SECRET}'; CREATE ROLE nobody LOGIN PASSWORD 'x'"
        );
        server.run("postgres", &roles).unwrap();
        server.run("postgres", "CREATE DATABASE people OWNER sync").unwrap();
        server.run("postgres", "REVOKE CONNECT ON DATABASE people FROM PUBLIC").unwrap();
        let rules = "host all postgres 127.0.0.1/32 trust\n\
             host all sync,nobody 127.0.0.1/32 scram-sha-256\n";
        fs::write(server.folder().join("data/pg_hba.conf"), rules).unwrap();
        server.run("postgres", "SELECT pg_reload_conf()").unwrap();
    })
    .await;
    let to = |rest: &str| rest.replace("HOST", &format!("127.0.0.1:{port}"));
    // A reload takes a moment.
    until("the rules hold", async || {
        let said = refused(&to("postgres://stranger@HOST/people")).await;
        said.contains("pg_hba.conf").then_some(())
    })
    .await;
    for (url, named) in [
        ("postgres://sync:Wrong-Harbour@HOST/people", "check the user and the password"),
        ("postgres://sync@HOST/people", "password missing"),
        (&*format!("postgres://sync:{SECRET}@HOST/nowhere"), "\"nowhere\""),
        (&*format!("postgres://sync:{SECRET}@HOST/nowhere"), "create the database"),
        ("postgres://nobody:x@HOST/people", "grant the user CONNECT"),
        (&*format!("postgres://sync:{SECRET}@HOST/people?sslmode=on"), "sslmode `on`"),
        (&*format!("postgres://sync:{SECRET}@HOST/people?sslmode=require"), "does not support TLS"),
        (&*format!("postgres://sync:{SECRET}@HOST/people?sslmode=require"), "check sslmode"),
        (&*format!("mysql://sync:{SECRET}@HOST/people"), "begins with postgres://"),
        (&*format!("postgres://sync:{SECRET}@HOST/people?colour={SECRET}"), "colour"),
    ] {
        let said = refused(&to(url)).await;
        assert!(said.contains(named), "{url}: {said}");
    }
    // The right password, and by `prefer` without encryption, which this server does not have.
    let store = TestStore::on(&database).await;
    for mode in ["", "?sslmode=prefer", "?sslmode=disable"] {
        store.reach_by(&to(&format!("postgres://sync:{SECRET}@HOST/people{mode}")));
        let server = TestServer::on(&store, &[]).await;
        assert!(!server.log().contains(SECRET), "{}", server.log());
        assert!(server.log().contains(&to("postgres://HOST/people")), "{}", server.log());
    }
}

/// A certificate of an issuer for a name, in files: the issuer's, its own, its key's.
fn certificate(folder: &Path, issuer: &str, name: &str) {
    let issuer_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, issuer);
    let authority = CertifiedIssuer::self_signed(params, issuer_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    fs::write(folder.join("issuer.pem"), authority.pem()).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

/// `sslmode` and `sslrootcert` mean what they mean to PostgreSQL's own programs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encryption_is_checked_as_asked_for() {
    let database = database().await;
    let store = TestStore::on(&database).await;
    let files = tempfile::tempdir().unwrap();
    let install = async |name: &'static str| {
        let (server, files) = (Arc::clone(&database), files.path().to_owned());
        blocking(move || {
            certificate(&files, "Harbour Authority", name);
            let data = server.folder().join("data");
            let owner = fs::metadata(&data).unwrap();
            for file in ["server.pem", "server.key"] {
                fs::copy(files.join(file), data.join(file)).unwrap();
                fs::set_permissions(data.join(file), fs::Permissions::from_mode(0o600)).unwrap();
                if fs::metadata(data.join(file)).unwrap().uid() != owner.uid() {
                    chown(data.join(file), Some(owner.uid()), Some(owner.gid())).unwrap();
                }
            }
            for setting in
                ["ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "ssl = on"]
            {
                server.run("postgres", &format!("ALTER SYSTEM SET {setting}")).unwrap();
            }
            server.restart(Shutdown::Fast).unwrap();
        })
        .await;
    };
    let plain = at_port(store.database().url().unwrap(), database.port());
    let issuer = files.path().join("issuer.pem").display().to_string();
    let other = tempfile::tempdir().unwrap();
    certificate(other.path(), "Another Authority", "127.0.0.1");
    let stranger = other.path().join("issuer.pem").display().to_string();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE ssl AND application_name = 'headcount'";
    let works = async |parameters: &str, is_encrypted: bool| {
        store.reach_by(&format!("{plain}?{parameters}"));
        let server = TestServer::on(&store, &[]).await;
        until("a request is answered", async || {
            let ready = reqwest::get(format!("{}/readyz", server.url)).await.ok()?;
            ready.status().is_success().then_some(())
        })
        .await;
        let count = {
            let store = Arc::clone(&store);
            blocking(move || store.database().run(encrypted)).await
        };
        assert_eq!(count != "0", is_encrypted, "{parameters}");
    };

    install("127.0.0.1").await;
    works("sslmode=disable", false).await;
    works("", true).await;
    works("sslmode=prefer", true).await;
    works("sslmode=require", true).await;
    works(&format!("sslmode=require&sslrootcert={issuer}"), true).await;
    works(&format!("sslmode=verify-ca&sslrootcert={issuer}"), true).await;
    works(&format!("sslmode=verify-full&sslrootcert={issuer}"), true).await;
    for mode in ["require", "verify-ca", "verify-full"] {
        let said = refused(&format!("{plain}?sslmode={mode}&sslrootcert={stranger}")).await;
        assert!(said.contains("UnknownIssuer") && said.contains("check sslmode"), "{said}");
    }
    // Nobody whom this machine trusts has issued it.
    let said = refused(&format!("{plain}?sslmode=verify-full")).await;
    assert!(said.contains("check sslmode and sslrootcert"), "{said}");

    install("db.example").await;
    works("sslmode=require", true).await;
    works(&format!("sslmode=verify-ca&sslrootcert={issuer}"), true).await;
    let said = refused(&format!("{plain}?sslmode=verify-full&sslrootcert={issuer}")).await;
    assert!(said.contains("not valid for name") && said.contains("check sslmode"), "{said}");
}
