//! What holds for every answer of the run.

use serde_json::json;

use crate::{
    check::{Check, Running, Stop, Verdict, client, must, should},
    connection::locked,
    session::Session,
    target::ENTERPRISE,
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "answers-media",
                "S-004 S-009 O-01",
                "Answers are typed `application/scim+json` where that is asked for",
                "RFC 7644 §3.8",
                "Okta and strict clients refuse an answer of another type before they read it.",
            ],
            |s| observed(s, "media"),
        )
        .reads(),
        must(
            [
                "answers-error-form",
                "S-314 S-009 O-97 E-113",
                "Every refusal is a SCIM error in JSON",
                "RFC 7644 §3.12",
                "Okta shows `Invalid JSON: unexpected character` in place of the reason, and Entra's \
                 log shows nothing that an administrator could act on.",
            ],
            |s| observed(s, "error-form"),
        )
        .reads(),
        must(
            [
                "answers-error-status",
                "S-314",
                "An error's `status` is the HTTP status as a JSON string",
                "RFC 7644 §3.12",
                "Clients that read errors into types fail on a number or on another value.",
            ],
            |s| observed(s, "error-status"),
        )
        .reads(),
        should(
            [
                "answers-scim-type",
                "S-315",
                "An error's `scimType` is one of the defined keywords",
                "RFC 7644 §3.12, RFC 9865 §2.1",
                "Clients decide by the keyword whether to search, repair or give up.",
            ],
            |s| observed(s, "scim-type"),
        )
        .reads(),
        client(
            [
                "answers-error-detail",
                "S-318 E-113 O-97",
                "Every error says in words what was wrong",
                "RFC 7644 §3.12",
                "The `detail` is all that an administrator sees in Entra's provisioning log and \
                 in Okta's tasks.",
            ],
            |s| observed(s, "error-detail"),
        )
        .reads(),
        should(
            [
                "answers-error-media",
                "S-009",
                "Errors are typed `application/scim+json`",
                "RFC 7644 §3.8, §3.12",
                "A client that picks its reader by the type cannot read the error.",
            ],
            |s| observed(s, "error-media"),
        )
        .reads(),
        should(
            [
                "answers-server-error",
                "S-320 S-316",
                "No request is answered with a server error because of its content",
                "RFC 7644 §3.12",
                "Clients retry server errors for ever: Entra puts the job in quarantine, Okta the \
                 request into its queue.",
            ],
            |s| observed(s, "server-error"),
        )
        .reads(),
        must(
            [
                "answers-counters",
                "S-142 O-19",
                "A list's counters are JSON integers",
                "RFC 7644 §3.4.2",
                "A quoted number makes Okta stop before it creates anybody, without any message.",
            ],
            |s| observed(s, "counters"),
        )
        .reads(),
        must(
            [
                "answers-items",
                "S-190 O-90",
                "`itemsPerPage` is the number of resources on the page",
                "RFC 7644 §3.4.2.4",
                "Okta's import walks by it and skips or repeats people.",
            ],
            |s| observed(s, "items"),
        )
        .reads(),
        must(
            [
                "answers-total",
                "S-191 E-135",
                "`totalResults` is never less than what the page holds",
                "RFC 7644 §3.4.2",
                "Entra takes a total of 0 for `not there` and creates the same person again.",
            ],
            |s| observed(s, "total"),
        )
        .reads(),
        must(
            [
                "answers-id",
                "S-053 E-28 O-26",
                "Every resource has an `id`, a string that is not empty",
                "RFC 7643 §3.1",
                "The client keeps the id as its link; without one it can never update or delete.",
            ],
            |s| observed(s, "id"),
        )
        .reads(),
        must(
            [
                "answers-schemas",
                "S-044 S-047 E-17 O-23",
                "Every resource names its schemas",
                "RFC 7643 §3",
                "Entra's and Okta's readers pick the resource's type by `schemas`.",
            ],
            |s| observed(s, "schemas"),
        )
        .reads(),
        must(
            [
                "answers-meta",
                "S-057 O-23",
                "Every resource has `meta` with `resourceType` and `location`",
                "RFC 7643 §3.1",
                "Okta's import reads the type from it; other clients follow the location.",
            ],
            |s| observed(s, "meta"),
        )
        .reads(),
        must(
            [
                "answers-extension-named",
                "S-047",
                "`schemas` names every extension whose data the resource carries",
                "RFC 7643 §3, §3.3",
                "A client that goes by `schemas` never reads the department or the manager.",
            ],
            |s| observed(s, "extension-named"),
        )
        .reads(),
        must(
            [
                "answers-password",
                "S-109 O-28",
                "No answer carries a password",
                "RFC 7643 §4.1.1, §7",
                "Passwords end up in the logs of identity providers, where many can read them.",
            ],
            |s| observed(s, "password"),
        )
        .reads(),
        must(
            [
                "answers-active",
                "S-066 E-35 O-54",
                "`active` is a JSON boolean",
                "RFC 7643 §2.3.2",
                "Okta compares it as a boolean and believes a deactivated person to be active.",
            ],
            |s| observed(s, "active"),
        )
        .reads(),
        must(
            [
                "answers-primary",
                "S-076 E-71",
                "At most one value of an attribute is primary",
                "RFC 7643 §2.4",
                "Which address is the person's own then depends on who reads.",
            ],
            |s| observed(s, "primary"),
        )
        .reads(),
        client(
            [
                "answers-nulls",
                "S-061 E-50",
                "Attributes without a value are left out of answers",
                "RFC 7643 §2.5",
                "Clients with strict readers fail on null where they expect a string or an object.",
            ],
            |s| observed(s, "nulls"),
        )
        .reads(),
    ]
}

fn observed<'a>(s: &'a Session, rule: &'static str) -> Running<'a> {
    Box::pin(async move {
        let verdict = || locked(&s.connection.observations).verdict(rule);
        if let Err(Stop::Unclear(_)) = verdict() {
            // Alone, or among few others: some answers of every sort are needed first.
            ask_around(s).await?;
        }
        verdict()
    })
}

/// Requests whose answers show something for every rule.
async fn ask_around(s: &Session) -> Verdict {
    s.get(s.users()).await?;
    s.get(format!("{}/{}", s.users(), s.name())).await?;
    if s.read_only {
        return Ok(());
    }
    let mut user = s.user();
    if s.enterprise().is_ok() {
        crate::invent::name_schema(&mut user, ENTERPRISE);
        user[ENTERPRISE]["department"] = json!("Tours");
    }
    user["password"] = json!("Xy7!correct-horse");
    let made = s.make(s.users(), &user).await?;
    s.get(&made.path).await?;
    s.get(s.users()).await?;
    s.delete(&made.path).await?;
    Ok(())
}
