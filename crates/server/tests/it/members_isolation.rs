//! Nothing that happens in one organization changes anything that another can see, however much the
//! people of both have in common.

use mapping::{
    Configuration, Target,
    member::{self, Member, State},
};
use serde_json::{Value, json};
use store::{
    OrganizationTx, Tx,
    accounts::{self, Account},
    events::{Cause, Kind, NewEvent},
    members::StoredMember,
};

use crate::harness::{ScimClient, TestServer, group, until, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn set(path: &str, value: Value) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

/// Two people and a group of both, by the same names everywhere.
async fn fill(client: &ScimClient) -> [String; 3] {
    let ines = client.post("/Users", user("ines@example.com")).await.expect(201).id();
    let mut body = user("otto@example.org");
    body[ENTERPRISE] = json!({"manager": {"value": ines}});
    let otto = client.post("/Users", body).await.expect(201).id();
    let mut body = group("Crew");
    body["externalId"] = "crew".into();
    body["members"] = json!([{"value": ines}, {"value": otto}]);
    let crew = client.post("/Groups", body).await.expect(201).id();
    [ines, otto, crew]
}

/// Somebody whom the product itself has in an organization.
async fn known_to_the_product(server: &TestServer, slug: &str, email_address: &str) -> String {
    let organization_id = server.organization(slug).await;
    let email_address = email_address.to_owned();
    let create = async move |tx: &mut Tx| {
        store::organizations::hold(tx, &organization_id).await?;
        let mut tx = OrganizationTx::new(tx, &organization_id);
        let standing = tx.standing().await?;
        let mut new = Member::nobody();
        new.by_product = true;
        new.vouched_email = Some(email_address.clone());
        new.by_hand.insert(Target::EmailAddress, email_address.clone().into());
        let account =
            Account { id: "acc-known".into(), email_address: email_address.clone(), created_at: 1 };
        let stored = StoredMember {
            id: "mem-known".into(),
            member: member::project(&Configuration::default(), &[], &new).member,
            version: 1,
            created_at: 1,
            updated_at: 1,
            settled_at: Some(1),
            enrolled_at: None,
            deleted_at: None,
            account_id: Some(accounts::find_or_create(tx.tx(), &account).await?),
        };
        tx.create_member(&stored).await?;
        let event = NewEvent {
            kind: Kind::MemberCreated,
            member_id: Some(stored.id.clone()),
            team_id: None,
            before: None,
            after: Some(json!({})),
        };
        let sequence = standing.sequence + 1;
        let cause = Cause::Person { name: "product".into() };
        tx.record_event(sequence, &event, &cause, 1).await?;
        tx.wrote(sequence).await?;
        Ok(stored.id)
    };
    server.open().await.administer::<_, store::Error, _>(create).await.unwrap()
}

/// Everything that an organization can see of itself.
async fn everything(server: &TestServer, slug: &str, client: &ScimClient) -> String {
    let (members, teams) = (server.members(slug).await, server.teams(slug).await);
    let events = server.events(slug, 0).await;
    let accounts: Vec<String> =
        members.iter().filter_map(|member| member.stored.account_id.clone()).collect();
    let read = async move |tx: &mut Tx| {
        let mut all = Vec::new();
        for id in &accounts {
            all.push(accounts::get(tx, id).await?);
        }
        Ok(all)
    };
    let accounts = server.open().await.administer::<_, store::Error, _>(read).await.unwrap();
    let id = server.organization(slug).await;
    let read = async move |tx: &mut Tx| OrganizationTx::new(tx, &id).standing().await;
    let standing = server.open().await.administer::<_, store::Error, _>(read).await.unwrap();
    let users = client.get("/Users?sortBy=id").await.expect(200).body;
    let groups = client.get("/Groups?sortBy=id").await.expect(200).body;
    let rules = server.command_text(&format!("rule list --organization {slug}")).await;
    let roles = server.command_text("role list").await;
    let domains = server.command_text(&format!("domain list --organization {slug}")).await;
    format!(
        "{members:#?}{teams:#?}{events:#?}{accounts:#?}{standing:#?}{users}{groups}{rules}{roles}{domains}"
    )
}

/// Whether everybody has been brought to what is configured.
async fn is_done(server: &TestServer, slug: &str) -> bool {
    let id = server.organization(slug).await;
    let read = async move |tx: &mut Tx| store::projections::get(tx, &id).await;
    let run = server.open().await.administer::<_, store::Error, _>(read).await.unwrap();
    run.is_none_or(|run| run.is_done)
}

/// The accounts of an organization's members, by their e-mail addresses.
async fn accounts_of(server: &TestServer, slug: &str) -> Vec<(String, Option<String>)> {
    let members = server.members(slug).await.into_iter();
    let account = |member: store::members::Loaded| {
        let email_address = member.stored.member.email_address().unwrap_or_default().to_owned();
        (email_address, member.stored.account_id)
    };
    members.map(account).collect()
}

#[tokio::test]
async fn one_organization_changes_nothing_of_another() {
    let server = TestServer::start().await;
    let ours = server.client(&server.directory_of("acme", "entra", 0).await);
    let theirs = server.client(&server.directory_of("globex", "entra", 0).await);
    server.command_text("role create owner --precedence 1 --owner").await;
    server.command_text("role create viewer --precedence 2 --default").await;
    server.command_text("rule add --organization globex --group Crew --role owner").await;
    let [_, their_otto, their_crew] = fill(&theirs).await;
    let known = known_to_the_product(&server, "globex", "known@example.com").await;
    server.command_text("domain add example.org --organization globex").await;
    server.command_text("domain verify example.org --organization globex --by-operator").await;
    until("all is brought to them", async || is_done(&server, "globex").await.then_some(())).await;
    let before = everything(&server, "globex", &theirs).await;

    let [ines, otto, crew] = fill(&ours).await;
    let (one, other) = (format!("/Users/{ines}"), format!("/Users/{otto}"));
    // Our people get what theirs have, and lose it again.
    let emails = |address: &str| json!([{"value": address, "type": "work", "primary": true}]);
    for address in ["known@example.com", "otto@example.org", "new@example.com"] {
        ours.patch(&one, set("emails", emails(address))).await.expect(200);
    }
    ours.patch(&one, set("emails", emails("known@example.com"))).await.expect(200);
    ours.patch(&other, set("externalId", json!("ext-ines@example.com"))).await.expect(200);
    let digits = "0123456789abcdef0123456789abcdef";
    ours.patch(&one, set("userName", json!(format!("{digits}ines@example.com")))).await.expect(200);
    ours.patch(&one, set("active", json!(false))).await.expect(200);
    ours.patch(&one, set("active", json!(true))).await.expect(200);
    // Ids of theirs.
    let member = json!([{"op": "add", "path": "members", "value": [{"value": their_otto}]}]);
    ours.patch(&format!("/Groups/{crew}"), member).await.refused(400);
    ours.patch(&other, set(&format!("{ENTERPRISE}:manager"), json!({"value": their_otto})))
        .await
        .expect(200);
    let places = [
        (format!("/Users/{their_otto}"), user("otto@example.org")),
        (format!("/Groups/{their_crew}"), group("Crew")),
    ];
    for (place, body) in places {
        ours.get(&place).await.refused(404);
        ours.patch(&place, set("displayName", json!("Ours"))).await.refused(404);
        ours.put(&place, body).await.refused(404);
        ours.delete(&place).await.refused(404);
    }
    // Nobody who is not verified shares anything.
    let accounts = accounts_of(&server, "acme").await;
    assert!(accounts.iter().all(|(_, account)| account.is_none()), "{accounts:?}");
    let members = server.members("acme").await;
    assert!(members.iter().all(|member| member.stored.id != known));
    assert!(members.iter().all(|member| member.stored.member.state == State::Active));

    // What is verified of ours gives our members accounts, and takes nothing.
    server.command_text("rule add --organization acme --group Crew --role owner").await;
    for domain in ["example.com", "example.org"] {
        server.command_text(&format!("domain add {domain} --organization acme")).await;
        server
            .command_text(&format!("domain verify {domain} --organization acme --by-operator"))
            .await;
    }
    until("our members have accounts", async || {
        let accounts = accounts_of(&server, "acme").await;
        accounts.iter().all(|(_, account)| account.is_some()).then_some(())
    })
    .await;
    for domain in ["example.com", "example.org"] {
        server.command_text(&format!("domain remove {domain} --organization acme")).await;
    }
    until("our members have no accounts", async || {
        let accounts = accounts_of(&server, "acme").await;
        accounts.iter().all(|(_, account)| account.is_none()).then_some(())
    })
    .await;
    ours.patch(&format!("/Groups/{crew}"), set("displayName", json!("Others"))).await.expect(204);
    for place in [&one, &other, &format!("/Groups/{crew}")] {
        ours.delete(place).await.expect(204);
    }
    fill(&ours).await;
    assert_eq!(everything(&server, "globex", &theirs).await, before);
    let known = server.members("globex").await.into_iter().find(|m| m.stored.id == known).unwrap();
    assert!(known.sources.is_empty() && known.stored.account_id.is_some());
}

/// Their own directory does not adopt whom the product has, either, before the domain is verified.
#[tokio::test]
async fn whom_the_product_has_is_adopted_once_the_domain_is_verified() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory_of("globex", "okta", 0).await);
    let known = known_to_the_product(&server, "globex", "ines@example.com").await;
    client.post("/Users", user("ines@example.com")).await.expect(201);
    let members = server.members("globex").await;
    assert_eq!(members.len(), 2, "{members:#?}");
    assert!(members.iter().any(|member| member.stored.id == known && member.sources.is_empty()));
    server.command_text("domain add example.com --organization globex").await;
    server.command_text("domain verify example.com --organization globex --by-operator").await;
    let adopted = until("they are one", async || {
        let mut members = server.members("globex").await;
        (members.len() == 1).then(|| members.remove(0))
    })
    .await;
    assert_eq!((adopted.stored.id, adopted.sources.len()), (known, 1));
}
