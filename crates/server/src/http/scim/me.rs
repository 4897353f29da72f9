//! `/Me`: the user that a token is bound to (RFC 7644 §3.11).

use axum::{
    body::Body,
    http::{Method, header},
};
use scim::{Error, schema::ResourceType};
use std::sync::Arc;
use store::tokens::Token;

use super::{
    answer::{Answer, Refusal},
    is_discovery, not_allowed,
    resources::Call,
    route::Endpoint,
};
use crate::directory::{self, References};

/// Refuses `/Me` to tokens of nobody in particular, which identity providers have, and all else
/// but discovery to tokens of one user (S-312).
pub(super) fn check(token: &Token, endpoint: &Endpoint) -> Result<(), Refusal> {
    match (&token.user_id, endpoint) {
        (None, Endpoint::Me) => Err(Refusal::from(Error::new(
            501,
            None,
            "/Me is the user that a token is bound to, and this token is bound to nobody: use \
             /Users and an id, or create a token with `headcount token create --user`",
        ))),
        (None, _) | (Some(_), Endpoint::Me) => Ok(()),
        (Some(_), endpoint) if is_discovery(endpoint) => Ok(()),
        (Some(_), _) => Err(Refusal::from(Error::new(
            403,
            None,
            "this token is bound to one user and opens /Me only: use the directory's own token",
        ))),
    }
}

/// Answers as `/Users/{id}` does, and says that this is the permanent place (S-313).
pub(super) async fn answer(
    call: Call<'_>,
    token: &Token,
    body: &mut Body,
) -> Result<Answer, Refusal> {
    let Some(id) = &token.user_id else { return Err(not_allowed(&Endpoint::Me)) };
    let resource_type = Arc::clone(&call.context.resource_types.user);
    let location = format!("{}{}/{id}", call.context.base_url, resource_type.endpoint);
    check_active(&call, &resource_type, id).await?;
    let answer = match call.parts.method {
        Method::GET | Method::HEAD => call.get(&resource_type, id).await,
        Method::PUT => call.replace(&resource_type, id, body).await,
        Method::PATCH => call.patch(&resource_type, id, body).await,
        Method::DELETE => call.delete(&resource_type, id).await,
        _ => Err(not_allowed(&Endpoint::Me)),
    }?;
    Ok(answer.with(header::LOCATION, location))
}

/// Who was deactivated by the identity provider can neither look nor come back by themselves.
async fn check_active(
    call: &Call<'_>,
    resource_type: &Arc<ResourceType>,
    id: &str,
) -> Result<(), Refusal> {
    let user = directory::get(resource_type, id, References::LeaveOut, call.context).await?;
    let user = user.resource.object().map_err(directory::Error::from)?;
    if user.get("active").and_then(serde_json::Value::as_bool) == Some(false) {
        return Err(Refusal::from(Error::new(403, None, "the user of this token is deactivated")));
    }
    Ok(())
}
