//! What is set for all organizations.

use mapping::slug::{Misfit, Rule};
use store::{Store, Tx, projections};

use super::Error;
use crate::ids;

/// What is to be different of the rule for slugs of teams; nothing where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct TeamSlugs {
    pub pattern: Option<String>,
    pub max_length: Option<usize>,
    pub misfit: Option<Misfit>,
}

/// What slugs of teams have to be like.
pub async fn team_slugs(store: &Store) -> Result<Rule, Error> {
    Ok(store.look_up(async |tx: &mut Tx| store::settings::team_slugs(tx).await).await?)
}

/// Sets what slugs of teams have to be like.
pub async fn set_team_slugs(store: &Store, changes: TeamSlugs, now: i64) -> Result<Rule, Error> {
    let run = ids::prefixed("run");
    store
        .administer(async move |tx: &mut Tx| {
            let before = store::settings::hold_team_slugs(tx).await?;
            let rule = Rule::new(
                changes.pattern.as_deref().unwrap_or(before.pattern()),
                changes.max_length.unwrap_or(before.max_length()),
                changes.misfit.unwrap_or(before.misfit()),
            )
            .map_err(|error| Error::Invalid(error.to_string()))?;
            store::settings::set_team_slugs(tx, &rule).await?;
            if rule != before {
                projections::begin_everywhere(tx, "settings", &run, now).await?;
            }
            Ok(rule)
        })
        .await
}
