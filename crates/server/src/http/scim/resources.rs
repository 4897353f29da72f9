//! Users and groups over HTTP: reads a request, calls the use case, writes its answer.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use scim::{
    Error, Notes, ScimType,
    dialect::Reading,
    json::{self, Limits},
    list::ListQuery,
    project::Projection,
    representation::etag,
    schema::ResourceType,
};
use serde_json::Value;

use super::{
    answer::{Answer, Refusal},
    conditional,
    exchange::Exchange,
    route,
};
use crate::{
    app::App,
    directory::{self, Context, References, Stored},
    http::auth::Access,
};

/// The longest wait for a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Bodies from this size on are parsed off the threads that answer requests.
const LARGE_BODY: usize = 256 << 10;

/// One authenticated request.
pub(super) struct Call<'c> {
    pub app: &'c Arc<App>,
    pub parts: &'c Parts,
    pub access: &'c Access,
    pub context: &'c Arc<Context>,
    pub exchange: &'c mut Exchange,
}

impl Call<'_> {
    pub async fn get(self, resource_type: &Arc<ResourceType>, id: &str) -> Result<Answer, Refusal> {
        self.exchange.concerns(&resource_type.name, id);
        let (query, projection) = self.query(resource_type)?;
        if let Some(filter) = &query.filter {
            return self.list_one(resource_type, id, filter, projection).await;
        }
        let references = references(resource_type, &projection, self.context);
        let stored = directory::get(resource_type, id, references, self.context).await?;
        self.answer(StatusCode::OK, &stored, resource_type, &projection)
    }

    pub async fn create(
        self,
        resource_type: &Arc<ResourceType>,
        body: &mut Body,
    ) -> Result<Answer, Refusal> {
        let (_, projection) = self.query(resource_type)?;
        let body = self.read(body).await?;
        let projection = projection.after_writing(&body);
        let references = references(resource_type, &projection, self.context);
        let notes = &mut self.exchange.notes;
        let stored =
            directory::create(resource_type, body, references, self.context, notes).await?;
        self.exchange.concerns(&resource_type.name, &stored.resource.id);
        self.answer(StatusCode::CREATED, &stored, resource_type, &projection)
    }

    pub async fn replace(
        self,
        resource_type: &Arc<ResourceType>,
        id: &str,
        body: &mut Body,
    ) -> Result<Answer, Refusal> {
        self.exchange.concerns(&resource_type.name, id);
        let (_, projection) = self.query(resource_type)?;
        let body = self.read(body).await?;
        let projection = projection.after_writing(&body);
        let stored = directory::replace(
            resource_type,
            id,
            body,
            conditional::if_match(&self.parts.headers),
            references(resource_type, &projection, self.context),
            self.context,
            &mut self.exchange.notes,
        )
        .await?;
        self.answer(StatusCode::OK, &stored, resource_type, &projection)
    }

    /// Users are answered with the resource. Groups are answered without a body, so that the cost
    /// follows the change, unless `attributes` says what is wanted.
    pub async fn patch(
        self,
        resource_type: &Arc<ResourceType>,
        id: &str,
        body: &mut Body,
    ) -> Result<Answer, Refusal> {
        self.exchange.concerns(&resource_type.name, id);
        let (query, projection) = self.query(resource_type)?;
        let body = self.read(body).await?;
        let projection = projection.after_writing(&body);
        let silent = resource_type.name == "Group" && query.attributes.is_none();
        let references = if silent {
            References::LeaveOut
        } else {
            references(resource_type, &projection, self.context)
        };
        let stored = directory::patch(
            resource_type,
            id,
            body,
            conditional::if_match(&self.parts.headers),
            references,
            self.context,
            &mut self.exchange.notes,
        )
        .await?;
        if silent {
            return Ok(Answer::empty(StatusCode::NO_CONTENT)
                .with(header::ETAG, etag(stored.resource.version)));
        }
        self.answer(StatusCode::OK, &stored, resource_type, &projection)
    }

    pub async fn delete(
        self,
        resource_type: &Arc<ResourceType>,
        id: &str,
    ) -> Result<Answer, Refusal> {
        self.exchange.concerns(&resource_type.name, id);
        let precondition = conditional::if_match(&self.parts.headers);
        directory::delete(resource_type, id, precondition, self.context).await?;
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    fn query(&self, resource_type: &ResourceType) -> Result<(ListQuery, Projection), Refusal> {
        let query = list_query(self.parts, self.context.reading, &mut Notes::default())?;
        let projection = projection(resource_type, &query)?;
        Ok((query, projection))
    }

    /// The body as JSON, within the bounds of size, time, media type and shape.
    pub(super) async fn read(&self, body: &mut Body) -> Result<Value, Refusal> {
        self.read_within(Limits::default(), "the largest body", body).await
    }

    /// The same with other bounds of shape; `limit_name` is what a refusal calls the limit of size.
    pub async fn read_within(
        &self,
        limits: Limits,
        limit_name: &str,
        body: &mut Body,
    ) -> Result<Value, Refusal> {
        check_media_type(&self.parts.method, &self.parts.headers)?;
        let limit = self.app.settings.max_body_bytes;
        let announced = self
            .parts
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|announced| announced > limit) {
            return Err(too_large(limit, limit_name));
        }
        let bytes = whole(body, limit, limit_name, BODY_TIMEOUT).await?;
        let parsed = if bytes.len() < LARGE_BODY {
            json::parse(&bytes, &limits)
        } else {
            tokio::task::spawn_blocking(move || json::parse(&bytes, &limits))
                .await
                .map_err(|_| Error::new(500, None, "the request failed inside the server"))?
        };
        Ok(parsed.map_err(Error::from)?)
    }

    fn answer(
        &self,
        status: StatusCode,
        stored: &Stored,
        resource_type: &ResourceType,
        projection: &Projection,
    ) -> Result<Answer, Refusal> {
        let representation = stored.resource.representation(
            resource_type,
            &self.context.base_url,
            stored.references.as_deref(),
        );
        let tag = representation.tag();
        let reads = matches!(self.parts.method, Method::GET | Method::HEAD);
        if reads && conditional::has(&self.parts.headers, &tag) {
            return Ok(Answer::empty(StatusCode::NOT_MODIFIED).with(header::ETAG, tag));
        }
        let mut body = String::with_capacity(representation.document.len() + 512);
        if projection.is_default() {
            representation.write(&mut body);
        } else {
            let mut object = representation.object().ok_or_else(corrupt)?;
            projection.apply(resource_type, &mut object);
            body = Value::from(object).to_string();
        }
        let location = representation.location();
        let place =
            if status == StatusCode::CREATED { header::LOCATION } else { header::CONTENT_LOCATION };
        Ok(Answer::json(status, body).with(header::ETAG, tag).with(place, location))
    }
}

