//! What the store finds, against the same rules written once more.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fresh;
#[path = "../../scim/tests/reading/model/filter.rs"]
mod model;
#[path = "../../scim/tests/reading/random.rs"]
mod random;

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, sample::select};
use scim::{
    Notes, Object,
    dialect::Reading,
    filter::{self, Filter},
    representation::{Reference, ReferenceType},
    schema::{ResourceType, group_type},
    sort::{Sort, SortOrder},
    validate,
};
use serde_json::{Value, json};
use store::{
    DirectoryTx, Store,
    search::{Paging, Part, Search, Seek},
};

const DIRECTORY: &str = "dir-random";
const BASE_URL: &str = "https://dir.example.com/scim/v2";
/// The beginning of time, and how far apart users are created; some at the same moment.
const START: i64 = 1_772_352_000_000_000;

/// Users and who of them is in which of two groups.
#[derive(Clone, Debug)]
struct People {
    users: Vec<Value>,
    members: [Vec<bool>; 2],
}

fn people() -> impl Strategy<Value = People> {
    (vec((random::user(), select(&random::TEXTS[..])), 1..12), vec(any::<bool>(), 24)).prop_map(
        |(users, members)| {
            let users = users.into_iter().enumerate().map(|(number, (mut user, name))| {
                user["userName"] = format!("{name}{number}").into();
                user
            });
            let (one, other) = members.split_at(12);
            People { users: users.collect(), members: [one.to_vec(), other.to_vec()] }
        },
    )
}

fn stored(rt: &ResourceType, body: Value) -> Object {
    let Value::Object(body) = body else { panic!("{body} is no object") };
    let mut notes = Notes::default();
    validate::create(rt, body, Reading::Tolerant, &mut notes).unwrap().resource
}

fn id(number: usize) -> String {
    format!("u-{number:02}")
}

fn created(number: usize) -> i64 {
    START + (number as i64 / 2) * 500_000
}

/// The users as they are sent.
fn sent(rt: &ResourceType, people: &People) -> Vec<Object> {
    let mut sent = Vec::new();
    for (number, user) in people.users.iter().enumerate() {
        let references: Vec<Reference> = (0..2)
            .filter(|&group| people.members[group][number])
            .map(|group| Reference {
                id: format!("g-{group}"),
                display: format!("Crew {group}"),
                resource_type: ReferenceType::Group,
            })
            .collect();
        let document = Value::Object(stored(rt, user.clone())).to_string();
        let id = id(number);
        let representation = scim::representation::Representation {
            resource_type: "User",
            endpoint: "/Users",
            base_url: BASE_URL,
            id: &id,
            version: 1,
            created_at: created(number),
            last_modified_at: created(number),
            document: &document,
            manager: None,
            references: Some(&references),
        };
        sent.push(representation.object().unwrap());
    }
    sent
}

async fn fill(store: &Store, rt: &ResourceType, people: &People) {
    let (rt, people) = (rt.clone(), people.clone());
    store
        .write(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
            for (number, user) in people.users.iter().enumerate() {
                let user = stored(&rt, user.clone());
                tx.create("User", &id(number), &user, created(number), "r").await?;
            }
            for (group, members) in people.members.iter().enumerate() {
                let body = json!({ "displayName": format!("Crew {group}") });
                let (id_of_group, body) =
                    (format!("g-{group}"), stored(&group_type(Vec::new()), body));
                tx.create("Group", &id_of_group, &body, START, "r").await?;
                let ids: Vec<String> =
                    (0..people.users.len()).filter(|&user| members[user]).map(id).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                tx.add_members(&id_of_group, &ids).await?;
            }
            Ok::<_, store::Error>(())
        })
        .await
        .unwrap();
}

/// What is looked for, without its paging.
fn looked_for(
    rt: &Arc<ResourceType>,
    filter: Option<&Filter>,
    sort: Option<(Sort, SortOrder)>,
) -> Search {
    let (sort, sort_order) = sort.unzip();
    let condition = filter.map(|filter| filter::resolve(filter, rt).unwrap());
    let part = Part { resource_type: Arc::clone(rt), condition, sort, references: false };
    Search {
        parts: vec![part],
        base_url: BASE_URL.into(),
        sort_order,
        paging: Paging::Index(0),
        count: 100,
    }
}

/// The ids found by index.
async fn search(store: &Store, looked_for: Search) -> Vec<String> {
    let found = store.search(DIRECTORY, looked_for).await.unwrap();
    let ids: Vec<String> = found.page.into_iter().map(|found| found.resource.id).collect();
    assert_eq!(found.total, Some(ids.len()));
    ids
}

/// The ids found by cursor, two to a page.
async fn walk(store: &Store, looked_for: Search) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(Seek::Start);
    while let Some(seek) = next {
        let paging = Paging::Cursor { seek, counts: false };
        let page = Search { paging, count: 2, ..looked_for.clone() };
        let found = store.search(DIRECTORY, page).await.unwrap();
        ids.extend(found.page.into_iter().map(|found| found.resource.id));
        next = found.next;
    }
    ids
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn ids(resources: &[Object]) -> Vec<String> {
    resources.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
}

