//! Values that are longer than an index holds: what their index finds is what reading through finds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fresh;

use std::{collections::BTreeSet, sync::Arc};

use proptest::{collection::vec, prelude::*, sample::select};
use scim::{
    Notes, Object,
    dialect::Reading,
    filter,
    schema::{self, ResourceType},
    sort::{Sort, SortOrder},
};
use serde_json::{Value, json};
use store::{
    DirectoryTx, Error, Store,
    journal::Operation,
    resources::Change,
    search::{Paging, Part, Search, Seek},
};

const DIRECTORY: &str = "dir-long";

/// Around the length up to which a text is its own key, and far beyond what PostgreSQL's indexes
/// take.
const LENGTHS: [usize; 12] = [5, 396, 400, 404, 796, 797, 798, 799, 800, 801, 1_600, 9_000];

/// A text that no index compresses away, or one of wide characters.
fn filling(kind: usize, bytes: usize) -> String {
    let text: String = match kind {
        0 => {
            // Deterministic, and without a pattern.
            let mut state = 0x9E37_79B9_7F4A_7C15_u64;
            std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from_digit((state >> 59) as u32, 36).unwrap()
            })
            .take(bytes)
            .collect()
        }
        1 => "é".repeat(bytes / 2),
        2 => "\u{10FFFD}".repeat(bytes / 4),
        _ => "x".repeat(bytes),
    };
    text
}

fn text() -> impl Strategy<Value = String> {
    (0..4_usize, select(&LENGTHS[..]), select(&["", "", "a", "b", "é", "\u{10FFFF}"][..]))
        .prop_map(|(kind, bytes, end)| filling(kind, bytes) + end)
}

fn user(number: usize, text: &str) -> Object {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": text,
        "externalId": text,
        "displayName": text,
        "emails": [{"value": text}, {"value": format!("{number}@example.com")}],
    });
    user.as_object().unwrap().clone()
}

fn id(number: usize) -> String {
    format!("u-{number:03}")
}

async fn create(store: &Store, number: usize, text: &str) -> Result<(), Error> {
    let user = user(number, text);
    store
        .write(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
            tx.create("User", &id(number), &user, 1, "r").await.map(drop)
        })
        .await
}

fn search(rt: &Arc<ResourceType>, text: Option<&str>, sort: Option<(&str, SortOrder)>) -> Search {
    let condition = text.map(|text| {
        let parsed = filter::parse(text, Reading::Strict, &mut Notes::default()).unwrap();
        filter::resolve(&parsed, rt).unwrap()
    });
    Search {
        parts: vec![Part {
            resource_type: Arc::clone(rt),
            condition,
            sort: sort.map(|(path, _)| Sort::parse(rt, path).unwrap()),
            references: false,
        }],
        base_url: "https://dir.example.com/scim/v2".into(),
        sort_order: sort.map(|(_, order)| order),
        paging: Paging::Index(0),
        count: 1_000,
    }
}

async fn found(store: &Store, search: Search) -> Vec<String> {
    let found = store.search(DIRECTORY, search).await.unwrap();
    found.page.into_iter().map(|found| found.resource.id).collect()
}

async fn walked(store: &Store, search: &Search) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(Seek::Start);
    while let Some(seek) = next {
        let paging = Paging::Cursor { seek, counts: false };
        let page = Search { paging, count: 2, ..search.clone() };
        let page = store.search(DIRECTORY, page).await.unwrap();
        ids.extend(page.page.into_iter().map(|found| found.resource.id));
        next = page.next;
    }
    ids
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn indexes_find_what_reading_finds(texts in vec(text(), 1..10)) {
        let rt = Arc::new(schema::user_type(Vec::new()));
        let texts: Vec<String> = texts.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        wait(async {
            let store = fresh::open().await;
            let mut users: Vec<Object> = Vec::new();
            for (number, text) in texts.iter().enumerate() {
                // What folds to the same text is refused; no two of these do.
                create(&store, number, text).await.unwrap();
                users.push(user(number, text));
            }
            for text in &texts {
                for path in ["userName", "externalId", "displayName", "emails.value"] {
                    let mut filters = Vec::new();
                    // A filter has at most 8,192 bytes.
                    if text.len() < 8_000 {
                        filters.push(format!("{path} eq {}", json!(text)));
                        filters.push(format!("{path} eq {} or {path} eq \"x\"", json!(text)));
                    }
                    for bytes in LENGTHS {
                        let beginning = &text[..text.floor_char_boundary(bytes)];
                        if bytes < 8_000 && beginning.len() > bytes - 4 {
                            filters.push(format!("{path} sw {}", json!(beginning)));
                            let other = json!(format!("{beginning}b"));
                            filters.push(format!("{path} sw {other}"));
                        }
                    }
                    for filter in filters {
                        let search = search(&rt, Some(&filter), None);
                        let condition = search.parts[0].condition.clone().unwrap();
                        let expected: Vec<String> = (0..users.len())
                            .filter(|&number| condition.matches(&users[number]))
                            .map(id)
                            .collect();
                        let shown: String = filter.chars().take(60).collect();
                        assert_eq!(found(&store, search.clone()).await, expected, "{shown}");
                        assert_eq!(walked(&store, &search).await, expected, "{shown}");
                    }
                }
            }
            // Whatever the order of nearly equal ones is, it is one order.
            for path in ["userName", "externalId", "displayName", "emails.value"] {
                let ascending = search(&rt, None, Some((path, SortOrder::Ascending)));
                let up = found(&store, ascending.clone()).await;
                assert_eq!(up.iter().collect::<BTreeSet<_>>().len(), texts.len());
                assert_eq!(walked(&store, &ascending).await, up, "{path}");
                let descending = search(&rt, None, Some((path, SortOrder::Descending)));
                let mut down = found(&store, descending.clone()).await;
                assert_eq!(walked(&store, &descending).await, down, "{path}");
                down.reverse();
                // Texts that have as much in common as is compared go by id both ways.
                if path == "userName" {
                    assert_eq!(down, up);
                }
            }
        });
    }
}

