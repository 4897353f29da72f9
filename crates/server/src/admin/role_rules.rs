//! Which groups give which roles, in an organization.

use mapping::roles::{Pattern, Rule};
use scim::text::fold;
use store::{Store, Tx, projections};

use super::{Error, directories, organizations, roles};
use crate::ids;

/// The most rules of an organization.
pub const MAX_RULES: usize = 500;

/// What a new rule says.
#[derive(Clone, Debug)]
pub struct NewRule<'a> {
    /// A group's name, compared without case; `*` stands for any characters.
    pub pattern: &'a str,
    pub role: &'a str,
    /// Only groups of this directory.
    pub directory_id: Option<&'a str>,
    /// From 1; none: the last.
    pub position: Option<usize>,
}

/// Adds a rule to an organization; answers it with its position.
pub async fn add(
    store: &Store,
    slug: &str,
    new: NewRule<'_>,
    now: i64,
) -> Result<(usize, Rule), Error> {
    let pattern = new.pattern.trim();
    let is_pattern = (1..=Pattern::MAX_LENGTH).contains(&pattern.len())
        && !pattern.chars().any(char::is_control);
    if !is_pattern {
        return Err(Error::Invalid(format!(
            "a group's name in a rule has 1 to {} bytes, and no control characters",
            Pattern::MAX_LENGTH
        )));
    }
    let rule = Rule {
        id: ids::prefixed("rule"),
        pattern: Pattern::new(pattern),
        role: new.role.into(),
        directory_id: new.directory_id.map(str::to_owned),
    };
    let asked = new.position;
    change(store, slug, now, async move |tx: &mut Tx, organization_id: &str| {
        if let Some(id) = &rule.directory_id {
            let directory = store::directories::get(tx, id).await?;
            let directory = directory.ok_or_else(|| directories::not_found(id))?;
            if directory.organization_id != organization_id {
                return Err(Error::Invalid(format!(
                    "directory `{id}` is not one of this organization"
                )));
            }
        }
        if !store::roles::hold(tx, &rule.role).await? {
            return Err(roles::not_found(&rule.role));
        }
        let rules = store::role_rules::list(tx, organization_id).await?;
        if rules.len() >= MAX_RULES {
            return Err(Error::Invalid(format!(
                "the organization has {MAX_RULES} rules, the most: `*` stands for any characters"
            )));
        }
        let says = |rule: &Rule| {
            (fold(rule.pattern.as_str()), rule.role.clone(), rule.directory_id.clone())
        };
        if let Some(same) = rules.iter().find(|known| says(known) == says(&rule)) {
            return Err(Error::Conflict(format!("rule `{}` says the same already", same.id)));
        }
        let position = asked.unwrap_or(rules.len() + 1);
        check_position(position, rules.len() + 1)?;
        store::role_rules::add(tx, organization_id, &rule, position, now).await?;
        Ok((true, (position, rule.clone())))
    })
    .await
}

/// The rules of an organization, in their order.
pub async fn list(store: &Store, slug: &str) -> Result<Vec<Rule>, Error> {
    let id = organizations::get(store, slug).await?.id;
    Ok(store.look_up(async move |tx: &mut Tx| store::role_rules::list(tx, &id).await).await?)
}

/// Moves a rule to a position, counted from 1.
pub async fn move_to(
    store: &Store,
    slug: &str,
    id: &str,
    position: usize,
    now: i64,
) -> Result<(), Error> {
    let id = id.to_owned();
    change(store, slug, now, async move |tx: &mut Tx, organization_id: &str| {
        let rules = store::role_rules::list(tx, organization_id).await?;
        let at = rules.iter().position(|rule| rule.id == id).ok_or_else(|| not_found(&id))?;
        check_position(position, rules.len())?;
        if at + 1 == position {
            return Ok((false, ()));
        }
        store::role_rules::move_to(tx, organization_id, &id, position).await?;
        Ok((true, ()))
    })
    .await
}

/// Removes a rule: members have what else gives them a role.
pub async fn remove(store: &Store, slug: &str, id: &str, now: i64) -> Result<(), Error> {
    let id = id.to_owned();
    change(store, slug, now, async move |tx: &mut Tx, organization_id: &str| {
        if !store::role_rules::remove(tx, organization_id, &id).await? {
            return Err(not_found(&id));
        }
        Ok((true, ()))
    })
    .await
}

/// Changes the rules of an organization, which is held; `work` says whether anything is different.
async fn change<T, F>(store: &Store, slug: &str, now: i64, work: F) -> Result<T, Error>
where
    F: AsyncFn(&mut Tx, &str) -> Result<(bool, T), Error> + Send + 'static,
    T: Send + 'static,
{
    let id = organizations::get(store, slug).await?.id;
    let (slug, run) = (slug.to_owned(), ids::prefixed("run"));
    store
        .administer(async move |tx: &mut Tx| {
            if !store::organizations::hold(tx, &id).await? {
                return Err(organizations::not_found(&slug));
            }
            let (is_changed, done) = work(tx, &id).await?;
            if is_changed {
                projections::begin(tx, &id, "role_rules", &run, now).await?;
            }
            Ok(done)
        })
        .await
}

fn check_position(position: usize, last: usize) -> Result<(), Error> {
    if (1..=last).contains(&position) {
        return Ok(());
    }
    Err(Error::Invalid(format!("there are positions 1 to {last}, not `{position}`")))
}

fn not_found(id: &str) -> Error {
    Error::NotFound(format!("the organization has no rule `{id}`"))
}
