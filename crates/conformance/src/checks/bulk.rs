//! Bulk (RFC 7644 §3.7).

use serde_json::{Value, json};

use crate::{
    answer::{Answer, names, shown},
    check::{Check, Stop, Verdict, must, should},
    session::Session,
    target::{Feature, PATCH_OP},
};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "bulk",
                "S-294 S-298 S-304",
                "A bulk job creates, and answers each operation with its `bulkId`, place and status",
                "RFC 7644 §3.7, §3.7.3",
                "The client cannot link what it created.",
            ],
            |s| Box::pin(bulk(s)),
        ),
        must(
            [
                "bulk-change",
                "S-294 S-296 S-305",
                "A bulk job changes and deletes",
                "RFC 7644 §3.7",
                "Jobs that do more than create fail.",
            ],
            |s| Box::pin(change(s)),
        ),
        must(
            [
                "bulk-reference",
                "S-299",
                "`bulkId:` in an operation's data stands for the id of what the job creates",
                "RFC 7644 §3.7.2",
                "Groups are created without the members who are created beside them.",
            ],
            |s| Box::pin(reference(s, false)),
        ),
        must(
            [
                "bulk-forward",
                "S-300 S-302",
                "`bulkId:` may point to an operation that comes later",
                "RFC 7644 §3.7, §3.7.2",
                "A job works or fails by the order of its operations.",
            ],
            |s| Box::pin(reference(s, true)),
        ),
        must(
            [
                "bulk-errors",
                "S-295 S-303 S-304",
                "One failed operation stops no other, and says why in a SCIM error",
                "RFC 7644 §3.7.3",
                "The client believes that all failed, or that none did.",
            ],
            |s| Box::pin(errors(s)),
        ),
        must(
            [
                "bulk-fail-on-errors",
                "S-303",
                "After `failOnErrors` failures nothing more is done",
                "RFC 7644 §3.7, §3.7.3",
                "A broken job runs to its end.",
            ],
            |s| Box::pin(fail_on_errors(s)),
        ),
        must(
            [
                "bulk-operations",
                "S-307 S-123",
                "More than `maxOperations` operations are refused with 413",
                "RFC 7644 §3.7.4",
                "A part of a large job is done, and the client does not know which.",
            ],
            |s| Box::pin(too_many(s)),
        ),
        must(
            [
                "bulk-payload",
                "S-307 S-123",
                "A body of more than `maxPayloadSize` bytes is refused with 413",
                "RFC 7644 §3.7.4",
                "The announced limit is not the true one.",
            ],
            |s| Box::pin(too_large(s)),
        ),
        should(
            [
                "bulk-method",
                "S-296",
                "GET in a bulk job is refused",
                "RFC 7644 §3.7",
                "The client waits for data that never comes.",
            ],
            |s| Box::pin(method(s)),
        ),
        should(
            [
                "bulk-off",
                "S-311 S-112",
                "Without bulk, `/Bulk` refuses every job",
                "RFC 7643 §5; RFC 7644 §3.7",
                "ServiceProviderConfig says one thing and the server does another.",
            ],
            |s| Box::pin(off(s)),
        ),
    ]
}

async fn send(s: &Session, more: Value, operations: Value) -> Result<Answer, Stop> {
    let mut body = json!({"schemas": [REQUEST], "Operations": operations});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    s.post("/Bulk", &body).await
}

/// The job's answer, which must be a BulkResponse with so many operations.
async fn job(s: &Session, more: Value, operations: Value, count: usize) -> Result<Answer, Stop> {
    let answer = send(s, more, operations).await?;
    let body = answer.fine()?;
    let got = shown(&body["schemas"]);
    answer.hold(names(body, RESPONSE), format!("`schemas` to name `{RESPONSE}`"), got)?;
    let told = answer.elements("/Operations").len();
    answer.hold(told == count, format!("{count} operations in the answer"), format!("{told}"))?;
    Ok(answer)
}

/// That an operation ended with one of these statuses; `status` is a string.
fn ended(answer: &Answer, at: usize, wanted: &[&str]) -> Verdict {
    let status = answer.at(&format!("/Operations/{at}/status"));
    let right = status.as_str().is_some_and(|status| wanted.contains(&status));
    let expected =
        format!("`status` of operation {at} to be the string \"{}\"", wanted.join(" or "));
    answer.hold(right, expected, shown(status))
}

fn post(s: &Session, bulk_id: &str, data: &Value) -> Value {
    json!({"method": "POST", "path": s.users(), "bulkId": bulk_id, "data": data})
}

async fn bulk(s: &Session) -> Verdict {
    s.need(Feature::Bulk)?;
    let (first, second) = (s.user(), s.user());
    let operations = json!([post(s, "one", &first), post(s, "two", &second)]);
    let answer = job(s, Value::Null, operations, 2).await?;
    for (at, bulk_id, user) in [(0, "one", &first), (1, "two", &second)] {
        ended(&answer, at, &["201"])?;
        answer.is(&format!("/Operations/{at}/bulkId"), bulk_id)?;
        answer.is(&format!("/Operations/{at}/method"), "POST")?;
        let place = answer.present(&format!("/Operations/{at}/location"))?;
        let place = place.at(&format!("/Operations/{at}/location")).as_str().unwrap_or_default();
        let id = place.rsplit('/').next().unwrap_or_default();
        let read = s.get(format!("{}/{id}", s.users())).await?;
        read.fine()?;
        read.is("/userName", user["userName"].clone())?;
    }
    Ok(())
}

