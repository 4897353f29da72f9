//! `headcount token`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use store::{Store, tokens::Token};

use super::{Failure, open, output, settle};
use crate::{
    admin::tokens::{self, Earlier},
    clock,
    config::StoreArgs,
};

#[derive(Subcommand)]
pub enum Command {
    /// Create a token beside the others; it is shown only now
    Create {
        #[command(flatten)]
        new: New,
        /// Bind it to one user, by id or userName: it then acts on that user alone, as /Me
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// List the tokens, without their secrets
    List {
        /// The directory's id
        #[arg(long, value_name = "ID")]
        directory: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token
    Revoke {
        /// The token's id, or its name
        token: Option<String>,
        /// The directory's id
        #[arg(long, value_name = "ID")]
        directory: String,
        /// The token's name, or its id
        #[arg(long, conflicts_with = "token")]
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Create a token and end all earlier ones of the directory
    Regenerate(New),
}

#[derive(Args)]
pub struct New {
    /// The directory's id
    #[arg(long, value_name = "ID")]
    directory: String,
    /// What to call it
    #[arg(long, default_value = "token")]
    name: String,
    /// When it ends, as in 90d, 12h, 52w [default: never]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Option<i64>,
    /// Print JSON: id, name, token, expires_at, and user_id of a bound one
    #[arg(long)]
    json: bool,
}

/// Microseconds in `90d`, `12h`, `30m`, `52w`, `45s`.
fn lifetime(text: &str) -> Result<i64, String> {
    let wrong = || "as in 90d: a number and s, m, h, d or w".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    if number <= 0 {
        return Err("a token that has ended already is of no use".into());
    }
    number
        .checked_mul(seconds)
        .filter(|seconds| *seconds <= 100 * 366 * 86_400)
        .map(|seconds| seconds * 1_000_000)
        .ok_or_else(|| "a token lives a hundred years at most".into())
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    let now = clock::now();
    match command {
        Command::Create { new, user } => {
            create(&store, new, user.as_deref(), Earlier::Keep, now).await?;
        }
        Command::Regenerate(new) => create(&store, new, None, Earlier::Revoke, now).await?,
        Command::List { directory, json } => {
            let all = tokens::list(&store, &directory).await?;
            if json {
                output::json(&Value::from_iter(all.iter().map(|token| to_json(token, now))));
            } else {
                let optional = |at: Option<i64>| at.map_or("never".into(), output::time);
                let rows: Vec<Vec<String>> = all
                    .into_iter()
                    .map(|token| {
                        let state = state(&token, now).into();
                        let last_used = optional(token.last_used_at);
                        let expires = optional(token.expires_at);
                        let hint = format!("…{}", token.hint);
                        let user = token.user_id.unwrap_or_default();
                        vec![token.id, token.name, hint, state, expires, last_used, user]
                    })
                    .collect();
                let columns = ["ID", "NAME", "ENDS IN", "STATE", "EXPIRES", "LAST USED", "USER"];
                output::table(&columns, &rows);
            }
        }
        Command::Revoke { token, directory, name, json } => {
            let Some(which) = token.or(name) else {
                return Err(Failure::Usage("which token? give its id or --name".into()));
            };
            let token = tokens::revoke(&store, &directory, &which, now).await?;
            settle().await;
            if json {
                let token = Token { revoked_at: Some(now), ..token };
                output::json(&to_json(&token, now));
            } else {
                println!("revoked token {} ({})", token.id, token.name);
            }
        }
    }
    Ok(())
}

async fn create(
    store: &Store,
    new: New,
    user: Option<&str>,
    earlier: Earlier,
    now: i64,
) -> Result<(), Failure> {
    let expires_at = new.expires.map(|lifetime| now + lifetime);
    let (token, secret) =
        tokens::create(store, &new.directory, &new.name, user, expires_at, earlier, now).await?;
    if earlier == Earlier::Revoke {
        settle().await;
    }
    if new.json {
        let mut created = json!({
            "id": token.id,
            "name": token.name,
            "token": secret,
            "expires_at": output::json_time(token.expires_at),
        });
        if let Some(user_id) = token.user_id {
            created["user_id"] = user_id.into();
        }
        output::json(&created);
    } else {
        println!("created token {} ({})", token.id, token.name);
        println!("token  {secret}");
        match &token.user_id {
            None => println!("It is shown only now: paste it into the identity provider."),
            Some(id) => println!("It is shown only now, and acts on user {id} alone, as /Me."),
        }
    }
    Ok(())
}

fn state(token: &Token, now: i64) -> &'static str {
    if token.revoked_at.is_some() {
        "revoked"
    } else if token.expires_at.is_some_and(|at| at <= now) {
        "expired"
    } else {
        "live"
    }
}

fn to_json(token: &Token, now: i64) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "hint": token.hint,
        "user_id": token.user_id,
        "state": state(token, now),
        "created_at": output::json_time(Some(token.created_at)),
        "expires_at": output::json_time(token.expires_at),
        "last_used_at": output::json_time(token.last_used_at),
        "revoked_at": output::json_time(token.revoked_at),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn lifetimes() {
        assert_eq!(super::lifetime("90d"), Ok(90 * 86_400 * 1_000_000));
        assert_eq!(super::lifetime("2w"), super::lifetime("14d"));
        for wrong in ["", "d", "90", "-1d", "0h", "9é", "999999999999w"] {
            assert!(super::lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
