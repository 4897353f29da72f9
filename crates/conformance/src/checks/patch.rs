//! PATCH of users (RFC 7644 §3.5.2).

use serde_json::{Value, json};

use crate::{
    answer::shown,
    check::{Check, Level, Stop, Verdict, client, must, should},
    session::{Made, Session},
    target::{ENTERPRISE, Feature, USER, has_schema},
};

pub fn checks() -> Vec<Check> {
    vec![
        client(
            [
                "patch",
                "S-227 S-234 O-48 O-55 E-36",
                "Users can be changed with PATCH",
                "RFC 7644 §3.5.2",
                "Entra changes and deactivates people in no other way, Okta deactivates in no \
                 other way.",
            ],
            |s| Box::pin(patch(s)),
        ),
        must(
            [
                "patch-answer",
                "S-233",
                "A PATCH is answered with 200 and the resource, or with 204 and nothing",
                "RFC 7644 §3.5.2",
                "The client takes an empty or partial answer for the person's new state.",
            ],
            |s| Box::pin(answer(s)),
        ),
        must(
            [
                "patch-projected",
                "S-233 S-139",
                "A PATCH with `attributes` is answered with 200 and what was asked for",
                "RFC 7644 §3.5.2, §3.9",
                "A client that needs the new state gets nothing, or far too much.",
            ],
            |s| Box::pin(projected(s)),
        ),
        must(
            [
                "patch-unknown",
                "S-235 E-105",
                "PATCH of an id that does not exist is answered with 404",
                "RFC 7644 §3.12",
                "Updates of somebody deleted seem to work.",
            ],
            |s| Box::pin(unknown(s)),
        ),
        must(
            [
                "patch-replace",
                "S-268 S-269",
                "`replace` sets a single-valued attribute, also one that had no value",
                "RFC 7644 §3.5.2.3",
                "Changes of names and titles are lost.",
            ],
            |s| Box::pin(replace(s)),
        ),
        must(
            [
                "patch-add",
                "S-251 E-143",
                "`add` sets a single-valued attribute, also one that has a value",
                "RFC 7644 §3.5.2.1",
                "Entra sends `Add` for whatever it last saw empty.",
            ],
            |s| Box::pin(add(s)),
        ),
        must(
            [
                "patch-remove",
                "S-260",
                "`remove` takes the value away",
                "RFC 7644 §3.5.2.2",
                "Old titles and numbers stay for ever.",
            ],
            |s| Box::pin(remove(s)),
        ),
        must(
            [
                "patch-no-path-add",
                "S-250",
                "`add` without a path adds the attributes of its value",
                "RFC 7644 §3.5.2.1",
                "Entra with its compatibility flag changes people this way.",
            ],
            |s| Box::pin(no_path(s, "add")),
        ),
        must(
            [
                "patch-no-path-replace",
                "S-268 O-48 E-37 E-187",
                "`replace` without a path changes the attributes of its value and no other",
                "RFC 7644 §3.5.2.3",
                "Okta deactivates this way; what was not named would be lost.",
            ],
            |s| Box::pin(no_path(s, "replace")),
        ),
        must(
            [
                "patch-remove-no-path",
                "S-259",
                "`remove` without a path is refused with 400 `noTarget`",
                "RFC 7644 §3.5.2.2",
                "A mistake empties the person, or seems to have worked.",
            ],
            |s| Box::pin(remove_no_path(s)),
        ),
        must(
            [
                "patch-urn",
                "S-238 S-153",
                "A path may begin with the schema's URN",
                "RFC 7644 §3.10",
                "Department and manager can be named in no other way.",
            ],
            |s| Box::pin(urn(s)),
        ),
        must(
            [
                "patch-extension",
                "S-238 S-240 E-39",
                "An extension's attribute is set by its path, and `schemas` follows",
                "RFC 7644 §3.5.2, §3.10; RFC 7643 §3",
                "Department and cost centre never arrive.",
            ],
            |s| Box::pin(extension(s)),
        ),
        must(
            [
                "patch-order",
                "S-231",
                "Operations take effect in their order",
                "RFC 7644 §3.5.2",
                "The result of a change depends on chance.",
            ],
            |s| Box::pin(order(s)),
        ),
        must(
            [
                "patch-atomic",
                "S-232 E-62",
                "If one operation fails, none takes effect",
                "RFC 7644 §3.5.2",
                "A person is left half changed, and the client sends all of it again.",
            ],
            |s| Box::pin(atomic(s)),
        ),
        must(
            [
                "patch-read-only",
                "S-242",
                "A change of what only the server may set is refused with 400 `mutability`",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that it changed the id.",
            ],
            |s| Box::pin(read_only(s)),
        ),
        must(
            [
                "patch-required",
                "S-243",
                "`userName` cannot be removed",
                "RFC 7644 §3.5.2.2",
                "A person is left whom nobody can look up.",
            ],
            |s| Box::pin(required(s)),
        ),
        must(
            [
                "patch-duplicate",
                "S-245 E-57",
                "PATCH to another user's name is refused with 409",
                "RFC 7644 §3.12",
                "Two people share one name.",
            ],
            |s| Box::pin(duplicate(s)),
        ),
        must(
            [
                "patch-no-change",
                "S-246 S-058 S-101 E-38",
                "`add` of what is there already does not move `lastModified`",
                "RFC 7644 §3.5.2.1",
                "Whoever reads what changed sees everybody after every cycle.",
            ],
            |s| Box::pin(no_change(s)),
        ),
        must(
            [
                "patch-operation",
                "S-230",
                "An operation that does not exist is refused with 400",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that something happened.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "move", "path": "displayName", "value": "x"}),
                    &["invalidSyntax", "invalidValue"],
                ))
            },
        ),
        must(
            [
                "patch-path-broken",
                "S-236",
                "A path that cannot be read is refused with 400 `invalidPath`",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that something happened.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "replace", "path": "emails[type eq \"work\"", "value": "x"}),
                    &["invalidPath", "invalidFilter"],
                ))
            },
        ),
        should(
            [
                "patch-path-unknown",
                "S-237 E-56",
                "A path to an attribute that does not exist is refused with 400",
                "RFC 7644 §3.12",
                "A mistyped mapping never does anything, and nobody is told.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "replace", "path": "dispalyName", "value": "x"}),
                    &["invalidPath", "noTarget", "invalidValue"],
                ))
            },
        ),
        should(
            [
                "patch-add-no-value",
                "S-249",
                "`add` without a value is refused with 400",
                "RFC 7644 §3.5.2.1",
                "The client believes that something happened.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    json!({"op": "add", "path": "displayName"}),
                    &["invalidValue", "invalidSyntax"],
                ))
            },
        ),
        should(
            [
                "patch-schemas",
                "S-228",
                "A body without `Operations` is refused with 400",
                "RFC 7644 §3.5.2, §3.12",
                "The client believes that something happened.",
            ],
            |s| Box::pin(no_operations(s)),
        ),
        should(
            [
                "patch-null",
                "S-275 S-060 E-51",
                "`replace` with null takes the value away",
                "RFC 7643 §2.5",
                "A field that was emptied keeps its old value.",
            ],
            |s| Box::pin(null(s)),
        ),
    ]
}