/// The order of resources, by the rules as they stand in the standard.
fn in_order(rt: &ResourceType, sort_by: &str, order: SortOrder, users: &[Object]) -> Vec<String> {
    let path = scim::path::AttributePath::parse(sort_by).unwrap();
    let found = path.resolve(rt).unwrap();
    let leaf = found.sub_attribute.or(found.attribute.sub_attribute("value"));
    let leaf = leaf.unwrap_or(found.attribute);
    let key = |user: &Object| -> Option<(i128, f64, String)> {
        let user = Value::Object(user.clone());
        let holder = found.extension.map_or(&user, |urn| &user[urn]);
        let mut value = &holder[&found.attribute.name];
        if let Value::Array(elements) = value {
            let primary = elements.iter().find(|element| element["primary"] == true);
            value = primary.or(elements.first()).unwrap_or(&Value::Null);
        }
        if value.is_object() {
            value = &value[&leaf.name];
        }
        match value {
            Value::Bool(value) => Some((i128::from(*value), 0.0, String::new())),
            Value::Number(number) => {
                let (whole, rest) = random::parts(number);
                Some((whole, rest, String::new()))
            }
            Value::String(text) if leaf.attribute_type.as_str() == "dateTime" => {
                Some((scim::schema::instant(text).unwrap().into(), 0.0, String::new()))
            }
            Value::String(text) if leaf.case_exact => Some((0, 0.0, text.clone())),
            Value::String(text) => Some((0, 0.0, scim::text::fold(text))),
            _ => None,
        }
    };
    let mut users: Vec<_> = users.iter().collect();
    // Equal ones stay in the order of creation, whichever way the rest goes.
    users.sort_by(|a, b| {
        let order_of_keys = match (key(a), key(b)) {
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap(),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        match order {
            SortOrder::Ascending => order_of_keys,
            SortOrder::Descending => order_of_keys.reverse(),
        }
    });
    users.into_iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// S-149, S-162, S-164, S-165, S-167, S-169, S-170, S-171, S-172, S-179, S-474: a filter finds
    /// the same by an index, by reading through the directory, in memory, and by the rules written
    /// once more.
    #[test]
    fn filters_agree(people in people(), filters in vec(random::user_filter(), 40)) {
        let rt = Arc::new(random::user_with_lab());
        let sent = sent(&rt, &people);
        wait(async {
            let store = fresh::open().await;
            fill(&store, &rt, &people).await;
            for filter in &filters {
                let mut notes = Notes::default();
                let read = filter::parse(&filter.to_string(), Reading::Strict, &mut notes);
                assert_eq!(read.as_ref(), Ok(filter), "{filter}");
                let expected: Vec<Object> =
                    sent.iter().filter(|user| model::matches(&rt, user, filter)).cloned().collect();
                let condition = filter::resolve(filter, &rt).unwrap();
                let in_memory: Vec<Object> =
                    sent.iter().filter(|user| condition.matches(user)).cloned().collect();
                assert_eq!(ids(&in_memory), ids(&expected), "in memory: {filter}");
                let looked_for = looked_for(&rt, Some(filter), None);
                let found = search(&store, looked_for.clone()).await;
                assert_eq!(found, ids(&expected), "in the store: {filter}");
                let walked = walk(&store, looked_for).await;
                assert_eq!(walked, ids(&expected), "in the store, by cursor: {filter}");
            }
        });
    }

    /// S-181, S-182, S-183, S-184, S-185, S-186, S-474: whatever a list is sorted by, the store,
    /// the memory and the rules written once more have the same order.
    #[test]
    fn orders_agree(people in people()) {
        let rt = Arc::new(random::user_with_lab());
        let sent = sent(&rt, &people);
        wait(async {
            let store = fresh::open().await;
            fill(&store, &rt, &people).await;
            for (path, kind) in random::PATHS {
                for order in [SortOrder::Ascending, SortOrder::Descending] {
                    if kind == random::Kind::Binary {
                        assert!(Sort::parse(&rt, path).is_err(), "{path}");
                        continue;
                    }
                    let sort = Sort::parse(&rt, path).unwrap();
                    let expected = in_order(&rt, path, order, &sent);
                    let mut in_memory = sent.clone();
                    in_memory.sort_by(|a, b| sort.key(a).compare(&sort.key(b), order));
                    assert_eq!(ids(&in_memory), expected, "in memory: {path} {order:?}");
                    let looked_for = looked_for(&rt, None, Some((sort, order)));
                    let found = search(&store, looked_for.clone()).await;
                    assert_eq!(found, expected, "in the store: {path} {order:?}");
                    let walked = walk(&store, looked_for).await;
                    assert_eq!(walked, expected, "in the store, by cursor: {path} {order:?}");
                }
            }
        });
    }
}
