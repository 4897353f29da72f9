//! Reads everything back and compares it with what the service believes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Kind;
use crate::call::{Call, equals};
use crate::client::Client;
use crate::report::{Believed, BelievedGroup, BelievedUser, Difference, shorten};
use crate::run::Run;
use crate::target::Target;

/// A user as the service believes it to be held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldUser {
    pub id: String,
    pub values: BTreeMap<Target, Value>,
    /// The manager's id.
    pub manager: Option<String>,
}

impl HeldUser {
    pub fn name(&self) -> &str {
        name(&self.values, USER_NAME)
    }
}

/// A group as the service believes it to be held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldGroup {
    pub id: String,
    pub values: BTreeMap<Target, Value>,
    /// Ids of the members.
    pub members: BTreeSet<String>,
    /// Ids that the server may show as members or not.
    pub undecided: BTreeSet<String>,
}

impl HeldGroup {
    pub fn name(&self) -> &str {
        name(&self.values, DISPLAY_NAME)
    }
}

/// Something that was deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Gone {
    pub endpoint: &'static str,
    pub id: String,
    pub name: String,
}

/// All that the service believes at the end.
#[derive(Clone, Debug, Default)]
pub struct Beliefs {
    pub users: Vec<HeldUser>,
    pub groups: Vec<HeldGroup>,
    pub gone: Vec<Gone>,
}

impl Beliefs {
    /// What they come to, for whoever compares it with something else.
    pub fn believed(&self) -> Believed {
        let user = |held: &HeldUser| {
            let email = EMAILS.iter().find_map(|target| held.values.get(target)?.as_str());
            BelievedUser {
                id: held.id.clone(),
                user_name: held.name().to_owned(),
                email: email.filter(|email| !email.is_empty()).map(str::to_owned),
                // Who was found and linked is on unless somebody switched them off.
                active: held.values.get(&ACTIVE) != Some(&Value::Bool(false)),
            }
        };
        let group = |held: &HeldGroup| BelievedGroup {
            id: held.id.clone(),
            name: held.name().to_owned(),
            members: held.members.clone(),
            undecided: held.undecided.clone(),
        };
        Believed {
            users: self.users.iter().map(user).collect(),
            groups: self.groups.iter().map(group).collect(),
        }
    }
}

pub const USER_NAME: Target = Target::Plain("userName");
pub const DISPLAY_NAME: Target = Target::Plain("displayName");
pub const ACTIVE: Target = Target::Plain("active");
/// Where the services write an address.
const EMAILS: [Target; 2] =
    [Target::Typed("emails", "work", "value"), Target::Primary("emails", "value")];
pub const MANAGER: Target = Target::Enterprise("manager");
pub const MANAGER_VALUE: Target = Target::EnterpriseSub("manager", "value");

fn name(values: &BTreeMap<Target, Value>, target: Target) -> &str {
    values.get(&target).and_then(Value::as_str).unwrap_or_default()
}

/// The values that are not held as believed: the place, what is believed, what is held. `null` is the belief that
/// nothing is there.
pub fn deviations(
    values: &BTreeMap<Target, Value>,
    resource: &Value,
) -> Vec<(Target, Value, Option<Value>)> {
    let deviation = |(target, believed): (&Target, &Value)| {
        let held = target.read(resource);
        (held != Some(believed).filter(|value| !value.is_null()))
            .then(|| (*target, believed.clone(), held.cloned()))
    };
    values.iter().filter_map(deviation).collect()
}

pub fn text(value: Option<&Value>) -> String {
    value.map_or("nothing".to_owned(), |value| shorten(&value.to_string(), 300))
}

/// The members' ids in a group that was read whole.
pub fn member_ids(group: &Value) -> BTreeSet<String> {
    let members = group["members"].as_array().into_iter().flatten();
    members.filter_map(|member| member["value"].as_str()).map(str::to_owned).collect()
}

/// Reads a group with its members, to check on it.
pub async fn members(client: &Client, id: &str) -> Option<BTreeSet<String>> {
    let answer = client.send(Call::get("/Groups", id).verifying()).await?;
    (answer.status == 200).then(|| answer.body.as_ref().map(member_ids)).flatten()
}

