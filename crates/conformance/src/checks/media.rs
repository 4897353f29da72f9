//! Media types, characters, URLs and methods (RFC 7644 §3.8; RFC 9110).

use reqwest::Method;
use serde_json::json;

use crate::{
    check::{Check, Verdict, client, must, should},
    connection::encode,
    session::Session,
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "accept",
                "S-004 O-04",
                "Any `Accept` that allows SCIM's type, or none, gets SCIM's type",
                "RFC 7644 §3.8",
                "Identity providers send all of these forms; one of them would get nothing.",
            ],
            |s| Box::pin(accept(s)),
        )
        .reads(),
        should(
            [
                "accept-json",
                "S-005",
                "`Accept: application/json` is answered with JSON",
                "RFC 7644 §3.8",
                "Rippling, JumpCloud and plain HTTP tools ask for that type.",
            ],
            |s| Box::pin(accept_json(s)),
        )
        .reads(),
        must(
            [
                "body-charset",
                "S-006 E-130",
                "A body typed `application/scim+json; charset=utf-8` is read",
                "RFC 7644 §3.8, §8.1; RFC 9110 §8.3.1",
                "Entra and Okta send the charset with every body; nothing could be created.",
            ],
            |s| {
                Box::pin(created_as(
                    s,
                    &["application/scim+json; charset=utf-8", "Application/SCIM+JSON"],
                ))
            },
        ),
        should(
            [
                "body-json",
                "S-006 O-03",
                "A body typed `application/json` is read",
                "RFC 7644 §3.8",
                "Okta's older apps, Rippling and OneLogin send plain JSON; nothing could be created.",
            ],
            |s| Box::pin(created_as(s, &["application/json", "application/json; charset=UTF-8"])),
        ),
        should(
            [
                "body-type",
                "S-007",
                "A body of a foreign type is refused with 415",
                "RFC 9110 §15.5.16",
                "A mistaken client cannot tell what it did wrong.",
            ],
            |s| Box::pin(foreign_type(s)),
        ),
        client(
            [
                "get-content-type",
                "O-02",
                "A GET that carries `Content-Type` is answered as usual",
                "RFC 9110 §8.3",
                "Okta sends the header with every request; every look-up would fail.",
            ],
            |s| Box::pin(get_content_type(s)),
        )
        .reads(),
        must(
            [
                "characters",
                "S-003 S-065 O-87",
                "Letters of every script come back as they were sent",
                "RFC 7644 §3.8; RFC 7643 §2.3.1",
                "People's names are spelled wrong in the product.",
            ],
            |s| Box::pin(characters(s)),
        ),
        should(
            [
                "characters-invalid",
                "S-003",
                "A body that is not UTF-8 is refused with 400",
                "RFC 7644 §3.8, §3.12",
                "Broken letters are stored, and no one is told.",
            ],
            |s| Box::pin(not_utf8(s)),
        ),
        must(
            [
                "percent",
                "S-013 O-05 O-20",
                "`%2B` in a query is a plus sign",
                "RFC 7644 §1.2; RFC 3986 §2.1",
                "People with a plus in their address are never found and are created again and \
                 again.",
            ],
            |s| Box::pin(percent(s)),
        ),
        client(
            [
                "plus-is-space",
                "S-013 O-05",
                "`+` in a query is a space",
                "the form encoding of URLs",
                "Okta and Entra encode spaces this way in some of their look-ups.",
            ],
            |s| Box::pin(plus_is_space(s)),
        ),
        should(
            [
                "unknown-parameter",
                "S-014",
                "A query parameter that nobody knows is ignored",
                "RFC 7644 §3.4.2",
                "Entra's compatibility flag stands in the query of every request.",
            ],
            |s| Box::pin(unknown_parameter(s)),
        )
        .reads(),
        client(
            [
                "trailing-slash",
                "S-017 O-06",
                "An endpoint with a slash at its end works like the one without",
                "practice",
                "Administrators paste URLs either way, and Okta does not follow redirects.",
            ],
            |s| Box::pin(trailing_slash(s)),
        )
        .reads(),
        should(
            [
                "unknown-path",
                "S-015",
                "A path that nobody knows is answered with 404",
                "RFC 7644 §3.12",
                "A mistyped base URL looks like a working one.",
            ],
            |s| Box::pin(unknown_path(s)),
        )
        .reads(),
        should(
            [
                "wrong-method",
                "S-015",
                "A method that an endpoint does not have is refused with 405 and `Allow`",
                "RFC 9110 §15.5.6",
                "A client cannot tell a missing feature from a missing resource.",
            ],
            |s| Box::pin(wrong_method(s)),
        ),
        should(
            [
                "head",
                "S-016",
                "HEAD answers like GET, without a body",
                "RFC 9110 §9.1, §9.3.2",
                "Monitors and proxies ask this way.",
            ],
            |s| Box::pin(head(s)),
        )
        .reads(),
        should(
            [
                "long-query",
                "S-018",
                "A request line of 7,000 bytes is served",
                "RFC 9110 §4.1",
                "Look-ups of many at once fail.",
            ],
            |s| Box::pin(long_query(s)),
        )
        .reads(),
    ]
}

