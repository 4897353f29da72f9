//! PUT (RFC 7644 §3.5.1).

use serde_json::json;

use crate::{
    answer::shown,
    check::{Check, Stop, Verdict, client, must, should},
    session::Session,
    target::Feature,
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "put",
                "S-216 S-223 O-38",
                "PUT replaces a user and answers with the whole of it",
                "RFC 7644 §3.5, §3.5.1",
                "Okta's custom apps change people in no other way.",
            ],
            |s| Box::pin(put(s)),
        ),
        should(
            [
                "put-projected",
                "S-139",
                "`attributes` chooses what the answer to a PUT holds",
                "RFC 7644 §3.9",
                "Answers are larger than the client asked for.",
            ],
            |s| Box::pin(projected(s)),
        ),
        must(
            [
                "put-unknown",
                "S-217 O-45",
                "PUT on an id that does not exist is answered with 404 and creates nothing",
                "RFC 7644 §3.5.1",
                "Somebody deleted comes back under an id that the client made up.",
            ],
            |s| Box::pin(unknown(s)),
        ),
        must(
            [
                "put-read-only",
                "S-219 O-39 O-40",
                "PUT ignores what only the server may set, and keeps the id",
                "RFC 7644 §3.5.1",
                "Okta sends back what it read, `meta` and `groups` included.",
            ],
            |s| Box::pin(read_only(s)),
        ),
        must(
            [
                "put-required",
                "S-222",
                "PUT without `userName` is refused with 400",
                "RFC 7644 §3.5.1, §3.12",
                "The person loses the name they sign in with.",
            ],
            |s| Box::pin(required(s)),
        ),
        must(
            [
                "put-values",
                "S-218",
                "PUT replaces all values of an attribute that it names",
                "RFC 7644 §3.5.1",
                "Old addresses of a person stay.",
            ],
            |s| Box::pin(values(s)),
        ),
        must(
            [
                "put-duplicate",
                "S-224 O-42",
                "PUT with another user's name is refused with 409",
                "RFC 7644 §3.5.1, §3.12",
                "Two people share one name, and either signs in as the other.",
            ],
            |s| Box::pin(duplicate(s)),
        ),
        must(
            [
                "put-modified",
                "S-057 S-058",
                "A change moves `meta.lastModified`, and leaves `meta.created`",
                "RFC 7643 §3.1",
                "Whoever reads what changed since yesterday misses the change.",
            ],
            |s| Box::pin(modified(s)),
        ),
        client(
            [
                "put-rename",
                "O-42 O-151 E-57",
                "PUT changes `userName`; the id stays, and the new name is found",
                "RFC 7644 §3.5.1",
                "Somebody who marries cannot sign in, or exists twice.",
            ],
            |s| Box::pin(rename(s)),
        ),
        client(
            [
                "put-deactivate",
                "O-49 O-51",
                "PUT with `active` false and then true deactivates and brings back",
                "practice",
                "Okta's custom apps unassign people in no other way.",
            ],
            |s| Box::pin(deactivate(s)),
        ),
        client(
            [
                "put-empty",
                "O-43",
                "PUT with empty values clears them without an error",
                "RFC 7643 §2.5",
                "Okta sends empty values when a profile field is emptied; its test plan asks for it.",
            ],
            |s| Box::pin(empty(s)),
        ),
        should(
            [
                "put-same",
                "S-223 S-058",
                "PUT of what was just read succeeds",
                "RFC 7644 §3.5.1",
                "Okta reads, merges and replaces; a server that refuses its own form breaks that.",
            ],
            |s| Box::pin(same(s)),
        ),
    ]
}

async fn put(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    user["displayName"] = json!("Ines Lind");
    let answer = s.put(&made.path, &user).await?;
    answer.fine()?;
    answer.is("/displayName", "Ines Lind")?.is("/id", made.id.clone())?.present("/schemas")?;
    s.read(&made).await?.is("/displayName", "Ines Lind")?;
    Ok(())
}

async fn projected(s: &Session) -> Verdict {
    let user = s.user();
    let made = s.make(s.users(), &user).await?;
    let answer = s.put(format!("{}?attributes=userName", made.path), &user).await?;
    answer.fine()?;
    answer.is("/userName", user["userName"].clone())?.is("/id", made.id)?;
    answer.unassigned("/emails")?.unassigned("/name")?;
    Ok(())
}

