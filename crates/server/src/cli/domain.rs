//! `headcount domain`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use store::domains::{Domain, VerifiedBy};

use super::{Failure, open, output, settings};
use crate::{
    admin::domains,
    clock,
    config::{self, DnsArgs, StoreArgs},
};

#[derive(Subcommand)]
pub enum Command {
    /// Add an e-mail domain to an organization, and print the DNS record that verifies it
    #[command(after_help = "Example:\n  headcount domain add example.com --organization acme")]
    Add(One),
    /// Look for the DNS record of a domain now, and verify the domain if it is there
    Verify {
        #[command(flatten)]
        one: One,
        /// Verify it on your own word, without asking DNS
        #[arg(long)]
        by_operator: bool,
        #[command(flatten)]
        dns: DnsArgs,
    },
    /// List the domains of an organization, and the records that are missing
    List {
        /// The organization's slug
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a domain from an organization
    Remove(One),
}

#[derive(Args)]
pub struct One {
    /// The domain, as in example.com
    name: String,
    /// The organization's slug
    #[arg(long, value_name = "SLUG")]
    organization: String,
    /// Print JSON: organization, domain, state, record, …
    #[arg(long)]
    json: bool,
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    match command {
        Command::Add(One { name, organization, json }) => {
            let store = open(args).await?;
            let domain = domains::add(&store, &organization, &name, clock::now()).await?;
            if json {
                output::json(&to_json(&organization, &domain));
            } else {
                let Domain { name, challenge, .. } = &domain;
                println!("added {name} to {organization}; set this record in its DNS:");
                println!("  type   TXT");
                println!("  name   {}", domains::record_name(name));
                println!("  value  {challenge}");
                println!("a running server looks for it by itself; to have it looked for now:");
                println!("  headcount domain verify {name} --organization {organization}");
            }
        }
        Command::Verify { one: One { name, organization, json }, by_operator, dns } => {
            let dns = settings(config::dns(args, &dns))?;
            let store = open(args).await?;
            let domain = if by_operator {
                domains::verify_by_operator(&store, &organization, &name, clock::now()).await?
            } else {
                domains::verify(&store, &dns, &organization, &name).await?
            };
            if json {
                output::json(&to_json(&organization, &domain));
            } else {
                println!("{} is verified for {organization} ({})", domain.name, state(&domain));
            }
        }
        Command::List { organization, json } => {
            let store = open(args).await?;
            let all = domains::list(&store, &organization).await?;
            if json {
                let all = all.iter().map(|domain| to_json(&organization, domain));
                output::json(&Value::from_iter(all));
            } else if all.is_empty() {
                println!("no domains yet: headcount domain add NAME --organization {organization}");
            } else {
                print(&all);
            }
        }
        Command::Remove(One { name, organization, json }) => {
            let store = open(args).await?;
            let domain = domains::remove(&store, &organization, &name, clock::now()).await?;
            if json {
                let name = &domain.name;
                let removed =
                    json!({"organization": organization, "domain": name, "state": "removed"});
                output::json(&removed);
            } else {
                println!("removed {} from {organization}", domain.name);
            }
        }
    }
    Ok(())
}

fn print(all: &[Domain]) {
    let row = |domain: &Domain| {
        let time = |at: Option<i64>| at.map_or_else(|| "never".into(), output::time);
        let checked = time(domain.checked_at);
        vec![domain.name.clone(), state(domain).into(), checked, output::time(domain.created_at)]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    output::table(&["DOMAIN", "STATE", "LOOKED FOR", "ADDED"], &rows);
    for domain in all.iter().filter(|domain| domain.verified.is_none()) {
        let Domain { name, challenge, problem, .. } = domain;
        match problem {
            Some(problem) => println!("\n{name}: {problem}"),
            None => println!(
                "\n{name}: set a TXT record `{}` to `{challenge}`",
                domains::record_name(name)
            ),
        }
        if domains::is_given_up(domain, clock::now()) {
            println!("it is not looked for any more, but by headcount domain verify");
        }
    }
}

fn state(domain: &Domain) -> &'static str {
    match domain.verified.map(|verified| verified.by) {
        None => "pending",
        Some(VerifiedBy::Dns) => "verified by dns",
        Some(VerifiedBy::Operator) => "verified by operator",
    }
}

fn to_json(organization: &str, domain: &Domain) -> Value {
    let is_verified = domain.verified.is_some();
    json!({
        "organization": organization,
        "domain": domain.name,
        "state": if is_verified { "verified" } else { "pending" },
        "verified_by": domain.verified.map(|verified| verified.by.as_str()),
        "verified_at": output::json_time(domain.verified.map(|verified| verified.at)),
        "record": {
            "type": "TXT",
            "name": domains::record_name(&domain.name),
            "value": domain.challenge,
        },
        "checked_at": output::json_time(domain.checked_at),
        "problem": domain.problem,
        "created_at": output::json_time(Some(domain.created_at)),
    })
}