fn one_page(s: &Session) -> String {
    format!("{}?count=1", s.users())
}

async fn accept(s: &Session) -> Verdict {
    let forms = [
        "application/scim+json",
        "*/*",
        "",
        "application/scim+json, application/json;q=0.9, */*;q=0.1",
    ];
    for form in forms {
        let answer = s.call(Method::GET, one_page(s)).header("accept", form).send().await?;
        answer.list()?;
        let media = answer.header("content-type").to_ascii_lowercase();
        let holds = media.starts_with("application/scim+json");
        answer.hold(holds, "`Content-Type: application/scim+json`", format!("`{media}`"))?;
    }
    Ok(())
}

async fn accept_json(s: &Session) -> Verdict {
    let call = s.call(Method::GET, one_page(s)).header("accept", "application/json");
    let answer = call.send().await?;
    answer.list()?;
    let media = answer.header("content-type").to_ascii_lowercase();
    answer.hold(media.contains("json"), "a JSON type", format!("`{media}`"))
}

async fn created_as(s: &Session, types: &[&str]) -> Verdict {
    for form in types {
        let call = s.call(Method::POST, s.users()).header("content-type", *form).json(&s.user());
        let answer = call.send().await?;
        answer.status(&[201])?;
    }
    Ok(())
}

async fn foreign_type(s: &Session) -> Verdict {
    let call = s.call(Method::POST, s.users()).header("content-type", "text/xml");
    call.bytes(s.user().to_string()).send().await?.refused(&[415])?;
    Ok(())
}

async fn get_content_type(s: &Session) -> Verdict {
    let form = "application/scim+json; charset=utf-8";
    let answer = s.call(Method::GET, one_page(s)).header("content-type", form).send().await?;
    answer.list()?;
    Ok(())
}

async fn characters(s: &Session) -> Verdict {
    s.knows("displayName")?;
    let names = ["Bjørn \"R&D\" / #1", "山田 太郎", "עינת כהן", "Zoë 👩🏽‍🚀 O'Neil", "Ångström\\ <b>"];
    for name in names {
        let mut body = s.user();
        body["displayName"] = json!(name);
        let made = s.make(s.users(), &body).await?;
        made.answer.is("/displayName", name)?;
        s.read(&made).await?.is("/displayName", name)?;
    }
    Ok(())
}

async fn not_utf8(s: &Session) -> Verdict {
    let text = s.user().to_string().replacen("Ines", "In\u{1}s", 1);
    let bytes: Vec<u8> = text.bytes().map(|b| if b == 1 { 0xE9 } else { b }).collect();
    s.call(Method::POST, s.users()).bytes(bytes).send().await?.refused(&[400])?;
    Ok(())
}

async fn percent(s: &Session) -> Verdict {
    s.need(crate::target::Feature::Filter)?;
    let mut body = s.user();
    let name = format!("{}+tag@example.com", s.name());
    body["userName"] = json!(name);
    let made = s.make(s.users(), &body).await?;
    s.finds(&format!("userName eq \"{name}\""), &[&made]).await
}

async fn plus_is_space(s: &Session) -> Verdict {
    s.need(crate::target::Feature::Filter)?;
    let made = s.make_user().await?;
    let name = made.answer.at("/userName").as_str().unwrap_or_default();
    let path = format!("{}?filter=userName+eq+{}", s.users(), encode(&format!("\"{name}\"")));
    let answer = s.get(path).await?;
    s.found(&answer, &format!("userName+eq+\"{name}\""), &[&made])
}

async fn unknown_parameter(s: &Session) -> Verdict {
    let answer = s.get(format!("{}&aadOptscim062020&foo=bar", one_page(s))).await?;
    answer.list()?;
    Ok(())
}

async fn trailing_slash(s: &Session) -> Verdict {
    let answer = s.get(format!("{}/?count=1", s.users())).await?;
    answer.list()?;
    Ok(())
}

async fn unknown_path(s: &Session) -> Verdict {
    let answer = s.call(Method::GET, format!("/{}", s.name())).send().await?;
    answer.refused(&[404])?;
    Ok(())
}

async fn wrong_method(s: &Session) -> Verdict {
    // PATCH on a collection is defined nowhere.
    let path = s.users().to_owned();
    let answer = s.call(Method::PATCH, path).json(&json!({})).send().await?;
    answer.refused(&[405, 501])?;
    let allow = answer.header("allow");
    answer.hold(answer.status == 501 || !allow.is_empty(), "the header `Allow`", "none")
}

async fn head(s: &Session) -> Verdict {
    let answer = s.call(Method::HEAD, one_page(s)).send().await?;
    answer.status(&[200])?;
    Ok(())
}

async fn long_query(s: &Session) -> Verdict {
    let path = format!("{}&padding={}", one_page(s), "x".repeat(7_000));
    s.get(path).await?.list()?;
    Ok(())
}
