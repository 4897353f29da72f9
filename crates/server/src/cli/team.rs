//! `headcount team`.

use clap::Subcommand;
use serde_json::{Value, json};
use store::{
    roster::TeamSize,
    teams::{Team, TeamSource},
};

use super::{
    Failure,
    member::show::{event_json, print_events},
    open, output,
};
use crate::{admin::teams, config::StoreArgs};

#[derive(Subcommand)]
pub enum Command {
    /// List the teams of an organization
    List {
        /// The organization's slug
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a team: the groups that it is, and what has changed
    #[command(
        after_help = "Who is in it:\n  headcount member list --organization SLUG --team TEAM"
    )]
    Show {
        /// Slug or id
        team: String,
        /// The organization's slug
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    match command {
        Command::List { organization, json } => {
            let all = teams::list(&store, &organization).await?;
            if json {
                output::json(&all.iter().map(|(team, size)| to_json(team, *size)).collect());
            } else if all.is_empty() {
                println!("no teams");
            } else {
                table(&all);
            }
        }
        Command::Show { team, organization, json } => {
            let details = teams::get(&store, &organization, &team).await?;
            let teams::Details { team, size, sources, events, directories } = &details;
            if json {
                let mut shown = to_json(team, *size);
                let source = |source: &TeamSource| {
                    json!({
                        "directory_id": source.directory_id,
                        "group_id": source.group_id,
                        "display_name": source.display,
                    })
                };
                shown["sources"] = sources.iter().map(source).collect();
                shown["events"] = events.iter().map(|e| event_json(e, directories)).collect();
                output::json(&shown);
                return Ok(());
            }
            println!("{} ({}, {}) of {organization}\n", team.name, team.slug, team.id);
            println!("members: {}", size.members);
            for source in sources {
                let name = source.display.as_deref().unwrap_or("no longer there");
                let directory = directories.name(&source.directory_id);
                println!("group: {name} ({}) of {directory}", source.group_id);
            }
            println!("created: {}", output::time(team.created_at));
            if let Some(deleted_at) = team.deleted_at {
                println!("deleted: {}", output::time(deleted_at));
            }
            println!("\nlatest changes:");
            print_events(events, directories);
        }
    }
    Ok(())
}

/// Teams as a table.
pub fn table(teams: &[(Team, TeamSize)]) {
    let row = |(team, size): &(Team, TeamSize)| {
        let (members, groups) = (size.members.to_string(), size.groups.to_string());
        vec![team.slug.clone(), team.name.clone(), members, groups, team.id.clone()]
    };
    let rows: Vec<Vec<String>> = teams.iter().map(row).collect();
    output::table(&["SLUG", "NAME", "MEMBERS", "GROUPS", "ID"], &rows);
}

fn to_json(team: &Team, size: TeamSize) -> Value {
    json!({
        "id": team.id,
        "name": team.name,
        "slug": team.slug,
        "members": size.members,
        "groups": size.groups,
        "version": team.version,
        "created_at": output::json_time(Some(team.created_at)),
        "updated_at": output::json_time(Some(team.updated_at)),
        "deleted_at": output::json_time(team.deleted_at),
    })
}
