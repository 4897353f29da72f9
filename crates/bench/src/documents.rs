//! The bodies that are sent and the document that the bare server stores.

use bytes::Bytes;

/// What tells user `number` from the others: spread over the alphabet, as people's names are, so that
/// an index is written all over and not at its end.
pub fn key(number: u64) -> String {
    format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A user as Okta and Entra send one, about 1 KB; `key` makes the user name.
pub fn user(key: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"{key}-0000-4000-8000-00000000abcd","userName":"{key}@acme.example","name":{{"formatted":"Ms. Wilhelmina J. Oosterhuis","familyName":"Oosterhuis","givenName":"Wilhelmina","middleName":"Johanna","honorificPrefix":"Ms."}},"displayName":"Wilhelmina Oosterhuis {key}","nickName":"Mina","title":"Engineer","userType":"Employee","preferredLanguage":"en-GB","locale":"en-GB","timezone":"Europe/Amsterdam","emails":[{{"value":"{key}@acme.example","type":"work","primary":true}},{{"value":"{key}@home.example","type":"home"}}],"addresses":[{{"type":"work","streetAddress":"100 Harbour Street","locality":"Rotterdam","region":"Zuid-Holland","postalCode":"3011 AA","country":"NL"}}],"phoneNumbers":[{{"value":"tel:+31-10-555-0100","type":"work"}}],"active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{{"employeeNumber":"{key}","costCenter":"4130","organization":"Acme","division":"Harbour","department":"Cranes"}}}}"#
    )
}

/// What is stored of the member that this user is: its values with their reasons, about 1.5 KB.
pub fn member(key: &str) -> String {
    let field = |target: &str, value: &str, source: &str| {
        format!(
            r#""{target}":{{"value":"{value}","from":{{"mapping":{{"directory_id":"dir-0198c0de00007000","user_id":"0198c0de-0000-7000-8000-000000000000","source":"{source}","is_default":true}}}}}}"#
        )
    };
    let fields = [
        field("email_address", &format!("{key}@acme.example"), r#"emails[type eq \"work\"].value"#),
        field("username", &format!("{key}@acme.example"), "userName"),
        field("first_name", "Wilhelmina", "name.givenName"),
        field("last_name", "Oosterhuis", "name.familyName"),
        field("display_name", &format!("Wilhelmina Oosterhuis {key}"), "displayName"),
        field("phone_number", "tel:+31-10-555-0100", r#"phoneNumbers[type eq \"work\"].value"#),
        field("locale", "en-GB", "preferredLanguage"),
        field("external_id", &format!("{key}-0000-4000-8000-00000000abcd"), "externalId"),
    ];
    format!(
        r#"{{"state":"active","why":{{"directory":{{"directory_id":"dir-0198c0de00007000","user_id":"0198c0de-0000-7000-8000-000000000000"}}}},"fields":{{{}}},"role":null}}"#,
        fields.join(",")
    )
}

/// The user above as a server would answer it.
pub fn stored_user() -> Bytes {
    let sent = user("u00000000");
    let meta = r#","meta":{"resourceType":"User","created":"2026-01-01T00:00:00Z","lastModified":"2026-01-01T00:00:00Z","version":"W/\"1\"","location":"https://headcount.example/scim/v2/dir/Users/0198c0de-0000-7000-8000-000000000000"}}"#;
    format!("{}{meta}", &sent[..sent.len() - 1]).into()
}

pub fn group(name: &str, members: &[String]) -> Bytes {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{name}","members":[{}]}}"#,
        values(members)
    )
    .into()
}

/// A Bulk request that creates the users with these keys.
pub fn bulk(keys: &[String]) -> Bytes {
    let operation = |key: &String| {
        format!(r#"{{"method":"POST","path":"/Users","bulkId":"{key}","data":{}}}"#, user(key))
    };
    let operations: Vec<String> = keys.iter().map(operation).collect();
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{}]}}"#,
        operations.join(",")
    )
    .into()
}

pub fn replace_title(title: &str) -> Bytes {
    patch(&format!(r#"{{"op":"replace","path":"title","value":"{title}"}}"#))
}

pub fn add_members(members: &[String]) -> Bytes {
    patch(&format!(r#"{{"op":"add","path":"members","value":[{}]}}"#, values(members)))
}

pub fn remove_member(member: &str) -> Bytes {
    patch(&format!(r#"{{"op":"remove","path":"members[value eq \"{member}\"]"}}"#))
}

fn patch(operation: &str) -> Bytes {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operation}]}}"#
    )
    .into()
}

fn values(members: &[String]) -> String {
    let values: Vec<String> = members.iter().map(|id| format!(r#"{{"value":"{id}"}}"#)).collect();
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_is_json_and_a_user_is_about_a_kilobyte() {
        let ids = ["a".to_owned(), "b".to_owned()];
        for body in [
            user("u1").into(),
            stored_user(),
            group("Cranes", &ids),
            bulk(&ids),
            replace_title("Captain"),
            add_members(&ids),
            remove_member("a"),
        ] {
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        }
        assert!((1000..1500).contains(&stored_user().len()), "{}", stored_user().len());
    }
}
