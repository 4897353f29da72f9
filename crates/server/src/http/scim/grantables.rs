//! The roles and entitlements that a client may give to users: read-only resources, for Okta's
//! entitlement discovery (O-113, O-114).

use axum::http::{StatusCode, header};
use scim::{
    Error, Notes, Object, dialect, filter,
    schema::ResourceType,
    sort::{Key, Sort},
};
use serde_json::{Value, json};
use store::{grantables::Grantable, search::Position};

use super::{
    answer::{Answer, Refusal},
    resources::{Call, list_query, projection},
};
use crate::schemas::GrantableType;

/// All of `found` that the query asks for, or the one with this id.
pub(super) async fn answer(
    found: &GrantableType,
    id: Option<&str>,
    call: Call<'_>,
) -> Result<Answer, Refusal> {
    let (rt, context) = (&found.resource_type, call.context);
    let mut notes = Notes::default();
    let mut query = list_query(call.parts, context.reading, &mut notes)?;
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
    let condition = match &query.filter {
        None => None,
        Some(text) => {
            let filter = dialect::read_filter(text, context.reading, &mut notes)?;
            let resolved = filter::resolve_noting(&filter, rt, context.reading, &mut notes);
            Some(resolved.map_err(Error::from)?)
        }
    };
    let sort = query.sort_by.as_deref().map(|path| Sort::parse(rt, path)).transpose()?;
    let order = sort.as_ref().map(|_| query.sort_order);
    let mut all: Vec<(Position, Object)> = found
        .grantables
        .iter()
        .map(|grantable| (grantable, to_object(grantable, rt, base_url)))
        .filter(|(_, object)| condition.as_ref().is_none_or(|c| c.matches(object)))
        .map(|(grantable, object)| {
            let key = sort.as_ref().map_or(Key::Missing, |sort| sort.key(&object));
            (Position { key, id: grantable.id.clone() }, object)
        })
        .collect();
    all.sort_by(|(a, _), (b, _)| a.compare(b, order));
    let owner = call.owner(&query, &rt.name);
    let cursor = call.begin(&mut query, &owner).await?;
    let count = usize::try_from(query.count()).unwrap_or(usize::MAX);
    let (page, next, previous) = match &cursor {
        Some(cursor) => store::search::page(&all, order, &cursor.seek, count, |(at, _)| at),
        None => {
            let skipped = usize::try_from(query.start_index - 1).unwrap_or(usize::MAX);
            (all.iter().skip(skipped).take(count).cloned().collect(), None, None)
        }
    };
    let total = Some(all.len() as u64);
    let mut head = call.head(&query, &owner, total, (&next, &previous)).await?;
    head.items_per_page = page.len() as u64;
    let mut list = head.into_object();
    let resources = page.into_iter().map(|(_, mut object)| {
        projection.apply(rt, &mut object);
        Value::Object(object)
    });
    list.insert("Resources".into(), resources.collect());
    Ok(Answer::json(StatusCode::OK, Value::from(list).to_string()))
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
