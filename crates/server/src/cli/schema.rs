//! `headcount directory schema`.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use scim::discovery::schema_object;
use serde_json::{Value, json};
use store::{Store, schemas::DeclaredSchema};

use super::{Failure, output, settle};
use crate::{admin::schemas, clock};

/// The largest file read, in bytes.
const MAX_FILE: u64 = 4 << 20;

#[derive(Subcommand)]
pub enum Command {
    /// Declare custom attributes: extension schemas in the form that /Schemas publishes. One that is
    /// declared already is changed; values that are stored stay as they are
    Add {
        /// The directory's id
        directory: String,
        /// JSON: one schema, an array of them, or a ListResponse
        file: PathBuf,
        /// What they extend [default: Group where the URI ends in `:Group`, else User]
        #[arg(long, value_name = "TYPE")]
        resource_type: Option<Extended>,
        /// Refuse resources without them
        #[arg(long)]
        required: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the declared and learned schemas
    List {
        /// The directory's id
        directory: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print one as /Schemas publishes it, to be changed and added again
    Show {
        /// The directory's id
        directory: String,
        /// The schema's URI
        uri: String,
        /// The same; it is JSON already
        #[arg(long, hide = true)]
        json: bool,
    },
    /// Take a declaration back: values of it stay, as undeclared ones
    Remove {
        /// The directory's id
        directory: String,
        /// The schema's URI
        uri: String,
        /// Print JSON: uri, state
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Extended {
    #[value(name = "User", alias = "user")]
    User,
    #[value(name = "Group", alias = "group")]
    Group,
}

pub async fn run(command: Command, store: &Store) -> Result<(), Failure> {
    match command {
        Command::Add { directory, file, resource_type, required, json } => {
            let declared = schemas::parse(&read(&file)?)?;
            let resource_type = resource_type.map(|extended| match extended {
                Extended::User => "User",
                Extended::Group => "Group",
            });
            let now = clock::now();
            let added =
                schemas::add(store, &directory, declared, resource_type, required, now).await?;
            settle().await;
            if json {
                output::json(&Value::from_iter(added.iter().map(added_json)));
            } else {
                added.iter().for_each(report);
            }
        }
        Command::List { directory, json } => {
            let all = schemas::list(store, &directory).await?;
            if json {
                output::json(&Value::from_iter(all.iter().map(to_json)));
            } else if all.is_empty() {
                println!("no schemas yet: headcount directory schema add {directory} FILE");
            } else {
                let yes = |truth: bool| String::from(if truth { "yes" } else { "no" });
                let rows: Vec<Vec<String>> = all
                    .into_iter()
                    .map(|declared| {
                        vec![
                            declared.schema.id,
                            declared.resource_type,
                            yes(declared.required),
                            yes(declared.learned),
                            declared.schema.attributes.len().to_string(),
                            output::time(declared.declared_at),
                        ]
                    })
                    .collect();
                output::table(
                    &["URI", "EXTENDS", "REQUIRED", "LEARNED", "ATTRIBUTES", "SINCE"],
                    &rows,
                );
            }
        }
        Command::Show { directory, uri, json: _ } => {
            let declared = schemas::get(store, &directory, &uri).await?;
            output::json(&published(&declared));
        }
        Command::Remove { directory, uri, json } => {
            let declared = schemas::remove(store, &directory, &uri).await?;
            settle().await;
            let uri = declared.schema.id;
            if json {
                output::json(&json!({"uri": uri, "state": "removed"}));
            } else {
                println!("removed {uri}; values of it stay, as undeclared ones");
            }
        }
    }
    Ok(())
}

/// The text of a file that an operator names.
pub fn read(file: &Path) -> Result<String, Failure> {
    let cannot = |why: String| Failure::Usage(format!("cannot read `{}`: {why}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| cannot(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(cannot(format!("it is larger than {MAX_FILE} bytes")));
    }
    std::fs::read_to_string(file).map_err(|error| cannot(error.to_string()))
}

fn report(added: &schemas::Added) {
    let done = if added.replaced { "changed" } else { "declared" };
    println!("{done} {} for {}", added.uri, added.resource_type);
    if added.holders > 0 {
        println!(
            "{} resources have values of it: {} respelt as declared, {} do not fit and stay as they are",
            added.holders, added.respelt, added.misfits
        );
    }
    for (id, problem) in &added.examples {
        println!("  {id}: {problem}");
    }
}

fn added_json(added: &schemas::Added) -> Value {
    let example = |(id, problem): &(String, String)| json!({"id": id, "problem": problem});
    json!({
        "uri": added.uri,
        "resource_type": added.resource_type,
        "state": if added.replaced { "changed" } else { "declared" },
        "holders": added.holders,
        "respelt": added.respelt,
        "misfits": added.misfits,
        "examples": added.examples.iter().map(example).collect::<Value>(),
    })
}

fn published(declared: &DeclaredSchema) -> Value {
    let mut schema = schema_object(&declared.schema, "");
    // Where it stands depends on who asks.
    schema.remove("meta");
    schema.into()
}

fn to_json(declared: &DeclaredSchema) -> Value {
    json!({
        "uri": declared.schema.id,
        "resource_type": declared.resource_type,
        "required": declared.required,
        "learned": declared.learned,
        "declared_at": output::json_time(Some(declared.declared_at)),
        "schema": published(declared),
    })
}
