//! What a preview says is what happens: to the byte.

use std::{collections::BTreeMap, sync::Arc};

use headcount::{
    admin::{
        self,
        directories::NewDirectory,
        mappings,
        role_rules::{self, NewRule},
        roles,
    },
    clock,
    directory::{self, Context, References},
    ids,
    members::{effects::differences, run},
    schemas::ResourceTypes,
};
use mapping::roles::Role;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scim::{Notes, Object, dialect::Reading};
use serde_json::{Value, json};
use store::{OrganizationTx, Tx, members::Loaded};

use crate::{
    play::Place,
    sequences::{Home, number},
};

/// The variables that say how many people and changes there are, and what is taken without them.
const PEOPLE: (&str, u64) = ("HEADCOUNT_PREVIEW_PEOPLE", 400);
const CHANGES: (&str, u64) = ("HEADCOUNT_PREVIEW_CHANGES", 12);

/// Entries of which a mapping is made up.
const ENTRIES: &[(&str, &str)] = &[
    ("userName", "email_address"),
    ("nickName", "display_name"),
    ("title", "public_metadata.title"),
    ("title", "{{ value | upcase }}.display_name"),
    ("nickName", "{{ value | append: \"@nick.example\" }}.email_address"),
    ("userName", "{{ value | split: \"@\" | first }}.username"),
    ("externalId", "username"),
    ("title", "external_id"),
    ("groups[*].displayName", "private_metadata.groups"),
    (
        "groups[*].displayName",
        "{{ value | downcase | replace: \"crew 1\", \"admin\" }}.organization_role",
    ),
    ("groups[0].displayName", "public_metadata.crew"),
    ("title", "{{ value | downcase }}.organization_role"),
    ("name.familyName", "display_name"),
    ("nickName", "active"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department", "locale"),
];

/// Default lines that are taken away.
const GONE: &[&str] = &["externalId", "emails[type eq \"work\"].value", "displayName", "userName"];

fn context(place: &Place, directory_id: &str) -> Arc<Context> {
    Arc::new(Context {
        store: Arc::clone(&place.store),
        directory_id: directory_id.into(),
        resource_types: Arc::new(ResourceTypes::default()),
        learn_schemas: false,
        base_url: "https://headcount.example/scim/v2".into(),
        reading: Reading::default(),
        group_sync: true,
        request_id: ids::uuid(),
        now: clock::now(),
        configurations: Arc::clone(&place.configurations),
    })
}

async fn create(place: &Place, directory_id: &str, kind: &str, body: Value) -> String {
    let context = context(place, directory_id);
    let resource_type = context.resource_types.named(kind);
    let mut notes = Notes::default();
    let created =
        directory::create(resource_type, body, References::LeaveOut, &context, &mut notes);
    created.await.unwrap().resource.id
}

/// People of whom some share what should tell them apart.
fn person(number: u64, random: &mut ChaCha8Rng) -> Value {
    let shared = random.random_range(0..20);
    let title = ["Engineer", "Admin", "", "Auditor"][random.random_range(0..4)];
    let nick_name = ["true", "false", "Nick", ""][random.random_range(0..4)];
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("person{number}@example.com"),
        "externalId": format!("x{}", number / 2 * 2),
        "displayName": format!("Person {number}"),
        "name": {"familyName": format!("Family {}", number % 7)},
        "title": title,
        "nickName": nick_name,
        "active": random.random_range(0..5) > 0,
    });
    let email = match shared {
        0 => None,
        1 => Some("office@example.com".to_owned()),
        _ => Some(format!("mail{number}@example.com")),
    };
    if let Some(email) = email {
        user["emails"] = json!([{"value": email, "type": "work"}]);
    }
    user
}

fn mapping(random: &mut ChaCha8Rng) -> Object {
    let mut mapping = Object::new();
    for _ in 0..random.random_range(0..4) {
        let (path, target) = ENTRIES[random.random_range(0..ENTRIES.len())];
        mapping.insert(path.into(), target.into());
    }
    if random.random_range(0..3) == 0 {
        mapping.insert(GONE[random.random_range(0..GONE.len())].into(), Value::Null);
    }
    mapping
}

