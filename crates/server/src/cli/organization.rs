//! `headcount organization`.

mod mail_text;

use clap::Subcommand;
use serde_json::{Value, json};
use store::{enrolment::Policy, organizations::Organization};

use super::{Failure, open, output, settle};
use crate::{
    admin::{enrolment, organizations},
    clock,
    config::StoreArgs,
};

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
    /// Change the settings of an organization
    Update {
        slug: String,
        /// Mail to members: `creation` writes to each once, when a directory makes them active for
        /// the first time
        #[arg(long, value_parser = ["off", "creation"])]
        enrolment: Option<String>,
        /// Where members sign in, as the mail says; empty takes it away
        #[arg(long, value_name = "URL")]
        enrolment_link: Option<String>,
        /// The name that the mail is from; empty takes it away [default: that of --mail-from]
        #[arg(long, value_name = "NAME")]
        enrolment_sender: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show and change the text of the mail to new members
    MailText {
        #[command(subcommand)]
        command: mail_text::Command,
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
        Command::Update { slug, enrolment, enrolment_link, enrolment_sender, json } => {
            let policy = enrolment.map(|policy| match &*policy {
                "creation" => Policy::Creation,
                _ => Policy::Off,
            });
            let change = enrolment::Change {
                policy,
                link: enrolment_link.as_deref(),
                sender: enrolment_sender.as_deref(),
            };
            let set = enrolment::update(&store, &slug, &change).await?;
            if json {
                output::json(&json!({
                    "slug": slug,
                    "enrolment": {
                        "policy": set.policy.name(),
                        "link": set.link,
                        "sender": set.sender,
                    },
                }));
            } else {
                println!("organization {slug}: enrolment mail {}", set.policy.name());
                if let Some(link) = set.link {
                    println!("  link: {link}");
                }
                if let Some(sender) = set.sender {
                    println!("  sender: {sender}");
                }
            }
        }
        Command::MailText { command } => mail_text::run(command, &store).await?,
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
