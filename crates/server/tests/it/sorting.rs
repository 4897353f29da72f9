//! The order of lists (RFC 7644 §3.4.2.3).

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, encoded, later};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const LAB: &str = "urn:example:schemas:extension:lab:2.0:User";

/// An attribute of each type that the core schemas lack.
fn lab_schema() -> Value {
    let attribute = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    json!({
        "id": LAB,
        "name": "Lab",
        "attributes": [
            attribute("bench", "integer"),
            attribute("dose", "decimal"),
            attribute("trained", "boolean"),
            attribute("since", "dateTime"),
            attribute("badge", "reference"),
            attribute("print", "binary"),
            { "name": "code", "type": "string", "caseExact": true },
            { "name": "rooms", "type": "string", "multiValued": true },
            { "name": "desk", "type": "complex", "subAttributes": [attribute("floor", "integer")] },
        ],
    })
}

/// Users called a to e with what each has besides a name. They are created in this order.
async fn people(client: &ScimClient) {
    let people = [
        (
            "a",
            json!({
                "displayName": "ben",
                "title": "éva",
                "externalId": "b",
                "active": true,
                "name": { "familyName": "Zorn" },
                "emails": [{ "value": "z@example.com" }, { "value": "m@example.com", "primary": true }],
                "profileUrl": "https://example.com/b",
                ENTERPRISE: { "employeeNumber": "10", "manager": { "value": "9" } },
                LAB: {
                    "bench": 9, "dose": 0.5, "trained": true, "since": "2026-03-01T10:00:00+02:00",
                    "badge": "https://example.com/2", "code": "b", "rooms": ["m", "a"],
                    "desk": { "floor": 2 },
                },
            }),
        ),
        (
            "b",
            json!({
                "displayName": "Ana",
                "title": "Eve",
                "externalId": "B",
                "active": false,
                "name": { "familyName": "amsel" },
                "emails": [{ "value": "b@example.com" }, { "value": "a@example.com" }],
                "profileUrl": "https://example.com/A",
                ENTERPRISE: { "employeeNumber": "9", "manager": { "value": "10" } },
                LAB: {
                    "bench": 10, "dose": -3, "trained": false, "since": "2026-03-01T07:59:59Z",
                    "badge": "https://example.com/1", "code": "B", "rooms": ["b", "z"],
                    "desk": { "floor": 10 },
                },
            }),
        ),
        (
            "c",
            json!({
                "displayName": "BEN",
                "title": "zoe",
                "externalId": "a",
                "name": { "familyName": "Öst" },
                "emails": [{ "value": "C@example.com", "type": "work" }],
                "profileUrl": "https://example.com/c",
                ENTERPRISE: { "employeeNumber": "9" },
                LAB: { "bench": -1, "dose": 1e3, "since": "2026-03-01T08:00:00.000001Z", "code": "a" },
            }),
        ),
        ("d", json!({ "active": true })),
        ("e", json!({ "displayName": "carl", "title": "eve" })),
    ];
    for (name, mut person) in people {
        person["schemas"] = json!([USER]);
        person["userName"] = format!("{name}@example.com").into();
        client.post("/Users", person).await.expect(201);
        later().await;
    }
}

/// The first letters of the user names, in the order of the list.
async fn order(client: &ScimClient, parameters: &str) -> String {
    let list = client.get(&format!("/Users?{parameters}")).await.expect(200).body;
    let resources = list["Resources"].as_array().unwrap();
    resources.iter().map(|user| &user["userName"].as_str().unwrap()[..1]).collect()
}

