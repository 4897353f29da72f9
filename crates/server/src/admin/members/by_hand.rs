//! Changing members by hand: what no directory provides. Decided and written by the same functions as
//! what directories say, with an event for each change.

use std::collections::BTreeMap;

use mapping::{
    Configuration, Target, domain_name,
    member::{Held, Member, Reason, State, Why},
};
use serde_json::Value;
use store::{OrganizationTx, Store, Tx, events::Cause};

use super::{find, not_found};
use crate::{
    admin::{Error, organizations, reasons::Directories},
    ids,
    members::{Configurations, Person, World},
};

/// The longest value of a field that is set by hand, in bytes.
pub const MAX_VALUE: usize = 4096;
/// The most fields that are set by hand.
const MAX_FIELDS: usize = 200;

/// What is to be set: a value, or none, which takes away what was set by hand before.
pub type Fields = BTreeMap<Target, Option<Value>>;

/// Reads `FIELD=VALUE`, as in `first_name=Ada`. No value takes away.
pub fn parse_field(text: &str) -> Result<(Target, Option<Value>), Error> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Error::Invalid(format!("`{text}` is no FIELD=VALUE, as in `first_name=Ada`"))
    })?;
    let target: Target = name.trim().parse().map_err(|error| {
        let error: mapping::target::UnknownTarget = error;
        Error::Invalid(error.to_string())
    })?;
    let value = value.trim();
    let value = match (&target, value) {
        (_, "") => None,
        (Target::Active, "true" | "false") => Some(Value::from(value == "true")),
        (Target::Active, _) => {
            return Err(Error::Invalid(format!("`active` is `true` or `false`, not `{value}`")));
        }
        _ => Some(Value::from(value)),
    };
    Ok((target, value))
}

/// Creates a member of the product's own, whom no directory has (yet); its id. An account belongs to
/// it, as the product says whose the e-mail address is.
pub async fn create(
    store: &Store,
    slug: &str,
    fields: Fields,
    by: &str,
    now: i64,
) -> Result<String, Error> {
    let id = format!("mem-{}", ids::uuid());
    change(store, slug, by, now, Change::Create { id, fields }).await
}

/// Sets fields of a member; its id. One that a directory provides is refused, and all with it.
pub async fn update(
    store: &Store,
    slug: &str,
    who: &str,
    fields: Fields,
    by: &str,
    now: i64,
) -> Result<String, Error> {
    change(store, slug, by, now, Change::Update { who: who.into(), fields }).await
}

/// Deletes a member whom no directory has; its id.
pub async fn delete(
    store: &Store,
    slug: &str,
    who: &str,
    by: &str,
    now: i64,
) -> Result<String, Error> {
    change(store, slug, by, now, Change::Delete { who: who.into() }).await
}

enum Change {
    Create { id: String, fields: Fields },
    Update { who: String, fields: Fields },
    Delete { who: String },
}

async fn change(
    store: &Store,
    slug: &str,
    by: &str,
    now: i64,
    change: Change,
) -> Result<String, Error> {
    let (Change::Create { fields, .. } | Change::Update { fields, .. }) = &change else {
        return apply(store, slug, by, now, change).await;
    };
    for (target, value) in fields {
        check(target, value.as_ref())?;
    }
    apply(store, slug, by, now, change).await
}

fn check(target: &Target, value: Option<&Value>) -> Result<(), Error> {
    let Some(Value::String(text)) = value else { return Ok(()) };
    if text.len() > MAX_VALUE || text.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "`{target}` has at most {MAX_VALUE} bytes, and no control characters"
        )));
    }
    let is_address = || {
        text.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !text.contains(char::is_whitespace)
                && domain_name(domain).is_some()
        })
    };
    if *target == Target::EmailAddress && !is_address() {
        return Err(Error::Invalid(format!("`{text}` is no e-mail address")));
    }
    Ok(())
}

