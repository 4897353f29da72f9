//! ServiceProviderConfig, ResourceTypes, Schemas (RFC 7644 §4; RFC 7643 §5 to §7).

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, LIST, names, shown},
    check::{Check, Level, Stop, Verdict, must, should},
    session::Session,
    target::{ENTERPRISE, GROUP, USER, is},
};

const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "config-shape",
                "S-112",
                "ServiceProviderConfig is one object with all its required parts",
                "RFC 7644 §4, RFC 7643 §5",
                "Clients read from it what they may send; what is missing they must guess.",
            ],
            |s| Box::pin(config_shape(s)),
        )
        .reads(),
        must(
            [
                "config-schemes",
                "S-112",
                "Every authentication scheme has type, name and description",
                "RFC 7643 §5",
                "A set-up assistant cannot tell the administrator which credentials to paste.",
            ],
            |s| Box::pin(config_schemes(s)),
        )
        .reads(),
        should(
            [
                "config-public",
                "S-119",
                "ServiceProviderConfig can be read without credentials",
                "RFC 7643 §5",
                "A client that has no token yet cannot learn how to get one.",
            ],
            |s| Box::pin(config_public(s)),
        )
        .reads(),
        must(
            [
                "types-list",
                "S-113 O-113 O-119",
                "ResourceTypes is a ListResponse of types with name, endpoint and schema",
                "RFC 7644 §4, RFC 7643 §6",
                "Okta's entitlement discovery finds its endpoints here.",
            ],
            |s| Box::pin(types_list(s)),
        )
        .reads(),
        must(
            [
                "types-schemas",
                "S-118",
                "Every schema that a resource type names is found under Schemas",
                "RFC 7643 §6",
                "Attribute discovery ends at a schema that is not there; its attributes cannot be \
                 mapped.",
            ],
            |s| Box::pin(types_schemas(s)),
        )
        .reads(),
        must(
            [
                "types-endpoints",
                "S-112 S-118 O-10",
                "Every resource type's endpoint answers with a list",
                "RFC 7643 §6, RFC 7644 §3.2",
                "Okta refuses to save the connection when an endpoint it needs is not there.",
            ],
            |s| Box::pin(types_endpoints(s)),
        )
        .reads(),
        must(
            [
                "types-one",
                "S-113",
                "A resource type can be read by its name, as a bare object",
                "RFC 7644 §4",
                "Clients that ask for one type by its `meta.location` fail.",
            ],
            |s| Box::pin(types_one(s)),
        )
        .reads(),
        must(
            [
                "schemas-list",
                "S-113 E-121",
                "Schemas is a ListResponse of schemas",
                "RFC 7644 §4",
                "Entra's schema discovery finds nothing to map.",
            ],
            |s| Box::pin(schemas_list(s)),
        )
        .reads(),
        must(
            [
                "schemas-one",
                "S-113",
                "A schema can be read by its URN, as a bare object",
                "RFC 7644 §4",
                "Clients that look one schema up fail.",
            ],
            |s| Box::pin(schemas_one(s)),
        )
        .reads(),
        should(
            [
                "schemas-unknown",
                "S-113",
                "A schema that does not exist is answered with 404",
                "RFC 7644 §3.12, §4",
                "The client takes whatever comes back for the schema it asked for.",
            ],
            |s| Box::pin(schemas_unknown(s)),
        )
        .reads(),
        must(
            [
                "schemas-messages",
                "S-116",
                "Message schemas are not listed",
                "RFC 7644 §3.1",
                "Discovery shows them as if they were resources that can be provisioned.",
            ],
            |s| Box::pin(schemas_messages(s)),
        )
        .reads(),
        must(
            [
                "schemas-named",
                "S-117 S-335",
                "Schemas and resource types carry `schemas` themselves",
                "RFC 7643 §3, erratum 8417",
                "They are resources like all others, and readers tell resources by `schemas`.",
            ],
            |s| Box::pin(named(s)),
        )
        .reads(),
        should(
            [
                "schemas-meta",
                "S-117",
                "Schemas and resource types carry `meta.resourceType` and `meta.location`",
                "RFC 7643 §3.1, §8.6, §8.7",
                "Clients that read them as resources miss their type and place.",
            ],
            |s| Box::pin(meta(s)),
        )
        .reads(),
        must(
            [
                "schemas-characteristics",
                "S-084 S-331",
                "Every published attribute has legal characteristics",
                "RFC 7643 §7, errata 5606 and 8415",
                "Discovery in Okta and in code generators ends at the first value it does not know.",
            ],
            |s| Box::pin(characteristics(s)),
        )
        .reads(),
        must(
            [
                "schemas-user",
                "S-084 S-085 S-095 S-109",
                "The User schema describes userName, password and groups as the standard does",
                "RFC 7643 §4.1, §8.7.1",
                "A client that trusts the schema leaves out the user name, asks for the password \
                 or writes the groups.",
            ],
            |s| Box::pin(user_schema(s)),
        )
        .reads(),
        should(
            [
                "schemas-group",
                "S-097 S-330",
                "The Group schema requires displayName",
                "RFC 7643 §4.2, erratum 5368",
                "A client that trusts the schema sends a group without a name.",
            ],
            |s| Box::pin(group_schema(s)),
        )
        .reads(),
        must(
            [
                "discovery-parameters",
                "S-114",
                "Paging and sorting parameters change nothing in discovery",
                "RFC 7644 §4",
                "A client with a page size of its own sees a part and takes it for all.",
            ],
            |s| Box::pin(parameters(s)),
        )
        .reads(),
        should(
            [
                "discovery-filter",
                "S-115",
                "A filter on discovery is answered with 403",
                "RFC 7644 §4",
                "The client believes that what it gets matches its filter.",
            ],
            |s| Box::pin(filter(s)),
        )
        .reads(),
        should(
            [
                "discovery-read-only",
                "S-120",
                "Discovery endpoints refuse to be written to",
                "RFC 7644 §3.2, §4",
                "A mistaken request seems to have had an effect.",
            ],
            |s| Box::pin(read_only(s)),
        ),
    ]
}