pub async fn user(s: &Session) -> Result<Made, Stop> {
    s.need(Feature::Patch)?;
    s.make_user().await
}

async fn patch(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let made = s.make_user().await?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Ines Lind"}]);
    s.patched(&made, operations).await?.is("/displayName", "Ines Lind")?;
    Ok(())
}

async fn answer(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Ines Lind"}]);
    let answer = s.patch(&made.path, operations).await?;
    answer.status(&[200, 204])?;
    if answer.status == 204 {
        return answer.hold(answer.text.is_empty(), "no body with 204", "a body");
    }
    answer.is("/id", made.id)?.is("/displayName", "Ines Lind")?.present("/userName")?;
    Ok(())
}

async fn projected(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Ines Lind"}]);
    let answer = s.patch(format!("{}?attributes=displayName", made.path), operations).await?;
    answer.fine()?;
    answer.is("/displayName", "Ines Lind")?.is("/id", made.id)?.unassigned("/emails")?;
    Ok(())
}

async fn unknown(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let operations = json!([{"op": "replace", "path": "displayName", "value": "x"}]);
    s.patch(format!("{}/{}", s.users(), s.name()), operations).await?.status(&[404])?;
    Ok(())
}

async fn replace(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let set = |value: &str| json!([{"op": "replace", "path": "title", "value": value}]);
    s.patched(&made, set("Captain")).await?.is("/title", "Captain")?;
    let made = user(s).await?;
    s.patched(&made, set("Guide")).await?.is("/title", "Guide")?;
    Ok(())
}

async fn add(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let set = |value: &str| json!([{"op": "add", "path": "title", "value": value}]);
    s.patched(&made, set("Captain")).await?.is("/title", "Captain")?;
    let made = user(s).await?;
    s.patched(&made, set("Guide")).await?.is("/title", "Guide")?;
    Ok(())
}

async fn remove(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let read = s.patched(&made, json!([{"op": "remove", "path": "title"}])).await?;
    read.unassigned("/title")?.present("/userName")?;
    Ok(())
}

async fn no_path(s: &Session, op: &str) -> Verdict {
    s.need(Feature::Patch)?;
    s.knows("displayName")?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let value = json!({"title": "Captain", "displayName": "Ines Lind"});
    let read = s.patched(&made, json!([{"op": op, "value": value}])).await?;
    read.is("/title", "Captain")?.is("/displayName", "Ines Lind")?;
    read.is("/userName", made.answer.at("/userName").clone())?;
    read.is("/emails", made.answer.at("/emails").clone())?;
    read.is("/name", made.answer.at("/name").clone())?;
    let read = s.patched(&made, json!([{"op": op, "value": {"active": false}}])).await?;
    read.is("/active", false)?.is("/title", "Captain")?;
    Ok(())
}

async fn remove_no_path(s: &Session) -> Verdict {
    let made = user(s).await?;
    let answer = s.patch(&made.path, json!([{"op": "remove"}])).await?;
    answer.refused(&[400])?.scim_type(&["noTarget"])?;
    Ok(())
}

