//! The configurations of organizations, as long as nothing of them has changed.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use mapping::{AttributeMapping, Configuration};
use scim::schema::ResourceType;
use store::{OrganizationTx, directories::Policies, members::Standing};

use crate::schemas::ResourceTypes;

/// As many organizations are kept in mind.
const MOST: usize = 10_000;

/// What was read last of each organization, with the number of its configuration.
#[derive(Default)]
pub struct Configurations(Mutex<HashMap<String, (i64, Arc<Configuration>)>>);

impl Configurations {
    /// The configuration of an organization that stands as `standing` says.
    pub async fn get(
        &self,
        standing: &Standing,
        tx: &mut OrganizationTx<'_>,
    ) -> Result<Arc<Configuration>, store::Error> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((version, known)) = lock().get(&standing.organization_id)
            && *version == standing.configuration
        {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(tx.load_configuration(read_mapping).await?);
        let mut known = lock();
        if known.len() >= MOST {
            known.clear();
        }
        let entry = (standing.configuration, Arc::clone(&read));
        known.insert(standing.organization_id.clone(), entry);
        Ok(read)
    }
}

/// The mapping of a directory. What was saved was checked; lines that a later version of the program
/// does not understand any more are left out, and said in the log.
pub fn read_mapping(directory: &Policies) -> AttributeMapping {
    let Some(saved) = &directory.attribute_mapping else { return AttributeMapping::defaults() };
    let overrides = serde_json::from_str(saved).unwrap_or_default();
    let (mapping, mistakes) = AttributeMapping::salvage(&overrides, &USER);
    if let Some(mistake) = mistakes.first() {
        tracing::error!(
            directory.id = directory.id,
            mistakes = mistakes.len(),
            first = %mistake,
            "lines of the saved attribute mapping cannot be read"
        );
    }
    mapping
}

/// A user without the extensions that directories declare: paths to what nobody declares are
/// understood without.
static USER: LazyLock<Arc<ResourceType>> =
    LazyLock::new(|| Arc::clone(&ResourceTypes::default().user));