async fn config_shape(s: &Session) -> Verdict {
    let answer = s.get("/ServiceProviderConfig").await?;
    let body = answer.fine()?;
    let got = shown(&body["schemas"]);
    answer.hold(names(body, CONFIG), format!("`schemas` to name `{CONFIG}`"), got)?;
    for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        let value = &body[feature]["supported"];
        answer.hold(
            value.is_boolean(),
            format!("`{feature}.supported` to be true or false"),
            shown(value),
        )?;
    }
    for (feature, limit) in
        [("bulk", "maxOperations"), ("bulk", "maxPayloadSize"), ("filter", "maxResults")]
    {
        let value = &body[feature][limit];
        answer.hold(
            value.is_u64(),
            format!("`{feature}.{limit}` to be an integer"),
            shown(value),
        )?;
    }
    Ok(())
}

async fn config_schemes(s: &Session) -> Verdict {
    let answer = s.get("/ServiceProviderConfig").await?;
    let body = answer.fine()?;
    let schemes = &body["authenticationSchemes"];
    let Some(schemes) = schemes.as_array() else {
        return Err(answer.fail("`authenticationSchemes` to be an array", shown(schemes)));
    };
    for scheme in schemes {
        for key in ["type", "name", "description"] {
            answer.hold(
                scheme[key].is_string(),
                format!("`authenticationSchemes.{key}` to be a string"),
                shown(&scheme[key]),
            )?;
        }
    }
    Ok(())
}

async fn config_public(s: &Session) -> Verdict {
    let call = s.call(Method::GET, "/ServiceProviderConfig").authorized(None);
    call.send().await?.status(&[200])?;
    Ok(())
}

async fn types(s: &Session) -> Result<(Answer, Vec<Value>), Stop> {
    let answer = s.get("/ResourceTypes").await?;
    let types = answer.list()?.into_iter().cloned().collect();
    Ok((answer, types))
}

async fn schemas(s: &Session) -> Result<(Answer, Vec<Value>), Stop> {
    let answer = s.get("/Schemas").await?;
    let schemas = answer.list()?.into_iter().cloned().collect();
    Ok((answer, schemas))
}

/// The list, or why it cannot be judged for anything else.
async fn known_schemas(s: &Session) -> Result<(Answer, Vec<Value>), Stop> {
    schemas(s).await.map_err(|stop| stop.in_the_way("there is no list of schemas"))
}

async fn known_types(s: &Session) -> Result<(Answer, Vec<Value>), Stop> {
    types(s).await.map_err(|stop| stop.in_the_way("there is no list of resource types"))
}

async fn types_list(s: &Session) -> Verdict {
    let (answer, types) = types(s).await?;
    answer.hold(!types.is_empty(), "at least one resource type", "none")?;
    for kind in &types {
        for key in ["name", "endpoint", "schema"] {
            let value = &kind[key];
            let filled = value.as_str().is_some_and(|text| !text.is_empty());
            answer.hold(filled, format!("`{key}` to be a string"), shown(value))?;
        }
        for extension in kind["schemaExtensions"].as_array().into_iter().flatten() {
            let right = extension["schema"].is_string() && extension["required"].is_boolean();
            let expected = "`schemaExtensions` with `schema` and a boolean `required`";
            answer.hold(right, expected, shown(extension))?;
        }
    }
    Ok(())
}