async fn apply(
    store: &Store,
    slug: &str,
    by: &str,
    now: i64,
    change: Change,
) -> Result<String, Error> {
    let organization = organizations::get(store, slug).await?;
    let cause = Cause::Person { name: by.into() };
    store
        .administer(async move |tx: &mut Tx| {
            if !store::organizations::hold(tx, &organization.id).await? {
                return Err(organizations::not_found(&organization.slug));
            }
            let mut tx = OrganizationTx::new(tx, &organization.id);
            let standing = tx.standing().await?;
            let configuration = Configurations::default().get(&standing, &mut tx).await?;
            let directories = Directories::load(&mut tx).await?;
            let mut desk = Desk {
                world: World::new(tx, configuration),
                directories: &directories,
                slug: &organization.slug,
            };
            let id = match &change {
                Change::Create { id, fields } => desk.create(id, fields).await?,
                Change::Update { who, fields } => desk.update(who, fields).await?,
                Change::Delete { who } => desk.delete(who).await?,
            };
            let effects = desk.world.effects();
            if !effects.is_empty() {
                let World { mut organization, configuration, .. } = desk.world;
                effects.store(&standing, &configuration, &cause, now, &mut organization).await?;
            }
            Ok(id)
        })
        .await
}

/// The members of an organization that are changed, and what refusals name.
struct Desk<'a> {
    world: World<'a>,
    directories: &'a Directories,
    slug: &'a str,
}

