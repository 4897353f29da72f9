//! Members, teams and accounts on the command line.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, until, user};

async fn create(client: &ScimClient, name: &str) -> String {
    client.post("/Users", user(name)).await.expect(201).id()
}

async fn create_group(client: &ScimClient, name: &str, members: &[&str]) -> String {
    let mut body = group(name);
    body["members"] = members.iter().map(|id| json!({"value": id})).collect();
    client.post("/Groups", body).await.expect(201).id()
}

fn set(path: &str, value: Value) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

async fn list(server: &TestServer, filter: &str) -> Value {
    server.command(format!("member list --organization acme {filter}").trim_end()).await
}

/// The e-mail addresses of a list.
async fn addresses(server: &TestServer, filter: &str) -> Vec<String> {
    let listed = list(server, filter).await;
    let members = listed["members"].as_array().unwrap().iter();
    let address = |member: &Value| member["fields"]["email_address"].as_str().map(str::to_owned);
    members.map(|member| address(member).unwrap_or_else(|| "none".into())).collect()
}

async fn show(server: &TestServer, who: &str) -> Value {
    server.command(&format!("member show {who} --organization acme")).await
}

async fn refused(server: &TestServer, arguments: &str, status: i32, words: &[&str]) {
    let output: Output = server.command_output(arguments).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{arguments}: `{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn members_are_found() {
    let (server, client) = TestServer::with_client().await;
    let mut ids = Vec::new();
    for (name, given) in [("ada", "Ada"), ("bo", "BJØRN"), ("cy", "Cyrus"), ("di", "Dilan")] {
        let mut user = user(&format!("{name}@example.com"));
        user["name"] = json!({"givenName": given, "familyName": "Lindqvist"});
        user["displayName"] = json!(format!("{given} L."));
        ids.push(client.post("/Users", user).await.expect(201).id());
    }
    let mut nobody = user("nobody");
    nobody.as_object_mut().unwrap().remove("emails");
    client.post("/Users", nobody).await.expect(201);
    create_group(&client, "The Crew", &[&ids[0], &ids[2]]).await;
    client.patch(&format!("/Users/{}", ids[3]), set("active", json!(false))).await.expect(200);

    let everybody = ["ada@example.com", "bo@example.com", "cy@example.com", "di@example.com"];
    let all = addresses(&server, "").await;
    assert_eq!((&all[..4], &*all[4]), (&everybody.map(str::to_owned)[..], "none"));
    for (filter, found) in [
        ("--state active", &everybody[..3]),
        ("--state deactivated", &everybody[3..]),
        ("--state incomplete", &["none"]),
        ("--state deleted", &[]),
        ("--team the-crew", &["ada@example.com", "cy@example.com"]),
        ("--team the-crew --search CYR", &["cy@example.com"]),
        ("--search bjørn", &["bo@example.com"]),
        ("--search DI@EXAMPLE", &["di@example.com"]),
        ("--search ext-ada@", &["ada@example.com"]),
        ("--search nobody", &["none"]),
        ("--search LINDQVIST --state active --limit 2", &everybody[..2]),
        ("--search nowhere", &[]),
        ("--role admin", &[]),
    ] {
        assert_eq!(addresses(&server, filter).await, found, "{filter}");
    }
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let page = list(&server, &format!("--limit 2 {after}")).await;
        let members = page["members"].as_array().unwrap();
        assert!(members.len() <= 2);
        pages.extend(members.iter().map(|member| member["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(members.last().unwrap()["id"], next);
        after = format!("--after {next}");
    }
    let whole = list(&server, "").await;
    let whole = whole["members"].as_array().unwrap();
    assert_eq!(pages, whole.iter().map(|member| member["id"].clone()).collect::<Vec<_>>());

    let shown = server.command_text("member list --organization acme --limit 2").await;
    assert!(shown.contains("Ada L.") && shown.contains("more: --after mem-"), "{shown}");
    let shown = server.command_text("member list --organization acme --state incomplete").await;
    assert!(shown.contains("no e-mail address"), "{shown}");

    for (arguments, status, words) in [
        ("member list --organization globex", 1, "no organization `globex`"),
        ("member list --organization acme --team crew", 1, "`acme` has no team `crew`"),
        ("member list --organization acme --limit 0", 2, "1 to 1000"),
        ("member list --organization acme --limit 1001", 2, "1 to 1000"),
        ("member list --organization acme --state gone", 2, "active, deactivated"),
        ("member show who@example.com --organization acme", 1, "no member `who@example.com`"),
        ("member show mem-0 --organization acme", 1, "no member `mem-0`"),
        ("member show ada@example.com --organization globex", 1, "no organization `globex`"),
        ("member events mem-0 --organization acme", 1, "no member `mem-0`"),
    ] {
        refused(&server, arguments, status, &[words]).await;
    }
}

#[tokio::test]
async fn a_member_is_shown_with_reasons() {
    let (server, client) = TestServer::with_client().await;
    let directory = server.command("directory list").await[0]["id"].as_str().unwrap().to_owned();
    let id = create(&client, "ada@example.com").await;
    let other = json!([{"value": "ada.l@example.com", "type": "work"}]);
    let changed = client.patch(&format!("/Users/{id}"), set("emails", other)).await.expect(200);
    let request = changed.header("x-request-id").to_owned();
    create_group(&client, "The Crew", &[&id]).await;

    let member = show(&server, "ADA.L@example.com").await;
    assert_eq!((&member["state"], &member["organization"]), (&json!("active"), &json!("acme")));
    let named = format!("directory `{directory}` (generic)");
    assert_eq!(member["reason"], format!("active in {named}"));
    let email = &member["fields"]["email_address"];
    assert_eq!((&email["value"], &email["locked"]), (&json!("ada.l@example.com"), &json!(true)));
    let reason = email["reason"].as_str().unwrap();
    assert!(reason.contains("emails") && reason.ends_with(&format!("of {named}")), "{reason}");
    assert_eq!(member["earlier_addresses"], json!(["ada@example.com"]));
    assert_eq!(member["teams"][0]["slug"], "the-crew");
    let source = &member["sources"][0];
    assert_eq!(
        [&source["directory_id"], &source["user_id"], &source["user_name"], &source["linked_by"]],
        [&json!(directory), &json!(id), &json!("ada@example.com"), &json!("created")]
    );
    assert_eq!(member["account"], json!(null));
    let kinds = |events: &Value| -> Vec<String> {
        let events = events.as_array().unwrap().iter();
        events.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    let expected = ["team.member_added", "member.updated", "member.created"];
    assert_eq!(kinds(&member["events"]), expected);
    let update = &member["events"][1];
    assert_eq!(update["cause"]["kind"], "request");
    assert_eq!(update["cause"]["directory_id"], json!(directory));
    assert_eq!(update["cause"]["id"], json!(request));
    assert_eq!(update["before"]["email_address"]["value"], "ada@example.com");
    assert_eq!(update["after"]["email_address"]["value"], "ada.l@example.com");

    let member_id = member["id"].as_str().unwrap();
    let events = format!("member events {member_id} --organization acme");
    assert_eq!(kinds(&server.command(&events).await), expected);
    assert_eq!(kinds(&server.command(&format!("{events} --limit 1")).await), expected[..1]);
    let told = server.command_text(&events).await;
    let change = "email_address: `ada@example.com` → `ada.l@example.com`";
    assert!(told.contains(change) && told.contains(&named), "{told}");
    let told = server.command_text(&format!("member show {member_id} --organization acme")).await;
    for words in [
        change,
        "ada.l@example.com (mem-",
        &named,
        "team: The Crew (the-crew)",
        "earlier e-mail address: ada@example.com",
        "account: none",
        "linked to: ada@example.com",
    ] {
        assert!(told.contains(words), "`{words}` is not in: {told}");
    }

    client.delete(&format!("/Users/{id}")).await.expect(204);
    let gone = show(&server, member_id).await;
    assert_eq!(
        (&gone["state"], &gone["reason"]),
        (&json!("deleted"), &json!("deleted in the directory, and in no other"))
    );
    assert!(gone["deleted_at"].is_string());
    assert_eq!(addresses(&server, "--state deleted").await, ["ada.l@example.com"]);
    assert!(addresses(&server, "").await.is_empty());
    let nobody = "member show ada.l@example.com --organization acme";
    refused(&server, nobody, 1, &["no member `ada.l@example.com`"]).await;
}

#[tokio::test]
async fn teams_are_shown() {
    let (server, client) = TestServer::with_client().await;
    let ada = create(&client, "ada@example.com").await;
    let crew = create_group(&client, "The Crew", &[&ada]).await;
    create_group(&client, "Band", &[]).await;
    let listed = server.command("team list --organization acme").await;
    let told = |at: usize| ["slug", "name", "members", "groups"].map(|key| listed[at][key].clone());
    assert_eq!(told(0), [json!("band"), json!("Band"), json!(0), json!(1)]);
    assert_eq!(told(1), [json!("the-crew"), json!("The Crew"), json!(1), json!(1)]);

    client.patch(&format!("/Groups/{crew}"), set("displayName", json!("Crew"))).await.expect(204);
    let team = server.command("team show crew --organization acme").await;
    assert_eq!(team["id"], listed[1]["id"]);
    assert_eq!(team["sources"][0]["group_id"], json!(crew));
    assert_eq!(team["sources"][0]["display_name"], "Crew");
    assert_eq!(team["events"][0]["kind"], "team.updated");
    let id = team["id"].as_str().unwrap();
    client.delete(&format!("/Groups/{crew}")).await.expect(204);
    assert!(
        server.command(&format!("team show {id} --organization acme")).await["deleted_at"]
            .is_string()
    );
    refused(&server, "team show crew --organization acme", 1, &["no team `crew`"]).await;

    let told = server.command_text("team list --organization acme").await;
    assert!(told.contains("band") && !told.contains("crew"), "{told}");
    let told = server.command_text(&format!("team show {id} --organization acme")).await;
    assert!(told.contains("name: `The Crew` → `Crew`") && told.contains("deleted: "), "{told}");
}

#[tokio::test]
async fn members_of_the_product() {
    let (server, _) = TestServer::with_client().await;
    let create = "member create --organization acme --email Ada@example.com --first-name Ada \
                  --external-id 7 --username ada --locale de";
    let member = server.command(create).await;
    let id = member["id"].as_str().unwrap().to_owned();
    let state = |member: &Value| member["state"].as_str().unwrap().to_owned();
    assert_eq!((&*state(&member), &member["by_product"]), ("active", &json!(true)));
    assert_eq!(member["fields"]["first_name"]["reason"], "set by hand");
    assert_eq!(member["fields"]["first_name"]["locked"], false);
    // Nobody has verified anything: the product says whose the address is.
    assert_eq!(member["account"]["email_address"], "Ada@example.com");
    assert_eq!(member["events"][0]["kind"], "member.created");
    assert_eq!(member["events"][0]["cause"]["kind"], "person");

    let update = |fields: &str| format!("member update {id} --organization acme {fields}");
    let changed = server.command(&update("last_name=Lund locale= public_metadata.desk=4")).await;
    assert_eq!(changed["fields"]["last_name"]["value"], "Lund");
    assert_eq!(changed["fields"]["public_metadata.desk"]["value"], "4");
    assert_eq!(changed["fields"]["locale"], json!(null));
    let version = &changed["version"];
    let again = server.command(&update("last_name=Lund")).await;
    assert_eq!((&again["version"], &again["events"]), (version, &changed["events"]));

    let other = server.command(&update("email_address=ada@other.example")).await;
    assert_eq!(other["earlier_addresses"], json!(["Ada@example.com"]));
    assert_eq!(other["account"]["email_address"], "ada@other.example");
    assert_ne!(other["account"]["id"], member["account"]["id"]);

    for verb in ["deactivate", "reactivate"] {
        let done =
            server.command(&format!("member {verb} ada@other.example --organization acme")).await;
        let expected = if verb == "deactivate" { "deactivated" } else { "active" };
        assert_eq!((&*state(&done), &done["id"]), (expected, &json!(id)));
        assert_eq!(done["reason"], "set by hand");
        assert_eq!(done["events"][0]["kind"], format!("member.{verb}d"));
    }

    let bo = server.command("member create --organization acme --email bo@example.com").await;
    let bo = bo["id"].as_str().unwrap().to_owned();
    for (arguments, status, words) in [
        (
            "member create --organization acme --email ADA@other.example".to_owned(),
            1,
            format!("is that of member `{id}`"),
        ),
        (update("email_address=bo@example.com"), 1, format!("is that of member `{bo}`")),
        (update("email_address="), 2, "needs an e-mail address".into()),
        (update("email_address=ada"), 2, "`ada` is no e-mail address".into()),
        (update("organization_role=king"), 2, "no declared role".into()),
        (update("nickname=A"), 2, "`nickname` is no target".into()),
        (update("active=perhaps"), 2, "`true` or `false`".into()),
        (update("first_name"), 2, "FIELD=VALUE".into()),
        (update(&format!("first_name={}", "x".repeat(5000))), 2, "at most 4096 bytes".into()),
        ("member create --organization globex --email a@b.example".into(), 1, "globex".into()),
        ("member create --organization acme --email ada".into(), 2, "no e-mail address".into()),
        ("member delete mem-0 --organization acme".into(), 1, "no member `mem-0`".into()),
    ] {
        refused(&server, &arguments, status, &[&words]).await;
    }
    // What was refused has left nothing.
    assert_eq!(addresses(&server, "").await, ["ada@other.example", "bo@example.com"]);
    assert_eq!(show(&server, &id).await["fields"]["first_name"]["value"], "Ada");

    let delete = format!("member delete {id} --organization acme");
    assert_eq!(server.command(&delete).await, json!({"id": id, "state": "deleted"}));
    let gone = show(&server, &id).await;
    assert_eq!((&*state(&gone), &gone["reason"]), ("deleted", &json!("set by hand")));
    assert_eq!(gone["events"][0]["kind"], "member.deleted");
    refused(&server, &delete, 1, &["is deleted"]).await;
    refused(&server, &update("first_name=A"), 1, &["is deleted"]).await;
    // The address is free again, for somebody new.
    let next = server.command("member create --organization acme --email ada@other.example").await;
    assert_ne!(next["id"], json!(id));
}

#[tokio::test]
async fn what_a_directory_provides_is_locked() {
    let (server, client) = TestServer::with_client().await;
    let directory = server.command("directory list").await[0]["id"].as_str().unwrap().to_owned();
    let id = create(&client, "ada@example.com").await;
    let named = format!("directory `{directory}` (generic)");
    let before = show(&server, "ada@example.com").await;
    let update =
        |fields: &str| format!("member update ada@example.com --organization acme {fields}");
    for field in ["first_name=A", "email_address=a@example.com", "active=false", "username="] {
        let target = field.split_once('=').unwrap().0;
        refused(&server, &update(field), 1, &[&format!("`{target}`"), &named]).await;
    }
    // One of several: none is set.
    refused(&server, &update("locale=de first_name=A"), 1, &["`first_name`", &named]).await;
    for verb in ["deactivate", "delete"] {
        let arguments = format!("member {verb} ada@example.com --organization acme");
        refused(&server, &arguments, 1, &[&named]).await;
    }
    assert_eq!(show(&server, "ada@example.com").await, before);

    // What it does not provide can be set, and stays when it writes.
    let changed = server.command(&update("locale=de private_metadata.plan=b")).await;
    assert_eq!(changed["fields"]["locale"]["reason"], "set by hand");
    client.patch(&format!("/Users/{id}"), set("name.givenName", json!("Ida"))).await.expect(200);
    let later = show(&server, "ada@example.com").await;
    assert_eq!(later["fields"]["first_name"]["value"], "Ida");
    assert_eq!(later["fields"]["private_metadata.plan"]["value"], "b");
    // Until it provides that as well.
    let french = set("preferredLanguage", json!("fr"));
    client.patch(&format!("/Users/{id}"), french).await.expect(200);
    assert_eq!(show(&server, "ada@example.com").await["fields"]["locale"]["value"], "fr");
    refused(&server, &update("locale=de"), 1, &["`locale`", &named]).await;

    client.delete(&format!("/Users/{id}")).await.expect(204);
    refused(&server, &update("locale=de"), 1, &["no member `ada@example.com`"]).await;
}

/// What the product had before any directory is taken over where the e-mail domain is verified, and
/// nowhere else.
#[tokio::test]
async fn adoption_needs_a_verified_domain() {
    let (server, client) = TestServer::with_client().await;
    server.command("domain add proved.example --organization acme").await;
    server.command("domain verify proved.example --organization acme --by-operator").await;
    let product = async |email: &str| {
        let create = format!("member create --organization acme --email {email} --locale de");
        server.command(&create).await
    };
    let (ada, bo) = (product("ada@proved.example").await, product("bo@claimed.example").await);

    create(&client, "Ada@Proved.example").await;
    let adopted = show(&server, "ada@proved.example").await;
    assert_eq!((&adopted["id"], &adopted["account"]), (&ada["id"], &ada["account"]));
    assert_eq!(adopted["sources"][0]["linked_by"], "email_address");
    assert_eq!(adopted["fields"]["first_name"]["value"], "Ines");
    assert_eq!(adopted["fields"]["locale"]["value"], "de");

    let user_id = create(&client, "bo@claimed.example").await;
    let mine = show(&server, "bo@claimed.example").await;
    assert_eq!((&mine["id"], &mine["sources"]), (&bo["id"], &json!([])));
    assert_eq!(mine["version"], bo["version"]);
    let waiting = list(&server, "--state incomplete").await;
    let waiting = waiting["members"][0].clone();
    assert_eq!(waiting["account_id"], json!(null));
    let shown = show(&server, waiting["id"].as_str().unwrap()).await;
    let reason = shown["reason"].as_str().unwrap();
    assert!(
        reason.contains(&format!("that of member `{}`", bo["id"].as_str().unwrap())),
        "{reason}"
    );
    let told = server.command_text("member list --organization acme --state incomplete").await;
    assert!(told.contains("wants an address that is taken"), "{told}");

    // Once it is verified they turn out to be the same.
    server.command("domain add claimed.example --organization acme").await;
    server.command("domain verify claimed.example --organization acme --by-operator").await;
    let one = until("the user is the product's member", async || {
        let member = show(&server, "bo@claimed.example").await;
        (member["sources"] != json!([])).then_some(member)
    })
    .await;
    assert_eq!((&one["id"], &one["sources"][0]["user_id"]), (&bo["id"], &json!(user_id)));
    assert_eq!(one["account"], bo["account"]);
    let merged = show(&server, waiting["id"].as_str().unwrap()).await;
    assert_eq!(merged["state"], "deleted");
}

/// Whom only a directory knows has an account as long as the domain is verified.
#[tokio::test]
async fn accounts_are_shared_by_verified_domains() {
    let (server, client) = TestServer::with_client().await;
    let globex = server.client(&server.directory_of("globex", "okta", 0).await);
    create(&client, "ada@example.com").await;
    create(&globex, "Ada@example.com").await;
    refused(&server, "account show ada@example.com", 1, &["there is no account"]).await;

    let verify = async |organization: &str| {
        server.command(&format!("domain add example.com --organization {organization}")).await;
        let verify = format!("domain verify example.com --organization {organization}");
        server.command(&format!("{verify} --by-operator")).await;
    };
    verify("acme").await;
    let account = async |organization: &str| {
        let show = format!("member show ada@example.com --organization {organization}");
        server.command(&show).await["account"].clone()
    };
    let of_acme = until("the account of acme's member", async || {
        Some(account("acme").await).filter(|account| !account.is_null())
    })
    .await;
    assert_eq!(account("globex").await, json!(null));
    verify("globex").await;
    until("the same account", async || (account("globex").await == of_acme).then_some(())).await;

    let shown = server.command("account show ADA@example.com").await;
    assert_eq!(shown["id"], of_acme["id"]);
    let organizations = |shown: &Value| -> Vec<Value> {
        let all = shown["memberships"].as_array().unwrap().iter();
        all.map(|membership| membership["organization"].clone()).collect()
    };
    assert_eq!(organizations(&shown), ["acme", "globex"]);
    assert_eq!(shown["memberships"][0]["state"], "active");
    let told =
        server.command_text(&format!("account show {}", shown["id"].as_str().unwrap())).await;
    assert!(told.contains("acme") && told.contains("globex"), "{told}");

    server.command("domain remove example.com --organization acme").await;
    until("the account ends", async || account("acme").await.is_null().then_some(())).await;
    let shown = server.command("account show ada@example.com").await;
    assert_eq!(organizations(&shown), ["globex"]);
}

/// Roles by rules are locked; by hand they can be given where no rule gives one, and nobody takes the
/// last owner's away.
#[tokio::test]
async fn roles_by_hand() {
    let (server, client) = TestServer::with_client().await;
    for role in
        ["owner --precedence 1 --owner", "admin --precedence 10", "user --precedence 99 --default"]
    {
        server.command(&format!("role create {role}")).await;
    }
    server.command("rule add --organization acme --group Admins* --role admin").await;
    let ada = create(&client, "ada@example.com").await;
    create(&client, "bo@example.com").await;
    create_group(&client, "Admins of the crew", &[&ada]).await;

    let role = |member: &Value| member["role"]["value"].as_str().unwrap().to_owned();
    let shown = show(&server, "ada@example.com").await;
    assert_eq!((&*role(&shown), &shown["role"]["locked"]), ("admin", &json!(true)));
    let reason = shown["role"]["reason"].as_str().unwrap();
    assert!(reason.contains("group `Admins of the crew` of directory `"), "{reason}");
    assert!(reason.contains("for `Admins*`"), "{reason}");
    let give = |who: &str, role: &str| {
        format!("member update {who}@example.com --organization acme organization_role={role}")
    };
    refused(&server, &give("ada", "owner"), 1, &["`organization_role`", "Admins of the crew"])
        .await;

    let bo = show(&server, "bo@example.com").await;
    assert_eq!((&*role(&bo), &bo["role"]["reason"]), ("user", &json!("the default role")));
    let bo = server.command(&give("bo", "owner")).await;
    assert_eq!((&*role(&bo), &bo["role"]["reason"]), ("owner", &json!("set by hand")));
    assert_eq!(addresses(&server, "--role owner").await, ["bo@example.com"]);
    assert_eq!(bo["events"][0]["kind"], "member.role_changed");
    for last in [give("bo", "user"), give("bo", "")] {
        refused(&server, &last, 1, &["is the last owner of `acme`"]).await;
    }
    let cy = "member create --organization acme --email cy@example.com --role owner";
    assert_eq!(role(&server.command(cy).await), "owner");
    assert_eq!(role(&server.command(&give("bo", "")).await), "user");
    for verb in ["deactivate", "delete"] {
        let last = format!("member {verb} cy@example.com --organization acme");
        refused(&server, &last, 1, &["is the last owner of `acme`"]).await;
    }

    // What a directory wants of the last owner is held, and shown.
    server.command(&give("bo", "owner")).await;
    server.command("member delete cy@example.com --organization acme").await;
    let bo = show(&server, "bo@example.com").await;
    let user_id = bo["sources"][0]["user_id"].as_str().unwrap();
    client.patch(&format!("/Users/{user_id}"), set("active", json!(false))).await.expect(200);
    let held = show(&server, "bo@example.com").await;
    assert_eq!(held["state"], "active");
    let reason = held["held_reason"].as_str().unwrap();
    assert!(reason.contains("deactivated") && reason.contains("last owner"), "{reason}");
    let told = server.command_text("member list --organization acme --search bo@").await;
    assert!(told.contains("held: last owner"), "{told}");
    server.command("member create --organization acme --email di@example.com --role owner").await;
    assert_eq!(show(&server, "bo@example.com").await["state"], "deactivated");
}
