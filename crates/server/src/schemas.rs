//! What each directory declares, as every request needs it: its resource types with their schemas.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use scim::schema::{self, Extension, ResourceType};
use store::{DirectoryTx, Store, directories::Directory, schemas::DeclaredSchema};

/// Directories whose own resource types are remembered at a time.
const MAX_REMEMBERED: usize = 1_000;

/// The resource types of one directory.
#[derive(Clone, Debug)]
pub struct ResourceTypes {
    pub user: Arc<ResourceType>,
    pub group: Arc<ResourceType>,
    /// All of them, as discovery lists them.
    pub all: Vec<ResourceType>,
}

impl Default for ResourceTypes {
    /// Those of a directory that declares nothing.
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl ResourceTypes {
    /// User and Group with what the directory declares for them.
    pub fn new(declared: Vec<DeclaredSchema>) -> Self {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for DeclaredSchema { schema, resource_type, required, .. } in declared {
            let extension = Extension { schema: Arc::new(schema), required };
            if resource_type == "Group" { &mut groups } else { &mut users }.push(extension);
        }
        let (user, group) = (schema::user_type(users), schema::group_type(groups));
        let all = vec![user.clone(), group.clone()];
        Self { user: Arc::new(user), group: Arc::new(group), all }
    }
}

/// The resource types of all directories. Those of directories that declare nothing are one; others
/// are read from the store once for each version of what they declare.
#[derive(Default)]
pub struct Schemas {
    standard: Arc<ResourceTypes>,
    own: RwLock<HashMap<String, (i64, Arc<ResourceTypes>)>>,
}

impl Schemas {
    /// Those of a directory that declares nothing.
    pub fn standard(&self) -> &Arc<ResourceTypes> {
        &self.standard
    }

    /// The resource types of `directory`, in the version it names or a later one.
    pub async fn of(
        &self,
        directory: &Directory,
        store: &Store,
    ) -> Result<Arc<ResourceTypes>, store::Error> {
        if directory.schemas_version == 0 {
            return Ok(Arc::clone(&self.standard));
        }
        {
            let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((version, found)) = own.get(&directory.id)
                && *version >= directory.schemas_version
            {
                return Ok(Arc::clone(found));
            }
        }
        let (version, declared) = store
            .read::<_, store::Error, _>(&directory.id, async |mut tx: DirectoryTx<'_>| {
                Ok((tx.schemas_version().await?, tx.declared_schemas().await?))
            })
            .await?;
        let found = Arc::new(ResourceTypes::new(declared));
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= MAX_REMEMBERED {
            own.clear();
        }
        own.insert(directory.id.clone(), (version, Arc::clone(&found)));
        Ok(found)
    }
}
