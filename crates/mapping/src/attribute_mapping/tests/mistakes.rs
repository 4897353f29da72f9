//! Mappings that are refused.

use scim::Object;
use serde_json::json;

use super::object;
use crate::{AttributeMapping, defaults::USER, mistake::Part};

/// Every mistake of a mapping is told at once, with its place.
#[test]
fn mistakes() {
    let overrides = json!({
        "userNme": "username",
        "a/b~c": null,
        "title": "usrname",
        "nickName": ["username", 7, "private_metadata.ä", "public_metdata.x", "{{ value }}"],
        "locale": "{{ value | lowcase }}.locale",
        "timezone": 1,
        "userType": [],
        "emails": "email_address",
        "name": ["public_metadata.name", "{{ value }}.public_metadata.name"],
        "emails[typ eq \"é\"].valu": "nothing",
        "displayName": "{{ value }}.a.public_metdata.x",
        "profileUrl": "anything",
    });
    let (rest, mistakes) = AttributeMapping::salvage(&object(overrides.clone()), &USER);
    assert_eq!(AttributeMapping::read(&object(overrides), &USER).unwrap_err(), mistakes);
    let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    let expected = [
        "/mapping/userNme: `userNme` is no attribute of users, did you mean `userName`?\n  \
         userNme\n  ^^^^^^^",
        "/mapping/a~1b~0c: `a/b~c` is no attribute name: letters, digits, `-`, `_` and `$` only\n  \
         a/b~c\n  ^^^^^",
        "/mapping/title: `usrname` is no target, did you mean `username`?\n  usrname\n  ^^^^^^^",
        "/mapping/nickName/1: expected a target such as `\"username\"` in the list",
        "/mapping/nickName/2: `ä` is no name of metadata: letters, digits, `_` and `-`, joined by \
         dots, at most 128 bytes\n  private_metadata.ä\n  ^^^^^^^^^^^^^^^^^^",
        "/mapping/nickName/3: `public_metdata.x` is no target, did you mean `public_metadata.x`?\n  \
         public_metdata.x\n  ^^^^^^^^^^^^^^^^",
        "/mapping/nickName/4: the template has no target: add `.` and one, such as \
         `.organization_role`\n  {{ value }}\n           ^^",
        "/mapping/locale: `lowcase` is no filter, did you mean `downcase`?\n  \
         {{ value | lowcase }}.locale\n             ^^^^^^^",
        "/mapping/timezone: expected a target such as `\"username\"`, a list of them, or `null`",
        "/mapping/userType: the list is empty: name a target, or write `null` to take the default \
         line away",
        "/mapping/emails: `emails` has sub-attributes: name the one to use, such as \
         `emails[*].value`\n  emails\n  ^^^^^^",
        "/mapping/name/1: `name` has sub-attributes: name the one to use, such as `name.givenName`\n  \
         name\n  ^^^^",
        "/mapping/emails[typ eq \"é\"].valu: `emails` has no sub-attribute `valu`, did you mean \
         `value`?\n  emails[typ eq \"é\"].valu\n                     ^^^^",
        "/mapping/emails[typ eq \"é\"].valu: `nothing` is no target: use one of email_address, \
         username, first_name, last_name, display_name, phone_number, locale, external_id, active, \
         organization_role, public_metadata.NAME, private_metadata.NAME\n  nothing\n  ^^^^^^^",
        "/mapping/displayName: `public_metdata.x` is no target, did you mean `public_metadata.x`?\n  \
         {{ value }}.a.public_metdata.x\n                ^^^^^^^^^^^^^^^^",
        "/mapping/profileUrl: `anything` is no target: use one of email_address, username, \
         first_name, last_name, display_name, phone_number, locale, external_id, active, \
         organization_role, public_metadata.NAME, private_metadata.NAME\n  anything\n  ^^^^^^^^",
    ];
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
    assert_eq!(
        serde_json::to_value(&mistakes[12]).unwrap(),
        json!({
            "pointer": "/mapping/emails[typ eq \"é\"].valu", "part": "path",
            "text": "emails[typ eq \"é\"].valu", "start": 19, "end": 23,
            "problem": "`emails` has no sub-attribute `valu`, did you mean `value`?",
        })
    );
    assert_eq!(mistakes[2].part, Part::Value);
    let kept: Vec<_> =
        rest.lines().iter().filter(|l| !l.is_default).map(|l| l.to_string()).collect();
    assert_eq!(kept, ["nickName -> username", "name -> public_metadata.name"]);
}

#[test]
fn bounds_of_mappings() {
    let many: Object =
        (0..300).map(|at| (format!("urn:x:y:1.0:a{at}"), json!("username"))).collect();
    let mistakes = AttributeMapping::read(&many, &USER).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    let text = "the mapping has more than 200 lines: leave some out";
    assert_eq!(mistakes[0].problem.to_string(), text);
    let many = object(json!({"title": vec!["username"; 300]}));
    assert_eq!(AttributeMapping::read(&many, &USER).unwrap_err()[0].pointer, "/mapping/title/200");
    let wrong: Object = (0..300).map(|at| (format!("a{at}"), json!("username"))).collect();
    assert_eq!(AttributeMapping::read(&wrong, &USER).unwrap_err().len(), 201);
    let long = object(json!({"x".repeat(90_000): "y".repeat(90_000)}));
    for mistake in AttributeMapping::read(&long, &USER).unwrap_err() {
        assert!(mistake.to_string().len() < 4_000, "{mistake}");
    }
}
