//! Schema URIs in the spellings that clients use for them.

use serde_json::Value;

use super::member_key;
use crate::{Notes, Object, schema::ResourceType, urn};

/// URIs that mean the base schema, alone or followed by `:` and the resource type's name.
///
/// The first two are of SCIM 1.1 and of the drafts of 2.0, still in OneLogin's templates.
const BASE_ALIASES: [&str; 3] = [
    "urn:scim:schemas:core:1.0",
    "urn:scim:schemas:core:2.0",
    "urn:ietf:params:scim:schemas:core:2.0",
];

/// URIs that mean the enterprise extension, alone or followed by `:User`: as above, and the
/// slip in one of Microsoft's documented requests, which lacks a colon (E-19).
const ENTERPRISE_ALIASES: [&str; 4] = [
    "urn:scim:schemas:extension:enterprise:1.0",
    "urn:scim:schemas:extension:enterprise:2.0",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0User",
];

/// What Entra lists in `schemas` beside the standard's URI when it creates a group (E-75, S-342).
const ENTRA_MARKER: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/";

/// The URI, as declared, of the schema that `uri` means for resources of this type.
pub(super) fn canonical<'r>(rt: &'r ResourceType, uri: &str) -> Option<&'r str> {
    split(rt, uri).and_then(|(canonical, rest)| rest.is_empty().then_some(canonical))
}

/// `text`, a path or a key, with the URI in front of it as declared and joined to the rest by a
/// colon. Entra before 2018 joined them by a dot: `…:2.0:User.employeeNumber` (S-239). `None` when
/// there is nothing to rewrite.
pub(super) fn with_canonical_uri(rt: &ResourceType, text: &str) -> Option<String> {
    let (canonical, rest) = split(rt, text)?;
    let name = rest.get(1..)?;
    let end = name.find(['[', ' ']).unwrap_or(name.len());
    if name[..end].contains(':') {
        return None;
    }
    Some(format!("{canonical}:{name}")).filter(|rewritten| !urn::eq(rewritten, text))
}

/// Splits `text` after the longest URI of a schema of this type that it starts with. The rest is
/// empty or begins with the colon or dot that joins it.
fn split<'r, 't>(rt: &'r ResourceType, text: &'t str) -> Option<(&'r str, &'t str)> {
    let extensions = rt.extensions.iter().map(|extension| extension.schema.id.as_str());
    let declared = extensions.chain([rt.schema.id.as_str()]).map(|id| (id, id));
    let enterprise = rt.extension(urn::ENTERPRISE_USER).map(|schema| schema.id.as_str());
    let aliases = BASE_ALIASES
        .into_iter()
        .map(|alias| (alias, rt.schema.id.as_str()))
        .chain(enterprise.into_iter().flat_map(|id| ENTERPRISE_ALIASES.map(|alias| (alias, id))));

    let exact = declared.filter_map(|(uri, id)| Some((id, strip(text, uri)?)));
    let alias = aliases.filter_map(|(uri, id)| {
        let rest = strip(text, uri)?;
        let typed = rest.strip_prefix(':').and_then(|rest| strip(rest, &rt.name));
        Some((id, typed.unwrap_or(rest)))
    });
    exact.chain(alias).min_by_key(|(_, rest)| rest.len())
}

/// What follows `uri` in `text`, if `text` starts with it and it ends there as a whole.
fn strip<'t>(text: &'t str, uri: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(uri.len())?;
    let whole = rest.is_empty() || rest.starts_with([':', '.']);
    (whole && urn::eq(start, uri)).then_some(rest)
}

/// The `schemas` of a resource: aliases as declared, Entra's marker dropped, and what the body
/// holds but does not list added — the base schema when none is listed (S-348), extensions that
/// have a container (E-21: Entra never lists a custom one).
pub(super) fn listed(rt: &ResourceType, resource: &mut Object, notes: &mut Notes) {
    let key = member_key(resource, "schemas").unwrap_or("schemas").to_owned();
    let written = match resource.get(&key) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(uri)) => vec![uri.clone()],
        Some(Value::Array(uris)) if uris.iter().all(Value::is_string) => {
            uris.iter().filter_map(|uri| uri.as_str().map(str::to_owned)).collect()
        }
        Some(_) => return,
    };
    let mut schemas: Vec<String> = Vec::new();
    let mut list = |uri: &str| {
        let new = !schemas.iter().any(|listed| urn::eq(listed, uri));
        if new {
            schemas.push(uri.to_owned());
        }
        new
    };
    if !written.iter().any(|uri| is_base_schema(rt, uri)) {
        notes.add(format!("`schemas` without a core schema read as `{}`", rt.schema.id));
        list(&rt.schema.id);
    }
    for uri in &written {
        if is_entra_marker(uri) {
            notes.add(format!("`{uri}` in `schemas` passed over"));
        } else if let Some(canonical) = canonical(rt, uri) {
            if !urn::eq(canonical, uri) {
                notes.add(format!("`{uri}` in `schemas` read as `{canonical}`"));
            }
            list(canonical);
        } else {
            list(uri);
        }
    }
    for (key, value) in resource.iter() {
        if urn::is_urn(key) && value.is_object() && list(key) {
            notes.add(format!("`{key}` read as if it were listed in `schemas`"));
        }
    }
    resource.shift_remove(&key);
    resource.shift_insert(0, key, schemas.into());
}

/// Whether `uri` names this type's base schema, or another type's, which is no slip to mend.
fn is_base_schema(rt: &ResourceType, uri: &str) -> bool {
    canonical(rt, uri) == Some(&rt.schema.id)
        || strip(uri, "urn:ietf:params:scim:schemas:core:2.0").is_some()
}

fn is_entra_marker(uri: &str) -> bool {
    uri.get(..ENTRA_MARKER.len()).is_some_and(|start| start.eq_ignore_ascii_case(ENTRA_MARKER))
}