/// Sends something that exists already. Whoever takes it in has it taken away again.
pub async fn expect_duplicate(client: &Client, endpoint: &str, body: Value, case: &'static str) {
    let Some(answer) = client.send(Call::post(endpoint, body).verifying()).await else { return };
    if answer.status == 201
        && let Some(id) = answer.body.as_ref().and_then(|body| body["id"].as_str())
    {
        client.send(Call::delete(endpoint, id).verifying()).await;
    }
    let mut log = client.log();
    if log.expect(&answer, case, "a duplicate is not refused", &[409]) {
        let kind = answer.body.as_ref().and_then(|body| body["scimType"].as_str());
        if kind != Some("uniqueness") {
            let what = "a duplicate is refused without `scimType` uniqueness";
            log.fault(case, what, &answer.request, "uniqueness", kind.unwrap_or("none"));
        }
    }
}

/// Pages through everything, a hundred at a time as Okta does (`O-89`, `E-135`).
pub async fn read_pages(run: &Run<'_>, endpoint: &'static str, verifying: bool) -> Vec<Value> {
    let client = &run.client;
    let case = if run.options.kind == Kind::Entra { "E-135" } else { "O-89" };
    let page = |start: u64| {
        let call = match (endpoint, run.options.kind) {
            ("/Groups", Kind::Entra) => Call::query(endpoint).with("excludedAttributes", "members"),
            _ => Call::query(endpoint),
        };
        let call = call.with("startIndex", start).with("count", 100);
        client.list(if verifying { call.verifying() } else { call }, case)
    };
    let Some(first) = page(1).await else { return Vec::new() };
    let total = first.total;
    let mut pages = vec![first];
    if verifying {
        let starts: Vec<u64> =
            (0..total.div_ceil(100)).skip(1).map(|page| page * 100 + 1).collect();
        pages.extend(run.each("pages", starts, page).await.into_iter().flatten());
    } else {
        let mut start = 101;
        while start <= total {
            let Some(next) = page(start).await else { break };
            start += 100;
            pages.push(next);
        }
    }
    let mut log = client.log();
    let mut seen = BTreeSet::new();
    for (number, list) in pages.iter().enumerate() {
        let due = total.saturating_sub(number as u64 * 100).min(100);
        let (request, got) = (&list.answer.request, list.resources.len().to_string());
        if list.total != total {
            let what = "`totalResults` changes from page to page";
            log.fault(case, what, request, total.to_string(), list.total.to_string());
        }
        if (list.resources.len() as u64) < due {
            let (case, what) = match run.options.kind {
                Kind::Entra => ("E-135", "a page is cut short"),
                Kind::Okta | Kind::OneLogin | Kind::JumpCloud => {
                    ("O-92", "a page of 100 is cut short, what is behind it is never read")
                }
            };
            log.fault(case, what, request, due.to_string(), got);
        }
        for id in list.ids() {
            if !seen.insert(id.to_owned()) {
                log.fault(case, "a resource is on two pages", request, "each one once", id);
            }
        }
    }
    drop(log);
    pages.into_iter().flat_map(|list| list.resources).collect()
}

/// Compares the whole server with the beliefs: pages, every resource by id, and what was deleted.
pub async fn read_back(run: &mut Run<'_>, beliefs: &Beliefs) {
    run.begin("read back");
    let entra = run.options.kind == Kind::Entra;
    let case = |own, other| if entra { own } else { other };
    let pages = read_pages(run, "/Users", true).await;
    let listed: BTreeMap<_, _> =
        pages.iter().filter_map(|user| Some((user["id"].as_str()?, user))).collect();
    let users = run.each("users", beliefs.users.iter().collect(), async |held: &HeldUser| {
        let listed = listed.get(held.id.as_str()).copied();
        user(&run.client, held, listed, case("E-30", "O-38")).await
    });
    let mut found: Vec<Difference> = users.await.into_iter().flatten().collect();
    let pages = read_pages(run, "/Groups", true).await;
    let listed: BTreeSet<_> = pages.iter().filter_map(|group| group["id"].as_str()).collect();
    let groups = run.each("groups", beliefs.groups.iter().collect(), async |held: &HeldGroup| {
        let listed = listed.contains(held.id.as_str());
        group(&run.client, held, listed, case("E-87", "O-74")).await
    });
    found.extend(groups.await.into_iter().flatten());
    let live: BTreeSet<String> = (beliefs.users.iter().map(|user| user.name().to_lowercase()))
        .chain(beliefs.groups.iter().map(|group| group.name().to_lowercase()))
        .collect();
    let deleted = run.each("deleted", beliefs.gone.iter().collect(), async |one: &Gone| {
        let free = !live.contains(&one.name.to_lowercase());
        gone(&run.client, one, free, case("E-101", "O-75")).await
    });
    found.extend(deleted.await.into_iter().flatten());
    run.differences.extend(found);
}