async fn urn(s: &Session) -> Verdict {
    s.knows("name")?;
    let made = user(s).await?;
    let path = format!("{USER}:name.familyName");
    let operations = json!([{"op": "replace", "path": path, "value": "Lind"}]);
    let read = s.patched(&made, operations).await?;
    read.is("/name/familyName", "Lind")?.is("/name/givenName", "Ines")?;
    Ok(())
}

async fn extension(s: &Session) -> Verdict {
    s.enterprise()?;
    let made = user(s).await?;
    let path = |name: &str| format!("{ENTERPRISE}:{name}");
    let operations = json!([{"op": "add", "path": path("department"), "value": "Tours"},
        {"op": "replace", "path": path("costCenter"), "value": "4130"}]);
    let read = s.patched(&made, operations).await?;
    read.is(&format!("/{ENTERPRISE}/department"), "Tours")?;
    read.is(&format!("/{ENTERPRISE}/costCenter"), "4130")?;
    let named = has_schema(read.object()?, ENTERPRISE);
    read.hold(named, format!("`schemas` to name `{ENTERPRISE}`"), shown(read.at("/schemas")))?;
    let operations = json!([{"op": "remove", "path": path("department")}]);
    let read = s.patched(&made, operations).await?;
    read.unassigned(&format!("/{ENTERPRISE}/department"))?;
    read.is(&format!("/{ENTERPRISE}/costCenter"), "4130")?;
    Ok(())
}

async fn order(s: &Session) -> Verdict {
    s.knows("title")?;
    let made = user(s).await?;
    let set = |value: &str| json!({"op": "replace", "path": "title", "value": value});
    let read = s.patched(&made, json!([set("First"), set("Second"), set("Third")])).await?;
    read.is("/title", "Third")?;
    let remove = json!({"op": "remove", "path": "title"});
    s.patched(&made, json!([set("First"), remove])).await?.unassigned("/title")?;
    Ok(())
}

async fn atomic(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let operations = json!([{"op": "replace", "path": "title", "value": "Captain"},
        {"op": "remove"}]);
    let answer = s.patch(&made.path, operations).await?;
    if answer.ok() {
        return Err(Stop::Unclear("the server accepts `remove` without a path".to_owned()));
    }
    s.read(&made).await?.is("/title", "Guide")?;
    Ok(())
}

async fn read_only(s: &Session) -> Verdict {
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "id", "value": s.name()}]);
    let answer = s.patch(&made.path, operations).await?;
    answer.refused(&[400])?;
    s.read(&made).await?.is("/id", made.id.clone())?;
    let kind = answer.scim_type(&["mutability"]).map(|_| ());
    kind.map_err(|stop| stop.at_level(Level::Should))
}

async fn required(s: &Session) -> Verdict {
    let made = user(s).await?;
    let answer = s.patch(&made.path, json!([{"op": "remove", "path": "userName"}])).await?;
    answer.refused(&[400])?;
    s.read(&made).await?.is("/userName", made.answer.at("/userName").clone())?;
    answer.scim_type(&["mutability"])?;
    Ok(())
}

async fn duplicate(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let other = s.user();
    s.make(s.users(), &other).await?;
    let made = user(s).await?;
    let operations = json!([{"op": "replace", "path": "userName", "value": other["userName"]}]);
    let answer = s.patch(&made.path, operations).await?;
    answer.status(&[409])?.scim_type(&["uniqueness"])?;
    s.read(&made).await?.is("/userName", made.answer.at("/userName").clone())?;
    Ok(())
}

async fn no_change(s: &Session) -> Verdict {
    let made = user(s).await?;
    let before = s.read(&made).await?.at("/meta/lastModified").clone();
    // Times may be kept to the second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let mut operations =
        json!([{"op": "add", "path": "userName", "value": made.answer.at("/userName")}]);
    if !made.answer.at("/emails").is_null() {
        let value = made.answer.at("/emails");
        operations = json!([operations[0], {"op": "add", "path": "emails", "value": value}]);
    }
    s.patched(&made, operations).await?.is("/meta/lastModified", before)?;
    Ok(())
}

async fn refused(s: &Session, operation: Value, kinds: &[&str]) -> Verdict {
    let made = user(s).await?;
    let answer = s.patch(&made.path, json!([operation])).await?;
    answer.refused(&[400])?;
    let kind = answer.scim_type(kinds).map(|_| ());
    kind.map_err(|stop| stop.at_level(Level::Should))
}

async fn no_operations(s: &Session) -> Verdict {
    let made = user(s).await?;
    let body = json!({"schemas": [crate::target::PATCH_OP]});
    let call = s.call(reqwest::Method::PATCH, &made.path).json(&body);
    call.send().await?.refused(&[400])?;
    Ok(())
}

async fn null(s: &Session) -> Verdict {
    s.need(Feature::Patch)?;
    let made = s.make_user_with(json!({"title": "Guide"})).await?;
    let operations = json!([{"op": "replace", "path": "title", "value": null}]);
    s.patched(&made, operations).await?.unassigned("/title")?;
    Ok(())
}
