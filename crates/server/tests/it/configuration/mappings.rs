use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use store::{Tx, directories};

use super::{all_refused, begun, each, nothing_begun};
use crate::harness::{BINARY, TestStore, blocking};

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department";

/// A file of the test with this text; its path.
fn file(store: &TestStore, name: &str, text: &str) -> String {
    let path = store.data().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The lines with these paths, as `target` or `template.target`, with whether they are defaults.
fn lines_for(shown: &Value, source: &str) -> Vec<(String, bool)> {
    let lines = shown["lines"].as_array().unwrap().iter();
    lines
        .filter(|line| line["source"] == source)
        .map(|line| {
            let target = line["target"].as_str().unwrap();
            let template = line["template"].as_str().map(|template| format!("{template}."));
            (format!("{}{target}", template.unwrap_or_default()), line["default"] == true)
        })
        .collect()
}

#[tokio::test]
async fn mappings_are_shown_set_and_cleared() {
    let store = TestStore::new().await;
    let id = store.directory("entra", 0).await.id;
    let show = async || store.command(&format!("mapping show {id}")).await;
    let defaults = show().await;
    assert_eq!((&defaults["directory"], &defaults["mapping"]), (&json!(id), &json!({})));
    assert_eq!(defaults["mistakes"], json!([]));
    assert_eq!(lines_for(&defaults, "userName"), [("username".to_owned(), true)]);
    assert!(each(&defaults["lines"], "default").iter().all(|is_default| is_default == "true"));
    let text = store.command_text(&format!("mapping show {id}")).await;
    assert!(text.lines().any(|l| l.contains("-> username") && l.ends_with("(default)")), "{text}");

    // As the file was written, in its order.
    let template = "{{ value | downcase | replace: \"acme-admins\", \"org:admin\" }}";
    let overrides = json!({
        DEPARTMENT: "public_metadata.department",
        "groups[*].displayName": format!("{template}.organization_role"),
        "nickName": ["display_name", "public_metadata.nick"],
        "userName": null,
    });
    let saved = file(&store, "mapping.json", &json!({"mapping": overrides}).to_string());
    let set = format!("mapping set {id} {saved}");
    begun(&store, "attribute_mapping", &set).await;
    nothing_begun(&store, &set).await;
    let shown = show().await;
    assert_eq!(shown["mapping"].to_string(), overrides.to_string());
    assert_eq!(lines_for(&shown, DEPARTMENT), [("public_metadata.department".to_owned(), false)]);
    let of_groups = lines_for(&shown, "groups[*].displayName");
    assert_eq!(of_groups, [(format!("{template}.organization_role"), false)]);
    assert_eq!(lines_for(&shown, "nickName").len(), 2);
    assert_eq!(lines_for(&shown, "userName"), []);
    assert_eq!(store.command(&set).await["lines"], shown["lines"]);
    // As the engine reads it.
    let key = id.clone();
    let read = async move |tx: &mut Tx| directories::policies_of(tx, &key).await;
    let kept = store.open().await.look_up::<_, store::Error, _>(read).await.unwrap().unwrap();
    assert_eq!(kept.attribute_mapping, Some(overrides.to_string()));

    // What was shown can be set again.
    let again = json!({"mapping": shown["mapping"]}).to_string();
    nothing_begun(&store, &format!("mapping set {id} {}", file(&store, "again.json", &again)))
        .await;
    // Another takes the place of the first.
    let other = file(&store, "other.json", r#"{"mapping": {"title": "public_metadata.title"}}"#);
    begun(&store, "attribute_mapping", &format!("mapping set {id} {other}")).await;
    assert_eq!(show().await["mapping"], json!({"title": "public_metadata.title"}));
    let text = store.command_text(&format!("mapping set {id} {other}")).await;
    assert!(text.starts_with("saved; in force are\ntitle "), "{text}");
    begun(&store, "attribute_mapping", &format!("mapping clear {id}")).await;
    nothing_begun(&store, &format!("mapping clear {id}")).await;
    assert_eq!(show().await, defaults);
}

#[tokio::test]
async fn every_mistake_is_said_with_its_place() {
    let store = TestStore::new().await;
    let id = store.directory("okta", 0).await.id;
    let wrong = file(
        &store,
        "wrong.json",
        r#"{"mapping": {"nickName": "displayname", "colour": "username",
            "title": "{{ value | shout }}.locale", "locale": 7, "displayName": "display_name"}}"#,
    );
    let set = format!("mapping set {id} {wrong}");
    let output = store.command_output(&set).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
    let places: Vec<&str> = said.lines().filter(|line| line.starts_with("/mapping/")).collect();
    assert_eq!(places.len(), 4, "{said}");
    for (place, pointer) in places.iter().zip(["nickName", "colour", "title", "locale"]) {
        assert!(place.starts_with(&format!("/mapping/{pointer}: ")), "{place}");
    }
    assert!(said.contains('^') && said.contains("shout"), "{said}");
    assert!(said.ends_with("error: the mapping is not saved; mistakes in it: 4\n"), "{said}");

    let output = store.command_output(&format!("{set} --json")).await;
    assert_eq!(output.status.code(), Some(2));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["directory"], *id);
    let pointers = each(&told["mistakes"], "pointer");
    assert_eq!(
        pointers.join(" "),
        "/mapping/nickName /mapping/colour /mapping/title /mapping/locale"
    );
    assert_eq!(told["mistakes"][1]["part"], "path");
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
    // Nothing of it is saved.
    assert_eq!(store.command(&format!("mapping show {id}")).await["mapping"], json!({}));
}

