//! Our answers, read by a SCIM library that is not ours.

use scim_v2::{
    Context, Validate,
    models::{
        errors::ScimHttpError,
        group::Group,
        others::{ListResponse, Resource},
        resource_types::ResourceType,
        scim_schema::Schema,
        service_provider_config::ServiceProviderConfig,
        user::User,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::harness::{TestServer, group, user};

#[track_caller]
fn read<T: DeserializeOwned + Validate>(body: &Value) -> T {
    let read: T = serde_json::from_value(body.clone()).unwrap_or_else(|e| panic!("{e}: {body}"));
    read.validate_as(Context::Response).unwrap_or_else(|e| panic!("{e}: {body}"));
    read
}

/// S-112, S-134, S-142, S-314: users, groups, lists, discovery and refusals are what an independent
/// reader expects.
#[tokio::test]
async fn an_outside_reader_reads_our_answers() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    let manager = client.post("/Users", user("manager@example.com")).await.expect(201).id();
    let mut body = user("full@example.com");
    let full = json!({
        "nickName": "Full", "profileUrl": "https://people.example/full", "userType": "Employee",
        "preferredLanguage": "en-GB", "locale": "nb-NO", "timezone": "Europe/Oslo",
        "phoneNumbers": [{"value": "+47 900 00 111", "type": "mobile"}],
        "ims": [{"value": "full", "type": "xmpp"}],
        "photos": [{"value": "https://people.example/full.png", "type": "photo"}],
        "addresses": [{"locality": "Bergen", "country": "NO", "type": "work", "primary": true}],
        "entitlements": [{"value": "e-1"}],
        "roles": [{"value": "reviewer", "display": "Reviewer", "primary": true}],
        "x509Certificates": [{"value": "TWlyYQ=="}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "4471", "department": "Field", "manager": {"value": manager},
        },
    });
    body.as_object_mut().unwrap().extend(full.as_object().unwrap().clone());
    let created = client.post("/Users", body).await.expect(201).body;
    let mut crew = group("Crew");
    crew["members"] = json!([{"value": created["id"]}]);
    let crew = client.post("/Groups", crew).await.expect(201).id();

    let user: User =
        read(&client.get(&format!("/Users/{}", created["id"].as_str().unwrap())).await.body);
    assert_eq!(user.user_name, "full@example.com");
    let group: Group = read(&client.get(&format!("/Groups/{crew}")).await.body);
    assert_eq!(group.display_name, "Crew");

    let users: ListResponse<User> = read(&client.get("/Users").await.body);
    assert_eq!(users.total_results, 2);
    let none: ListResponse<User> = read(&client.get("/Users?startIndex=7").await.body);
    assert_eq!(none.total_results, 2);
    let groups: ListResponse<Group> = read(&client.get("/Groups").await.body);
    assert_eq!(groups.total_results, 1);
    let _: ListResponse<Resource<String>> = read(&client.get("/").await.expect(200).body);
    let _: ServiceProviderConfig = read(&client.get("/ServiceProviderConfig").await.body);
    let types: ListResponse<ResourceType> = read(&client.get("/ResourceTypes").await.body);
    assert_eq!(types.total_results, 2);
    let schemas: ListResponse<Schema> = read(&client.get("/Schemas").await.body);
    assert!(schemas.total_results >= 3);
    let refused: ScimHttpError = read(&client.get("/Users?filter=none").await.refused(400).body);
    assert_eq!(refused.status, "400");
}
