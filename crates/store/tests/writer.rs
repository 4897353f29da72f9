//! Jobs that share a commit: what a refused one has written is undone, what the others have is not.

mod fresh;

use std::sync::Arc;

use serde_json::json;
use store::{DirectoryTx, Error};

const DIRECTORY: &str = "dir-writer";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_job_leaves_nothing_and_takes_nobody_with_it() {
    let fresh = fresh::open().await;
    let jobs: Vec<_> = (0..300)
        .map(|number| {
            let store = Arc::clone(&fresh.store);
            tokio::spawn(async move {
                store
                    .write(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
                        let id = format!("id-{number:03}");
                        // Every seventh wants a name that is taken by then, before or after it has
                        // written something of its own.
                        let taken = json!({"userName": "taken@example.com"});
                        let own = json!({"userName": format!("user{number}@example.com")});
                        let (first, second) = match number % 14 {
                            0 => (&own, Some(&taken)),
                            7 => (&taken, Some(&own)),
                            _ => (&own, None),
                        };
                        tx.create("User", &id, first.as_object().unwrap(), 1, "r").await?;
                        if let Some(second) = second {
                            let id = format!("{id}-b");
                            tx.create("User", &id, second.as_object().unwrap(), 1, "r").await?;
                        }
                        Ok::<_, Error>(())
                    })
                    .await
            })
        })
        .collect();
    let (mut kept, mut refused) = (0, 0);
    for (number, job) in jobs.into_iter().enumerate() {
        let result = job.await.unwrap();
        match &result {
            Ok(()) => kept += 1,
            Err(Error::Conflict { attribute: "userName" }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        let found = fresh
            .read(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
                let first = tx.resource("User", &format!("id-{number:03}")).await?;
                let second = tx.resource("User", &format!("id-{number:03}-b")).await?;
                Ok::<_, Error>((first.is_some(), second.is_some()))
            })
            .await
            .unwrap();
        let whole = (result.is_ok(), result.is_ok() && number % 7 == 0);
        assert_eq!(found, whole, "job {number}: {result:?}");
    }
    // One of the 43 that want the name has it.
    assert_eq!((kept, refused), (258, 42));
    let counts = fresh
        .scan(DIRECTORY, async |mut tx: DirectoryTx<'_>| tx.journal_counts().await)
        .await
        .unwrap();
    assert_eq!(counts, [("User".to_owned(), "create".to_owned(), 259)]);
}