async fn unknown(s: &Session) -> Verdict {
    let path = format!("{}/{}", s.users(), s.name());
    s.put(path, &s.user()).await?.status(&[404])?;
    Ok(())
}

async fn read_only(s: &Session) -> Verdict {
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    user["id"] = json!(s.name());
    user["meta"] = json!({"resourceType": "Nothing", "created": "2001-01-01T00:00:00Z"});
    user["groups"] = json!([]);
    let answer = s.put(&made.path, &user).await?;
    answer.fine()?;
    answer.is("/id", made.id.clone())?;
    let read = s.read(&made).await?;
    read.is("/id", made.id.clone())?;
    let created = made.answer.at("/meta/created").clone();
    read.is("/meta/created", created)?;
    Ok(())
}

async fn required(s: &Session) -> Verdict {
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    let name = user["userName"].take();
    if let Some(user) = user.as_object_mut() {
        user.remove("userName");
    }
    s.put(&made.path, &user).await?.refused(&[400])?;
    s.read(&made).await?.is("/userName", name)?;
    Ok(())
}

async fn values(s: &Session) -> Verdict {
    s.knows("emails")?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    let mail = format!("{}@example.com", s.name());
    user["emails"] = json!([{"value": mail, "type": "home", "primary": true}]);
    s.put(&made.path, &user).await?.fine()?;
    let read = s.read(&made).await?;
    let count = read.elements("/emails").len();
    read.hold(count == 1, "one e-mail address", format!("{count}"))?;
    read.is("/emails/0/value", mail)?.is("/emails/0/type", "home")?;
    Ok(())
}

async fn duplicate(s: &Session) -> Verdict {
    let (first, mut second) = (s.user(), s.user());
    s.make(s.users(), &first).await?;
    let made = s.make(s.users(), &second).await?;
    let name = second["userName"].take();
    second["userName"] = first["userName"].clone();
    s.put(&made.path, &second).await?.status(&[409])?;
    s.read(&made).await?.is("/userName", name)?;
    Ok(())
}

async fn modified(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    let before = s.read(&made).await?;
    // Times may be kept to the second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    user["displayName"] = json!("Ines Lind");
    s.put(&made.path, &user).await?.fine()?;
    let read = s.read(&made).await?;
    read.is("/meta/created", before.at("/meta/created").clone())?;
    let (then, now) = (before.at("/meta/lastModified"), read.at("/meta/lastModified"));
    read.hold(now != then, "a later `meta.lastModified`", shown(now))
}

async fn rename(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    let old = user["userName"].take();
    user["userName"] = s.user()["userName"].clone();
    let answer = s.put(&made.path, &user).await?;
    answer.fine()?;
    answer.is("/id", made.id.clone())?;
    s.finds(&format!("userName eq {}", user["userName"]), &[&made]).await?;
    s.finds(&format!("userName eq {old}"), &[]).await
}

async fn deactivate(s: &Session) -> Verdict {
    s.knows("active")?;
    let mut user = s.user();
    let made = s.make(s.users(), &user).await?;
    for active in [false, true] {
        user["active"] = json!(active);
        s.put(&made.path, &user).await?.fine()?;
        s.read(&made).await?.is("/active", active)?.is("/id", made.id.clone())?;
    }
    Ok(())
}

async fn empty(s: &Session) -> Verdict {
    let mut user = s.user();
    let mut cleared = Vec::new();
    for (name, value, none) in [
        ("title", json!("Guide"), json!("")),
        ("nickName", json!("Nessie"), json!(null)),
        ("phoneNumbers", json!([{"value": "555-0199", "type": "work"}]), json!([])),
    ] {
        if s.knows(name).is_ok() {
            user[name] = value;
            cleared.push((name, none));
        }
    }
    if cleared.is_empty() {
        return Err(Stop::Skip("the server's users have none of title, nickName, phones".into()));
    }
    let made = s.make(s.users(), &user).await?;
    for (name, none) in &cleared {
        user[*name] = none.clone();
    }
    s.put(&made.path, &user).await?.fine()?;
    let read = s.read(&made).await?;
    for (name, _) in cleared {
        let value = read.at(&format!("/{name}"));
        let empty = crate::answer::is_unassigned(value) || value == "";
        read.hold(empty, format!("`{name}` to be cleared"), shown(value))?;
    }
    Ok(())
}

async fn same(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let read = s.read(&made).await?;
    let answer = s.put(&made.path, read.object()?).await?;
    answer.fine()?;
    answer.is("/userName", read.at("/userName").clone())?;
    Ok(())
}
