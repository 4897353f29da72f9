//! Tokens of a directory.

use store::{DirectoryTx, Store, Tx, tokens::Token};

use super::{Error, directories};
use crate::{ids, token};

/// A new token and its secret, not stored yet.
pub(super) fn new(
    directory_id: &str,
    name: &str,
    user_id: Option<String>,
    expires_at: Option<i64>,
    now: i64,
) -> (Token, String) {
    let secret = token::generate();
    let token = Token {
        id: ids::prefixed("tok"),
        directory_id: directory_id.into(),
        name: name.into(),
        digest: token::digest(&secret),
        hint: token::hint(&secret).into(),
        user_id,
        created_at: now,
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    (token, secret)
}

/// What becomes of the directory's other tokens when one is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    Keep,
    /// They end in the same step.
    Revoke,
}

/// Creates a token; answers it with its secret. One for a `user`, named by id or userName, may do
/// nothing but act on that user, as `/Me`.
pub async fn create(
    store: &Store,
    directory_id: &str,
    name: &str,
    user: Option<&str>,
    expires_at: Option<i64>,
    earlier: Earlier,
    now: i64,
) -> Result<(Token, String), Error> {
    check_name(name)?;
    directories::get(store, directory_id).await?;
    let user_id = match user {
        None => None,
        Some(user) => Some(find_user(store, directory_id, user).await?),
    };
    let (token, secret) = new(directory_id, name, user_id, expires_at, now);
    let stored = token.clone();
    let created = store
        .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
            // Of two that regenerate at the same moment, the second ends the first one's token.
            if !store::directories::hold(tx, &stored.directory_id).await? {
                return Ok(false);
            }
            if earlier == Earlier::Revoke {
                store::tokens::revoke_all(tx, &stored.directory_id, now).await?;
            }
            store::tokens::create(tx, &stored).await?;
            Ok(true)
        })
        .await?;
    if created { Ok((token, secret)) } else { Err(directories::not_found(directory_id)) }
}

/// The id of the user with this id or userName.
async fn find_user(store: &Store, directory_id: &str, user: &str) -> Result<String, Error> {
    let wanted = user.to_owned();
    let found: Option<String> = store
        .read::<_, store::Error, _>(directory_id, async move |mut tx: DirectoryTx<'_>| {
            if tx.resource("User", &wanted).await?.is_some() {
                return Ok(Some(wanted));
            }
            tx.user_named(&wanted).await
        })
        .await?;
    found.ok_or_else(|| Error::NotFound(format!("directory `{directory_id}` has no user `{user}`")))
}

/// All tokens of a directory, oldest first.
pub async fn list(store: &Store, directory_id: &str) -> Result<Vec<Token>, Error> {
    directories::get(store, directory_id).await?;
    let key = directory_id.to_owned();
    Ok(store.look_up(async move |tx: &mut Tx| store::tokens::list(tx, &key).await).await?)
}

/// Ends a token, named by its id or by the name of the only live token so called.
pub async fn revoke(
    store: &Store,
    directory_id: &str,
    id_or_name: &str,
    now: i64,
) -> Result<Token, Error> {
    let tokens = list(store, directory_id).await?;
    let mut live = tokens.into_iter().filter(|token| {
        token.revoked_at.is_none() && (token.id == id_or_name || token.name == id_or_name)
    });
    let Some(token) = live.next() else {
        return Err(Error::NotFound(format!(
            "directory `{directory_id}` has no live token `{id_or_name}`"
        )));
    };
    if live.next().is_some() {
        return Err(Error::Invalid(format!(
            "several live tokens are called `{id_or_name}`: name one by its id"
        )));
    }
    let (directory_id, id) = (directory_id.to_owned(), token.id.clone());
    store
        .administer(async move |tx: &mut Tx| {
            store::tokens::revoke(tx, &directory_id, &id, now).await
        })
        .await?;
    Ok(token)
}

fn check_name(name: &str) -> Result<(), Error> {
    if (1..=100).contains(&name.trim().len()) {
        return Ok(());
    }
    Err(Error::Invalid("a token's name has 1 to 100 characters".into()))
}