async fn everybody(place: &Place, organization_id: &str) -> BTreeMap<String, Loaded> {
    let id = organization_id.to_owned();
    let read = async move |tx: &mut Tx| {
        // The deleted ones as well: who turns out to be another is one of them.
        let all: Vec<String> = tx
            .query("SELECT id FROM member WHERE organization_id = ?1", &[(&id).into()], |row| {
                Ok(row.text(0)?.into())
            })
            .await?;
        let ids: Vec<&str> = all.iter().map(String::as_str).collect();
        OrganizationTx::new(tx, &id).load_members(&ids).await
    };
    let all = place.store.administer::<_, store::Error, _>(read).await.unwrap();
    all.into_iter().map(|loaded| (loaded.stored.id.clone(), loaded)).collect()
}

/// What differs between two states, member by member, as a preview says it.
fn changes(before: &BTreeMap<String, Loaded>, after: &BTreeMap<String, Loaded>) -> Vec<String> {
    let mut changes = Vec::new();
    for (id, was) in before {
        let is = &after[id];
        let (old, new) = differences(&was.stored.member, &is.stored.member);
        let teams = |of: &Loaded, other: &Loaded| -> Vec<String> {
            of.teams.iter().filter(|team| !other.teams.contains(team)).cloned().collect()
        };
        let (joined, left) = (teams(is, was), teams(was, is));
        if old != json!({}) || !joined.is_empty() || !left.is_empty() {
            changes.push(format!("{id} {old} {new} {joined:?} {left:?}"));
        }
    }
    changes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_is_what_happens() {
    let of = |(variable, default): (&str, u64)| number(variable).unwrap_or(default);
    let (people, rounds) = (of(PEOPLE), of(CHANGES));
    let home = Home::new();
    let place = home.open().await;
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let now = clock::now();
    let organization = admin::organizations::create(&place.store, "acme", None, now).await.unwrap();
    let mut directories = Vec::new();
    for at in 0..2 {
        let new = NewDirectory {
            organization: "acme",
            kind: "generic",
            rate_limit: 0,
            strict: false,
            learn_schemas: false,
            public_discovery: true,
        };
        let (directory, _) = admin::directories::create(&place.store, new, now + at).await.unwrap();
        directories.push(directory.id);
    }
    for (name, precedence, is_owner) in
        [("admin", 1, true), ("auditor", 2, false), ("member", 9, false)]
    {
        let role = Role { name: name.into(), precedence, is_default: name == "member", is_owner };
        roles::create(&place.store, role, None, now).await.unwrap();
    }
    let rule = NewRule { pattern: "Crew 2*", role: "auditor", directory_id: None, position: None };
    role_rules::add(&place.store, "acme", rule, now).await.unwrap();
    let mut users = Vec::new();
    for number in 0..people {
        let body = person(number, &mut random);
        users.push(create(&place, &directories[0], "User", body.clone()).await);
        if number % 10 == 0 {
            create(&place, &directories[1], "User", body).await;
        }
    }
    for crew in 0..5 {
        let members: Vec<Value> = users
            .iter()
            .filter(|_| random.random_range(0..8) == 0)
            .map(|id| json!({"value": id}))
            .collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": format!("Crew {crew}"), "members": members,
        });
        create(&place, &directories[0], "Group", body).await;
    }
    let mut changed = 0;
    for round in 0..rounds {
        let overrides = mapping(&mut random);
        let directory = &directories[usize::from(random.random_range(0..4) == 0)];
        let preview = mappings::preview(&place.store, directory, &overrides).await.unwrap();
        let before = everybody(&place, &organization.id).await;
        let stamp = Some(preview.stamp.clone());
        mappings::set(&place.store, directory, overrides.clone(), stamp, clock::now())
            .await
            .unwrap();
        run::finish(&place.store, &organization.id, |_| std::ops::ControlFlow::Continue(()))
            .await
            .unwrap();
        let after = everybody(&place, &organization.id).await;
        let expected: Vec<String> = preview
            .changes
            .iter()
            .map(|c| {
                format!("{} {} {} {:?} {:?}", c.member_id, c.before, c.after, c.joined, c.left)
            })
            .collect();
        let happened = changes(&before, &after);
        for (said, is) in expected.iter().zip(&happened) {
            assert_eq!(said, is, "round {round}, {}", Value::from(overrides.clone()));
        }
        assert_eq!(expected.len(), happened.len(), "round {round}");
        changed += happened.len();
        // Nobody has looked at what would be now.
        let stale = mappings::set(
            &place.store,
            directory,
            Object::new(),
            Some(preview.stamp),
            clock::now(),
        );
        assert!(matches!(stale.await, Err(admin::Error::Conflict(_))) || happened.is_empty());
    }
    assert!(changed > usize::try_from(people).unwrap(), "only {changed} have changed");
}
