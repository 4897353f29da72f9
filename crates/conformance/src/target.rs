//! What the server says of itself, in its discovery documents.

use reqwest::Method;
use serde_json::Value;

use crate::{
    Error,
    answer::{Answer, names},
    connection::Connection,
    report::Server,
};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// What the server offers, by its own word.
#[derive(Debug, Default)]
pub struct Target {
    /// ServiceProviderConfig; null where it has none.
    pub config: Value,
    pub types: Vec<Value>,
    pub schemas: Vec<Value>,
    /// Path of the users, `/Users` mostly.
    pub users: String,
    pub groups: Option<String>,
}

/// Something that a server may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    Patch,
    Bulk,
    Filter,
    Sort,
    Etag,
    ChangePassword,
    Cursor,
    Index,
}

impl Feature {
    pub const ALL: [Self; 8] = [
        Self::Patch,
        Self::Bulk,
        Self::Filter,
        Self::Sort,
        Self::Etag,
        Self::ChangePassword,
        Self::Cursor,
        Self::Index,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Bulk => "bulk",
            Self::Filter => "filter",
            Self::Sort => "sort",
            Self::Etag => "etag",
            Self::ChangePassword => "changePassword",
            Self::Cursor => "pagination.cursor",
            Self::Index => "pagination.index",
        }
    }

    /// Whether ServiceProviderConfig announces it. Where it does not say, what most servers have.
    pub fn announced(self, config: &Value) -> bool {
        let value = match self {
            Self::Cursor => &config["pagination"]["cursor"],
            Self::Index => &config["pagination"]["index"],
            other => &config[other.name()]["supported"],
        };
        let usual = matches!(self, Self::Patch | Self::Filter | Self::Index);
        match (value.as_bool(), self) {
            (Some(told), _) => told,
            (None, Self::Index) => true,
            (None, _) => usual && config.is_null(),
        }
    }
}

impl Target {
    /// Asks the discovery endpoints, and a page of users to see that the token is good.
    pub async fn discover(connection: &Connection) -> Result<Self, Error> {
        let get = async |path: &str| -> Result<Answer, Error> {
            let url = || format!("{}{path}", connection.base());
            let answer = connection.call(Method::GET, path).exchange().await;
            answer.map_err(|reason| Error::Unreachable { url: url(), reason })
        };
        let config = get("/ServiceProviderConfig").await?;
        let types = get("/ResourceTypes").await?;
        let schemas = get("/Schemas").await?;
        let mut target = Self { users: "/Users".into(), ..Self::default() };
        if config.ok() && config.at("/schemas").is_array() {
            target.config = config.json.unwrap_or_default();
        }
        target.types = resources(&types);
        target.schemas = resources(&schemas);
        if let Some(path) = target.endpoint_of(USER) {
            target.users = path;
        }
        let users = get(&format!("{}?count=1", target.users)).await?;
        let url = || users.exchange.url.clone();
        if matches!(users.status, 401 | 403) {
            return Err(Error::Refused { url: url(), status: users.status });
        }
        let listed = users.ok() && users.at("/schemas").is_array();
        if !listed && target.config.is_null() {
            let reason = format!(
                "neither `/ServiceProviderConfig` (status {}) nor `{}` (status {}) answers in \
                 SCIM's form",
                config.status, target.users, users.status
            );
            return Err(Error::NotScim { url: connection.base().to_owned(), reason });
        }
        target.groups = target.endpoint_of(GROUP);
        if target.groups.is_none() && target.types.is_empty() {
            let groups = get("/Groups?count=1").await?;
            target.groups = groups.ok().then(|| "/Groups".to_owned());
        }
        Ok(target)
    }

    /// The path of the resources whose base schema this is.
    fn endpoint_of(&self, schema: &str) -> Option<String> {
        let of = |kind: &&Value| is(&kind["schema"], schema);
        let endpoint = self.types.iter().find(of)?["endpoint"].as_str()?;
        let path = match endpoint.split_once("://") {
            Some((_, rest)) => rest.rsplit('/').next().unwrap_or_default(),
            None => endpoint.trim_start_matches('/'),
        };
        Some(format!("/{}", path.trim_end_matches('/')))
    }

    pub fn has(&self, feature: Feature) -> bool {
        feature.announced(&self.config)
    }

    pub fn schema(&self, urn: &str) -> Option<&Value> {
        self.schemas.iter().find(|schema| is(&schema["id"], urn))
    }

    /// The definition of `name` or `name.sub` in a schema.
    pub fn attribute(&self, urn: &str, name: &str) -> Option<&Value> {
        let mut parts = name.split('.');
        let top = named(&self.schema(urn)?["attributes"], parts.next()?)?;
        match parts.next() {
            None => Some(top),
            Some(sub) => named(&top["subAttributes"], sub),
        }
    }

    /// Whether clients can write this attribute. True where the server publishes no schema.
    pub fn knows(&self, urn: &str, name: &str) -> bool {
        match self.schema(urn) {
            None => self.schemas.is_empty(),
            Some(_) => self.attribute(urn, name).is_some_and(|attribute| {
                attribute["mutability"].as_str().unwrap_or("readWrite") != "readOnly"
            }),
        }
    }

    /// Whether users may carry this extension.
    pub fn extends_users(&self, urn: &str) -> bool {
        let users = self.types.iter().find(|kind| is(&kind["schema"], USER));
        users.is_some_and(|kind| {
            let extensions = kind["schemaExtensions"].as_array().into_iter().flatten();
            extensions.into_iter().any(|extension| is(&extension["schema"], urn))
        })
    }

    /// Extensions without which users are not accepted.
    pub fn required_extensions(&self, schema: &str) -> Vec<&str> {
        let kind = self.types.iter().find(|kind| is(&kind["schema"], schema));
        let extensions = kind.and_then(|kind| kind["schemaExtensions"].as_array());
        let required = extensions.into_iter().flatten().filter(|e| e["required"] == true);
        required.filter_map(|extension| extension["schema"].as_str()).collect()
    }

    pub fn server(&self) -> Server {
        let features = Feature::ALL.into_iter().filter(|feature| self.has(*feature));
        let names = self.types.iter().filter_map(|kind| kind["name"].as_str());
        Server {
            features: features.map(Feature::name).collect(),
            resource_types: names.map(str::to_owned).collect(),
        }
    }
}

fn resources(answer: &Answer) -> Vec<Value> {
    match (&answer.json, answer.ok()) {
        (Some(Value::Array(list)), true) => list.clone(),
        (Some(body), true) => body["Resources"].as_array().cloned().unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn named<'v>(attributes: &'v Value, name: &str) -> Option<&'v Value> {
    attributes.as_array()?.iter().find(|attribute| is(&attribute["name"], name))
}

/// Whether a JSON string is this text, in any letter case.
pub fn is(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
}

/// Whether `schemas` of a resource names this schema.
pub fn has_schema(resource: &Value, urn: &str) -> bool {
    names(resource, urn)
}
