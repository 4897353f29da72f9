//! `headcount organization mail-text`.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::{Value, json};
use store::Store;

use crate::{
    admin::enrolment::{self, Shown},
    cli::{Failure, output},
    mail::text::write,
};

#[derive(Subcommand)]
pub enum Command {
    /// Print the texts: of one language in the form that `set` reads
    Show {
        slug: String,
        /// As in de or pt-BR [default: all]
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set the text in a language, built in or not
    #[command(after_help = "The file, TOML (or JSON with the same keys):\n  \
        subject = \"Welcome to {{ organization }}\"\n  text = \"\"\"\n  Hello {{ name }},\n\n  \
        sign in here: {{ link }}\n  \"\"\"")]
    Set {
        slug: String,
        /// As in de or pt-BR
        #[arg(long, value_name = "TAG")]
        language: String,
        /// The file; - is standard input
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take an organization's own text away: the built-in one counts again
    Clear {
        slug: String,
        /// As in de or pt-BR
        #[arg(long, value_name = "TAG")]
        language: String,
        /// Print JSON: slug, language
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Command, store: &Store) -> Result<(), Failure> {
    match command {
        Command::Show { slug, language, json } => {
            let texts = enrolment::texts(store, &slug, language.as_deref()).await?;
            if json {
                output::json(&Value::from_iter(texts.iter().map(to_json)));
            } else if language.is_some() {
                texts.iter().for_each(|shown| print!("{}", write(&shown.text)));
            } else {
                for shown in &texts {
                    let whose = if shown.is_own { "of the organization" } else { "built in" };
                    println!("# {}: {whose}\n{}", shown.language, write(&shown.text));
                }
            }
        }
        Command::Set { slug, language, file, json } => {
            let source = read(&file)?;
            let shown = enrolment::set_text(store, &slug, &language, &source).await;
            let shown = shown.map_err(|error| match error {
                crate::admin::Error::Invalid(why) => {
                    Failure::Usage(format!("`{}`: {why}", file.display()))
                }
                other => other.into(),
            })?;
            if json {
                output::json(&to_json(&shown));
            } else {
                println!("organization {slug} has a text of its own in {}", shown.language);
            }
        }
        Command::Clear { slug, language, json } => {
            enrolment::clear_text(store, &slug, &language).await?;
            if json {
                output::json(&json!({"slug": slug, "language": language}));
            } else {
                println!("organization {slug} has no text of its own in {language} any more");
            }
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    text.map_err(|error| Failure::Usage(format!("cannot read `{}`: {error}", file.display())))
}

fn to_json(shown: &Shown) -> Value {
    json!({
        "language": shown.language,
        "is_own": shown.is_own,
        "subject": shown.text.subject,
        "text": shown.text.text,
    })
}
