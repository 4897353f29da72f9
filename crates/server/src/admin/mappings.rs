//! The attribute mappings of directories.

use std::fmt;

use mapping::{AttributeMapping, mistake::Mistake};
use scim::Object;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;
use store::{OrganizationTx, Store, Tx, directories::Directory};

use super::{Error, directories, schemas};
use crate::{
    members::{self, preview::Preview},
    schemas::ResourceTypes,
};

/// The longest file, in bytes.
pub const MAX_FILE: usize = 1 << 18;

/// The mapping of a directory.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What is laid over the defaults; none where nothing was ever saved.
    pub overrides: Option<Object>,
    /// The lines in force.
    pub mapping: AttributeMapping,
    /// What could not be saved now, because schemas have changed since it was: what is not declared
    /// any more is read as what never was.
    pub mistakes: Vec<Mistake>,
}

/// The file of a mapping: `{"mapping": {…}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    mapping: Overrides,
}

/// An object in which no name stands twice: one of the two would be lost unseen.
struct Overrides(Object);

impl<'de> Deserialize<'de> for Overrides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfNames;

        impl<'de> Visitor<'de> for OfNames {
            type Value = Overrides;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of SCIM paths and targets")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Overrides, A::Error> {
                let mut overrides = Object::new();
                while let Some(path) = map.next_key::<String>()? {
                    if overrides.contains_key(&path) {
                        return Err(A::Error::custom(format_args!(
                            "`{path}` is there twice: give it a list of targets"
                        )));
                    }
                    let target = map.next_value::<Value>()?;
                    overrides.insert(path, target);
                }
                Ok(Overrides(overrides))
            }
        }

        deserializer.deserialize_map(OfNames)
    }
}

/// Reads the file of a mapping: what is to be laid over the defaults. Which paths and targets there
/// are is for [`check`].
pub fn parse(text: &str) -> Result<Object, Error> {
    if text.len() > MAX_FILE {
        return Err(Error::Invalid(format!("a mapping has at most {MAX_FILE} bytes")));
    }
    let form: Form = serde_json::from_str(text).map_err(|error| {
        Error::Invalid(format!(
            "the file has to hold `{{\"mapping\": {{…}}}}` with a SCIM path and a target in each \
             entry: {error}"
        ))
    })?;
    Ok(form.mapping.0)
}

/// The mapping that overrides come to, or all their mistakes.
pub async fn check(
    store: &Store,
    directory_id: &str,
    overrides: &Object,
) -> Result<AttributeMapping, Error> {
    let types = types(store, directory_id).await?;
    AttributeMapping::read(overrides, &types.user).map_err(Error::Mapping)
}

/// The mapping of a directory.
pub async fn show(store: &Store, directory_id: &str) -> Result<Shown, Error> {
    let types = types(store, directory_id).await?;
    let id = directory_id.to_owned();
    let policies = store
        .look_up(async move |tx: &mut Tx| store::directories::policies_of(tx, &id).await)
        .await?
        .ok_or_else(|| directories::not_found(directory_id))?;
    let read = |text: String| {
        serde_json::from_str::<Object>(&text).map_err(|error| store::Error::Corrupt {
            table: "directory",
            row: directory_id.into(),
            problem: format!("the attribute mapping: {error}"),
        })
    };
    let overrides = policies.attribute_mapping.map(read).transpose()?;
    let laid_over = overrides.clone().unwrap_or_default();
    // Members follow lines to what nobody declares as well.
    let (mapping, _) = AttributeMapping::salvage(&laid_over, &ResourceTypes::default().user);
    let (_, mistakes) = AttributeMapping::salvage(&laid_over, &types.user);
    Ok(Shown { overrides, mapping, mistakes })
}

/// What would become of the members if these overrides were saved; nothing is.
pub async fn preview(
    store: &Store,
    directory_id: &str,
    overrides: &Object,
) -> Result<Preview, Error> {
    let mapping = check(store, directory_id, overrides).await?;
    directories::get(store, directory_id).await?;
    Ok(members::preview::of_mapping(store, directory_id, mapping).await?)
}

/// Saves what is laid over the defaults, in place of what was; answers the lines in force. With the
/// stamp of a [`Preview`], only if nothing was written to the organization since.
pub async fn set(
    store: &Store,
    directory_id: &str,
    overrides: Object,
    stamp: Option<String>,
    now: i64,
) -> Result<AttributeMapping, Error> {
    let mapping = check(store, directory_id, &overrides).await?;
    save(store, directory_id, Some(Value::from(overrides).to_string()), stamp, now).await?;
    Ok(mapping)
}

/// Takes away what is laid over the defaults.
pub async fn clear(store: &Store, directory_id: &str, now: i64) -> Result<(), Error> {
    save(store, directory_id, None, None, now).await
}

async fn save(
    store: &Store,
    directory_id: &str,
    overrides: Option<String>,
    stamp: Option<String>,
    now: i64,
) -> Result<(), Error> {
    directories::change(
        store,
        directory_id,
        now,
        async move |tx: &mut Tx, directory: &Directory| {
            if let Some(stamp) = &stamp {
                let mut organization = OrganizationTx::new(tx, &directory.organization_id);
                if members::preview::stamp(&organization.standing().await?) != *stamp {
                    return Err(moved());
                }
            }
            let before = store::directories::policies_of(tx, &directory.id).await?;
            if before.and_then(|before| before.attribute_mapping) == overrides {
                return Ok(None);
            }
            store::directories::set_attribute_mapping(tx, &directory.id, overrides.as_deref())
                .await?;
            Ok(Some("attribute_mapping"))
        },
    )
    .await
}

fn moved() -> Error {
    Error::Conflict(
        "the organization has changed since the preview: look at a new one, then save it with its \
         stamp"
            .into(),
    )
}

/// What the directory declares of its users.
async fn types(store: &Store, directory_id: &str) -> Result<ResourceTypes, Error> {
    let declared = schemas::list(store, directory_id).await?;
    Ok(ResourceTypes::new(declared, Vec::new()))
}
