//! `headcount account`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Failure, open, output};
use crate::{
    admin::accounts::{self, Membership},
    config::StoreArgs,
};

#[derive(Subcommand)]
pub enum Command {
    /// Show a person's account, and where they are a member
    Show {
        /// E-mail address or id
        #[arg(value_name = "ACCOUNT")]
        who: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    let Command::Show { who, json } = command;
    let (account, memberships) = accounts::get(&store, &who).await?;
    if json {
        let membership = |membership: &Membership| {
            json!({
                "organization": membership.organization,
                "member_id": membership.member_id,
                "state": membership.state,
                "role": membership.role,
            })
        };
        output::json(&json!({
            "id": account.id,
            "email_address": account.email_address,
            "memberships": memberships.iter().map(membership).collect::<Value>(),
            "created_at": output::json_time(Some(account.created_at)),
        }));
        return Ok(());
    }
    println!("{} ({})\n", account.email_address, account.id);
    if memberships.is_empty() {
        println!("a member of no organization");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = memberships
        .into_iter()
        .map(|membership| {
            let role = membership.role.unwrap_or_else(|| "-".into());
            let state = membership.state.as_str().to_owned();
            vec![membership.organization, state, role, membership.member_id]
        })
        .collect();
    output::table(&["ORGANIZATION", "STATE", "ROLE", "MEMBER"], &rows);
    Ok(())
}