/// S-322: however long they are, no two of a directory have the same userName, and one character
/// tells two apart.
#[tokio::test]
async fn long_user_names_are_unique() {
    let store = fresh::open().await;
    let rt = Arc::new(schema::user_type(Vec::new()));
    for (kind, bytes) in [(0, 801), (0, 60_000), (1, 1_000), (2, 60_000)] {
        let name = filling(kind, bytes) + "a";
        let other = filling(kind, bytes) + "b";
        let number = kind * 100_000 + bytes;
        create(&store, number, &name).await.unwrap();
        let upper = create(&store, number + 1, &name.to_uppercase()).await;
        assert!(matches!(upper, Err(Error::Conflict { attribute: "userName" })), "{upper:?}");
        create(&store, number + 2, &other).await.unwrap();
        // Nor by a change.
        let taken = name.clone();
        let renamed = store
            .write(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
                let stored = tx.resource("User", &id(number + 2)).await?.unwrap();
                let before = stored.object()?;
                let mut after = before.clone();
                after.insert("userName".into(), Value::from(taken.clone()));
                let operation = Operation::Replace;
                let change = Change { operation, now: 2, request_id: "r", changes: "[]" };
                tx.update("User", &stored, &before, &after, change).await.map(drop)
            })
            .await;
        assert!(matches!(renamed, Err(Error::Conflict { attribute: "userName" })), "{renamed:?}");
        for (name, owner) in [(name, number), (other, number + 2)] {
            let named = store
                .read(DIRECTORY, async move |mut tx: DirectoryTx<'_>| tx.user_named(&name).await)
                .await;
            assert_eq!(named.unwrap(), Some(id(owner)));
        }
    }
    let all = found(&store, search(&rt, None, None)).await;
    assert_eq!(all.len(), 8);
}

/// Unique values of declared attributes, and a key that another text's could be mistaken for.
#[tokio::test]
async fn long_unique_values_are_told_apart() {
    let store = fresh::open().await;
    let text = filling(0, 5_000);
    let claims = store
        .write(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
            let attribute = "urn:example:params:crew:badge";
            let mut owners = Vec::new();
            for (id, value) in [("a", text.clone()), ("b", format!("{text}x")), ("c", text.clone())]
            {
                owners.push(tx.claim("User", id, attribute, &value).await?);
            }
            tx.release("User", "a", attribute, &text).await?;
            owners.push(tx.claim("User", "c", attribute, &text).await?);
            Ok::<_, Error>(owners)
        })
        .await
        .unwrap();
    assert_eq!(claims, [None, None, Some("a".to_owned()), None]);
}

/// U+0000, which PostgreSQL keeps in no text, is in no request that is read; where it comes in all
/// the same, it finds nothing and breaks nothing.
#[tokio::test]
async fn what_cannot_be_kept_finds_nothing() {
    let store = fresh::open().await;
    create(&store, 1, "ada@example.com").await.unwrap();
    let answers = store
        .write(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
            let mut answers = Vec::new();
            for odd in [&["\0"][..], &["\0", "u-001\0"], &["\\u0000", "\0"]] {
                answers.push(tx.living_among(odd).await?);
                answers.push(tx.deleted_among(odd).await?);
                answers.push(tx.add_members("u-001\0", odd).await?);
                answers.push(tx.remove_members("\0", odd).await?);
            }
            answers.extend(tx.user_named("ada@example.com\0").await?.map(|id| vec![id]));
            let odd = tx.resource("User", "u-001\0").await?;
            answers.extend(odd.map(|resource| vec![resource.id]));
            answers.push(tx.living_among(&["\0", "u-001"]).await?);
            Ok::<_, Error>(answers)
        })
        .await
        .unwrap();
    let (last, odd) = answers.split_last().unwrap();
    assert_eq!(last, &["u-001"]);
    assert!(odd.iter().all(Vec::is_empty), "{odd:?}");
}
