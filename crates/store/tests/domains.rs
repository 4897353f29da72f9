//! Domains of organizations, on both stores.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fresh;

use fresh::Fresh;
use store::{
    Error, Tx,
    domains::{self, Domain, Verified, VerifiedBy},
    organizations::{self, Organization},
};

async fn organization(store: &Fresh, id: &'static str) {
    on(store, async move |tx| {
        let created =
            Organization { id: id.into(), slug: id.into(), name: id.into(), created_at: 1 };
        organizations::create(tx, &created).await
    })
    .await;
}

async fn on<T: Send + 'static>(
    store: &Fresh,
    job: impl AsyncFn(&mut Tx) -> Result<T, Error> + Send + 'static,
) -> T {
    store.administer(job).await.unwrap()
}

async fn add(store: &Fresh, organization: &'static str, name: &'static str, at: i64) -> bool {
    on(store, async move |tx| {
        domains::add(tx, organization, name, &challenge(organization), at).await
    })
    .await
}

fn challenge(organization: &str) -> String {
    format!("say {organization}")
}

async fn verified(store: &Fresh, organization: &'static str) -> Vec<String> {
    on(store, async move |tx| domains::verified(tx, organization).await).await
}

fn names(domains: &[Domain]) -> Vec<&str> {
    domains.iter().map(|domain| &*domain.name).collect()
}

#[tokio::test]
async fn each_organization_has_its_own() {
    let store = fresh::open().await;
    organization(&store, "acme").await;
    organization(&store, "globex").await;
    assert!(add(&store, "acme", "b.example", 5).await);
    assert!(add(&store, "acme", "a.example", 6).await);
    assert!(add(&store, "globex", "a.example", 7).await);
    // The first challenge stays.
    assert!(!add(&store, "acme", "a.example", 8).await);

    let of_acme = on(&store, async |tx| domains::list(tx, "acme").await).await;
    assert_eq!(names(&of_acme), ["a.example", "b.example"]);
    let added = Domain {
        organization_id: "acme".into(),
        name: "a.example".into(),
        challenge: "say acme".into(),
        verified: None,
        checked_at: None,
        problem: None,
        created_at: 6,
    };
    assert_eq!(of_acme[0], added);

    let verify = async |tx: &mut Tx| {
        domains::verify(tx, "acme", "a.example", "say acme", VerifiedBy::Dns, 9).await
    };
    assert!(on(&store, verify).await);
    // A second time it is not news.
    assert!(!on(&store, verify).await);
    assert_eq!(verified(&store, "acme").await, ["a.example"]);
    assert_eq!(verified(&store, "globex").await, [""; 0]);

    let removed = on(&store, async |tx| domains::remove(tx, "acme", "a.example").await).await;
    let by_dns = Some(Verified { at: 9, by: VerifiedBy::Dns });
    assert_eq!(removed, Some(Domain { verified: by_dns, checked_at: Some(9), ..added }));
    assert_eq!(verified(&store, "acme").await, [""; 0]);
    let again = on(&store, async |tx| domains::remove(tx, "acme", "a.example").await).await;
    assert_eq!(again, None);
    let of_globex = on(&store, async |tx| domains::get(tx, "globex", "a.example").await).await;
    assert_eq!(of_globex.unwrap().challenge, "say globex");
}

#[tokio::test]
async fn what_was_found_for_an_earlier_challenge_says_nothing() {
    let store = fresh::open().await;
    organization(&store, "acme").await;
    add(&store, "acme", "a.example", 5).await;
    let wrong = async |tx: &mut Tx| {
        domains::refuse(tx, "acme", "a.example", "earlier", "no record", 6).await?;
        domains::verify(tx, "acme", "a.example", "earlier", VerifiedBy::Dns, 6).await
    };
    assert!(!on(&store, wrong).await);
    let get = async |tx: &mut Tx| domains::get(tx, "acme", "a.example").await;
    let untouched = on(&store, get).await.unwrap();
    assert_eq!((untouched.checked_at, untouched.problem, untouched.verified), (None, None, None));

    on(&store, async |tx| {
        domains::refuse(tx, "acme", "a.example", "say acme", "no record", 7).await
    })
    .await;
    let refused = on(&store, get).await.unwrap();
    assert_eq!((refused.checked_at, refused.problem.as_deref()), (Some(7), Some("no record")));

    // An operator asks nobody, and what was wrong is over.
    on(&store, async |tx| {
        domains::verify(tx, "acme", "a.example", "say acme", VerifiedBy::Operator, 8).await?;
        domains::refuse(tx, "acme", "a.example", "say acme", "no record", 9).await
    })
    .await;
    let verified = on(&store, get).await.unwrap();
    let by_operator = Some(Verified { at: 8, by: VerifiedBy::Operator });
    assert_eq!(
        (verified.checked_at, verified.problem, verified.verified),
        (Some(7), None, by_operator)
    );
}

#[tokio::test]
async fn pending_ones_of_living_organizations_are_found() {
    let store = fresh::open().await;
    organization(&store, "acme").await;
    organization(&store, "gone").await;
    for (organization, name, at) in [
        ("acme", "old.example", 4),
        ("acme", "new.example", 9),
        ("acme", "done.example", 7),
        ("acme", "first.example", 6),
        ("gone", "gone.example", 8),
    ] {
        add(&store, organization, name, at).await;
    }
    on(&store, async |tx| {
        organizations::delete(tx, "gone", 9).await?;
        domains::verify(tx, "acme", "done.example", "say acme", VerifiedBy::Dns, 9).await
    })
    .await;
    let pending = on(&store, async |tx| domains::pending(tx, 4).await).await;
    assert_eq!(names(&pending), ["first.example", "new.example"]);
}
