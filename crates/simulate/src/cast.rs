//! People and groups whom a scenario takes on for what cannot be undone, under names that are free on the server.
//!
//! The first people of a directory keep their names and are never deleted. So a second run with the same seed finds
//! them and links them, and what an earlier run left behind is in nobody's way.

use crate::Kind;
use crate::call::{Call, equals};
use crate::directory::{Directory, Group, Person};
use crate::run::Run;

/// Generations that are looked through for one whose names are free.
const GENERATIONS: usize = 1000;

/// People whose names, and all that they may be renamed to, nobody on the server has. Empty if there are none such.
pub async fn people(run: &Run<'_>, source: &Directory, tag: &str, count: usize) -> Vec<Person> {
    for generation in 1..GENERATIONS {
        let people = source.draft_people(count, &format!("{tag}{generation}"));
        let names = people.iter().flat_map(Person::possible_names);
        let filters = names.map(|name| equals("userName", &name)).collect();
        if all_free(run, "/Users", filters).await {
            return people;
        }
    }
    Vec::new()
}

/// Groups likewise.
pub async fn groups(run: &Run<'_>, source: &Directory, tag: &str, count: usize) -> Vec<Group> {
    for generation in 1..GENERATIONS {
        let groups = source.draft_groups(count, &format!("{tag}{generation}"));
        let names = groups.iter().flat_map(|group| [group.name.clone(), group.other_name()]);
        let filters = names.map(|name| equals("displayName", &name)).collect();
        if all_free(run, "/Groups", filters).await {
            return groups;
        }
    }
    Vec::new()
}

async fn all_free(run: &Run<'_>, endpoint: &'static str, filters: Vec<String>) -> bool {
    let case = if run.options.kind == Kind::Entra { "E-10" } else { "O-16" };
    let free = async |filter: String| {
        let mut call = Call::query(endpoint).verifying();
        if endpoint == "/Groups" {
            call = call.with("excludedAttributes", "members");
        }
        let list = run.client.list(call.with("filter", filter), case).await;
        // A server that cannot answer, or answers with everybody, has no names to protect.
        list.is_none_or(|list| list.resources.len() != 1)
    };
    let Some((first, others)) = filters.split_first() else { return true };
    free(first.clone()).await
        && run.each("free names", others.to_vec(), free).await.into_iter().all(|free| free)
}
