//! A new store on what the tests use.

use std::{ops::Deref, sync::Arc};

use local_postgres::TestDatabase;
use store::{Database, PostgresOptions, Store};

/// An empty store; it goes when this is dropped.
pub struct Fresh {
    // Closed before the database goes.
    pub store: Arc<Store>,
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
    let store = Store::open(&at(&database), 0).await;
    let store = Arc::new(store.unwrap_or_else(|error| panic!("no store: {error}")));
    Fresh { store, _database: database }
}

/// How a store is opened there.
pub fn at(database: &TestDatabase) -> Database {
    match database.url() {
        Some(url) => Database::Postgres(PostgresOptions { url: url.into(), connections: 4 }),
        None => Database::Embedded(database.folder().into()),
    }
}
