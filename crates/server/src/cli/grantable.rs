//! `headcount directory role` and `headcount directory entitlement`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use scim::schema::ROLE;
use serde_json::{Value, json};
use store::{Store, grantables::Grantable};

use super::{Failure, output, schema::read, settle};
use crate::{admin::grantables, clock};

#[derive(Subcommand)]
pub enum Role {
    /// Declare a role, or change its names
    Add {
        /// The directory's id
        directory: String,
        /// What users have as `value` in their `roles`
        id: String,
        #[command(flatten)]
        shown: Shown,
    },
    /// Declare the roles in a file, in the form of /Roles: an array, or a ListResponse
    Load(Load),
    /// List the declared roles
    List(List),
    /// Take a role back; users that have it keep it
    Remove {
        /// The directory's id
        directory: String,
        /// The role's id
        id: String,
        /// Print JSON: id, state
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum Entitlement {
    /// Declare an entitlement, or change its names
    Add {
        /// The directory's id
        directory: String,
        /// Its type, such as License; its endpoint is the plural
        #[arg(value_name = "TYPE")]
        kind: String,
        /// What users have as `value` in their `entitlements`
        id: String,
        #[command(flatten)]
        shown: Shown,
    },
    /// Declare the entitlements in a file: an array, or a ListResponse
    Load(Load),
    /// List the declared entitlements
    List(List),
    /// Take an entitlement back; users that have it keep it
    Remove {
        /// The directory's id
        directory: String,
        /// Its type
        #[arg(value_name = "TYPE")]
        kind: String,
        /// The entitlement's id
        id: String,
        /// Print JSON: id, state
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct Shown {
    /// Its name, as admins see it in the identity provider
    #[arg(long, value_name = "TEXT")]
    display_name: String,
    /// What it lets its holders do
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Print JSON: id, state
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Load {
    /// The directory's id
    directory: String,
    /// JSON: objects with id, displayName, description, and type for entitlements
    file: PathBuf,
    /// Print JSON: declared
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    /// The directory's id
    directory: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn role(command: Role, store: &Store) -> Result<(), Failure> {
    match command {
        Role::Add { directory, id, shown } => add(&directory, ROLE, id, shown, store).await,
        Role::Load(load) => self::load(load, true, store).await,
        Role::List(list) => self::list(list, true, store).await,
        Role::Remove { directory, id, json } => remove(&directory, ROLE, &id, json, store).await,
    }
}

pub async fn entitlement(command: Entitlement, store: &Store) -> Result<(), Failure> {
    match command {
        Entitlement::Add { kind, .. } if kind == ROLE => {
            Err(Failure::Usage("roles are declared by `headcount directory role`".into()))
        }
        Entitlement::Add { directory, kind, id, shown } => {
            add(&directory, &kind, id, shown, store).await
        }
        Entitlement::Load(load) => self::load(load, false, store).await,
        Entitlement::List(list) => self::list(list, false, store).await,
        Entitlement::Remove { directory, kind, id, json } => {
            remove(&directory, &kind, &id, json, store).await
        }
    }
}

async fn add(
    directory: &str,
    kind: &str,
    id: String,
    shown: Shown,
    store: &Store,
) -> Result<(), Failure> {
    let grantable = Grantable {
        resource_type: kind.into(),
        id: id.clone(),
        display_name: shown.display_name,
        description: shown.description,
        declared_at: clock::now(),
    };
    grantables::add(store, directory, vec![grantable]).await?;
    settle().await;
    if shown.json {
        output::json(&json!({"type": kind, "id": id, "state": "declared"}));
    } else {
        println!("declared {kind} {id}");
    }
    Ok(())
}

async fn load(load: Load, of_roles: bool, store: &Store) -> Result<(), Failure> {
    let all = grantables::parse(&read(&load.file)?, of_roles, clock::now())?;
    let count = grantables::add(store, &load.directory, all).await?;
    settle().await;
    if load.json {
        output::json(&json!({"declared": count}));
    } else {
        println!("declared {count}");
    }
    Ok(())
}

async fn list(list: List, of_roles: bool, store: &Store) -> Result<(), Failure> {
    let all = grantables::list(store, &list.directory, of_roles).await?;
    if list.json {
        output::json(&Value::from_iter(all.iter().map(to_json)));
        return Ok(());
    }
    let rows = all.into_iter().map(|known| {
        let description = known.description.unwrap_or_default();
        vec![known.resource_type, known.id, known.display_name, description]
    });
    output::table(&["TYPE", "ID", "DISPLAY NAME", "DESCRIPTION"], &rows.collect::<Vec<_>>());
    Ok(())
}

async fn remove(
    directory: &str,
    kind: &str,
    id: &str,
    json: bool,
    store: &Store,
) -> Result<(), Failure> {
    grantables::remove(store, directory, kind, id).await?;
    settle().await;
    if json {
        output::json(&json!({"type": kind, "id": id, "state": "removed"}));
    } else {
        println!("removed {kind} {id}; users that have it keep it");
    }
    Ok(())
}

fn to_json(grantable: &Grantable) -> Value {
    json!({
        "type": grantable.resource_type,
        "id": grantable.id,
        "displayName": grantable.display_name,
        "description": grantable.description,
    })
}
