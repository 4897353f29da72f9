//! `headcount role`.

use clap::{ArgGroup, Subcommand};
use mapping::roles::Role;
use serde_json::{Value, json};
use store::roles::DeclaredRole;

use super::{Failure, directory::Switch, open, output};
use crate::{
    admin::roles::{self, Changes},
    clock,
    config::StoreArgs,
};

#[derive(Subcommand)]
pub enum Command {
    /// Declare a role for the members of all organizations
    #[command(after_help = "Examples:\n  headcount role create owner --precedence 10 --owner\n  \
        headcount role create member --precedence 100 --default\n\nWhat an identity provider may \
        give to its users as an attribute is declared by `headcount directory role`.")]
    Create {
        /// Letters, digits, `:`, `_`, `-` and `.`
        name: String,
        /// 1 is the highest; of several roles a member gets the highest
        #[arg(long, value_name = "N")]
        precedence: i64,
        /// What it lets members do
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Members have it to whom nothing else gives a role
        #[arg(long)]
        default: bool,
        /// An organization must not lose its last active member who has it
        #[arg(long)]
        owner: bool,
        /// Print JSON: the role
        #[arg(long)]
        json: bool,
    },
    /// Change a role; members follow
    #[command(group = ArgGroup::new("changes").required(true).multiple(true)
        .args(["precedence", "description", "default", "owner"]))]
    Update {
        name: String,
        /// 1 is the highest
        #[arg(long, value_name = "N")]
        precedence: Option<i64>,
        /// What it lets members do; empty: nothing is said
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Members have it to whom nothing else gives a role, in place of the one that was
        #[arg(long, value_name = "on|off")]
        default: Option<Switch>,
        /// An organization must not lose its last active member who has it
        #[arg(long, value_name = "on|off")]
        owner: Option<Switch>,
        /// Print JSON: the role
        #[arg(long)]
        json: bool,
    },
    /// List the roles, the highest first
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a role back that no rule and no ceiling names; members get what else gives them one
    Delete {
        name: String,
        /// Print JSON: name, state
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    let now = clock::now();
    match command {
        Command::Create { name, precedence, description, default, owner, json } => {
            let role = Role { name, precedence, is_default: default, is_owner: owner };
            let declared = roles::create(&store, role, description, now).await?;
            report("declared", &declared, json);
        }
        Command::Update { name, precedence, description, default, owner, json } => {
            let is_on = |switch: Switch| switch == Switch::On;
            let changes = Changes {
                precedence,
                description,
                is_default: default.map(is_on),
                is_owner: owner.map(is_on),
            };
            let declared = roles::update(&store, &name, changes, now).await?;
            report("changed", &declared, json);
        }
        Command::List { json } => {
            let all = roles::list(&store).await?;
            if json {
                output::json(&Value::from_iter(all.iter().map(to_json)));
            } else if all.is_empty() {
                println!("no roles yet: headcount role create NAME --precedence N");
            } else {
                let rows: Vec<Vec<String>> = all
                    .into_iter()
                    .map(|declared| {
                        let kind = kind(&declared.role).join(", ");
                        let description = declared.description.unwrap_or_default();
                        let precedence = declared.role.precedence.to_string();
                        vec![precedence, declared.role.name, kind, description]
                    })
                    .collect();
                output::table(&["PRECEDENCE", "ROLE", "IS", "DESCRIPTION"], &rows);
            }
        }
        Command::Delete { name, json } => {
            roles::delete(&store, &name, now).await?;
            if json {
                output::json(&json!({"name": name, "state": "deleted"}));
            } else {
                println!("deleted role {name}; members who have it get what else gives them one");
            }
        }
    }
    Ok(())
}

fn kind(role: &Role) -> Vec<&'static str> {
    let default = role.is_default.then_some("default");
    default.into_iter().chain(role.is_owner.then_some("owner")).collect()
}

fn report(done: &str, declared: &DeclaredRole, json: bool) {
    if json {
        output::json(&to_json(declared));
        return;
    }
    let Role { name, precedence, .. } = &declared.role;
    let kinds: Vec<String> =
        kind(&declared.role).into_iter().map(|kind| format!(", {kind}")).collect();
    println!("{done} role {name}: precedence {precedence}{}", kinds.concat());
}

fn to_json(declared: &DeclaredRole) -> Value {
    let DeclaredRole { role, description, created_at } = declared;
    json!({
        "name": role.name,
        "precedence": role.precedence,
        "description": description,
        "default": role.is_default,
        "owner": role.is_owner,
        "created_at": output::json_time(Some(*created_at)),
    })
}
