//! Who a request comes from: its token, and through it its directory.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use store::{directories::Directory, tokens::Token};
use subtle::ConstantTimeEq;

use super::scim::route::Address;
use crate::{app::App, rate_limit::Turns, schemas::ResourceTypes, token};

/// How long a token that was found valid is not looked up again. The command line waits this long
/// after it ends a token or switches a directory off, so that no request is let in afterwards.
pub const REMEMBERED: Duration = Duration::from_millis(100);

/// How long a request waits for another that looks the same token up, before it does so itself.
const TURN: Duration = Duration::from_secs(1);

/// Tokens remembered at a time.
const MAX_REMEMBERED: usize = 10_000;

/// Tokens found a moment ago, by digest.
#[derive(Default)]
pub struct Tokens {
    remembered: RwLock<HashMap<String, (Instant, Arc<Access>)>>,
    /// Of those who look the same token up: one does, the others read what it has found.
    turns: Turns,
}

impl Tokens {
    fn get(&self, digest: &str) -> Option<Arc<Access>> {
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        let (at, access) = remembered.get(digest)?;
        (at.elapsed() < REMEMBERED).then(|| Arc::clone(access))
    }

    /// Has the directory's tokens looked up again once the guard is dropped.
    pub fn forget_after<'t>(&'t self, directory_id: &'t str) -> Forget<'t> {
        Forget { tokens: self, directory_id }
    }
}

/// Forgets a directory's tokens when dropped.
pub struct Forget<'t> {
    tokens: &'t Tokens,
    directory_id: &'t str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let mut remembered = self.tokens.remembered.write().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|_, (_, access)| access.directory.id != self.directory_id);
    }
}

/// A request's token, directory and what that declares.
#[derive(Clone, Debug)]
pub struct Access {
    pub token: Token,
    pub directory: Directory,
    pub resource_types: Arc<ResourceTypes>,
}

/// Why a request is not let in. The answer's text is the same whatever exists elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No `Authorization` header.
    Missing,
    /// A header that holds no token.
    Unreadable,
    /// Several `Authorization` headers.
    Several,
    /// No such token here: mistyped, revoked, or of another directory.
    Unknown,
    Expired,
    /// The directory is switched off.
    Disabled,
    Unavailable,
}

impl Denied {
    pub fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Unreadable | Self::Unknown | Self::Expired => 401,
            Self::Several => 400,
            Self::Disabled => 403,
            Self::Unavailable => 503,
        }
    }

    /// Words for the IT admin.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Missing => {
                "no token: paste this directory's token into the secret token field of the \
                 identity provider"
            }
            Self::Unreadable => {
                "the Authorization header holds no token of Headcount: paste the token alone, \
                 it begins with `hcscim_`"
            }
            Self::Several => "several Authorization headers: send one",
            Self::Unknown => {
                "the token is not valid for this directory: it may be mistyped, revoked or \
                 another directory's; paste the current one"
            }
            Self::Expired => "the token has expired: create a new one and paste it",
            Self::Disabled => {
                "provisioning is switched off for this directory: switch it on in Headcount, \
                 then test the connection again"
            }
            Self::Unavailable => "the token could not be checked now; send the request again later",
        }
    }
}

/// Finds the request's directory. `notes` gets what was unusual about the header.
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    address: &Address,
    now: i64,
    notes: &mut scim::Notes,
) -> Result<Arc<Access>, Denied> {
    let secret = secret(headers, notes)?;
    if !token::is_well_formed(&secret) {
        return Err(if token::is_ours(&secret) { Denied::Unknown } else { Denied::Unreadable });
    }
    let access = find(app, &secret).await?.ok_or(Denied::Unknown)?;
    let belongs = match address {
        Address::Directory(id) => *id == access.directory.id,
        Address::Organization(slug) => *slug == access.directory.organization_slug,
    };
    if !belongs || access.token.revoked_at.is_some() {
        return Err(Denied::Unknown);
    }
    if access.token.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(Denied::Expired);
    }
    if !access.directory.enabled {
        return Err(Denied::Disabled);
    }
    Ok(access)
}