async fn change(s: &Session) -> Verdict {
    s.need(Feature::Bulk)?;
    s.need(Feature::Patch)?;
    s.knows("displayName")?;
    let (patched, deleted) = (s.make_user().await?, s.make_user().await?);
    let data = json!({"schemas": [PATCH_OP],
        "Operations": [{"op": "replace", "path": "displayName", "value": "Ines Lind"}]});
    let operations = json!([{"method": "PATCH", "path": patched.path, "data": data},
        {"method": "DELETE", "path": deleted.path}]);
    let answer = job(s, Value::Null, operations, 2).await?;
    ended(&answer, 0, &["200", "204"])?;
    ended(&answer, 1, &["204"])?;
    s.read(&patched).await?.is("/displayName", "Ines Lind")?;
    s.get(&deleted.path).await?.status(&[404])?;
    Ok(())
}

async fn reference(s: &Session, forward: bool) -> Verdict {
    s.need(Feature::Bulk)?;
    let groups = s.groups()?;
    let mut group = s.group();
    group["members"] = json!([{"value": "bulkId:person"}]);
    let group = json!({"method": "POST", "path": groups, "bulkId": "team", "data": group});
    let user = post(s, "person", &s.user());
    let (operations, user_at, group_at) =
        if forward { (json!([group, user]), 1, 0) } else { (json!([user, group]), 0, 1) };
    let answer = job(s, Value::Null, operations, 2).await?;
    // The order of the answers is free; `bulkId` tells which is which.
    let place = |bulk_id: &str, at: usize| {
        let all = answer.elements("/Operations");
        let named = all.iter().position(|operation| operation["bulkId"] == bulk_id).unwrap_or(at);
        ended(&answer, named, &["201"])?;
        let location = answer.at(&format!("/Operations/{named}/location")).as_str();
        let id = location.unwrap_or_default().rsplit('/').next().unwrap_or_default();
        Ok::<String, Stop>(id.to_owned())
    };
    let (user, group) = (place("person", user_at)?, place("team", group_at)?);
    let read = s.get(format!("{groups}/{group}")).await?;
    read.fine()?;
    read.is("/members/0/value", user)?;
    Ok(())
}

/// An operation that cannot succeed: somebody without a user name.
fn broken(s: &Session, bulk_id: &str) -> Value {
    let mut user = s.user();
    if let Some(user) = user.as_object_mut() {
        user.remove("userName");
    }
    post(s, bulk_id, &user)
}

async fn errors(s: &Session) -> Verdict {
    s.need(Feature::Bulk)?;
    let operations = json!([broken(s, "bad"), post(s, "good", &s.user())]);
    let answer = job(s, Value::Null, operations, 2).await?;
    ended(&answer, 0, &["400"])?;
    ended(&answer, 1, &["201"])?;
    let error = answer.at("/Operations/0/response");
    let right = names(error, crate::answer::ERROR);
    answer.hold(right, "`response` of the failed operation to be a SCIM error", shown(error))
}

async fn fail_on_errors(s: &Session) -> Verdict {
    s.need(Feature::Bulk)?;
    let operations = json!([broken(s, "bad"), broken(s, "worse"), post(s, "good", &s.user())]);
    let answer = send(s, json!({"failOnErrors": 1}), operations).await?;
    answer.fine()?;
    let all = answer.elements("/Operations");
    let made = all.iter().any(|operation| operation["status"] == "201");
    answer.hold(!made, "nothing created after the first failure", "a user created")?;
    let told = all.len();
    answer.hold(told == 1, "only the failed operation in the answer", format!("{told}"))
}

async fn too_many(s: &Session) -> Verdict {
    s.need(Feature::Bulk)?;
    let Some(most) = s.target.config["bulk"]["maxOperations"].as_u64().filter(|n| *n > 0) else {
        return Err(Stop::Unclear("ServiceProviderConfig has no `bulk.maxOperations`".to_owned()));
    };
    if most > 5_000 {
        return Err(Stop::Unclear(format!("{most} operations are more than is tried here")));
    }
    let path = format!("{}/{}", s.users(), s.name());
    let one = json!({"method": "DELETE", "path": path});
    let operations: Vec<Value> = (0..=most).map(|_| one.clone()).collect();
    send(s, Value::Null, operations.into()).await?.status(&[413])?;
    Ok(())
}

async fn too_large(s: &Session) -> Verdict {
    s.need(Feature::Bulk)?;
    let Some(most) = s.target.config["bulk"]["maxPayloadSize"].as_u64().filter(|n| *n > 0) else {
        return Err(Stop::Unclear("ServiceProviderConfig has no `bulk.maxPayloadSize`".to_owned()));
    };
    if most > 16 << 20 {
        return Err(Stop::Unclear(format!("{most} bytes are more than is tried here")));
    }
    let path = format!("{}/{}", s.users(), s.name());
    let padding = "x".repeat(usize::try_from(most).unwrap_or_default());
    let one = json!({"method": "DELETE", "path": path, "bulkId": padding});
    send(s, Value::Null, json!([one])).await?.status(&[413])?;
    Ok(())
}

async fn method(s: &Session) -> Verdict {
    s.need(Feature::Bulk)?;
    let made = s.make_user().await?;
    let operations = json!([{"method": "GET", "path": made.path}]);
    let answer = send(s, Value::Null, operations).await?;
    match answer.status {
        200 => ended(&answer, 0, &["400", "405", "501"]),
        _ => answer.refused(&[400]).map(|_| ()),
    }
}

async fn off(s: &Session) -> Verdict {
    if s.target.has(Feature::Bulk) {
        return Err(Stop::Skip("ServiceProviderConfig announces `bulk`".to_owned()));
    }
    let path = format!("{}/{}", s.users(), s.name());
    let operations = json!([{"method": "DELETE", "path": path}]);
    send(s, Value::Null, operations).await?.status(&[501, 403, 404, 405])?;
    Ok(())
}
