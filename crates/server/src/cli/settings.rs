//! `headcount settings`.

use clap::{Subcommand, ValueEnum};
use mapping::slug::Misfit;

use super::{Failure, open, output};
use crate::{
    admin::settings::{self, TeamSlugs},
    clock,
    config::StoreArgs,
};

#[derive(Subcommand)]
pub enum Command {
    /// Show or set what slugs of teams are like: how URLs and programs call them
    #[command(after_help = "Example:\n  headcount settings team-slugs --pattern '[a-z0-9_-]+' \
        --max-length 32 --misfit refuse")]
    TeamSlugs {
        /// A regular expression that the whole slug matches
        #[arg(long, value_name = "REGEX")]
        pattern: Option<String>,
        /// The most characters
        #[arg(long, value_name = "N")]
        max_length: Option<usize>,
        /// What becomes of groups whose name is no slug as it is: one is made of what can be kept, or
        /// the identity provider is refused the group, with the reason
        #[arg(long, value_name = "normalise|refuse")]
        misfit: Option<OnMisfit>,
        /// Print JSON: pattern, max_length, misfit
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum OnMisfit {
    #[value(alias = "normalize")]
    Normalise,
    Refuse,
}

impl From<OnMisfit> for Misfit {
    fn from(misfit: OnMisfit) -> Self {
        match misfit {
            OnMisfit::Normalise => Self::Normalise,
            OnMisfit::Refuse => Self::Refuse,
        }
    }
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    let Command::TeamSlugs { pattern, max_length, misfit, json } = command;
    let is_change = pattern.is_some() || max_length.is_some() || misfit.is_some();
    let rule = if is_change {
        let changes = TeamSlugs { pattern, max_length, misfit: misfit.map(Misfit::from) };
        settings::set_team_slugs(&store, changes, clock::now()).await?
    } else {
        settings::team_slugs(&store).await?
    };
    if json {
        let rule = serde_json::to_value(&rule).map_err(anyhow::Error::from)?;
        output::json(&rule);
        return Ok(());
    }
    let others = match rule.misfit() {
        Misfit::Normalise => "normalised",
        Misfit::Refuse => "refused",
    };
    println!(
        "slugs of teams match `{}`, have at most {} characters; names that do not fit are {others}",
        rule.pattern(),
        rule.max_length()
    );
    Ok(())
}
