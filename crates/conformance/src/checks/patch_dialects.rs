//! PATCH as Entra and Okta write it, beyond the standard.

use serde_json::json;

use super::{patch::user, patch_values::has_address};
use crate::{
    check::{Check, Verdict, client},
    session::Session,
    target::{ENTERPRISE, Feature},
};

pub fn checks() -> Vec<Check> {
    vec![
        client(
            [
                "patch-op-case",
                "S-230 E-35 E-140",
                "`op` counts in any letter case",
                "practice",
                "Entra writes `Add`, `Replace` and `Remove`; every update would fail.",
            ],
            |s| Box::pin(op_case(s)),
        ),
        client(
            [
                "patch-string-boolean",
                "S-067 E-35 E-141 O-54",
                "`active` is set by the strings `False` and `True`",
                "practice",
                "Entra deactivates people so; leavers keep their access.",
            ],
            |s| Box::pin(string_boolean(s)),
        ),
        client(
            [
                "patch-deactivate",
                "S-088 O-48 O-50 O-51 E-36 E-96",
                "A deactivated person stays, is found, and comes back under the same id",
                "practice",
                "A leaver who returns is a new person without history.",
            ],
            |s| Box::pin(deactivate(s)),
        ),
        client(
            [
                "patch-dotted",
                "S-258 E-40 E-41",
                "Keys such as `name.familyName` in a value are paths",
                "practice",
                "Entra with its compatibility flag writes so; data lands in a field of that name.",
            ],
            |s| Box::pin(dotted(s)),
        ),
        client(
            [
                "patch-urn-key",
                "S-258 E-40",
                "Keys with a schema's URN in a value are paths",
                "practice",
                "Entra with its compatibility flag writes department and manager so.",
            ],
            |s| Box::pin(urn_key(s)),
        ),
        client(
            [
                "patch-manager",
                "S-106 E-65 E-66",
                "A manager is set in each of Entra's forms, and cleared",
                "practice",
                "Entra writes the manager as a string, in a list and by `manager.value`.",
            ],
            |s| Box::pin(manager(s)),
        ),
        client(
            [
                "patch-mixed",
                "E-39 S-342",
                "Entra's usual update of several attributes takes effect",
                "practice",
                "Every change of a person fails.",
            ],
            |s| Box::pin(mixed(s)),
        ),
    ]
}

async fn op_case(s: &Session) -> Verdict {
    s.knows("title")?;
    let made = user(s).await?;
    for (op, value) in [("Add", "Guide"), ("Replace", "Captain"), ("REPLACE", "Pilot")] {
        let operations = json!([{"op": op, "path": "title", "value": value}]);
        s.patched(&made, operations).await?.is("/title", value)?;
    }
    let operations = json!([{"op": "Remove", "path": "title"}]);
    s.patched(&made, operations).await?.unassigned("/title")?;
    Ok(())
}

async fn string_boolean(s: &Session) -> Verdict {
    s.knows("active")?;
    let made = user(s).await?;
    for (op, value, wanted) in [
        ("Replace", "False", false),
        ("Replace", "True", true),
        ("Add", "false", false),
        ("replace", "TRUE", true),
    ] {
        let operations = json!([{"op": op, "path": "active", "value": value}]);
        s.patched(&made, operations).await?.is("/active", wanted)?;
    }
    Ok(())
}

async fn deactivate(s: &Session) -> Verdict {
    s.knows("active")?;
    let made = user(s).await?;
    for active in [false, false, true] {
        let operations = json!([{"op": "replace", "value": {"active": active}}]);
        let read = s.patched(&made, operations).await?;
        read.is("/active", active)?.is("/id", made.id.clone())?;
        read.is("/name", made.answer.at("/name").clone())?;
        if s.target.has(Feature::Filter) {
            let name = made.answer.at("/userName");
            s.finds(&format!("userName eq {name}"), &[&made]).await?;
        }
    }
    Ok(())
}

async fn dotted(s: &Session) -> Verdict {
    s.knows("name")?;
    for op in ["replace", "add"] {
        let made = user(s).await?;
        let value = json!({"name.familyName": "Lind", "displayName": "Ines Lind"});
        let read = s.patched(&made, json!([{"op": op, "value": value}])).await?;
        read.is("/name/familyName", "Lind")?.is("/name/givenName", "Ines")?;
        read.is("/displayName", "Ines Lind")?;
    }
    Ok(())
}

async fn urn_key(s: &Session) -> Verdict {
    s.enterprise()?;
    let made = user(s).await?;
    let key = |name: &str| format!("{ENTERPRISE}:{name}");
    let value = json!({key("department"): "Tours", key("employeeNumber"): "4472"});
    let read = s.patched(&made, json!([{"op": "replace", "value": value}])).await?;
    read.is(&format!("/{ENTERPRISE}/department"), "Tours")?;
    read.is(&format!("/{ENTERPRISE}/employeeNumber"), "4472")?;
    Ok(())
}

async fn manager(s: &Session) -> Verdict {
    s.enterprise()?;
    let (made, boss) = (user(s).await?, user(s).await?);
    let path = format!("{ENTERPRISE}:manager");
    let held = format!("/{ENTERPRISE}/manager/value");
    let clear = json!([{"op": "Remove", "path": path}]);
    for operation in [
        json!({"op": "replace", "path": path, "value": {"value": boss.id}}),
        json!({"op": "Add", "path": path, "value": boss.id}),
        json!({"op": "Add", "path": path, "value": [{"$ref": null, "value": boss.id}]}),
        json!({"op": "Replace", "path": format!("{path}.value"), "value": boss.id}),
        json!({"op": "add", "value": {path.as_str(): boss.id}}),
    ] {
        s.patched(&made, json!([operation])).await?.is(&held, boss.id.clone())?;
        s.patched(&made, clear.clone()).await?.unassigned(&held)?;
    }
    s.patched(&made, json!([{"op": "Add", "path": path, "value": boss.id}])).await?;
    let empty = json!([{"op": "replace", "path": path, "value": ""}]);
    s.patched(&made, empty).await?.unassigned(&held)?;
    Ok(())
}

async fn mixed(s: &Session) -> Verdict {
    s.enterprise()?;
    s.knows("name")?;
    s.knows("emails")?;
    let made = user(s).await?;
    let mail = format!("{}@example.com", s.name());
    let operations = json!([
        {"op": "Replace", "path": "displayName", "value": "Ines Lind"},
        {"op": "Replace", "path": "name.familyName", "value": "Lind"},
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": mail},
        {"op": "Add", "path": format!("{ENTERPRISE}:costCenter"), "value": "CC-88"},
        {"op": "Replace", "path": "externalId", "value": "ines.lind"},
        {"op": "Replace", "path": "active", "value": "False"}
    ]);
    let read = s.patched(&made, operations).await?;
    read.is("/displayName", "Ines Lind")?.is("/name/familyName", "Lind")?;
    read.is("/externalId", "ines.lind")?.is("/active", false)?;
    read.is(&format!("/{ENTERPRISE}/costCenter"), "CC-88")?;
    has_address(&read, "work", &mail)
}