/// S-181, S-183, S-184, S-185, S-186: every type in its own order, strings without case unless they
/// are exact, the primary value or else the first, what has no value last and first when descending;
/// equal ones in the order of their creation, whichever way the list goes.
#[tokio::test]
async fn every_type_of_attribute() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    server.declare_schema(&directory, &lab_schema()).await;
    let client = server.client(&directory);
    people(&client).await;
    let lab = |name: &str| format!("{LAB}:{name}");
    let enterprise = |name: &str| format!("{ENTERPRISE}:{name}");
    for (sort_by, ascending, descending) in [
        ("userName".to_owned(), "abcde", "edcba"),
        ("USERNAME".into(), "abcde", "edcba"),
        (format!("{USER}:userName"), "abcde", "edcba"),
        ("id".into(), "abcde", "edcba"),
        ("meta.created".into(), "abcde", "edcba"),
        ("meta.lastModified".into(), "abcde", "edcba"),
        ("meta.location".into(), "abcde", "edcba"),
        // One value for all.
        ("meta.resourceType".into(), "abcde", "abcde"),
        ("meta.version".into(), "abcde", "abcde"),
        ("displayName".into(), "baced", "deacb"),
        ("externalId".into(), "bcade", "deacb"),
        // By code points after folding: no locale puts é beside e.
        ("title".into(), "becad", "dacbe"),
        ("name.familyName".into(), "bacde", "decab"),
        ("active".into(), "bacde", "acdeb"),
        ("emails".into(), "bcade", "deacb"),
        ("emails.value".into(), "bcade", "deacb"),
        ("emails.type".into(), "cabde", "abdec"),
        ("profileUrl".into(), "bacde", "decab"),
        (enterprise("employeeNumber"), "abcde", "debca"),
        (enterprise("manager"), "bacde", "cdeab"),
        (enterprise("manager.value"), "bacde", "cdeab"),
        (lab("bench"), "cabde", "debac"),
        (lab("dose"), "bacde", "decab"),
        (lab("trained"), "bacde", "cdeab"),
        (lab("since"), "bacde", "decab"),
        (lab("badge"), "bacde", "cdeab"),
        (lab("code"), "bcade", "deacb"),
        (lab("rooms"), "bacde", "cdeab"),
        (lab("desk.floor"), "abcde", "cdeba"),
    ] {
        let sort_by = encoded(&sort_by);
        for (sort_order, expected) in [
            ("", ascending),
            ("&sortOrder=ascending", ascending),
            ("&sortOrder=Ascending", ascending),
            ("&sortOrder=descending", descending),
            ("&sortOrder=DESCENDING", descending),
        ] {
            let found = order(&client, &format!("sortBy={sort_by}{sort_order}")).await;
            assert_eq!(found, expected, "{sort_by}{sort_order}");
            // Page by page it is the same.
            let mut pages = String::new();
            for start in 1..=3 {
                let page =
                    format!("sortBy={sort_by}{sort_order}&count=2&startIndex={}", 2 * start - 1);
                pages.push_str(&order(&client, &page).await);
            }
            assert_eq!(pages, expected, "{sort_by}{sort_order}");
        }
    }
    // An order without an attribute orders nothing.
    assert_eq!(order(&client, "sortOrder=descending").await, "abcde");
    // Only what the filter lets through.
    assert_eq!(order(&client, "sortBy=title&filter=active%20eq%20true").await, "ecad");
}

/// S-181, S-182, S-187: what cannot be sorted by is refused and not passed over.
#[tokio::test]
async fn what_cannot_be_sorted_by() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    server.declare_schema(&directory, &lab_schema()).await;
    let client = server.client(&directory);
    people(&client).await;
    let lab = |name: &str| format!("sortBy={LAB}:{name}");
    for parameters in [
        "sortBy=name".to_owned(),
        "sortBy=addresses".into(),
        "sortBy=meta".into(),
        "sortBy=shoeSize".into(),
        "sortBy=name.shoeSize".into(),
        "sortBy=userName.value".into(),
        "sortBy=password".into(),
        "sortBy=x509Certificates".into(),
        "sortBy=emails%5Btype%20eq%20%22work%22%5D".into(),
        "sortBy=members".into(),
        "sortBy=urn:example:none:User:userName".into(),
        lab("desk"),
        lab("print"),
        lab("shoeSize"),
        "sortBy=userName&sortOrder=up".into(),
        "sortBy=userName&sortOrder=1".into(),
        "sortOrder=asc".into(),
    ] {
        let answer = client.get(&format!("/Users?{parameters}")).await.refused(400);
        assert_eq!(answer.body["scimType"], "invalidValue", "{parameters}");
    }
    let config = client.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!(config["sort"], json!({ "supported": true }));
}

/// S-183, S-185: where an index sorts, it sorts as the rest does; many users and many ties, each
/// order compared with one made of the list itself.
#[tokio::test]
async fn indexes_sort_as_values_do() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let letters =
        ["a", "B", "ß", "ss", "É", "e\u{301}", "z", "_", "Ω", "ω", "1", "10", "9", "ı", "İ"];
    for (number, letter) in letters.iter().enumerate() {
        for other in ["", "a", "Z"] {
            let person = json!({
                "schemas": [USER],
                "userName": format!("{letter}{other}{}", (number * 7) % 5),
                // The same text, which no index sorts by.
                "nickName": format!("{letter}{other}{}", (number * 7) % 5),
            });
            // Some fold to the same: those are refused, which is as good here.
            let answer = client.post("/Users", person).await;
            assert!([201, 409].contains(&answer.status.as_u16()), "{}", answer.body);
        }
    }
    for sort_order in ["ascending", "descending"] {
        let ids = async |sort_by: &str| {
            let target = format!("/Users?sortBy={sort_by}&sortOrder={sort_order}&count=1000");
            let list = client.get(&target).await.expect(200).body;
            let resources = list["Resources"].as_array().unwrap();
            resources.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let by_index = ids("userName").await;
        assert!(by_index.len() > 30);
        assert_eq!(by_index, ids("nickName").await, "{sort_order}");
    }
}
