//! Reading one, listing, and choosing attributes (RFC 7644 §3.4.1, §3.4.2, §3.9).

use serde_json::json;

use crate::{
    check::{Check, Stop, Verdict, client, must, should},
    session::Session,
    target::{ENTERPRISE, Feature, USER},
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "read",
                "S-134 E-29 O-102 O-107",
                "A resource is read by its id",
                "RFC 7644 §3.4.1",
                "Entra compares with this answer before it decides what to send.",
            ],
            |s| Box::pin(read(s)),
        ),
        must(
            [
                "read-unknown",
                "S-134 O-104 O-112 E-29",
                "An id that does not exist is answered with 404",
                "RFC 7644 §3.12",
                "Okta's test and Entra's repair of lost links both hang on this status.",
            ],
            |s| Box::pin(unknown(s)),
        )
        .reads(),
        must(
            [
                "list",
                "S-142 O-08",
                "Users are listed as a ListResponse",
                "RFC 7644 §3.4.2",
                "Okta's connection test reads one page of users; the connection cannot be saved.",
            ],
            |s| Box::pin(list(s)),
        )
        .reads(),
        client(
            [
                "list-fields",
                "O-13 O-23 O-101",
                "Listed users carry all that reading one carries",
                "practice",
                "Okta's import and its look-ups read the profile from the list.",
            ],
            |s| Box::pin(list_fields(s)),
        ),
        must(
            [
                "attributes",
                "S-136 S-137 E-31",
                "`attributes` returns what is named, and what is always returned",
                "RFC 7644 §3.4.2.5, §3.9; RFC 7643 §7",
                "Answers to Entra's checks of references carry whole people and whole groups.",
            ],
            |s| Box::pin(attributes(s)),
        ),
        must(
            [
                "attributes-sub",
                "S-137 S-141",
                "`attributes` names sub-attributes as well",
                "RFC 7644 §3.9, §3.10",
                "The client gets more, or nothing, of what it asked for.",
            ],
            |s| Box::pin(attributes_sub(s)),
        ),
        must(
            [
                "attributes-spelling",
                "S-137 S-048",
                "`attributes` counts in any letter case and with the schema's URN",
                "RFC 7644 §3.10",
                "Fully qualified names are the only way to name extension attributes.",
            ],
            |s| Box::pin(attributes_spelling(s)),
        ),
        must(
            [
                "attributes-extension",
                "S-137",
                "`attributes` names an attribute of an extension",
                "RFC 7644 §3.10",
                "Entra's check of a manager cannot be answered.",
            ],
            |s| Box::pin(attributes_extension(s)),
        ),
        must(
            [
                "excluded-attributes",
                "S-136 E-31",
                "`excludedAttributes` leaves out what is named",
                "RFC 7644 §3.4.2.5, §3.9",
                "Entra reads groups this way to spare itself the members; large groups time out.",
            ],
            |s| Box::pin(excluded(s)),
        ),
        must(
            [
                "excluded-always",
                "S-136",
                "`excludedAttributes` cannot take away `id`",
                "RFC 7644 §3.9; RFC 7643 §3.1",
                "A resource without an id cannot be used for anything.",
            ],
            |s| Box::pin(excluded_always(s)),
        ),
        must(
            [
                "attributes-list",
                "S-139",
                "`attributes` and `excludedAttributes` work on lists",
                "RFC 7644 §3.4.2.5",
                "Lists carry whatever the client did not want.",
            ],
            |s| Box::pin(on_lists(s)),
        ),
        should(
            [
                "me",
                "S-312 S-313",
                "`/Me` is answered with the user who asks, or with 501",
                "RFC 7644 §3.11",
                "A client cannot tell whether it is known or the feature is missing.",
            ],
            |s| Box::pin(me(s)),
        )
        .reads(),
        client(
            [
                "read-after-write",
                "E-119",
                "What was just written is found at once, by id and by filter",
                "practice",
                "Entra and Okta look up what they created a moment ago, and create it again.",
            ],
            |s| Box::pin(read_after_write(s)),
        ),
        client(
            [
                "read-inactive",
                "S-088 O-17 O-50 E-96",
                "Inactive users are found by filter and by id",
                "practice",
                "Okta looks for them, does not find them, and runs into 409 for ever.",
            ],
            |s| Box::pin(read_inactive(s)),
        ),
    ]
}

async fn read(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let read = s.read(&made).await?;
    read.is("/id", made.id.clone())?;
    read.present("/userName")?;
    Ok(())
}

async fn unknown(s: &Session) -> Verdict {
    for id in [s.name(), "00919288221112222".to_owned()] {
        s.get(format!("{}/{id}", s.users())).await?.refused(&[404])?;
    }
    Ok(())
}

async fn list(s: &Session) -> Verdict {
    s.get(s.users()).await?.list()?;
    s.get(format!("{}?startIndex=1&count=2", s.users())).await?.list()?;
    Ok(())
}

