//! What operators configure of members: roles, rules, what directories may do, slugs of teams. Each
//! change has the members of the organizations concerned looked at again.

mod directories;
mod mappings;
mod roles;
mod rules;
mod team_slugs;

use serde_json::Value;
use store::{Tx, organizations, projections, projections::Projection};

use crate::harness::TestStore;

/// The latest run of an organization.
async fn run_of(store: &TestStore, slug: &str) -> Option<Projection> {
    let (store, slug) = (store.open().await, slug.to_owned());
    let get = async move |tx: &mut Tx| organizations::get(tx, &slug).await;
    let organization = store.look_up::<_, store::Error, _>(get).await.unwrap().unwrap();
    let get = async move |tx: &mut Tx| projections::get(tx, &organization.id).await;
    store.look_up::<_, store::Error, _>(get).await.unwrap()
}

/// Whether a command has begun a run of each of the organizations, and for what reason.
async fn begins(store: &TestStore, slugs: &[&str], command: &str) -> Vec<Option<String>> {
    let mut before = Vec::new();
    for slug in slugs {
        before.push(run_of(store, slug).await.map(|run| run.id));
    }
    store.command(command).await;
    let mut begun = Vec::new();
    for (slug, before) in slugs.iter().zip(before) {
        let run = run_of(store, slug).await.filter(|run| Some(&run.id) != before.as_ref());
        begun.push(run.map(|run| run.reason));
    }
    begun
}

/// Has a command begun a run of `acme` for this reason?
async fn begun(store: &TestStore, reason: &str, command: &str) {
    assert_eq!(begins(store, &["acme"], command).await, [Some(reason.to_owned())], "{command}");
}

/// A command that changes nothing has nobody looked at.
async fn nothing_begun(store: &TestStore, command: &str) {
    assert_eq!(begins(store, &["acme"], command).await, [None], "{command}");
}

/// What a command that fails says: one line.
async fn refused(store: &TestStore, status: i32, command: &str) -> String {
    let output = store.command_output(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{command}: {said}");
    assert!(output.stdout.is_empty(), "{command}");
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{command}: {said}");
    said
}

/// Commands that are refused with a status and a text, and change nothing.
async fn all_refused(store: &TestStore, refusals: &[(i32, &str, &str)]) {
    let before = run_of(store, "acme").await;
    for (status, command, expected) in refusals {
        let said = refused(store, *status, command).await;
        assert!(said.contains(expected), "{command}: {said}");
    }
    assert_eq!(run_of(store, "acme").await, before);
}

/// One field of each of a list.
fn each(list: &Value, field: &str) -> Vec<String> {
    let all = list.as_array().unwrap().iter();
    all.map(|one| match &one[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
    .collect()
}
