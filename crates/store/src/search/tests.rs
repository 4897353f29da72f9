//! Every kind of page against a list made in memory.

use std::sync::Arc;

use scim::{
    Notes, Object,
    dialect::Reading,
    filter,
    schema::{self, ResourceType},
    sort::{Key, Sort, SortOrder},
};
use serde_json::{Value, json};

use super::*;
use crate::{fresh, journal::Operation, resources::Change};

const DIRECTORY: &str = "dir-pages";
const BASE: &str = "https://dir.example.com/scim/v2/dir-pages";
const ENTERPRISE: &str = scim::urn::ENTERPRISE_USER;

/// A reproducible sequence of choices.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    /// A text of few, or nothing.
    fn text(&mut self) -> Value {
        self.one(&["a", "B", "b", "ß", "SS", "É", "z9", "z10"]).to_owned().into()
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }
}

fn user(choices: &mut Choices, number: usize) -> Object {
    let name = choices.text().as_str().unwrap().to_owned();
    let mut user = json!({ "userName": format!("{name}{number}") });
    for attribute in ["displayName", "title", "externalId"] {
        if choices.chance() {
            user[attribute] = choices.text();
        }
    }
    if choices.chance() {
        user["active"] = choices.chance().into();
    }
    if choices.chance() {
        let mut emails =
            vec![json!({ "value": choices.text() }), json!({ "value": choices.text() })];
        emails[1]["primary"] = choices.chance().into();
        user["emails"] = emails.into();
    }
    if choices.chance() {
        user[ENTERPRISE] = json!({ "employeeNumber": choices.text() });
    }
    user.as_object().unwrap().clone()
}

fn group(choices: &mut Choices) -> Object {
    let mut group = json!({ "displayName": choices.text() });
    if choices.chance() {
        group["externalId"] = choices.text();
    }
    group.as_object().unwrap().clone()
}

