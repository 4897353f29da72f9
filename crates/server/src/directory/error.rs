//! Why a use case refused, and the one mapping to the protocol's error message.

use scim::ScimType;

use crate::members::TeamError;

/// A refusal. Nothing of the request was stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be understood or breaks the schema.
    #[error(transparent)]
    Scim(#[from] scim::Error),
    #[error("no {resource_type} `{id}`")]
    NotFound { resource_type: String, id: String },
    /// `If-Match` names another version than the stored one.
    #[error("version {version} is stored")]
    Precondition { version: i64 },
    #[error("userName `{user_name}` is taken")]
    UserNameTaken { user_name: String, owner: Option<String> },
    #[error("displayName `{display_name}` is taken by `{owner}`")]
    DisplayNameTaken { display_name: String, owner: String },
    #[error("`{attribute}` has a value of {resource_type} `{owner}`")]
    ValueTaken { attribute: String, resource_type: String, owner: String },
    /// Ids that this directory never gave out.
    #[error("{} unknown members", .0.len())]
    UnknownMembers(Vec<String>),
    /// The directory takes no groups in.
    #[error("group sync is off")]
    GroupSyncOff,
    /// No team can have the name of the group.
    #[error(transparent)]
    TeamName(mapping::slug::Misfits),
    #[error("group `{0}` as a member of itself")]
    SelfMember(String),
    /// What an operation of a bulk request refers to was not created.
    #[error("refers to bulkId `{0}`, which was not created")]
    Reference(String),
    /// What was written is not what is there.
    #[error("the effect of the request is not there: {0}")]
    Postcondition(&'static str),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Search(#[from] store::search::SearchError),
}

/// Ids named in one `detail`.
const NAMED_IDS: usize = 20;

impl From<TeamError> for Error {
    fn from(error: TeamError) -> Self {
        match error {
            TeamError::Name(misfits) => Self::TeamName(misfits),
            TeamError::Store(error) => Self::Store(error),
        }
    }
}

impl Error {
    /// Why the store did not serve the request, if that is the reason.
    pub fn unavailable(&self) -> Option<&store::Error> {
        match self {
            Self::Store(error) | Self::Search(store::search::SearchError::Store(error)) => {
                Some(error).filter(|error| matches!(error, store::Error::Unavailable(_)))
            }
            _ => None,
        }
    }

    /// The message for the client.
    pub fn to_scim(&self) -> scim::Error {
        use store::{Error as StoreError, search::SearchError};
        match self {
            Self::Scim(error) => error.clone(),
            Self::NotFound { resource_type, id } => {
                scim::Error::new(404, None, format!("no {resource_type} with id `{id}`"))
            }
            Self::Precondition { version } => scim::Error::new(
                412,
                None,
                format!(
                    "the resource has changed: its version is now {}; read it again",
                    scim::representation::etag(*version)
                ),
            ),
            Self::UserNameTaken { user_name, owner } => scim::Error::new(
                409,
                Some(ScimType::Uniqueness),
                match owner {
                    Some(owner) => {
                        format!("userName `{user_name}` already belongs to user `{owner}`")
                    }
                    None => format!("userName `{user_name}` is already in use"),
                },
            ),
            Self::DisplayNameTaken { display_name, owner } => scim::Error::new(
                409,
                Some(ScimType::Uniqueness),
                format!(
                    "displayName `{display_name}` already belongs to group `{owner}`; two groups \
                     of one name need different externalIds"
                ),
            ),
            Self::ValueTaken { attribute, resource_type, owner } => scim::Error::new(
                409,
                Some(ScimType::Uniqueness),
                format!(
                    "the value of `{attribute}` already belongs to {resource_type} `{owner}`: \
                     it has to be unique"
                ),
            ),
            Self::UnknownMembers(ids) => {
                let named: Vec<String> =
                    ids.iter().take(NAMED_IDS).map(|id| format!("`{id}`")).collect();
                let more = match ids.len().saturating_sub(NAMED_IDS) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                scim::Error::bad_request(
                    ScimType::InvalidValue,
                    format!(
                        "members that are no user or group of this directory: {}{more}; \
                         create them first, then send the request again",
                        named.join(", ")
                    ),
                )
            }
            Self::GroupSyncOff => scim::Error::new(
                403,
                None,
                "groups are switched off for this directory: switch them on in Headcount, or take \
                 groups out of what the identity provider sends",
            ),
            Self::TeamName(misfits) => {
                scim::Error::bad_request(ScimType::InvalidValue, misfits.to_string())
            }
            Self::SelfMember(id) => scim::Error::bad_request(
                ScimType::InvalidValue,
                format!("group `{id}` cannot be a member of itself"),
            ),
            Self::Reference(bulk_id) => scim::Error::new(
                409,
                None,
                format!(
                    "refers to `bulkId:{bulk_id}`, which could not be created for it: correct \
                     that operation or put it first, then send both again"
                ),
            ),
            Self::Search(SearchError::TooMany) => scim::Error::bad_request(
                ScimType::TooMany,
                format!("{}; ask for userName, externalId, emails or id with eq", self),
            ),
            _ if self.unavailable().is_some() => scim::Error::new(
                503,
                None,
                "the server cannot reach its store now; send the request again later",
            ),
            Self::Store(StoreError::Stale) => scim::Error::new(
                412,
                None,
                "the resource was changed by another request meanwhile; read it again",
            ),
            Self::Store(StoreError::Conflict { attribute }) => scim::Error::new(
                409,
                Some(ScimType::Uniqueness),
                format!("`{attribute}` is already in use"),
            ),
            Self::Store(_) | Self::Search(_) | Self::Postcondition(_) => {
                scim::Error::new(500, None, "the request failed inside the server")
            }
        }
    }
}
