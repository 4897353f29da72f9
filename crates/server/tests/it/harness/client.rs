//! A client of a directory, and what it is answered.

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use super::{Directory, encoded, patch};

/// A caller of one directory; clones share their connections.
#[derive(Clone)]
pub struct ScimClient {
    http: reqwest::Client,
    /// Base URL of the directory's SCIM endpoint.
    pub url: String,
    authorization: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// `Null` when there is no body.
    pub body: Value,
}

impl Answer {
    /// The header's text; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The answer, if it is a refusal with this status in the standard's form (S-314): content
    /// type, status as a string, a `detail` that says something, a request id to ask about.
    #[track_caller]
    pub fn refused(self, status: u16) -> Self {
        let answer = self.expect(status);
        let body = &answer.body;
        assert_eq!(answer.header("content-type"), "application/scim+json", "{body}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{body}");
        let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:Error"]);
        assert_eq!(body["schemas"], schemas, "{body}");
        assert_eq!(body["status"], status.to_string(), "{body}");
        assert!((10..=1000).contains(&answer.detail().len()), "{body}");
        answer
    }

    /// The `detail` of a refusal.
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.body)).to_owned()
    }
}

impl ScimClient {
    /// The caller of a directory of the server at this address.
    pub fn new(http: reqwest::Client, server: &str, directory: &Directory) -> Self {
        Self {
            http,
            url: format!("{server}{}", directory.path),
            authorization: format!("Bearer {}", directory.token),
        }
    }

    /// The same token at another address.
    pub fn at(&self, url: String) -> Self {
        Self { url, ..self.clone() }
    }

    pub fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let url = format!("{}{target}", self.url);
        self.http.request(method, url).header("authorization", &self.authorization)
    }

    /// Sends `body`; an error only when no answer arrived.
    pub async fn try_send(
        &self,
        method: Method,
        target: &str,
        body: &Value,
    ) -> reqwest::Result<Answer> {
        let request = self.request(method, target);
        let request = if body.is_null() {
            request
        } else {
            request.header("content-type", "application/scim+json").body(body.to_string())
        };
        answer(request).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.try_send(Method::GET, target, &Value::Null).await.unwrap()
    }

    pub async fn post(&self, target: &str, body: Value) -> Answer {
        self.try_send(Method::POST, target, &body).await.unwrap()
    }

    pub async fn put(&self, target: &str, body: Value) -> Answer {
        self.try_send(Method::PUT, target, &body).await.unwrap()
    }

    pub async fn delete(&self, target: &str) -> Answer {
        self.try_send(Method::DELETE, target, &Value::Null).await.unwrap()
    }

    pub async fn patch(&self, target: &str, operations: Value) -> Answer {
        self.try_send(Method::PATCH, target, &patch(operations)).await.unwrap()
    }

    /// The users that a filter finds.
    pub async fn find_users(&self, filter: &str) -> Vec<Value> {
        let filter = encoded(filter);
        let found = self.get(&format!("/Users?filter={filter}")).await.expect(200).body;
        let resources = found["Resources"].as_array().cloned().unwrap_or_default();
        assert_eq!(found["totalResults"], resources.len(), "{filter}: {found}");
        resources
    }
}

pub async fn answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await?;
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}")),
    };
    Ok(Answer { status, headers, body })
}
