//! A member with all that is known of it.

use mapping::member::{Field, Reason};
use serde_json::{Map, Value, json};
use store::{events::Event, members::MemberSource};

use crate::{
    admin::{
        members::Details,
        reasons::{self, Directories},
    },
    cli::output,
};

pub fn print(organization: &str, details: &Details) {
    let Details { loaded, teams, account, directories, events, .. } = details;
    let (stored, member) = (&loaded.stored, &loaded.stored.member);
    let email = member.email_address().unwrap_or("without an e-mail address");
    println!("{email} ({}) of {organization}\n", stored.id);
    let why = directories.why(member.state, &member.why);
    let mut rows = vec![vec!["state".into(), member.state.as_str().into(), why]];
    let row = |name: String, field: &Field| {
        vec![name, text(&field.value), directories.reason(&field.from)]
    };
    rows.extend(member.role.iter().map(|role| row("role".into(), role)));
    rows.extend(member.fields.iter().map(|(target, field)| row(target.to_string(), field)));
    output::table(&["FIELD", "VALUE", "FROM"], &rows);
    println!();
    if let Some(held) = &member.held {
        println!("held: {}", reasons::held(held));
    }
    if let Some(wanted) = &member.wanted_email {
        println!(
            "wanted: the e-mail address `{}`, which is that of member `{}`; theirs when it is free",
            wanted.email_address, wanted.member_id
        );
    }
    for problem in &member.problems {
        println!("problem: {problem}");
    }
    for team in teams {
        println!("team: {} ({})", team.name, team.slug);
    }
    for source in &loaded.sources {
        let name = user_name(details, source).unwrap_or("no longer there");
        let by = match &*source.linked_by {
            "created" => "created with it".to_owned(),
            by => format!("linked by {by}"),
        };
        let directory = directories.name(&source.directory_id);
        println!("linked to: {name} ({}) of {directory}, {by}", source.user_id);
    }
    match account {
        Some(account) => println!("account: {} ({})", account.email_address, account.id),
        None => println!("account: none"),
    }
    for earlier in member.earlier_addresses.iter().rev() {
        println!("earlier e-mail address: {earlier}");
    }
    println!("created: {}", output::time(stored.created_at));
    if let Some(deleted_at) = stored.deleted_at {
        println!("deleted: {}", output::time(deleted_at));
    }
    if !events.is_empty() {
        println!("\nlatest changes:");
        print_events(events, directories);
    }
}

/// Changes, each with its cause.
pub fn print_events(events: &[Event], directories: &Directories) {
    for event in events {
        let cause = directories.cause(&event.cause);
        let kind = event.event.kind.as_str();
        println!("{}  {kind}  {cause}", output::time(event.at));
        if let Some(team) = &event.event.team_id {
            println!("    team: {team}");
        }
        for change in reasons::changes(&event.event) {
            println!("    {change}");
        }
    }
}

pub fn event_json(event: &Event, directories: &Directories) -> Value {
    let (cause, cause_id, directory_id) = event.cause.parts();
    json!({
        "sequence": event.sequence,
        "at": output::json_time(Some(event.at)),
        "kind": event.event.kind.as_str(),
        "member_id": event.event.member_id,
        "team_id": event.event.team_id,
        "cause": {
            "kind": cause,
            "id": cause_id,
            "directory_id": directory_id,
            "text": directories.cause(&event.cause),
        },
        "before": event.event.before,
        "after": event.event.after,
    })
}

pub fn to_json(organization: &str, details: &Details) -> Value {
    let Details { loaded, teams, account, directories, events, .. } = details;
    let (stored, member) = (&loaded.stored, &loaded.stored.member);
    let field = |field: &Field| {
        json!({
            "value": field.value,
            "from": field.from,
            "reason": directories.reason(&field.from),
            "locked": matches!(field.from, Reason::Mapping { .. } | Reason::Rule { .. }),
        })
    };
    let fields: Map<String, Value> =
        member.fields.iter().map(|(target, value)| (target.to_string(), field(value))).collect();
    let teams = teams
        .iter()
        .map(|team| json!({"id": team.id, "name": team.name, "slug": team.slug}))
        .collect::<Value>();
    let source = |source: &MemberSource| {
        json!({
            "directory_id": source.directory_id,
            "user_id": source.user_id,
            "user_name": user_name(details, source),
            "linked_by": source.linked_by,
        })
    };
    json!({
        "id": stored.id,
        "organization": organization,
        "state": member.state,
        "why": member.why,
        "reason": directories.why(member.state, &member.why),
        "role": member.role.as_ref().map(field),
        "fields": fields,
        "held": member.held,
        "held_reason": member.held.as_ref().map(reasons::held),
        "wanted_email": member.wanted_email,
        "problems": member.problems,
        "by_product": member.by_product,
        "earlier_addresses": member.earlier_addresses,
        "teams": teams,
        "sources": loaded.sources.iter().map(source).collect::<Value>(),
        "account": account.as_ref().map(|a| json!({"id": a.id, "email_address": a.email_address})),
        "version": stored.version,
        "created_at": output::json_time(Some(stored.created_at)),
        "updated_at": output::json_time(Some(stored.updated_at)),
        "deleted_at": output::json_time(stored.deleted_at),
        "events": events.iter().map(|event| event_json(event, directories)).collect::<Value>(),
    })
}

fn user_name<'d>(details: &'d Details, source: &MemberSource) -> Option<&'d str> {
    let key = (source.directory_id.clone(), source.user_id.clone());
    details.user_names.get(&key).map(String::as_str)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