/// The parameters in the URL.
pub(super) fn list_query(
    parts: &Parts,
    reading: Reading,
    notes: &mut Notes,
) -> Result<ListQuery, Refusal> {
    let Some(text) = parts.uri.query() else { return Ok(ListQuery::default()) };
    let pairs = route::query_pairs(text).map_err(|_| {
        Error::bad_request(
            ScimType::InvalidValue,
            "the query holds percent-encoding that is none, or no UTF-8",
        )
    })?;
    Ok(ListQuery::from_pairs(pairs, reading, notes)?)
}

pub(super) fn projection(
    resource_type: &ResourceType,
    query: &ListQuery,
) -> Result<Projection, Error> {
    Projection::parse(
        resource_type,
        query.attributes.as_deref(),
        query.excluded_attributes.as_deref(),
    )
}

/// Whether the answer shows the attribute that is stored as memberships.
pub(super) fn references(
    resource_type: &ResourceType,
    projection: &Projection,
    context: &Context,
) -> References {
    let name = if resource_type.name == "Group" { "members" } else { "groups" };
    match context.group_sync && projection.wants(resource_type, name) {
        true => References::Load,
        false => References::LeaveOut,
    }
}

pub(super) fn corrupt() -> Error {
    Error::new(500, None, "a stored resource cannot be read")
}

pub(super) fn not_an_object() -> Refusal {
    Refusal::from(Error::bad_request(ScimType::InvalidSyntax, "the body must be a JSON object"))
}

/// The whole body, if it comes within `limit` bytes and `patience`.
async fn whole(
    body: &mut Body,
    limit: usize,
    limit_name: &str,
    patience: Duration,
) -> Result<Bytes, Refusal> {
    let collected = tokio::time::timeout(patience, Limited::new(body, limit).collect())
        .await
        .map_err(|_| {
            let seconds = patience.as_secs();
            let detail = format!("the body did not arrive within {seconds} seconds");
            Refusal::from(Error::new(408, None, detail))
        })?;
    match collected {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit, limit_name)),
        Err(_) => Err(Refusal::from(Error::bad_request(
            ScimType::InvalidSyntax,
            "the body ended before it was complete",
        ))),
    }
}

fn too_large(limit: usize, limit_name: &str) -> Refusal {
    let detail =
        format!("the body is larger than {limit_name}, {limit} bytes: send less at a time");
    Refusal::from(Error::new(413, None, detail))
}

/// `application/scim+json` or `application/json` with any parameters, or nothing said
/// (RFC 7644 §3.8, §8.1).
fn check_media_type(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported = |detail: String| {
        let refusal = Refusal::from(Error::new(415, None, detail));
        if *method == Method::PATCH {
            refusal.with("accept-patch".parse().unwrap_or(header::ACCEPT), "application/scim+json")
        } else {
            refusal
        }
    };
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("send the body without Content-Encoding".into()));
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let value = value.to_str().unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default().trim();
    let fits = ["application/scim+json", "application/json"]
        .iter()
        .any(|accepted| media.eq_ignore_ascii_case(accepted));
    if fits || media.is_empty() {
        return Ok(());
    }
    Err(unsupported(format!("send the body as `application/scim+json`, not as `{media}`")))
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    /// S-009, S-308, S-316, S-430: a body that does not end, ends too early or is too long.
    #[tokio::test]
    async fn bodies_are_bounded_in_size_and_time() {
        let part = || stream::iter([Ok("{\"userName\":"), Ok("\"a\"}")]);
        let broken = stream::iter([Err(std::io::Error::other("the connection was reset"))]);
        for (mut body, limit, status) in [
            (Body::from_stream(part().chain(stream::pending())), 100, Err(408)),
            (Body::from_stream(part().chain(broken)), 100, Err(400)),
            (Body::from_stream(part()), 15, Err(413)),
            (Body::from_stream(part()), 16, Ok("{\"userName\":\"a\"}")),
        ] {
            let read = whole(&mut body, limit, "the largest", Duration::from_millis(20)).await;
            let read = read.map_err(|refusal| refusal.error.status);
            assert_eq!(read, status.map(Bytes::from), "{limit}");
        }
    }
}
