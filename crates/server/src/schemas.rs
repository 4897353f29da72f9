//! What each directory declares, as every request needs it: its resource types with their schemas,
//! and the roles and entitlements that its client may give to users.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use scim::schema::{self, Extension, ResourceType};
use store::{
    DirectoryTx, Store, directories::Directory, grantables::Grantable, schemas::DeclaredSchema,
};

/// Directories whose own resource types are remembered at a time.
const MAX_REMEMBERED: usize = 1_000;

/// The most roles or entitlements that the User schema names as canonical values.
const MAX_SUGGESTED: usize = 100;

/// The resource types of one directory.
#[derive(Clone, Debug)]
pub struct ResourceTypes {
    pub user: Arc<ResourceType>,
    pub group: Arc<ResourceType>,
    /// Roles first, then the types of entitlements by name; none of those without any.
    pub grantables: Vec<GrantableType>,
    /// All of them, as discovery lists them.
    pub all: Vec<ResourceType>,
}

/// A kind of things that users can be given, with all of them.
#[derive(Clone, Debug)]
pub struct GrantableType {
    pub resource_type: ResourceType,
    /// By id.
    pub grantables: Vec<Grantable>,
}

impl GrantableType {
    pub fn is_role(&self) -> bool {
        self.resource_type.name == schema::ROLE
    }

    pub fn grantable(&self, id: &str) -> Option<&Grantable> {
        let at = self.grantables.binary_search_by(|known| (*known.id).cmp(id)).ok()?;
        Some(&self.grantables[at])
    }
}

impl Default for ResourceTypes {
    /// Those of a directory that declares nothing.
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new())
    }
}

impl ResourceTypes {
    /// User and Group with what the directory declares for them, and the types of its `grantables`.
    pub fn new(declared: Vec<DeclaredSchema>, grantables: Vec<Grantable>) -> Self {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for DeclaredSchema { schema, resource_type, required, learned, .. } in declared {
            let extension = Extension { schema: Arc::new(schema), required, learned };
            if resource_type == "Group" { &mut groups } else { &mut users }.push(extension);
        }
        let (mut user, group) = (schema::user_type(users), schema::group_type(groups));
        let grantables = by_type(grantables);
        for (attribute, of_roles) in [("roles", true), ("entitlements", false)] {
            let types = grantables.iter().filter(|known| known.is_role() == of_roles);
            let ids = types.flat_map(|known| &known.grantables).map(|known| known.id.clone());
            let ids: Vec<String> = ids.collect();
            if (1..=MAX_SUGGESTED).contains(&ids.len()) {
                user.suggest(attribute, ids);
            }
        }
        let further = grantables.iter().map(|known| known.resource_type.clone());
        let all = [user.clone(), group.clone()].into_iter().chain(further).collect();
        Self { user: Arc::new(user), group: Arc::new(group), grantables, all }
    }

    /// `Group`'s, or else User's.
    pub fn named(&self, name: &str) -> &Arc<ResourceType> {
        if name == "Group" { &self.group } else { &self.user }
    }

    /// The grantables whose endpoint is `/` and `name`, if there are any.
    pub fn grantables_at(&self, name: &str) -> Option<&GrantableType> {
        self.grantables.iter().find(|known| known.resource_type.endpoint[1..] == *name)
    }
}

fn by_type(mut grantables: Vec<Grantable>) -> Vec<GrantableType> {
    let is_entitlement = |grantable: &Grantable| grantable.resource_type != schema::ROLE;
    grantables.sort_by(|a, b| {
        let key =
            |grantable: &Grantable| (is_entitlement(grantable), grantable.resource_type.clone());
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    let mut types: Vec<GrantableType> = Vec::new();
    for grantable in grantables {
        match types.last_mut() {
            Some(last) if last.resource_type.name == grantable.resource_type => {
                last.grantables.push(grantable);
            }
            _ => types.push(GrantableType {
                resource_type: schema::grantable_type(&grantable.resource_type),
                grantables: vec![grantable],
            }),
        }
    }
    types
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
        let (version, found) = store
            .read::<_, store::Error, _>(&directory.id, async |mut tx: DirectoryTx<'_>| {
                let version = tx.schemas_version().await?;
                let (declared, grantables) = (tx.declared_schemas().await?, tx.grantables().await?);
                Ok((version, Arc::new(ResourceTypes::new(declared, grantables))))
            })
            .await?;
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= MAX_REMEMBERED {
            own.clear();
        }
        own.insert(directory.id.clone(), (version, Arc::clone(&found)));
        Ok(found)
    }
}
