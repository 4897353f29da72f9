//! DELETE (RFC 7644 §3.6).

use serde_json::json;

use crate::{
    check::{Check, Verdict, must, should},
    session::Session,
    target::Feature,
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "delete",
                "S-288 E-101 O-75",
                "A deletion is answered with 204, and the resource is gone",
                "RFC 7644 §3.6",
                "People who left keep their access.",
            ],
            |s| Box::pin(delete(s)),
        ),
        must(
            [
                "delete-after",
                "S-288 E-102 E-105",
                "Every request to something deleted is answered with 404",
                "RFC 7644 §3.6",
                "A client that updates somebody deleted believes that it worked.",
            ],
            |s| Box::pin(after(s)),
        ),
        must(
            [
                "delete-lists",
                "S-289 S-176",
                "Something deleted is in no list and matches no filter",
                "RFC 7644 §3.6",
                "Entra links the person to the deleted record, and every update fails.",
            ],
            |s| Box::pin(lists(s)),
        ),
        must(
            [
                "delete-unknown",
                "S-288 E-102",
                "Deleting what does not exist is answered with 404",
                "RFC 7644 §3.12",
                "Mistaken deletions look like successes.",
            ],
            |s| Box::pin(unknown(s)),
        ),
        should(
            [
                "delete-name-free",
                "S-290 S-053 E-104",
                "The user name of somebody deleted is free again, under a new id",
                "RFC 7644 §3.6; RFC 7643 §3.1",
                "A person who comes back can never be created.",
            ],
            |s| Box::pin(name_free(s)),
        ),
    ]
}

async fn delete(s: &Session) -> Verdict {
    let made = s.make_user().await?;
    let answer = s.delete(&made.path).await?;
    answer.status(&[204])?;
    s.get(&made.path).await?.status(&[404])?;
    Ok(())
}

async fn after(s: &Session) -> Verdict {
    let user = s.user();
    let made = s.make(s.users(), &user).await?;
    s.delete(&made.path).await?;
    s.get(&made.path).await?.status(&[404])?;
    s.put(&made.path, &user).await?.status(&[404])?;
    if s.target.has(Feature::Patch) {
        let operations = json!([{"op": "replace", "path": "displayName", "value": "x"}]);
        s.patch(&made.path, operations).await?.status(&[404])?;
    }
    s.delete(&made.path).await?.status(&[404])?;
    Ok(())
}

async fn lists(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let user = s.user();
    let made = s.make(s.users(), &user).await?;
    let filter = format!("userName eq {}", user["userName"]);
    s.finds(&filter, &[&made]).await.map_err(|stop| stop.in_the_way("before the deletion"))?;
    s.delete(&made.path).await?;
    s.finds(&filter, &[]).await
}

async fn unknown(s: &Session) -> Verdict {
    s.delete(format!("{}/{}", s.users(), s.name())).await?.status(&[404])?;
    Ok(())
}

async fn name_free(s: &Session) -> Verdict {
    let user = s.user();
    let made = s.make(s.users(), &user).await?;
    s.delete(&made.path).await?;
    let answer = s.post(s.users(), &user).await?;
    answer.status(&[201])?;
    let got = crate::answer::shown(answer.at("/id"));
    answer.hold(answer.at("/id") != made.id.as_str(), "a new `id`", got)
}