/// The token with this secret, and its directory: a token that the directory's admin pasted, or one
/// that stands for it for about an hour.
pub async fn find(app: &App, secret: &str) -> Result<Option<Arc<Access>>, Denied> {
    let digest = &*token::digest(secret);
    if let Some(access) = app.tokens.get(digest) {
        return Ok(Some(access));
    }
    let _turn = app.tokens.turns.wait(digest, TURN).await;
    if let Some(access) = app.tokens.get(digest) {
        return Ok(Some(access));
    }
    let asked = Instant::now();
    let (is_access, key) = (token::is_access(secret), digest.to_owned());
    let found: Result<_, store::Error> = app
        .store
        .look_up(async move |tx: &mut store::Tx| {
            if is_access {
                store::tokens::get_by_access_digest(tx, &key).await
            } else {
                store::tokens::get_by_digest(tx, &key).await
            }
        })
        .await;
    let unavailable = |error| {
        if !app.availability.failed(&error) {
            tracing::error!(%error, "a token could not be looked up");
        }
        Denied::Unavailable
    };
    let found = found.map_err(unavailable)?;
    let Some((token, directory)) = found else { return Ok(None) };
    if !bool::from(token.digest.as_bytes().ct_eq(digest.as_bytes())) {
        return Ok(None);
    }
    let resource_types = app.schemas.of(&directory, &app.store).await.map_err(unavailable)?;
    let access = Arc::new(Access { token, directory, resource_types });
    let mut remembered = app.tokens.remembered.write().unwrap_or_else(PoisonError::into_inner);
    if remembered.len() >= MAX_REMEMBERED {
        remembered.clear();
    }
    remembered.insert(digest.to_owned(), (asked, Arc::clone(&access)));
    Ok(Some(access))
}

/// The secret in the header: after `Bearer`, alone (Okta's header templates send the pasted text
/// as it is, O-234), after `Bearer` twice (its wizard adds the word to what was pasted), or as the
/// password of `Basic`.
fn secret(headers: &HeaderMap, notes: &mut scim::Notes) -> Result<String, Denied> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Denied::Missing)?;
    if values.next().is_some() {
        return Err(Denied::Several);
    }
    let value = value.to_str().map_err(|_| Denied::Unreadable)?.trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let (again, inner) = rest.split_once(' ').unwrap_or(("", rest));
        if again.eq_ignore_ascii_case("bearer") {
            notes.add("the word `Bearer` was sent twice: paste the token without it");
            return Ok(inner.trim().into());
        }
        return Ok(rest.into());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = BASE64_STANDARD.decode(rest).map_err(|_| Denied::Unreadable)?;
        let pair = String::from_utf8(pair).map_err(|_| Denied::Unreadable)?;
        let (_, password) = pair.split_once(':').ok_or(Denied::Unreadable)?;
        notes.add("the token was sent as the password of Basic authentication");
        return Ok(password.into());
    }
    if scheme.is_empty() && token::is_ours(rest) {
        notes.add("the token was sent without the word `Bearer`");
        return Ok(rest.into());
    }
    Err(Denied::Unreadable)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(value: &str) -> Result<String, Denied> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        secret(&headers, &mut scim::Notes::default())
    }

    #[test]
    fn finds_the_token_in_every_form() {
        for value in [
            "Bearer hcscim_x",
            "bearer  hcscim_x ",
            "Bearer Bearer hcscim_x",
            "hcscim_x",
            "Basic YW55Ym9keTpoY3NjaW1feA==",
        ] {
            assert_eq!(read(value), Ok("hcscim_x".into()), "{value}");
        }
        for value in ["Basic !", "Digest x", "non-token", "Basic YQ=="] {
            assert_eq!(read(value), Err(Denied::Unreadable), "{value}");
        }
        assert_eq!(secret(&HeaderMap::new(), &mut scim::Notes::default()), Err(Denied::Missing));
    }
}