impl Desk<'_> {
    async fn create(&mut self, id: &str, fields: &Fields) -> Result<String, Error> {
        let mut member = Member::nobody();
        member.by_product = true;
        self.set(&mut member, fields)?;
        if !member.by_hand.contains_key(&Target::EmailAddress) {
            return Err(Error::Invalid("a member needs an `email_address`".into()));
        }
        vouch(&mut member);
        self.world.add(id, Person::unlinked(member));
        self.settle(id).await?;
        Ok(id.to_owned())
    }

    async fn update(&mut self, who: &str, fields: &Fields) -> Result<String, Error> {
        let id = self.load(who).await?;
        for target in fields.keys() {
            self.refuse_locked(&id, target)?;
        }
        let person = self.person(&id, who)?;
        let (mut member, is_linked) = (person.now.clone(), !person.sources.is_empty());
        self.set(&mut member, fields)?;
        if fields.contains_key(&Target::EmailAddress) {
            if !member.by_hand.contains_key(&Target::EmailAddress) {
                return Err(Error::Invalid(format!(
                    "`{who}` needs an e-mail address: set another in its place"
                )));
            }
            if member.by_product && !is_linked {
                vouch(&mut member);
            }
        }
        self.world.change(&id, member);
        self.settle(&id).await?;
        Ok(id)
    }

    async fn delete(&mut self, who: &str) -> Result<String, Error> {
        let id = self.load(who).await?;
        if let Some(directory) = self.provider(&id) {
            return Err(Error::Locked(format!(
                "`{who}` is provided by {directory}: take them out there, or delete the directory"
            )));
        }
        if let Some(person) = self.world.people.get_mut(&id) {
            person.is_orphaned = true;
        }
        self.settle(&id).await?;
        let mut member = self.person(&id, who)?.now.clone();
        member.delete(Why::Person);
        self.world.change(&id, member);
        Ok(id)
    }

    async fn load(&mut self, who: &str) -> Result<String, Error> {
        let id = find(&mut self.world.organization, self.slug, who).await?;
        self.world.load(std::slice::from_ref(&id)).await?;
        if self.person(&id, who)?.now.state == State::Deleted {
            return Err(Error::NotFound(format!("member `{id}` is deleted")));
        }
        Ok(id)
    }

    fn person(&self, id: &str, who: &str) -> Result<&Person, Error> {
        self.world.people.get(id).ok_or_else(|| not_found(self.slug, who))
    }

    /// Puts values among those that are set by hand.
    fn set(&self, member: &mut Member, fields: &Fields) -> Result<(), Error> {
        for (target, value) in fields {
            match value {
                None => drop(member.by_hand.remove(target)),
                Some(value) => {
                    if *target == Target::OrganizationRole {
                        check_role(value, &self.world.configuration)?;
                    }
                    member.by_hand.insert(target.clone(), value.clone());
                }
            }
        }
        if member.by_hand.len() > MAX_FIELDS {
            return Err(Error::Invalid(format!(
                "at most {MAX_FIELDS} fields of a member can be set by hand"
            )));
        }
        Ok(())
    }

    /// Lets what was set take effect, and refuses what would not, or would harm others.
    async fn settle(&mut self, id: &str) -> Result<(), Error> {
        let state = |world: &World<'_>| {
            let member = &world.people.get(id)?.now;
            Some((member.held.is_some(), member.wanted_email.clone()))
        };
        let before = state(&self.world);
        self.world.queue.insert(id.to_owned());
        self.world.settle().await?;
        let (was_held, was_wanted) = before.unwrap_or_default();
        let Some((is_held, wanted)) = state(&self.world) else { return Ok(()) };
        if is_held && !was_held {
            return Err(Error::Conflict(format!(
                "`{id}` is the last owner of `{}`: make somebody else an owner first",
                self.slug
            )));
        }
        match wanted {
            Some(wanted) if was_wanted.as_ref() != Some(&wanted) => Err(Error::Conflict(format!(
                "the e-mail address `{}` is that of member `{}`",
                wanted.email_address, wanted.member_id
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses a field that a directory provides.
    fn refuse_locked(&self, id: &str, target: &Target) -> Result<(), Error> {
        let Some(person) = self.world.people.get(id) else { return Ok(()) };
        let member = &person.now;
        if matches!(member.held, Some(Held::LastOwner { state: State::Deleted, .. })) {
            return Err(Error::Locked(format!(
                "`{id}` is deleted by its directory and stays only as the organization's last owner: \
                 make somebody else an owner instead"
            )));
        }
        let locked = |by: String| {
            Err(Error::Locked(format!(
                "`{target}` of `{id}` is provided by a directory: {by}. Change it there"
            )))
        };
        let field = match target {
            Target::Active => return self.provider(id).map_or(Ok(()), locked),
            Target::OrganizationRole => member.role.as_ref(),
            Target::EmailAddress if member.wanted_email.is_some() => {
                return self.provider(id).map_or(Ok(()), locked);
            }
            target => member.fields.get(target),
        };
        match field.map(|field| &field.from) {
            Some(from @ (Reason::Mapping { .. } | Reason::Rule { .. })) => {
                locked(self.directories.reason(from))
            }
            _ => Ok(()),
        }
    }

    /// The directory that says whether a member is active.
    fn provider(&self, id: &str) -> Option<String> {
        let person = self.world.people.get(id)?;
        if let Why::Directory { directory_id, .. } = &person.now.why {
            return Some(self.directories.name(directory_id));
        }
        let is_living = |directory_id: &str| {
            let directory = self.world.configuration.directories.get(directory_id);
            directory.is_some_and(|directory| directory.deleted.is_none())
        };
        let source = person.sources.iter().find(|source| is_living(&source.directory_id))?;
        Some(self.directories.name(&source.directory_id))
    }
}

/// Keeps that the product says whose the e-mail address is.
fn vouch(member: &mut Member) {
    let address = member.by_hand.get(&Target::EmailAddress).and_then(Value::as_str);
    member.vouched_email = address.map(str::to_owned);
}

fn check_role(value: &Value, configuration: &Configuration) -> Result<(), Error> {
    let name = value.as_str().unwrap_or_default();
    if configuration.roles.get(name).is_some() {
        return Ok(());
    }
    Err(Error::Invalid(format!("`{name}` is no declared role: see `headcount role list`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_typed() {
        let read = |text| parse_field(text).map_err(|error| error.to_string());
        let text = |text: &str| Some(Value::from(text));
        for (field, target, value) in [
            ("first_name=Ada", Target::FirstName, text("Ada")),
            ("display_name=A = B", Target::DisplayName, text("A = B")),
            ("first_name=", Target::FirstName, None),
            ("active=false", Target::Active, Some(false.into())),
            ("public_metadata.desk=4", Target::PublicMetadata("desk".into()), text("4")),
        ] {
            assert_eq!(read(field), Ok((target, value)), "{field}");
        }
        for (field, said) in [
            ("first_name", "FIELD=VALUE"),
            ("active=yes", "`true` or `false`"),
            ("x=1", "`x` is no"),
        ] {
            let error = read(field).unwrap_err();
            assert!(error.contains(said), "{field}: {error}");
        }
        for (address, is_one) in [
            ("ada@example.com", true),
            ("ada@bücher.example", true),
            ("ada", false),
            ("@example.com", false),
            ("ada@localhost", false),
            ("ada b@example.com", false),
        ] {
            let checked = check(&Target::EmailAddress, text(address).as_ref());
            assert_eq!(checked.is_ok(), is_one, "{address}");
        }
    }
}
