//! `headcount rule`.

use clap::{Args, Subcommand};
use mapping::roles::Rule;
use serde_json::{Value, json};

use super::{Failure, open, output};
use crate::{
    admin::role_rules::{self, NewRule},
    clock,
    config::StoreArgs,
};

#[derive(Subcommand)]
pub enum Command {
    /// Have the members of groups get a role
    #[command(after_help = "Examples:\n  \
        headcount rule add --organization acme --group acme-admins --role admin\n  \
        headcount rule add --organization acme --group 'eng-*' --role editor --position 1")]
    Add {
        #[command(flatten)]
        of: Of,
        /// The group's name, compared without case; `*` stands for any characters
        #[arg(long, value_name = "PATTERN")]
        group: String,
        /// The role that its direct members get
        #[arg(long, value_name = "NAME")]
        role: String,
        /// Only groups of this directory
        #[arg(long, value_name = "ID")]
        directory: Option<String>,
        /// Where among the rules, from 1 [default: the last]
        #[arg(long, value_name = "N")]
        position: Option<usize>,
        /// Print JSON: the rule
        #[arg(long)]
        json: bool,
    },
    /// List the rules in their order
    List {
        #[command(flatten)]
        of: Of,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Move a rule; of several that give the same role, the first is shown as the reason
    Move {
        /// The rule's id
        id: String,
        #[command(flatten)]
        of: Of,
        /// Where to, from 1
        #[arg(long, value_name = "N")]
        position: usize,
        /// Print JSON: id, position
        #[arg(long)]
        json: bool,
    },
    /// Remove a rule; members get what else gives them a role
    Remove {
        /// The rule's id
        id: String,
        #[command(flatten)]
        of: Of,
        /// Print JSON: id, state
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct Of {
    /// The organization's slug
    #[arg(long, value_name = "SLUG")]
    organization: String,
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    let now = clock::now();
    match command {
        Command::Add { of, group, role, directory, position, json } => {
            let new = NewRule {
                pattern: &group,
                role: &role,
                directory_id: directory.as_deref(),
                position,
            };
            let (position, rule) = role_rules::add(&store, &of.organization, new, now).await?;
            if json {
                output::json(&to_json(position, &rule));
            } else {
                let group = rule.pattern.as_str();
                println!(
                    "added rule {} as number {position}: members of `{group}` get role {}",
                    rule.id, rule.role
                );
            }
        }
        Command::List { of, json } => {
            let all = role_rules::list(&store, &of.organization).await?;
            let all = (1..).zip(&all);
            if json {
                output::json(&Value::from_iter(
                    all.map(|(position, rule)| to_json(position, rule)),
                ));
                return Ok(());
            }
            let rows: Vec<Vec<String>> = all
                .map(|(position, rule)| {
                    let directory = rule.directory_id.as_deref().unwrap_or("all");
                    vec![
                        usize::to_string(&position),
                        rule.pattern.as_str().into(),
                        rule.role.clone(),
                        directory.into(),
                        rule.id.clone(),
                    ]
                })
                .collect();
            if rows.is_empty() {
                println!(
                    "no rules yet: headcount rule add --organization {} --group PATTERN --role NAME",
                    of.organization
                );
            } else {
                output::table(&["POSITION", "GROUP", "ROLE", "DIRECTORY", "ID"], &rows);
            }
        }
        Command::Move { id, of, position, json } => {
            role_rules::move_to(&store, &of.organization, &id, position, now).await?;
            if json {
                output::json(&json!({"id": id, "position": position}));
            } else {
                println!("rule {id} is number {position}");
            }
        }
        Command::Remove { id, of, json } => {
            role_rules::remove(&store, &of.organization, &id, now).await?;
            if json {
                output::json(&json!({"id": id, "state": "removed"}));
            } else {
                println!("removed rule {id}; members get what else gives them a role");
            }
        }
    }
    Ok(())
}

fn to_json(position: usize, rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "position": position,
        "group": rule.pattern.as_str(),
        "role": rule.role,
        "directory": rule.directory_id,
    })
}
