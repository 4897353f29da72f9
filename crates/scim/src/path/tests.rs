use super::*;
use crate::schema::{group_type, user_type};

const ENTERPRISE: &str = urn::ENTERPRISE_USER;

#[test]
fn reads_and_prints() {
    let enterprise_manager = format!("{ENTERPRISE}:manager.value");
    for (text, schema, name, sub_attribute) in [
        ("userName", None, "userName", None),
        ("name.givenName", None, "name", Some("givenName")),
        ("members.$ref", None, "members", Some("$ref")),
        ("a-b_c$1", None, "a-b_c$1", None),
        (enterprise_manager.as_str(), Some(ENTERPRISE), "manager", Some("value")),
        ("urn:example:hr:badge", Some("urn:example:hr"), "badge", None),
        ("URN:example:hr/2:badge", Some("URN:example:hr/2"), "badge", None),
    ] {
        let path = AttributePath::parse(text).expect(text);
        assert_eq!(path.schema.as_deref(), schema, "{text}");
        assert_eq!((path.name.as_str(), path.sub_attribute.as_deref()), (name, sub_attribute));
        assert_eq!(path.to_string(), text);
    }
}

#[test]
fn refuses() {
    let name = |name: &str| PathError::Name(name.into());
    let long = "a".repeat(2000);
    for (text, error) in [
        ("", PathError::Empty),
        ("name.", PathError::Empty),
        (".name", PathError::Empty),
        ("a.b.c", PathError::TooDeep("a.b.c".into())),
        ("1a", name("1a")),
        ("käse", name("käse")),
        ("user name", name("user name")),
        ("name.given=", name("given=")),
        ("User:name", PathError::Schema("User".into())),
        ("https://example.com/x:name", PathError::Schema("https://example.com/x".into())),
        (long.as_str(), PathError::TooLong),
    ] {
        assert_eq!(AttributePath::parse(text), Err(error), "{text}");
    }
}

/// S-239
#[test]
fn dot_after_the_urn() {
    let user = user_type(vec![]);
    for (text, prints) in [
        (format!("{ENTERPRISE}.employeeNumber"), format!("{ENTERPRISE}:employeeNumber")),
        (format!("{ENTERPRISE}.manager.value"), format!("{ENTERPRISE}:manager.value")),
    ] {
        let mut notes = Notes::default();
        let path = AttributePath::read(&text, Reading::Tolerant, &mut notes).expect("tolerant");
        assert_eq!(path.to_string(), prints);
        assert_eq!(notes.as_slice().len(), 1);
        let strict = AttributePath::read(&text, Reading::Strict, &mut notes);
        assert!(!strict.is_ok_and(|path| path.resolve(&user).is_some()));
    }
    let mut notes = Notes::default();
    let text = "urn:example:hr:1.0:badge.colour";
    let path = AttributePath::read(text, Reading::Tolerant, &mut notes).expect("tolerant");
    assert_eq!(path.schema.as_deref(), Some("urn:example:hr:1.0"));
    assert!(notes.is_empty());
}

#[test]
fn resolves() {
    let (user, group) = (user_type(vec![]), group_type(vec![]));
    for (resource_type, text, canonical) in [
        (&user, "USERNAME", Some("userName".to_string())),
        (&user, "Name.FAMILYNAME", Some("name.familyName".into())),
        (&user, "ID", Some("id".into())),
        (&user, "meta.lastmodified", Some("meta.lastModified".into())),
        (&user, "externalid", Some("externalId".into())),
        (&user, "groups.$ref", Some("groups.$ref".into())),
        (&user, "urn:IETF:params:scim:schemas:core:2.0:user:userName", Some("userName".into())),
        (&user, "manager", Some(format!("{ENTERPRISE}:manager"))),
        (&user, "manager.value", Some(format!("{ENTERPRISE}:manager.value"))),
        (
            &user,
            "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:Department",
            Some(format!("{ENTERPRISE}:department")),
        ),
        (&user, "department", None),
        (&user, "name.value", None),
        (&user, "userName.value", None),
        (&user, "members", None),
        (&user, "urn:example:hr:badge", None),
        (&group, "members.value", Some("members.value".into())),
        (&group, "manager", None),
        (&group, "userName", None),
    ] {
        let path = AttributePath::parse(text).expect(text);
        let resolved = path.resolve(resource_type).map(|resolved| resolved.to_string());
        assert_eq!(resolved, canonical, "{text}");
    }
}

#[test]
fn suggests_the_declared_name() {
    let user = user_type(vec![]);
    for (text, suggestion) in [
        ("dispalyName", Some("displayName".to_string())),
        ("username2", Some("userName".into())),
        ("name.familyname2", Some("name.familyName".into())),
        ("exernalId", Some("externalId".into())),
        ("department", Some(format!("{ENTERPRISE}:department"))),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:deparment",
            Some(format!("{ENTERPRISE}:department")),
        ),
        ("favouriteColour", None),
        ("x", None),
    ] {
        let path = AttributePath::parse(text).expect(text);
        assert_eq!(path.suggestion(&user), suggestion, "{text}");
    }
}
