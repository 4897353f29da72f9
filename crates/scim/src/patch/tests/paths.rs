use super::*;

/// S-266, E-49.
#[test]
fn reads_paths() {
    for (text, prints, notes) in [
        ("active", "active", 0),
        ("name.familyName", "name.familyName", 0),
        ("members.$ref", "members.$ref", 0),
        ("emails[type eq \"work\"]", "emails[type eq \"work\"]", 0),
        ("emails[type eq \"work\"].value", "emails[type eq \"work\"].value", 0),
        ("emails[Type eq \"Work\"].value", "emails[Type eq \"Work\"].value", 0),
        ("emails[primary eq true].value", "emails[primary eq true].value", 0),
        ("emails[type eq \"x].y\"].value", "emails[type eq \"x].y\"].value", 0),
        // E-49
        ("emails[type eq 'work'].value", "emails[type eq \"work\"].value", 1),
        ("emails[ type eq \"work\" ].value", "emails[type eq \"work\"].value", 1),
        // S-266, erratum 7122
        ("schemas eq \"urn:x\"", "schemas[value eq \"urn:x\"]", 0),
        ("emails.type eq \"work\"", "emails[type eq \"work\"]", 0),
    ] {
        let mut said = Notes::default();
        let path = parse_path(text, Reading::Tolerant, &mut said).expect(text);
        assert_eq!(path.to_string(), prints, "{text}");
        assert_eq!(said.as_slice().len(), notes, "{text}");
        assert_eq!(parse_path(prints, Reading::Strict, &mut said), Ok(path), "{text}");
    }
}

#[test]
fn tells_uris_from_attributes() {
    for (text, is_uri) in [
        (E.to_string(), true),
        (UNKNOWN.to_string(), true),
        ("urn:okta:custom:group:1.0".into(), true),
        (format!("{E}:manager"), false),
        (format!("{E}:manager.value"), false),
        (format!("{E}.manager"), false),
        ("urn:example:hr:1.0:badge".into(), false),
        ("urn:example:hr".into(), false),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName".into(), false),
    ] {
        let path = parse_path(&text, Reading::Tolerant, &mut Notes::default()).expect("a path");
        assert_eq!(matches!(path, PatchPath::Extension(_)), is_uri, "{text}");
    }
}

/// S-236
#[test]
fn refuses_paths() {
    use ScimType::*;
    for (text, scim_type, detail) in [
        ("", InvalidPath, "expected an attribute name"),
        ("a.b.c", InvalidPath, "goes deeper"),
        ("emails[", InvalidPath, "path `emails[`, at byte 8: expected an attribute name"),
        ("emails[type eq \"work\"", InvalidPath, "expected `]`"),
        ("emails[type eq \"work\"].", InvalidPath, "name is missing"),
        ("emails[type eq \"work\"].a.b", InvalidPath, "expected the end"),
        ("emails[type eq \"work\"]value", InvalidPath, "expected the end"),
        ("emails.value[type eq \"work\"]", InvalidFilter, "not after a sub-attribute"),
        ("emails[type xx \"w\"]", InvalidFilter, "`xx` is no operator"),
        ("emails[]", InvalidFilter, "expected an attribute name"),
        ("/name", InvalidPath, "`/name` is no attribute name"),
        ("x:name", InvalidPath, "`x` is no schema URI"),
    ] {
        let error = parse_path(text, Reading::Tolerant, &mut Notes::default()).expect_err(text);
        let error = Error::from(error);
        assert_eq!(error.scim_type, Some(scim_type), "{text}: {error}");
        assert!(error.detail.contains(detail), "{text}: {error}");
    }
}