async fn types_schemas(s: &Session) -> Verdict {
    let (_, schemas) = known_schemas(s).await?;
    let (answer, types) = known_types(s).await?;
    for kind in &types {
        let extensions = kind["schemaExtensions"].as_array().into_iter().flatten();
        let named = extensions.map(|extension| &extension["schema"]).chain([&kind["schema"]]);
        for urn in named.filter_map(Value::as_str) {
            let there = schemas.iter().any(|schema| is(&schema["id"], urn));
            answer.hold(there, format!("`{urn}` under /Schemas"), "no schema of that id")?;
        }
    }
    Ok(())
}

async fn types_endpoints(s: &Session) -> Verdict {
    let (_, types) = known_types(s).await?;
    for kind in &types {
        let endpoint = kind["endpoint"].as_str().unwrap_or_default();
        let path = format!("/{}", s.connection.path_of(endpoint).trim_matches('/'));
        let answer = s.get(format!("{path}?count=1")).await?;
        answer.list()?;
    }
    Ok(())
}

async fn types_one(s: &Session) -> Verdict {
    let (_, types) = known_types(s).await?;
    for kind in &types {
        let name = kind["id"].as_str().or(kind["name"].as_str()).unwrap_or_default();
        let answer = s.get(format!("/ResourceTypes/{name}")).await?;
        let body = answer.fine()?;
        let got = "a ListResponse";
        answer.hold(!names(body, LIST), "the resource type as a bare object", got)?;
        answer.is("/name", kind["name"].clone())?;
    }
    Ok(())
}

async fn schemas_list(s: &Session) -> Verdict {
    let (answer, schemas) = schemas(s).await?;
    answer.hold(!schemas.is_empty(), "at least one schema", "none")?;
    for schema in &schemas {
        let right = schema["id"].is_string() && schema["attributes"].is_array();
        let expected = "every schema to have `id` and an array `attributes`";
        answer.hold(right, expected, shown(&schema["id"]))?;
    }
    Ok(())
}

async fn schemas_one(s: &Session) -> Verdict {
    let (_, schemas) = known_schemas(s).await?;
    for schema in schemas.iter().take(5) {
        let id = schema["id"].as_str().unwrap_or_default();
        let answer = s.get(format!("/Schemas/{id}")).await?;
        let body = answer.fine()?;
        answer.hold(!names(body, LIST), "the schema as a bare object", "a ListResponse")?;
        answer.is("/id", schema["id"].clone())?;
        answer.present("/attributes")?;
    }
    Ok(())
}

async fn schemas_unknown(s: &Session) -> Verdict {
    let path = format!("/Schemas/urn:example:{}", s.name());
    s.get(path).await?.refused(&[404])?;
    Ok(())
}

async fn schemas_messages(s: &Session) -> Verdict {
    let (answer, schemas) = known_schemas(s).await?;
    let message = schemas
        .iter()
        .filter_map(|schema| schema["id"].as_str())
        .find(|id| id.to_ascii_lowercase().starts_with("urn:ietf:params:scim:api:messages:"));
    answer.hold(
        message.is_none(),
        "no message schema",
        format!("`{}`", message.unwrap_or_default()),
    )
}

async fn named(s: &Session) -> Verdict {
    let (of_schemas, schemas) = known_schemas(s).await?;
    let (of_types, types) = known_types(s).await?;
    for (answer, list) in [(of_schemas, schemas), (of_types, types)] {
        for one in &list {
            let right = one["schemas"].as_array().is_some_and(|list| !list.is_empty());
            let name = one["id"].as_str().or(one["name"].as_str()).unwrap_or_default();
            let expected = format!("`schemas`, not empty, in `{name}`");
            answer.hold(right, expected, shown(&one["schemas"]))?;
        }
    }
    Ok(())
}

async fn meta(s: &Session) -> Verdict {
    let (of_schemas, schemas) = known_schemas(s).await?;
    let (of_types, types) = known_types(s).await?;
    for (answer, list, kind) in [(of_schemas, schemas, "Schema"), (of_types, types, "ResourceType")]
    {
        for one in &list {
            let right = one["meta"]["resourceType"] == kind && one["meta"]["location"].is_string();
            let expected = format!("`meta` with `resourceType` `{kind}` and a `location`");
            answer.hold(right, expected, shown(&one["meta"]))?;
        }
    }
    Ok(())
}

async fn characteristics(s: &Session) -> Verdict {
    let (answer, schemas) = known_schemas(s).await?;
    for schema in &schemas {
        let id = schema["id"].as_str().unwrap_or_default();
        // The schema of schemas may nest complex attributes (RFC 7643 §7).
        let of_schemas = id.to_ascii_lowercase().ends_with(":schema");
        for attribute in schema["attributes"].as_array().into_iter().flatten() {
            legal(&answer, id, attribute, true)?;
            for sub in attribute["subAttributes"].as_array().into_iter().flatten() {
                legal(&answer, id, sub, of_schemas)?;
            }
        }
    }
    Ok(())
}

