//! What a directory's client can do with users and groups: the use cases. Each opens the
//! directory's transaction, loads what it touches, decides with pure functions, writes, records,
//! commits. No HTTP here; bulk requests, imports and the console enter by the same functions.

use std::sync::Arc;

use scim::{dialect::Reading, representation::Reference, schema::ResourceType};
use store::{DirectoryTx, Store, resources::Resource};

use crate::{
    members::{self, Configurations, Touched},
    schemas::ResourceTypes,
};

mod bulk;
mod create;
mod delete;
mod error;
mod get;
mod grants;
mod learn;
mod membership;
mod patch;
mod precondition;
mod replace;
mod search;
mod unique;

pub use bulk::{CarriedOut, Done, Processed, bulk};
pub use create::create;
pub use delete::delete;
pub use error::Error;
pub use get::get;
pub use patch::patch;
pub use precondition::{Precondition, opaque};
pub use replace::replace;
pub use search::{matches, search};

/// What every use case knows of the request it serves.
pub struct Context {
    pub store: Arc<Store>,
    pub directory_id: String,
    /// What the directory serves, with the schemas it declares.
    pub resource_types: Arc<ResourceTypes>,
    /// Whether it declares extension schemas from what is sent.
    pub learn_schemas: bool,
    /// The directory's base URL without a trailing slash.
    pub base_url: String,
    pub reading: Reading,
    /// Whether the directory takes groups in. Otherwise it has none, as far as its client can see.
    pub group_sync: bool,
    /// The request's id, a UUID v7: what the journal and the provisioning log call it.
    pub request_id: String,
    /// Microseconds since 1970.
    pub now: i64,
    /// What organizations have configured of their members.
    pub configurations: Arc<Configurations>,
}

impl Context {
    /// Brings members and teams to what was written.
    async fn follow(&self, touched: Touched<'_>, tx: &mut DirectoryTx<'_>) -> Result<(), Error> {
        let written = members::Written {
            directory_id: &self.directory_id,
            request_id: &self.request_id,
            now: self.now,
        };
        Ok(members::follow(touched, written, &self.configurations, tx).await?)
    }

    /// Whether resources of this type are there for the client.
    pub fn serves(&self, resource_type: &ResourceType) -> bool {
        self.group_sync || resource_type.name != "Group"
    }

    /// Refuses a write to groups while they are not taken in (E-02, E-153).
    fn check_served(&self, resource_type: &ResourceType) -> Result<(), Error> {
        if self.serves(resource_type) { Ok(()) } else { Err(Error::GroupSyncOff) }
    }
}

/// Whether an answer needs users' `groups` and groups' `members`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    Load,
    LeaveOut,
}

/// A resource with what is computed for its answer.
#[derive(Clone, Debug)]
pub struct Stored {
    pub resource: Resource,
    /// A user's `groups` or a group's `members`, where asked for.
    pub references: Option<Vec<Reference>>,
}

impl Stored {
    /// A user that has just been created: nobody can have made it a member of anything.
    fn new_user(resource: Resource, references: References) -> Self {
        let references = match references {
            References::LeaveOut => None,
            References::Load => Some(Vec::new()),
        };
        Self { resource, references }
    }

    async fn load(
        resource: Resource,
        resource_type: &ResourceType,
        references: References,
        tx: &mut DirectoryTx<'_>,
    ) -> Result<Self, store::Error> {
        let references = match references {
            References::LeaveOut => None,
            References::Load if resource_type.name == "Group" => {
                Some(tx.members(&resource.id).await?)
            }
            References::Load => Some(tx.groups_of_one(&resource.id).await?),
        };
        Ok(Self { resource, references })
    }
}
