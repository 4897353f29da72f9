//! A new store on what the tests use.

use std::ops::Deref;

use local_postgres::TestDatabase;
use store::{Database, PostgresOptions, Store};

/// An empty store; it goes when this is dropped.
pub struct Fresh {
    // Closed before the database goes.
    store: Store,
    _database: TestDatabase,
}

impl Deref for Fresh {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

pub async fn open() -> Fresh {
    let database = TestDatabase::new();
    let place = match database.url() {
        Some(url) => Database::Postgres(PostgresOptions { url: url.into(), connections: 4 }),
        None => Database::Embedded(database.folder().into()),
    };
    let store = Store::open(&place, 0).await.unwrap_or_else(|error| panic!("no store: {error}"));
    Fresh { store, _database: database }
}