async fn list_fields(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let made = s.make_user().await?;
    let read = s.read(&made).await?;
    let name = read.at("/userName").as_str().unwrap_or_default();
    let answer = s.filter(&format!("userName eq {}", json!(name))).await?;
    let list = answer.list()?;
    let Some(first) = list.first() else {
        return Err(Stop::Unclear("the user is not found by `userName`".to_owned()));
    };
    for (key, value) in read.object()?.as_object().into_iter().flatten() {
        answer.hold(first[key] == *value, format!("`{key}` in the list as by id"), {
            crate::answer::shown(&first[key])
        })?;
    }
    Ok(())
}

async fn attributes(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let answer = s.get(format!("{}?attributes=userName", made.path)).await?;
    answer.fine()?;
    answer.present("/userName")?.is("/id", made.id)?;
    answer.unassigned("/emails")?.unassigned("/name")?.unassigned("/displayName")?;
    Ok(())
}

async fn attributes_sub(s: &Session) -> Verdict {
    s.knows("name")?;
    s.knows("emails")?;
    let made = s.make_user().await?;
    let answer = s.get(format!("{}?attributes=name.givenName,emails.value", made.path)).await?;
    answer.fine()?;
    answer.is("/name/givenName", "Ines")?.present("/emails/0/value")?;
    answer.unassigned("/name/familyName")?.unassigned("/emails/0/type")?;
    answer.unassigned("/displayName")?;
    Ok(())
}

async fn attributes_spelling(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    for spelling in ["USERNAME".to_owned(), format!("{USER}:userName")] {
        let answer = s.get(format!("{}?attributes={spelling}", made.path)).await?;
        answer.fine()?;
        answer.present("/userName")?.unassigned("/name")?;
    }
    Ok(())
}

async fn attributes_extension(s: &Session) -> Verdict {
    s.enterprise()?;
    let mut user = s.user();
    crate::invent::name_schema(&mut user, ENTERPRISE);
    user[ENTERPRISE]["department"] = json!("Tour Operations");
    user[ENTERPRISE]["costCenter"] = json!("4130");
    let made = s.make(s.users(), &user).await?;
    let path = format!("{}?attributes={ENTERPRISE}:department", made.path);
    let answer = s.get(path).await?;
    answer.fine()?;
    answer.is(&format!("/{ENTERPRISE}/department"), "Tour Operations")?;
    answer.unassigned(&format!("/{ENTERPRISE}/costCenter"))?.unassigned("/emails")?;
    Ok(())
}

async fn excluded(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let answer = s.get(format!("{}?excludedAttributes=emails,name.givenName", made.path)).await?;
    answer.fine()?;
    answer.unassigned("/emails")?.unassigned("/name/givenName")?.present("/userName")?;
    if s.knows("name").is_ok() {
        answer.present("/name/familyName")?;
    }
    Ok(())
}

async fn excluded_always(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let answer = s.get(format!("{}?excludedAttributes=id,emails", made.path)).await?;
    answer.fine()?;
    answer.is("/id", made.id)?;
    Ok(())
}

async fn on_lists(s: &Session) -> Verdict {
    s.make_user().await?;
    let page = |parameter: &str| format!("{}?count=2&{parameter}", s.users());
    let answer = s.get(page("attributes=userName")).await?;
    for (at, _) in answer.list()?.iter().enumerate() {
        answer.present(&format!("/Resources/{at}/userName"))?;
        answer.present(&format!("/Resources/{at}/id"))?;
        answer.unassigned(&format!("/Resources/{at}/emails"))?;
    }
    let answer = s.get(page("excludedAttributes=emails")).await?;
    for (at, _) in answer.list()?.iter().enumerate() {
        answer.present(&format!("/Resources/{at}/userName"))?;
        answer.unassigned(&format!("/Resources/{at}/emails"))?;
    }
    Ok(())
}

async fn me(s: &Session) -> Verdict {
    let answer = s.get("/Me").await?;
    match answer.status {
        // Nobody's own record belongs to such a token, or it is somewhere else.
        307 | 308 => Ok(()),
        200 => answer.present("/id").map(|_| ()),
        403 | 404 if !answer.at("/detail").is_null() => {
            Err(Stop::Unclear("the token may stand for nobody".to_owned()))
        }
        _ => answer.status(&[501]).map(|_| ()),
    }
}

async fn read_after_write(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    for _ in 0..3 {
        let user = s.user();
        let made = s.make(s.users(), &user).await?;
        s.finds(&format!("userName eq {}", user["userName"]), &[&made]).await?;
        s.read(&made).await?;
    }
    Ok(())
}

async fn read_inactive(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    s.knows("active")?;
    let mut user = s.user();
    user["active"] = json!(false);
    let made = s.make(s.users(), &user).await?;
    s.finds(&format!("userName eq {}", user["userName"]), &[&made]).await?;
    s.read(&made).await?.is("/active", false)?;
    Ok(())
}
