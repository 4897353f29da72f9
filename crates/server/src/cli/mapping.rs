//! `headcount mapping`.

use std::{io::Read, path::Path};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Failure, open, output, schema::read};
use crate::{
    admin::{
        self,
        mappings::{self, MAX_FILE, Shown},
    },
    clock,
    config::StoreArgs,
};

#[derive(Subcommand)]
pub enum Command {
    /// Show the lines in force: which attributes become which fields of members
    Show {
        /// The directory's id
        id: String,
        /// Print JSON: directory, mapping (what is laid over the defaults), lines, mistakes
        #[arg(long)]
        json: bool,
    },
    /// Lay a mapping over the defaults, in place of the one that was
    #[command(after_help = "The file holds one object, as in\n  {\"mapping\": {\
        \n    \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department\": \
        \"public_metadata.department\",\n    \"nickName\": \"display_name\",\
        \n    \"displayName\": null}}\n\nExample:\n  headcount mapping set dir-… mapping.json")]
    Set {
        /// The directory's id
        id: String,
        /// JSON; - reads standard input
        file: String,
        /// Print JSON: directory, lines; or the mistakes
        #[arg(long)]
        json: bool,
    },
    /// Go back to the defaults
    Clear {
        /// The directory's id
        id: String,
        /// Print JSON: directory, state
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    match command {
        Command::Show { id, json } => {
            let shown = mappings::show(&store, &id).await?;
            if json {
                output::json(&to_json(&id, &shown));
            } else {
                print(&shown);
            }
        }
        Command::Set { id, file, json } => {
            let overrides = mappings::parse(&text_of(&file)?)?;
            let mapping = match mappings::set(&store, &id, overrides, clock::now()).await {
                Err(admin::Error::Mapping(mistakes)) => {
                    if json {
                        output::json(&json!({"directory": id, "mistakes": mistakes}));
                    } else {
                        for mistake in &mistakes {
                            eprintln!("{mistake}");
                        }
                    }
                    return Err(admin::Error::Mapping(mistakes).into());
                }
                set => set?,
            };
            if json {
                output::json(&json!({"directory": id, "lines": mapping.to_json()}));
            } else {
                print!("saved; in force are\n{mapping}");
            }
        }
        Command::Clear { id, json } => {
            mappings::clear(&store, &id, clock::now()).await?;
            if json {
                output::json(&json!({"directory": id, "state": "cleared"}));
            } else {
                println!("directory {id} has the default mapping");
            }
        }
    }
    Ok(())
}

/// What an operator names: a file, or standard input.
fn text_of(file: &str) -> Result<String, Failure> {
    if file != "-" {
        return read(Path::new(file));
    }
    let mut text = String::new();
    // One byte more than may be: whoever reads the text says so.
    let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    std::io::stdin()
        .take(most)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Usage(format!("cannot read standard input: {error}")))?;
    Ok(text)
}

fn print(shown: &Shown) {
    print!("{}", shown.mapping);
    if !shown.mistakes.is_empty() {
        println!(
            "\nIn force as saved; the directory's schemas have changed since, and it could not be saved now:"
        );
        for mistake in &shown.mistakes {
            println!("{mistake}");
        }
    }
}

fn to_json(id: &str, shown: &Shown) -> Value {
    json!({
        "directory": id,
        "mapping": shown.overrides.clone().unwrap_or_default(),
        "lines": shown.mapping.to_json(),
        "mistakes": shown.mistakes,
    })
}