fn legal(answer: &Answer, schema: &str, attribute: &Value, complex: bool) -> Verdict {
    let name = attribute["name"].as_str().unwrap_or_default();
    let fault = |what: &str, value: &Value| {
        answer.fail(format!("{what} of `{name}` in `{schema}` to be legal"), shown(value))
    };
    if name.is_empty() {
        return Err(fault("the name", &attribute["name"]));
    }
    let types =
        ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];
    let lists: [(&str, &[&str], bool); 4] = [
        ("type", &types[..types.len() - usize::from(!complex)], true),
        ("mutability", &["readOnly", "readWrite", "immutable", "writeOnly"], false),
        ("returned", &["always", "never", "default", "request"], false),
        ("uniqueness", &["none", "server", "global"], false),
    ];
    for (key, allowed, required) in lists {
        let value = &attribute[key];
        let legal = match value.as_str() {
            None => value.is_null() && !required,
            // `type` is not case-exact (RFC 7643 §8.7.2); the others are.
            Some(text) if key == "type" => allowed.iter().any(|a| a.eq_ignore_ascii_case(text)),
            Some(text) => allowed.contains(&text),
        };
        if !legal {
            return Err(fault(&format!("`{key}`"), value));
        }
    }
    for (key, required) in [("multiValued", true), ("required", false), ("caseExact", false)] {
        let value = &attribute[key];
        if !(value.is_boolean() || value.is_null() && !required) {
            return Err(fault(&format!("`{key}`"), value));
        }
    }
    Ok(())
}

async fn user_schema(s: &Session) -> Verdict {
    let (answer, _) = known_schemas(s).await?;
    if s.target.schema(USER).is_none() {
        return Err(Stop::Skip("the server publishes no User schema".to_owned()));
    }
    let of = |name: &str| s.target.attribute(USER, name).unwrap_or(&Value::Null);
    let told = |name: &str, key: &str, wanted: Value| {
        let value = &of(name)[key];
        let holds = of(name).is_null() && name != "userName" || *value == wanted;
        answer.hold(holds, format!("`{key}` of `{name}` to be {wanted}"), shown(value))
    };
    told("userName", "required", json!(true))?;
    told("userName", "caseExact", json!(false))?;
    told("password", "returned", json!("never"))?;
    told("password", "mutability", json!("writeOnly"))?;
    told("groups", "mutability", json!("readOnly"))?;
    told("emails", "multiValued", json!(true))?;
    told("active", "type", json!("boolean"))?;
    let unique = of("userName")["uniqueness"].as_str().unwrap_or("none");
    let expected = "`uniqueness` of `userName` to be `server` or `global`";
    answer.hold(matches!(unique, "server" | "global"), expected, format!("`{unique}`"))?;
    let manager = s.target.attribute(ENTERPRISE, "manager");
    let kind = manager.map_or("complex", |m| m["type"].as_str().unwrap_or_default());
    answer.hold(kind == "complex", "`type` of `manager` to be `complex`", format!("`{kind}`"))
}

async fn group_schema(s: &Session) -> Verdict {
    s.groups()?;
    let (answer, _) = known_schemas(s).await?;
    let Some(name) = s.target.attribute(GROUP, "displayName") else {
        return Err(Stop::Skip("the server publishes no Group schema".to_owned()));
    };
    let got = shown(&name["required"]);
    answer.hold(name["required"] == true, "`required` of `displayName` to be true", got)
}

async fn parameters(s: &Session) -> Verdict {
    for endpoint in ["/Schemas", "/ResourceTypes"] {
        let all = s.get(endpoint).await?;
        let all = all.list().map_err(|stop| stop.in_the_way("there is no list"))?.len();
        let answer = s.get(format!("{endpoint}?count=1&startIndex=2&sortBy=id")).await?;
        let got = answer.list()?.len();
        answer.hold(got == all, format!("all {all} as without parameters"), format!("{got}"))?;
    }
    Ok(())
}

async fn filter(s: &Session) -> Verdict {
    for endpoint in ["/Schemas", "/ResourceTypes"] {
        let path = s.query(endpoint, &[("filter", "name eq \"User\"")]);
        s.get(path).await?.status(&[403])?;
    }
    Ok(())
}

async fn read_only(s: &Session) -> Verdict {
    for endpoint in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        let answer = s.call(Method::POST, endpoint).json(&json!({})).send().await?;
        let refused = (400..500).contains(&answer.status) || answer.status == 501;
        let got = format!("status {}", answer.status);
        let stop = answer.hold(refused, "status 405, or another refusal", got);
        stop.map_err(|stop| stop.at_level(Level::Should))?;
    }
    Ok(())
}