async fn user(
    client: &Client,
    held: &HeldUser,
    listed: Option<&Value>,
    case: &'static str,
) -> Vec<Difference> {
    let difference = |case, attribute: String, believed: String, now: String| Difference {
        case,
        resource: "User",
        id: held.id.clone(),
        name: held.name().to_owned(),
        attribute,
        believed,
        held: now,
    };
    let mut found = Vec::new();
    let mut values = held.values.clone();
    if let Some(manager) = &held.manager {
        values.insert(MANAGER_VALUE, manager.as_str().into());
    }
    let Some(answer) = client.send(Call::get("/Users", &held.id).verifying()).await else {
        return found;
    };
    let body = answer.body.unwrap_or_default();
    if answer.status == 200 {
        for (target, believed, now) in deviations(&values, &body) {
            let now = text(now.as_ref());
            found.push(difference(case, target.to_string(), text(Some(&believed)), now));
        }
    } else {
        let status = format!("status {}", answer.status);
        found.push(difference(case, "the user by id".to_owned(), "status 200".to_owned(), status));
    }
    match listed {
        None => {
            let (attribute, now) = ("the user on the pages".to_owned(), "absent".to_owned());
            found.push(difference(case, attribute, "present".to_owned(), now));
        }
        Some(listed) => {
            for (target, ..) in deviations(&values, listed) {
                if target.read(listed) != target.read(&body) {
                    let (by_id, on_page) = (text(target.read(&body)), text(target.read(listed)));
                    found.push(difference(case, format!("{target} on the pages"), by_id, on_page));
                }
            }
        }
    }
    found
}

async fn group(
    client: &Client,
    held: &HeldGroup,
    listed: bool,
    case: &'static str,
) -> Vec<Difference> {
    let difference = |attribute: &str, believed: String, now: String| Difference {
        case,
        resource: "Group",
        id: held.id.clone(),
        name: held.name().to_owned(),
        attribute: attribute.to_owned(),
        believed,
        held: now,
    };
    let mut found = Vec::new();
    if !listed {
        found.push(difference("the group on the pages", "present".to_owned(), "absent".to_owned()));
    }
    let Some(answer) = client.send(Call::get("/Groups", &held.id).verifying()).await else {
        return found;
    };
    let body = answer.body.unwrap_or_default();
    if answer.status != 200 {
        let status = format!("status {}", answer.status);
        found.push(difference("the group by id", "status 200".to_owned(), status));
        return found;
    }
    for (target, believed, now) in deviations(&held.values, &body) {
        found.push(difference(&target.to_string(), text(Some(&believed)), text(now.as_ref())));
    }
    let mut now = member_ids(&body);
    let count = body["members"].as_array().map_or(0, Vec::len);
    if count > now.len() {
        let (once, twice) = (now.len().to_string(), count.to_string());
        found.push(difference("members, each once", once, twice));
    }
    now.retain(|id| !held.undecided.contains(id));
    let missing: Vec<_> = held.members.difference(&now).cloned().collect();
    let extra: Vec<_> = now.difference(&held.members).cloned().collect();
    if !missing.is_empty() || !extra.is_empty() {
        let list = |ids: &[String]| shorten(&ids.join(", "), 120);
        let mut held_now = format!("{} members", now.len());
        if !missing.is_empty() {
            held_now += &format!(", without {} of them: {}", missing.len(), list(&missing));
        }
        if !extra.is_empty() {
            held_now += &format!(", and {} others: {}", extra.len(), list(&extra));
        }
        found.push(difference("members", format!("{} members", held.members.len()), held_now));
    }
    found
}

async fn gone(client: &Client, one: &Gone, free: bool, case: &'static str) -> Vec<Difference> {
    let (resource, attribute) = match one.endpoint {
        "/Users" => ("User", "userName"),
        _ => ("Group", "displayName"),
    };
    let difference = |attribute: &str, now: String| Difference {
        case,
        resource,
        id: one.id.clone(),
        name: one.name.clone(),
        attribute: attribute.to_owned(),
        believed: "deleted".to_owned(),
        held: now,
    };
    let mut found = Vec::new();
    if let Some(answer) = client.send(Call::get(one.endpoint, &one.id).verifying()).await
        && answer.status != 404
    {
        found.push(difference("by id", format!("status {}", answer.status)));
    }
    let filter = equals(attribute, &one.name);
    let mut search = Call::query(one.endpoint);
    if one.endpoint == "/Groups" {
        search = search.with("excludedAttributes", "members");
    }
    if let Some(list) = client.list(search.with("filter", filter).verifying(), case).await
        && (list.ids().contains(&one.id.as_str()) || free && list.total > 0)
    {
        found.push(difference("by name", format!("{} hits", list.total)));
    }
    found
}
