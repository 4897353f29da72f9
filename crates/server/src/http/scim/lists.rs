//! Lists over HTTP: of one resource type or of all, by GET or by POST (RFC 7644 §3.4.2, §3.4.3), by
//! index or by cursor (RFC 9865).

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use scim::{
    Error, ScimType,
    dialect::{self, Reading},
    list::{ListQuery, ListResponse},
    project::Projection,
    schema::ResourceType,
    search,
    sort::SortOrder,
};
use serde_json::Value;
use store::search::{Found, Match, Paging, Seek};

use super::{
    answer::{Answer, Refusal},
    resources::{Call, corrupt, list_query, not_an_object, projection, references},
    route,
};
use crate::{
    cursor::{Cursor, CursorError},
    directory::{self, References, Stored},
};

/// A resource type that is listed, and what its resources show.
type Listed<'l> = (&'l Arc<ResourceType>, Projection);

impl Call<'_> {
    /// The list by GET.
    pub async fn list(self, types: &[&Arc<ResourceType>]) -> Result<Answer, Refusal> {
        let query = list_query(self.parts, self.context.reading, &mut self.exchange.notes)?;
        self.answer_list(query, types).await
    }

    /// The same by POST: parameters of the URL do not count (S-213).
    pub async fn search(
        self,
        types: &[&Arc<ResourceType>],
        body: &mut Body,
    ) -> Result<Answer, Refusal> {
        let Value::Object(body) = self.read(body).await? else {
            return Err(not_an_object());
        };
        let query = search::parse(body, self.context.reading, &mut self.exchange.notes)?;
        self.answer_list(query, types).await
    }

    /// A filter on the URL of one resource: a list of it, or of nothing (RFC 7644 §3.4.2, S-145).
    pub(super) async fn list_one(
        self,
        resource_type: &Arc<ResourceType>,
        id: &str,
        filter: &str,
        projection: Projection,
    ) -> Result<Answer, Refusal> {
        let (context, notes) = (self.context, &mut self.exchange.notes);
        let stored = directory::get(resource_type, id, References::Load, context).await?;
        let mut found = Found::default();
        if directory::matches(&stored, filter, resource_type, context, notes)? {
            let Stored { resource, references } = stored;
            found.page.push(Match { part: 0, resource, references });
        }
        let head = ListResponse {
            total_results: Some(found.page.len() as u64),
            start_index: Some(1),
            items_per_page: found.page.len() as u64,
            ..ListResponse::default()
        };
        let listed = [(resource_type, projection)];
        let body = list_body(&found, head, &listed, &context.base_url)?;
        Ok(Answer::json(StatusCode::OK, body))
    }

    async fn answer_list(
        self,
        mut query: ListQuery,
        types: &[&Arc<ResourceType>],
    ) -> Result<Answer, Refusal> {
        let mut listed: Vec<Listed<'_>> = Vec::with_capacity(types.len());
        for resource_type in types.iter().filter(|one| self.context.serves(one)) {
            listed.push((resource_type, projection(resource_type, &query)?));
        }
        let names: Vec<&str> = types.iter().map(|one| &*one.name).collect();
        let owner = self.owner(&query, &names.join(","));
        let cursor = self.begin(&mut query, &owner).await?;
        let paging = match &cursor {
            None => Paging::Index(usize::try_from(query.start_index - 1).unwrap_or(usize::MAX)),
            Some(cursor) => {
                // Counted once, at the beginning of the walk (S-207).
                let counts = cursor.seek == Seek::Start;
                Paging::Cursor { seek: cursor.seek.clone(), counts }
            }
        };
        let searched: Vec<_> = listed
            .iter()
            .map(|(resource_type, projection)| {
                (*resource_type, references(resource_type, projection, self.context))
            })
            .collect();
        let notes = &mut self.exchange.notes;
        let mut found =
            directory::search(&searched, &query, paging.clone(), self.context, notes).await?;
        if cursor.is_none()
            && found.total == Some(0)
            && let Some(query) = self.plus_reading(&query)
        {
            let notes = &mut self.exchange.notes;
            found = directory::search(&searched, &query, paging, self.context, notes).await?;
            if found.total != Some(0) {
                notes.add("`+` in the filter's address read as a plus sign: nobody has a blank");
            }
        }

        let total = match &cursor {
            Some(cursor) if cursor.seek != Seek::Start => cursor.total,
            _ => found.total.map(|total| total as u64),
        };
        let mut head = self.head(&query, &owner, total, (&found.next, &found.previous)).await?;
        head.items_per_page = found.page.len() as u64;
        let body = list_body(&found, head, &listed, &self.context.base_url)?;
        Ok(Answer::json(StatusCode::OK, body))
    }

    /// Where the page of a list by cursor begins; `None` by index. The `count` that a request leaves
    /// out is the walk's.
    pub(super) async fn begin(
        &self,
        query: &mut ListQuery,
        owner: &[u8],
    ) -> Result<Option<Cursor>, Refusal> {
        let cursor = match query.cursor.as_deref() {
            None => return Ok(None),
            Some("") => Cursor { seek: Seek::Start, count: query.count(), total: None },
            Some(text) => self.open(text, owner, query.count).await?,
        };
        query.count = Some(cursor.count);
        Ok(Some(cursor))
    }

    /// What a ListResponse says of its page, with cursors for the next and the previous one.
    pub(super) async fn head(
        &self,
        query: &ListQuery,
        owner: &[u8],
        total: Option<u64>,
        (next, previous): (&Option<Seek>, &Option<Seek>),
    ) -> Result<ListResponse, Refusal> {
        let seal = async |seek: &Option<Seek>| {
            let Some(seek) = seek.clone() else { return Ok(None) };
            let cursor = Cursor { seek, count: query.count(), total };
            let (now, store) = (self.context.now, &self.context.store);
            let sealed = self.app.cursors.seal(&cursor, owner, now, store).await;
            sealed.map(Some).map_err(directory::Error::from)
        };
        Ok(ListResponse {
            total_results: total,
            start_index: query.cursor.is_none().then_some(query.start_index),
            items_per_page: 0,
            next_cursor: seal(next).await?,
            previous_cursor: seal(previous).await?,
        })
    }

    /// The same search for an address whose plus signs the client did not encode.
    fn plus_reading(&self, query: &ListQuery) -> Option<ListQuery> {
        if self.parts.method == Method::POST || self.context.reading == Reading::Strict {
            return None;
        }
        let plus = route::literal_value(self.parts.uri.query()?, "filter")?;
        let filter = dialect::plus_in_address(query.filter.as_deref()?, &plus)?;
        Some(ListQuery { filter: Some(filter), ..query.clone() })
    }

    /// The place that a cursor names, for a request with this `count`.
    async fn open(&self, text: &str, owner: &[u8], count: Option<u64>) -> Result<Cursor, Refusal> {
        let (now, store) = (self.context.now, &self.context.store);
        let cursor = match self.app.cursors.open(text, owner, now, store).await {
            Ok(cursor) => cursor,
            Err(CursorError::Store(error)) => return Err(directory::Error::from(error).into()),
            // S-201: one text, whatever is wrong with it.
            Err(CursorError::Invalid) => {
                return Err(refusal(
                    ScimType::InvalidCursor,
                    "the cursor is none of this list: send it back as it came, with the same token \
                     and the same parameters, or begin again with an empty `cursor`"
                        .into(),
                ));
            }
            Err(CursorError::Expired) => {
                let seconds = self.app.cursors.timeout.as_secs();
                return Err(refusal(
                    ScimType::ExpiredCursor,
                    format!(
                        "the cursor has expired, it could be used for {seconds} seconds: begin \
                         again with an empty `cursor`"
                    ),
                ));
            }
        };
        // S-198. Who leaves it out is taken to repeat it.
        if count.is_some_and(|count| count != cursor.count) {
            return Err(refusal(
                ScimType::InvalidCount,
                format!("`count` was {} on the first page: it has to stay so", cursor.count),
            ));
        }
        Ok(cursor)
    }

    /// What a cursor of `list` belongs to: the directory, the token and all parameters but the
    /// cursor and the count (S-198, S-200). Each part with its length, so that no two lists have the
    /// same.
    pub(super) fn owner(&self, query: &ListQuery, list: &str) -> Vec<u8> {
        let order = match query.sort_order {
            SortOrder::Ascending => "ascending",
            SortOrder::Descending => "descending",
        };
        let mut owner = Vec::new();
        let mut add = |part: Option<&str>| match part {
            None => owner.push(0),
            Some(part) => {
                owner.push(1);
                owner.extend((part.len() as u64).to_be_bytes());
                owner.extend(part.as_bytes());
            }
        };
        add(Some(&self.context.directory_id));
        add(Some(&self.access.token.id));
        add(query.filter.as_deref());
        add(query.sort_by.as_deref());
        add(Some(order));
        add(query.attributes.as_deref());
        add(query.excluded_attributes.as_deref());
        add(Some(list));
        owner
    }
}

fn refusal(scim_type: ScimType, detail: String) -> Refusal {
    Refusal::from(Error::bad_request(scim_type, detail))
}

/// The ListResponse (RFC 7644 §3.4.2); documents are copied, not parsed, unless projected.
fn list_body(
    found: &Found,
    head: ListResponse,
    listed: &[Listed<'_>],
    base_url: &str,
) -> Result<String, Error> {
    let mut body = Value::from(head.into_object()).to_string();
    body.pop();
    body.push_str(",\"Resources\":[");
    for (at, Match { part, resource, references }) in found.page.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        let (resource_type, projection) = &listed[*part];
        let representation =
            resource.representation(resource_type, base_url, references.as_deref());
        if projection.is_default() {
            representation.write(&mut body);
        } else {
            let mut object = representation.object().ok_or_else(corrupt)?;
            projection.apply(resource_type, &mut object);
            body.push_str(&Value::from(object).to_string());
        }
    }
    body.push_str("]}");
    Ok(body)
}
