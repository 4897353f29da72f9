//! Two processes that administer the same thing at the same moment: what one reads to write it, the
//! other does not change meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use local_postgres::TestDatabase;
use store::{
    Database, Error, PostgresOptions, Store, Tx, directories, directories::Directory,
    organizations, organizations::Organization, settings, tokens, tokens::Token,
};

/// Tasks of each process.
const TASKS: usize = 12;

async fn processes(database: &TestDatabase) -> [Arc<Store>; 2] {
    let place = match database.url() {
        Some(url) => Database::Postgres(PostgresOptions { url: url.into(), connections: 8 }),
        None => Database::Embedded(database.folder().into()),
    };
    [
        Arc::new(Store::open(&place, 0).await.unwrap()),
        Arc::new(Store::open(&place, 0).await.unwrap()),
    ]
}

/// Runs the task with each number in one of the processes, all at once.
async fn at_once<F>(stores: &[Arc<Store>; 2], task: impl Fn(Arc<Store>, usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..2 * TASKS)
        .map(|number| tokio::spawn(task(Arc::clone(&stores[number % 2]), number)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn organization(slug: &str) -> Organization {
    Organization { id: format!("org_{slug}"), slug: slug.into(), name: slug.into(), created_at: 1 }
}

fn directory(id: &str, slug: &str) -> Directory {
    Directory {
        id: id.into(),
        organization_id: format!("org_{slug}"),
        organization_slug: slug.into(),
        kind: "generic".into(),
        enabled: true,
        strict: false,
        group_sync: true,
        rate_limit: 0,
        schemas_version: 0,
        learn_schemas: false,
        public_discovery: true,
        created_at: 1,
    }
}

async fn create_organization(store: &Store, slug: &str) -> Result<(), Error> {
    let organization = organization(slug);
    store.administer(async move |tx: &mut Tx| organizations::create(tx, &organization).await).await
}

async fn create_directory(store: &Store, id: &str, slug: &str) -> Result<bool, Error> {
    let directory = directory(id, slug);
    store.administer(async move |tx: &mut Tx| directories::create(tx, &directory).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_is_held_loses_no_change() {
    let database = TestDatabase::new();
    let stores = processes(&database).await;
    at_once(&stores, async |store, _| {
        let add = async move |tx: &mut Tx| {
            let before = settings::hold(tx, "count").await?;
            let count = before.parse::<usize>().unwrap_or(0) + 1;
            settings::set(tx, "count", &count.to_string()).await
        };
        store.administer::<_, Error, _>(add).await.unwrap();
    })
    .await;
    let get = async |tx: &mut Tx| settings::get(tx, "count").await;
    let count: Option<String> = stores[0].look_up::<_, Error, _>(get).await.unwrap();
    assert_eq!(count, Some((2 * TASKS).to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_regenerate_at_once_one_token_is_left() {
    let database = TestDatabase::new();
    let stores = processes(&database).await;
    create_organization(&stores[0], "acme").await.unwrap();
    assert!(create_directory(&stores[0], "dir_1", "acme").await.unwrap());
    at_once(&stores, async |store, number| {
        let token = Token {
            id: format!("tok_{number}"),
            directory_id: "dir_1".into(),
            name: "first".into(),
            digest: format!("digest {number}"),
            hint: "hint".into(),
            user_id: None,
            created_at: 1,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        };
        let regenerate = async move |tx: &mut Tx| {
            assert!(directories::hold(tx, "dir_1").await?);
            tokens::revoke_all(tx, "dir_1", 2).await?;
            tokens::create(tx, &token).await
        };
        store.administer::<_, Error, _>(regenerate).await.unwrap();
    })
    .await;
    let list = async |tx: &mut Tx| tokens::list(tx, "dir_1").await;
    let all: Vec<Token> = stores[1].look_up::<_, Error, _>(list).await.unwrap();
    assert_eq!(all.len(), 2 * TASKS);
    assert_eq!(all.iter().filter(|token| token.revoked_at.is_none()).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_organization_has_no_directory() {
    let database = TestDatabase::new();
    let stores = processes(&database).await;
    for number in 0..TASKS {
        create_organization(&stores[0], &format!("org-{number}")).await.unwrap();
    }
    // Of each organization, one process creates a directory while the other deletes it.
    at_once(&stores, async |store, number| {
        let slug = format!("org-{}", number / 2);
        if number % 2 == 0 {
            create_directory(&store, &format!("dir_{number}"), &slug).await.unwrap();
        } else {
            let delete = async move |tx: &mut Tx| organizations::delete(tx, &slug, 2).await;
            assert!(store.administer::<_, Error, _>(delete).await.unwrap());
        }
    })
    .await;
    for number in 0..TASKS {
        // The name is free again; what is in the new one was not in the old.
        let slug = format!("org-{number}");
        let again = Organization { id: format!("again_{slug}"), ..organization(&slug) };
        let create = async move |tx: &mut Tx| organizations::create(tx, &again).await;
        stores[1].administer::<_, Error, _>(create).await.unwrap();
        assert!(!create_directory(&stores[1], &format!("late_{number}"), &slug).await.unwrap());
    }
    let rows = stores[0]
        .look_up::<_, Error, _>(async |tx: &mut Tx| {
            tx.query("SELECT id FROM directory WHERE deleted_at IS NULL", &[], |row| {
                Ok(row.text(0)?.to_owned())
            })
            .await
        })
        .await
        .unwrap();
    assert_eq!(rows, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_has_the_slug() {
    let database = TestDatabase::new();
    let stores = processes(&database).await;
    at_once(&stores, async |store, number| {
        let wanted = Organization { id: format!("org_{number}"), ..organization("acme") };
        let create = async move |tx: &mut Tx| organizations::create(tx, &wanted).await;
        match store.administer::<_, Error, _>(create).await {
            Ok(()) | Err(Error::Conflict { attribute: "slug" }) => {}
            Err(other) => panic!("{other}"),
        }
    })
    .await;
    let list = async |tx: &mut Tx| organizations::list(tx).await;
    assert_eq!(stores[0].look_up::<_, Error, _>(list).await.unwrap().len(), 1);
}