#[tokio::test]
async fn files_are_refused() {
    let store = TestStore::new().await;
    let id = store.directory("okta", 0).await.id;
    let set = |name: &str, text: &str| format!("mapping set {id} {}", file(&store, name, text));
    let large = format!("{{\"mapping\": {{\"title\": \"{}\"}}}}", "x".repeat(1 << 18));
    let elsewhere = file(&store, "fine.json", r#"{"mapping": {}}"#);
    all_refused(
        &store,
        &[
            (2, &set("a", "{"), "`{\"mapping\": {…}}`"),
            (2, &set("b", "[]"), "`{\"mapping\": {…}}`"),
            (2, &set("c", "{}"), "missing field `mapping`"),
            (2, &set("d", r#"{"mapping": ["title"]}"#), "an object of SCIM paths"),
            (2, &set("e", r#"{"mapping": null}"#), "an object of SCIM paths"),
            (2, &set("f", r#"{"mapping": {}, "lines": []}"#), "unknown field `lines`"),
            (
                2,
                &set("g", r#"{"mapping": {"title": "username", "title": "locale"}}"#),
                "`title` is there twice",
            ),
            (2, &set("h", &large), "at most 262144 bytes"),
            (2, &format!("mapping set {id} nowhere.json"), "nowhere.json"),
            // Standard input, which has nothing here.
            (2, &format!("mapping set {id} -"), "`{\"mapping\": {…}}`"),
            (2, &format!("mapping set {id}"), "FILE"),
            (1, &format!("mapping set dir-none {elsewhere}"), "`dir-none`"),
            (1, "mapping show dir-none", "`dir-none`"),
            (1, "mapping clear dir-none", "`dir-none`"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_mapping_comes_from_standard_input() {
    let store = TestStore::new().await;
    let id = store.directory("entra", 0).await.id;
    let mut command = Command::new(BINARY);
    command.args(["mapping", "set", &id, "-"]).args(store.arguments());
    let output = blocking(move || {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(br#"{"mapping": {"title": "public_metadata.title"}}"#).unwrap();
        drop(input);
        child.wait_with_output().unwrap()
    })
    .await;
    assert!(output.status.success() && output.stdout.starts_with(b"saved"));
    let shown = store.command(&format!("mapping show {id}")).await;
    assert_eq!(shown["mapping"], json!({"title": "public_metadata.title"}));
}

/// Of a schema that the directory declares, a mapping names what is declared; what is not declared
/// any more is still mapped, and shown.
#[tokio::test]
async fn declared_attributes_are_mapped() {
    let store = TestStore::new().await;
    let id = store.directory("okta", 0).await.id;
    let uri = "urn:example:scim:badges:1.0:User";
    let declare = async |attribute: &str| {
        let schema = json!({
            "id": uri, "name": "Badges", "attributes": [{ "name": attribute, "type": "string" }],
        });
        let schema = file(&store, "schema.json", &schema.to_string());
        store.command(&format!("directory schema add {id} {schema}")).await;
    };
    let set = |attribute: &str| {
        let mapping = json!({"mapping": {format!("{uri}:{attribute}"): "public_metadata.badge"}});
        format!("mapping set {id} {}", file(&store, attribute, &mapping.to_string()))
    };
    declare("badgeNumber").await;
    let refused = store.command_output(&set("floor")).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("floor"));
    begun(&store, "attribute_mapping", &set("badgeNumber")).await;
    let show = format!("mapping show {id}");
    let own = |shown: &Value| {
        each(&shown["lines"], "default").iter().filter(|is_default| *is_default == "false").count()
    };
    let shown = store.command(&show).await;
    assert_eq!((own(&shown), &shown["mistakes"]), (1, &json!([])));

    declare("floor").await;
    let shown = store.command(&show).await;
    assert_eq!(shown["mapping"].as_object().unwrap().len(), 1);
    assert_eq!((own(&shown), each(&shown["mistakes"], "part")), (1, vec!["path".to_owned()]));
    let text = store.command_text(&show).await;
    assert!(text.contains("could not be saved now") && text.contains("badgeNumber"), "{text}");
}
