//! `headcount mapping`.

use std::{io::Read, path::Path};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Failure, open, output, projection, schema::read};
use crate::{
    admin::{
        self, directories,
        mappings::{self, MAX_FILE, Shown},
    },
    clock,
    config::StoreArgs,
    members::preview::{Change, Preview},
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
        /// Save it only if nothing was written to the organization since this preview
        #[arg(long, value_name = "STAMP")]
        stamp: Option<String>,
        /// Print JSON: directory, lines, projection; or the mistakes
        #[arg(long)]
        json: bool,
    },
    /// Show who would change, from what to what and by which line, if a mapping were saved
    Preview {
        /// The directory's id
        id: String,
        /// JSON; - reads standard input
        file: String,
        /// Show at most as many members
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// Print JSON: stamp, seen, changes (of all members)
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
        Command::Set { id, file, stamp, json } => {
            let overrides = mappings::parse(&text_of(&file)?)?;
            let set = mappings::set(&store, &id, overrides, stamp, clock::now()).await;
            let mapping = explain(set, &id, json)?;
            let organization = directories::get(&store, &id).await?.organization_slug;
            let run = projection::finish(&store, &organization).await?;
            if json {
                let run = run.as_ref().map(projection::to_json);
                let (id, lines) = (id, mapping.to_json());
                output::json(&json!({"directory": id, "lines": lines, "projection": run}));
            } else {
                println!("saved; in force are\n{mapping}");
                projection::print(run.as_ref());
            }
        }
        Command::Preview { id, file, limit, json } => {
            let overrides = mappings::parse(&text_of(&file)?)?;
            let preview = explain(mappings::preview(&store, &id, &overrides).await, &id, json)?;
            if json {
                output::json(&json!({
                    "directory": id,
                    "stamp": preview.stamp,
                    "seen": preview.seen,
                    "changes": Value::from_iter(preview.changes.iter().map(change_to_json)),
                }));
            } else {
                show(&preview, limit);
                println!(
                    "Save it as it was seen: headcount mapping set {id} {file} --stamp {}",
                    preview.stamp
                );
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

/// Says every mistake of a mapping.
fn explain<T>(result: Result<T, admin::Error>, id: &str, json: bool) -> Result<T, Failure> {
    let Err(admin::Error::Mapping(mistakes)) = result else { return Ok(result?) };
    if json {
        output::json(&json!({"directory": id, "mistakes": mistakes}));
    } else {
        for mistake in &mistakes {
            eprintln!("{mistake}");
        }
    }
    Err(admin::Error::Mapping(mistakes).into())
}

fn change_to_json(change: &Change) -> Value {
    json!({
        "member": change.member_id,
        "email_address": change.email_address,
        "before": change.before,
        "after": change.after,
        "teams_joined": change.joined,
        "teams_left": change.left,
    })
}

/// Who would change, a line for each part.
fn show(preview: &Preview, limit: usize) {
    let count = preview.changes.len();
    println!("{count} of {} members would change", preview.seen);
    for change in preview.changes.iter().take(limit) {
        let name = change.email_address.as_deref().unwrap_or(&change.member_id);
        println!("\n{name}");
        let parts = change.after.as_object().into_iter().flatten();
        for (part, after) in parts {
            let value = |of: &Value| of.get("value").unwrap_or(of).to_string();
            let before = change.before.get(part).map(value).unwrap_or_default();
            println!("  {part}: {before} -> {}{}", value(after), because(after));
        }
    }
    if count > limit {
        println!("\n… and {} more (--limit, or --json for all)", count - limit);
    }
    println!();
}

/// The line of the mapping that a value is from.
fn because(part: &Value) -> String {
    let line = part.get("from").and_then(|from| from.get("mapping"));
    let source = line.and_then(|line| line.get("source")).and_then(Value::as_str);
    source.map_or_else(String::new, |source| format!("  by `{source}`"))
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