/// Users and groups whose ids have nothing to do with their order; the same as objects.
async fn fill(store: &Store, types: &[Arc<ResourceType>; 2]) -> Vec<Vec<Object>> {
    let mut choices = Choices(42);
    let mut all = [Vec::new(), Vec::new()];
    for number in 0..130 {
        let id = format!("{:08x}-0000-7000-8000-{number:012x}", choices.below(1 << 30));
        let times = (choices.below(9) as i64, choices.below(3) as i64 * 5);
        if number % 4 == 0 {
            all[1].push((id, group(&mut choices), times));
        } else {
            all[0].push((id, user(&mut choices, number), times));
        }
    }
    let written = all.clone();
    store
        .write::<_, Error, _>(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
            for (name, resources) in ["User", "Group"].iter().zip(&written) {
                for (id, object, (created, later)) in resources {
                    tx.create(name, id, object, *created, "r").await?;
                    if *later > 0 {
                        let change = Change {
                            operation: Operation::Patch,
                            now: *later,
                            request_id: "r",
                            changes: "[]",
                        };
                        tx.touch(name, id, change).await?;
                    }
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    let mut objects = Vec::new();
    for (resource_type, resources) in types.iter().zip(all) {
        let mut of_type = Vec::new();
        for (id, _, _) in resources {
            let name = resource_type.name.clone();
            let id = id.clone();
            let read = async move |mut tx: DirectoryTx<'_>| tx.resource(&name, &id).await;
            let resource = store.read::<_, Error, _>(DIRECTORY, read).await.unwrap().unwrap();
            of_type.push(resource.representation(resource_type, BASE, Some(&[])).object().unwrap());
        }
        objects.push(of_type);
    }
    objects
}

fn id(object: &Object) -> String {
    object["id"].as_str().unwrap().to_owned()
}

fn ids(found: &Found) -> Vec<String> {
    found.page.iter().map(|found| found.resource.id.clone()).collect()
}

/// S-183, S-185, S-186, S-194, S-195, S-197: whichever way a page is found, by index and by cursor,
/// forward and backward, through SQL, look-up keys or documents, it is the page of the list that is
/// filtered and sorted in memory. Pages by cursor that would read too much end early, and lose
/// nothing.
#[tokio::test]
async fn every_page_is_the_lists() {
    let store = fresh::open().await;
    let types = [Arc::new(schema::user_type(Vec::new())), Arc::new(schema::group_type(Vec::new()))];
    let all_types: Vec<ResourceType> = types.iter().map(|t| (**t).clone()).collect();
    let objects = fill(&store, &types).await;
    let employee_number = format!("{ENTERPRISE}:employeeNumber");
    let sorts = [
        None,
        Some("id"),
        Some("userName"),
        Some("displayName"),
        Some("externalId"),
        Some("title"),
        Some("active"),
        Some("emails"),
        Some("meta.created"),
        Some("meta.lastModified"),
        Some(&*employee_number),
    ];
    let filters = [
        None,
        Some("displayName eq \"b\""),
        Some("displayName sw \"z\" and externalId pr"),
        Some("not (displayName pr)"),
        Some("meta.created gt \"1970-01-01T00:00:00.000004Z\""),
        Some("userName sw \"z\""),
        Some("userName sw \"b\" or displayName eq \"ss\""),
        Some("title eq \"nothing\""),
    ];
    let mut choices = Choices(7);
    for _ in 0..250 {
        let searched: &[usize] = choices.one::<&[usize]>(&[&[0], &[1], &[0, 1]]);
        let (sort_by, filter) = (*choices.one(&sorts), *choices.one(&filters));
        let order = *choices.one(&[SortOrder::Ascending, SortOrder::Descending]);
        let count = *choices.one(&[1, 3, 10, 50, 1000]);
        let case = format!("{searched:?} {sort_by:?} {order:?} {filter:?} {count}");

        let mut parts = Vec::new();
        let mut expected = Vec::new();
        for &number in searched {
            let resource_type = &types[number];
            let reading = Reading::Tolerant;
            let condition = filter.map(|text| {
                let notes = &mut Notes::default();
                let filter = filter::parse(text, reading, notes).unwrap();
                filter::resolve_at_root(&filter, resource_type, &all_types, reading, notes).unwrap()
            });
            let sort = sort_by
                .and_then(|path| Sort::parse_at_root(resource_type, &all_types, path).unwrap());
            let matches = objects[number]
                .iter()
                .filter(|object| condition.as_ref().is_none_or(|c| c.matches(object)));
            expected.extend(matches.map(|object| {
                let key = sort.as_ref().map_or(Key::Missing, |sort| sort.key(object));
                Position { key, id: id(object) }
            }));
            let resource_type = Arc::clone(resource_type);
            parts.push(Part { resource_type, condition, sort, references: choices.chance() });
        }
        let sort_order = sort_by.map(|_| order);
        expected.sort_by(|a, b| a.compare(b, sort_order));
        let expected: Vec<String> = expected.into_iter().map(|position| position.id).collect();

        let page = async |paging: Paging| {
            let (parts, base_url) = (parts.clone(), BASE.into());
            let search = Search { parts, base_url, sort_order, paging, count };
            let found = store.search(DIRECTORY, search).await.unwrap();
            assert!(found.page.len() <= count, "{case}");
            found
        };
        for offset in [0, 1, 5, expected.len().saturating_sub(1), expected.len(), usize::MAX] {
            let found = page(Paging::Index(offset)).await;
            let there: Vec<_> = expected.iter().skip(offset).take(count).cloned().collect();
            assert_eq!(ids(&found), there, "{case} from {offset}");
            assert_eq!(found.total, Some(expected.len()), "{case} from {offset}");
        }
        let mut forward = Vec::new();
        let mut seek = Some(Seek::Start);
        let mut last = Found::default();
        while let Some(at) = seek {
            let counts = at == Seek::Start;
            last = page(Paging::Cursor { seek: at, counts }).await;
            assert_eq!(last.previous.is_none(), counts, "{case}");
            assert!(!counts || last.total.is_none_or(|total| total == expected.len()), "{case}");
            forward.extend(ids(&last));
            seek = last.next.clone();
        }
        assert_eq!(forward, expected, "{case}");
        let mut backward = ids(&last);
        while let Some(at) = last.previous.clone() {
            last = page(Paging::Cursor { seek: at, counts: false }).await;
            assert!(last.next.is_some(), "{case}");
            backward = [ids(&last), backward].concat();
        }
        assert_eq!(backward, expected, "{case}");
    }
}
