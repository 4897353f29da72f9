//! Entity tags and conditional requests (RFC 7644 §3.14).

use reqwest::Method;
use serde_json::json;

use crate::{
    answer::shown,
    check::{Check, Verdict, must},
    session::Session,
    target::Feature,
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "etag",
                "S-278 S-059",
                "Each resource has an entity tag, the same in `ETag` and `meta.version`",
                "RFC 7644 §3.14; RFC 7643 §3.1",
                "A client that keeps the one and sends the other is always told that it is late.",
            ],
            |s| Box::pin(etag(s)),
        ),
        must(
            [
                "etag-changes",
                "S-278",
                "The tag changes when the resource does",
                "RFC 7644 §3.14",
                "A client that asks for changes never sees one.",
            ],
            |s| Box::pin(changes(s)),
        ),
        must(
            [
                "if-none-match",
                "S-283",
                "`If-None-Match` with the current tag is answered with 304",
                "RFC 7644 §3.14; RFC 9110 §13.1.2",
                "The whole resource is sent for nothing.",
            ],
            |s| Box::pin(if_none_match(s)),
        ),
        must(
            [
                "if-match",
                "S-281 S-280",
                "`If-Match` with the current tag lets a change through",
                "RFC 7644 §3.14; RFC 9110 §13.1.1",
                "Careful clients can change nothing.",
            ],
            |s| Box::pin(if_match(s)),
        ),
        must(
            [
                "if-match-stale",
                "S-281",
                "`If-Match` with an old tag is refused with 412, and nothing changes",
                "RFC 7644 §3.14; RFC 9110 §13.1.1",
                "Of two changes at the same time one is lost, and nobody is told.",
            ],
            |s| Box::pin(stale(s)),
        ),
    ]
}

async fn etag(s: &Session) -> Verdict {
    s.need(Feature::Etag)?;
    let made = s.make_user().await?;
    let read = s.read(&made).await?;
    let tag = read.header("etag");
    read.hold(!tag.is_empty(), "the header `ETag`", "none")?;
    read.is("/meta/version", tag)?;
    let first = made.answer.at("/meta/version");
    let same = first.is_null() || first == tag;
    made.answer.hold(same, "the same tag at creation", shown(first))
}

async fn changes(s: &Session) -> Verdict {
    s.need(Feature::Etag)?;
    s.knows("displayName")?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    let before = s.read(&made).await?;
    user["displayName"] = json!("Ines Lind");
    s.put(&made.path, &user).await?.status(&[200])?;
    let after = s.read(&made).await?;
    let differs = before.header("etag") != after.header("etag");
    after.hold(differs, "another tag than before the change", "the same")
}

async fn if_none_match(s: &Session) -> Verdict {
    s.need(Feature::Etag)?;
    let made = s.make_user().await?;
    let tag = s.read(&made).await?.header("etag").to_owned();
    let call = s.call(Method::GET, &made.path).header("if-none-match", tag);
    let answer = call.send().await?;
    answer.status(&[304])?;
    answer.hold(answer.text.is_empty(), "no body", "a body")?;
    let call = s.call(Method::GET, &made.path).header("if-none-match", "W/\"another\"");
    call.send().await?.status(&[200])?;
    Ok(())
}

async fn if_match(s: &Session) -> Verdict {
    s.need(Feature::Etag)?;
    s.knows("displayName")?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    let tag = s.read(&made).await?.header("etag").to_owned();
    user["displayName"] = json!("Ines Lind");
    let call = s.call(Method::PUT, &made.path).header("if-match", tag).json(&user);
    call.send().await?.status(&[200])?;
    let call = s.call(Method::DELETE, &made.path).header("if-match", "*");
    call.send().await?.status(&[204])?;
    Ok(())
}

async fn stale(s: &Session) -> Verdict {
    s.need(Feature::Etag)?;
    s.knows("displayName")?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    let tag = s.read(&made).await?.header("etag").to_owned();
    user["displayName"] = json!("First");
    s.put(&made.path, &user).await?.status(&[200])?;
    user["displayName"] = json!("Second");
    let late = |method| s.call(method, &made.path).header("if-match", tag.clone());
    late(Method::PUT).json(&user).send().await?.status(&[412])?;
    if s.target.has(Feature::Patch) {
        let body = json!({"schemas": [crate::target::PATCH_OP],
            "Operations": [{"op": "replace", "path": "displayName", "value": "Second"}]});
        late(Method::PATCH).json(&body).send().await?.status(&[412])?;
    }
    late(Method::DELETE).send().await?.status(&[412])?;
    s.read(&made).await?.is("/displayName", "First")?;
    Ok(())
}
