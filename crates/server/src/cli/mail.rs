//! `headcount mail`.

use clap::{Subcommand, builder::PossibleValuesParser};
use serde_json::{Value, json};
use store::mail::{Mail, State};

use super::{Failure, open, output, settings};
use crate::{
    admin::mail::{self, Filter},
    clock,
    config::{self, MailArgs, StoreArgs},
};

#[derive(Subcommand)]
pub enum Command {
    /// List mails, newest first: waiting, sent, failed
    List {
        /// Only of this organization
        #[arg(long, value_name = "SLUG")]
        organization: Option<String>,
        /// Only in this state
        #[arg(long, value_parser = PossibleValuesParser::new(State::ALL.map(State::name)))]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100,
            value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a mail again that failed, of which nobody knows whether it arrived, or that waits
    SendAgain {
        id: String,
        /// Print JSON: id, state
        #[arg(long)]
        json: bool,
    },
    /// Send a test mail with the mail settings of the server, and print the mail server's answer
    Test {
        /// To whom
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        #[command(flatten)]
        mail: MailArgs,
        /// Print JSON: answer
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    match command {
        Command::List { organization, state, limit, json } => {
            let filter = Filter {
                organization: organization.as_deref(),
                state: state.as_deref().and_then(State::from_name),
                limit,
            };
            let mails = mail::list(&open(args).await?, filter).await?;
            if json {
                output::json(&Value::from_iter(mails.iter().map(to_json)));
            } else if mails.is_empty() {
                println!("no mails");
            } else {
                let rows: Vec<Vec<String>> = mails.iter().map(to_row).collect();
                output::table(
                    &["ID", "ORGANIZATION", "RECIPIENT", "STATE", "ATTEMPTS", "WHEN", "PROBLEM"],
                    &rows,
                );
                if i64::try_from(mails.len()).is_ok_and(|shown| shown == limit) {
                    println!("there may be more: --limit N");
                }
            }
        }
        Command::SendAgain { id, json } => {
            let mail = mail::send_again(&open(args).await?, &id, clock::now()).await?;
            if json {
                output::json(&json!({"id": mail.id, "state": mail.state.name()}));
            } else {
                println!("mail {} is sent again", mail.id);
            }
        }
        Command::Test { to, mail: mail_args, json } => {
            let relay = settings(config::mail(args, &mail_args))?.ok_or_else(|| {
                Failure::Usage("no mail server is set: --smtp-url and --mail-from".into())
            })?;
            let answer = mail::test(&relay, &to, clock::now()).await?;
            let answer = answer.map_err(|why| {
                Failure::Failed(format!("the mail server at {relay} did not take the mail: {why}"))
            })?;
            if json {
                output::json(&json!({"answer": answer}));
            } else {
                println!("the mail server at {relay} has taken the mail: {answer}");
            }
        }
    }
    Ok(())
}

fn to_json((organization, mail): &(String, Mail)) -> Value {
    json!({
        "id": mail.id,
        "organization": organization,
        "kind": mail.kind,
        "member_id": mail.member_id,
        "recipient": mail.recipient,
        "state": mail.state.name(),
        "attempts": mail.attempts,
        "due_at": output::json_time(mail.due_at),
        "created_at": output::json_time(Some(mail.created_at)),
        "sent_at": output::json_time(mail.sent_at),
        "problem": mail.problem,
    })
}

fn to_row((organization, mail): &(String, Mail)) -> Vec<String> {
    let when = mail.sent_at.or(mail.due_at).unwrap_or(mail.created_at);
    vec![
        mail.id.clone(),
        organization.clone(),
        // What a directory gave is shown without what a terminal would act on.
        mail.recipient.escape_debug().to_string(),
        mail.state.name().into(),
        mail.attempts.to_string(),
        output::time(when),
        mail.problem.clone().unwrap_or_default(),
    ]
}
