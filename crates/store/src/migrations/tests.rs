//! Stores of other versions, and processes that start at the same moment.

use local_postgres::TestDatabase;

use super::*;
use crate::fresh;

const FIRST: Migration = Migration {
    number: 1,
    name: "first",
    needs: 1,
    statements: "CREATE TABLE crew (id TEXT PRIMARY KEY) STRICT;\n\
                 INSERT INTO crew (id) VALUES ('ada');\n",
};
/// Programs that know the first one only can go on.
const ADDING: Migration = Migration {
    number: 2,
    name: "adding",
    needs: 1,
    statements: "ALTER TABLE crew ADD COLUMN age INTEGER NOT NULL DEFAULT 7;\n",
};
/// They cannot.
const CHANGING: Migration = Migration {
    number: 3,
    name: "changing",
    needs: 3,
    statements: "ALTER TABLE crew RENAME COLUMN age TO years;\n",
};
const CHANGED: Migration =
    Migration { statements: "CREATE TABLE crew (id TEXT NOT NULL) STRICT;\n", ..FIRST };

async fn open(database: &TestDatabase) -> Db {
    Db::open(&fresh::at(database)).await.unwrap()
}

async fn applied(db: &Db) -> Vec<(i64, String)> {
    let sql = "SELECT number, name FROM schema_migration WHERE number > 0 ORDER BY number";
    db.read_one(async move |tx: &mut Tx| {
        tx.query(sql, &[], |row| Ok((row.int(0)?, row.text(1)?.to_owned()))).await
    })
    .await
    .unwrap()
}

async fn crew(db: &Db, sql: &'static str) -> Vec<(String, i64)> {
    db.read_one(async move |tx: &mut Tx| {
        tx.query(sql, &[], |row| Ok((row.text(0)?.to_owned(), row.int(1)?))).await
    })
    .await
    .unwrap()
}

fn named(names: &[(i64, &str)]) -> Vec<(i64, String)> {
    names.iter().map(|(number, name)| (*number, (*name).to_owned())).collect()
}

#[tokio::test]
async fn each_runs_once_and_in_order() {
    let database = TestDatabase::new();
    let db = open(&database).await;
    migrate(&db, &[FIRST], 1).await.unwrap();
    assert_eq!(applied(&db).await, named(&[(1, "first")]));
    for _ in 0..2 {
        migrate(&db, &[FIRST, ADDING, CHANGING], 2).await.unwrap();
        let all = named(&[(1, "first"), (2, "adding"), (3, "changing")]);
        assert_eq!(applied(&db).await, all);
        assert_eq!(crew(&db, "SELECT id, years FROM crew").await, [("ada".to_owned(), 7)]);
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    const FAILING: Migration = Migration {
        number: 2,
        name: "failing",
        needs: 2,
        statements: "CREATE TABLE boat (id TEXT PRIMARY KEY) STRICT;\n\
                     INSERT INTO crew (id) VALUES ('ada');\n",
    };
    let database = TestDatabase::new();
    let db = open(&database).await;
    migrate(&db, &[FIRST], 1).await.unwrap();
    migrate(&db, &[FIRST, FAILING], 1).await.unwrap_err();
    assert_eq!(applied(&db).await, named(&[(1, "first")]));
    const MENDED: Migration =
        Migration { statements: "CREATE TABLE boat (id TEXT PRIMARY KEY) STRICT;\n", ..FAILING };
    migrate(&db, &[FIRST, MENDED], 1).await.unwrap();
    assert_eq!(applied(&db).await, named(&[(1, "first"), (2, "failing")]));
}

#[tokio::test]
async fn an_earlier_version_starts_where_the_later_one_lets_it() {
    let database = TestDatabase::new();
    let db = open(&database).await;
    migrate(&db, &[FIRST, ADDING], 1).await.unwrap();
    migrate(&db, &[FIRST], 2).await.unwrap();
    assert_eq!(crew(&db, "SELECT id, age FROM crew").await, [("ada".to_owned(), 7)]);
    migrate(&db, &[FIRST, ADDING, CHANGING], 3).await.unwrap();
    for known in [&[FIRST][..], &[FIRST, ADDING][..]] {
        let known: &'static [Migration] = known.to_vec().leak();
        let error = migrate(&db, known, 4).await.unwrap_err();
        let Error::Version(why) = error else { panic!("{error:?}") };
        assert!(why.contains("`changing`, number 3, needs"), "{why}");
        assert!(why.contains(&format!("this one knows {}", known.len())), "{why}");
    }
}

#[tokio::test]
async fn changed_text_is_refused_with_both_checksums() {
    let database = TestDatabase::new();
    let db = open(&database).await;
    migrate(&db, &[FIRST], 1).await.unwrap();
    let error = migrate(&db, &[CHANGED, ADDING], 2).await.unwrap_err();
    let Error::Version(why) = error else { panic!("{error:?}") };
    for checksum in [FIRST, CHANGED].map(|migration| checksum(migration.statements)) {
        assert!(why.contains(&checksum), "{why}");
    }
    assert_eq!(applied(&db).await, named(&[(1, "first")]));
    // What is not written in the text does not count.
    let ends = FIRST.statements.replace('\n', "\r\n");
    assert_eq!(checksum(&ends), checksum(FIRST.statements));
}

/// All that start at the same moment find the tables there, made by one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_together_migrate_once() {
    let database = TestDatabase::new();
    let place = fresh::at(&database);
    // The file itself is there: one process at a time makes it.
    let _first = open(&database).await;
    let starting: Vec<_> = (0..8)
        .map(|_| {
            let place = place.clone();
            tokio::spawn(async move {
                let db = Db::open(&place).await?;
                migrate(&db, &[FIRST, ADDING, CHANGING], 1).await?;
                Ok::<_, Error>(crew(&db, "SELECT id, years FROM crew").await)
            })
        })
        .collect();
    for started in starting {
        assert_eq!(started.await.unwrap().unwrap(), [("ada".to_owned(), 7)]);
    }
}
