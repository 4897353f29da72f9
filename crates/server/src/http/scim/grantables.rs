//! The roles and entitlements that a client may give to users: read-only resources, for Okta's
//! entitlement discovery (O-113, O-114).

use axum::http::{StatusCode, header, request::Parts};
use scim::{
    Error, Notes, Object, ScimType, dialect, filter, list::ListResponse, schema::ResourceType,
    sort::Sort,
};
use serde_json::{Value, json};
use store::grantables::Grantable;

use super::{
    answer::{Answer, Refusal},
    resources::{list_query, projection},
};
use crate::{directory::Context, schemas::GrantableType};

/// All of `found` that the query asks for, or the one with this id.
pub(super) fn answer(
    found: &GrantableType,
    id: Option<&str>,
    parts: &Parts,
    context: &Context,
) -> Result<Answer, Refusal> {
    let rt = &found.resource_type;
    let mut notes = Notes::default();
    let query = list_query(parts, context.reading, &mut notes)?;
    let projection = projection(rt, &query)?;
    let base_url = &context.base_url;
    if let Some(id) = id {
        let grantable = found
            .grantable(id)
            .ok_or_else(|| Error::new(404, None, format!("no {} with id `{id}`", rt.name)))?;
        let mut object = to_object(grantable, rt, base_url);
        projection.apply(rt, &mut object);
        let answer = Answer::json(StatusCode::OK, Value::from(object).to_string());
        return Ok(answer.with(header::CONTENT_LOCATION, location(grantable, rt, base_url)));
    }
    if query.cursor.is_some() {
        return Err(Refusal::from(Error::bad_request(
            ScimType::InvalidValue,
            "paging by `cursor` is not served here: use `startIndex` and `count`",
        )));
    }
    let condition = match &query.filter {
        None => None,
        Some(text) => {
            let filter = dialect::read_filter(text, context.reading, &mut notes)?;
            let resolved = filter::resolve_noting(&filter, rt, context.reading, &mut notes);
            Some(resolved.map_err(Error::from)?)
        }
    };
    let all = found.grantables.iter().map(|grantable| to_object(grantable, rt, base_url));
    let mut all: Vec<Object> =
        all.filter(|object| condition.as_ref().is_none_or(|c| c.matches(object))).collect();
    if let Some(path) = &query.sort_by {
        let sort = Sort::parse(rt, path)?;
        let mut keyed: Vec<_> = all.into_iter().map(|object| (sort.key(&object), object)).collect();
        keyed.sort_by(|(a, _), (b, _)| a.compare(b, query.sort_order));
        all = keyed.into_iter().map(|(_, object)| object).collect();
    }
    let total_results = all.len() as u64;
    let skipped = usize::try_from(query.start_index - 1).unwrap_or(usize::MAX);
    let count = usize::try_from(query.count()).unwrap_or(usize::MAX);
    let page = all.into_iter().skip(skipped).take(count).map(|mut object| {
        projection.apply(rt, &mut object);
        Value::Object(object)
    });
    let list = ListResponse {
        total_results,
        start_index: Some(query.start_index),
        resources: page.collect(),
        ..ListResponse::default()
    };
    Ok(Answer::json(StatusCode::OK, Value::from(list.into_object()).to_string()))
}

fn location(grantable: &Grantable, rt: &ResourceType, base_url: &str) -> String {
    let id = percent_encoding::utf8_percent_encode(&grantable.id, PATH);
    format!("{base_url}{}/{id}", rt.endpoint)
}

/// What is not written as it is in a segment of a path.
const PATH: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn to_object(grantable: &Grantable, rt: &ResourceType, base_url: &str) -> Object {
    let mut object = Object::new();
    object.insert("schemas".into(), json!([rt.schema.id]));
    object.insert("id".into(), grantable.id.as_str().into());
    if rt.schema.attribute("type").is_some() {
        object.insert("type".into(), rt.name.as_str().into());
    }
    object.insert("displayName".into(), grantable.display_name.as_str().into());
    if let Some(description) = &grantable.description {
        object.insert("description".into(), description.as_str().into());
    }
    let declared_at = scim::representation::date_time(grantable.declared_at);
    object.insert(
        "meta".into(),
        json!({
            "resourceType": rt.name,
            "created": declared_at,
            "location": location(grantable, rt, base_url),
        }),
    );
    object
}
