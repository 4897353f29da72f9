//! The roles that the operator declares, for all organizations.

use mapping::roles::Role;
use store::{
    Store, Tx, projections,
    roles::{CHANGING, DeclaredRole, Use},
};

use super::Error;
use crate::ids;

/// The most roles.
pub const MAX_ROLES: usize = 100;
/// The longest name of a role, in bytes.
pub const MAX_NAME: usize = 64;
/// The longest description, in bytes.
pub const MAX_DESCRIPTION: usize = 1000;
/// The lowest precedence.
pub const MAX_PRECEDENCE: i64 = 1_000_000;

/// What no role can be called, because it says that there is none.
pub const NONE: &str = "none";

/// How many uses a refusal names.
const NAMED: usize = 3;

/// What is to be different of a role; nothing where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub precedence: Option<i64>,
    /// Empty: none.
    pub description: Option<String>,
    pub is_default: Option<bool>,
    pub is_owner: Option<bool>,
}

/// Declares a role.
///
/// Its name has letters, digits, `:`, `_`, `-` and `.`. No two have the same precedence; one at most
/// is the default.
pub async fn create(
    store: &Store,
    role: Role,
    description: Option<String>,
    now: i64,
) -> Result<DeclaredRole, Error> {
    check_name(&role.name)?;
    let description = described(description)?;
    let declared = DeclaredRole { role, description, created_at: now };
    let run = ids::prefixed("run");
    store
        .administer(async move |tx: &mut Tx| {
            let others = held(tx).await?;
            let role = &declared.role;
            if others.iter().any(|other| other.role.name == role.name) {
                return Err(Error::Conflict(format!("there is a role `{}` already", role.name)));
            }
            if others.len() >= MAX_ROLES {
                return Err(Error::Invalid(format!("there are {MAX_ROLES} roles, the most")));
            }
            check_precedence(role, &others)?;
            if let Some(other) = others.iter().find(|o| role.is_default && o.role.is_default) {
                return Err(Error::Conflict(format!(
                    "`{}` is the default role: create this one without, and make it the default \
                     by an update, which takes it from the other",
                    other.role.name
                )));
            }
            projections::begin_everywhere(tx, "roles", &run, now).await?;
            store::roles::declare(tx, &declared).await?;
            Ok(declared.clone())
        })
        .await
}

/// Changes a role. One that becomes the default takes that from the one that was.
pub async fn update(
    store: &Store,
    name: &str,
    changes: Changes,
    now: i64,
) -> Result<DeclaredRole, Error> {
    let name = name.to_owned();
    let run = ids::prefixed("run");
    store
        .administer(async move |tx: &mut Tx| {
            let mut others = held(tx).await?;
            let at = others.iter().position(|known| known.role.name == name);
            let before = others.remove(at.ok_or_else(|| not_found(&name))?);
            let mut declared = before.clone();
            let role = &mut declared.role;
            role.precedence = changes.precedence.unwrap_or(role.precedence);
            role.is_default = changes.is_default.unwrap_or(role.is_default);
            role.is_owner = changes.is_owner.unwrap_or(role.is_owner);
            check_precedence(role, &others)?;
            if let Some(description) = &changes.description {
                declared.description = described(Some(description.clone()))?;
            }
            if declared == before {
                return Ok(before);
            }
            // A description decides nothing.
            if declared.role != before.role {
                projections::begin_everywhere(tx, "roles", &run, now).await?;
            }
            if declared.role.is_default
                && let Some(mut other) = others.into_iter().find(|other| other.role.is_default)
            {
                other.role.is_default = false;
                store::roles::update(tx, &other).await?;
            }
            store::roles::update(tx, &declared).await?;
            Ok(declared)
        })
        .await
}

/// All roles, the highest first.
pub async fn list(store: &Store) -> Result<Vec<DeclaredRole>, Error> {
    Ok(store.look_up(async |tx: &mut Tx| store::roles::list(tx).await).await?)
}

/// Takes a role back, which no rule and no ceiling names. Members who have it get what else gives
/// them one.
pub async fn delete(store: &Store, name: &str, now: i64) -> Result<(), Error> {
    let name = name.to_owned();
    let run = ids::prefixed("run");
    store
        .administer(async move |tx: &mut Tx| {
            held(tx).await?;
            projections::begin_everywhere(tx, "roles", &run, now).await?;
            if !store::roles::hold(tx, &name).await? {
                return Err(not_found(&name));
            }
            let uses = store::roles::uses(tx, &name).await?;
            if !uses.is_empty() {
                return Err(in_use(&name, &uses));
            }
            store::roles::remove(tx, &name).await?;
            Ok(())
        })
        .await
}

/// Holds the roles against others who change them; what there are. Organizations are held after this
/// and before any one role, as by those who are about to name one.
async fn held(tx: &mut Tx) -> Result<Vec<DeclaredRole>, Error> {
    store::settings::hold(tx, CHANGING).await?;
    Ok(store::roles::list(tx).await?)
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_name = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b":_-.".contains(&b))
        && name != NONE;
    if is_name {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "`{name}` cannot be the name of a role: 1 to {MAX_NAME} letters, digits, `:`, `_`, `-` and \
         `.`, and not `{NONE}`"
    )))
}

fn check_precedence(role: &Role, others: &[DeclaredRole]) -> Result<(), Error> {
    let Role { name, precedence, .. } = role;
    if !(1..=MAX_PRECEDENCE).contains(precedence) {
        return Err(Error::Invalid(format!(
            "a precedence is a number from 1, the highest, to {MAX_PRECEDENCE}, not `{precedence}`"
        )));
    }
    match others.iter().find(|other| other.role.precedence == *precedence) {
        None => Ok(()),
        Some(other) => Err(Error::Conflict(format!(
            "role `{}` has precedence {precedence}: choose another for `{name}`, so that it is \
             clear which is higher",
            other.role.name
        ))),
    }
}

fn described(description: Option<String>) -> Result<Option<String>, Error> {
    let description = description.map(|text| text.trim().to_owned()).filter(|t| !t.is_empty());
    let is_text =
        |text: &String| text.len() <= MAX_DESCRIPTION && !text.chars().any(char::is_control);
    if description.as_ref().is_none_or(is_text) {
        return Ok(description);
    }
    Err(Error::Invalid(format!(
        "a description has at most {MAX_DESCRIPTION} bytes, and no control characters"
    )))
}

fn in_use(name: &str, uses: &[Use]) -> Error {
    let named: Vec<String> = uses
        .iter()
        .take(NAMED)
        .map(|one| match one {
            Use::Rule { organization_slug, pattern } => {
                format!("the rule for `{pattern}` of organization `{organization_slug}`")
            }
            Use::Ceiling { directory_id, .. } => {
                format!("the ceiling of directory `{directory_id}`")
            }
        })
        .collect();
    let more = match uses.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Error::Conflict(format!(
        "role `{name}` is used by {}{more}: change those first",
        named.join(", ")
    ))
}

pub(super) fn not_found(name: &str) -> Error {
    Error::NotFound(format!("no role `{name}`: see `headcount role list`"))
}
