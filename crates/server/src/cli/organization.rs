//! `headcount organization`.

use clap::Subcommand;
use serde_json::{Value, json};
use store::organizations::Organization;

use super::{Failure, open, output, settle};
use crate::{admin::organizations, clock, config::StoreArgs};

#[derive(Subcommand)]
pub enum Command {
    /// Create an organization
    Create {
        /// Its short name: lower-case letters, digits and hyphens
        slug: String,
        /// Its full name [default: the slug]
        #[arg(long)]
        name: Option<String>,
        /// Print JSON: id, slug, name
        #[arg(long)]
        json: bool,
    },
    /// List the organizations
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete an organization: its directories answer nobody from then on
    Delete {
        slug: String,
        /// Print JSON: slug, state
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    match command {
        Command::Create { slug, name, json } => {
            let organization =
                organizations::create(&store, &slug, name.as_deref(), clock::now()).await?;
            if json {
                output::json(&to_json(&organization));
            } else {
                println!("created organization {} ({})", organization.slug, organization.id);
                println!(
                    "next: headcount directory create --organization {} --kind entra",
                    organization.slug
                );
            }
        }
        Command::List { json } => {
            let all = organizations::list(&store).await?;
            if json {
                output::json(&Value::from_iter(all.iter().map(to_json)));
            } else if all.is_empty() {
                println!("no organizations yet: headcount organization create SLUG");
            } else {
                let rows: Vec<Vec<String>> = all
                    .into_iter()
                    .map(|o| vec![o.slug, o.name, output::time(o.created_at), o.id])
                    .collect();
                output::table(&["SLUG", "NAME", "CREATED", "ID"], &rows);
            }
        }
        Command::Delete { slug, json } => {
            organizations::delete(&store, &slug, clock::now()).await?;
            settle().await;
            if json {
                output::json(&json!({"slug": slug, "state": "deleted"}));
            } else {
                println!("deleted organization {slug} and its directories; their data is kept");
            }
        }
    }
    Ok(())
}

fn to_json(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "created_at": output::json_time(Some(organization.created_at)),
    })
}
