//! Who may ask (RFC 7644 §2; RFC 6750; RFC 9110 §11). Only what harms nobody is tried.

use reqwest::Method;

use crate::{
    check::{Check, Stop, Verdict, client, must},
    session::Session,
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "no-token",
                "S-022 S-035",
                "A request without credentials is refused with 401",
                "RFC 7644 §2, §3.12; RFC 9110 §15.5.2",
                "Anybody can read who works there, and write.",
            ],
            |s| Box::pin(no_token(s)),
        )
        .reads(),
        must(
            [
                "wrong-token",
                "S-023 O-11 O-111 O-165",
                "A wrong token is refused with 401",
                "RFC 7644 §2, §3.12; RFC 6750 §3.1",
                "Entra's and Okta's connection tests pass with a token that was mistyped.",
            ],
            |s| Box::pin(wrong_token(s)),
        )
        .reads(),
        must(
            [
                "challenge",
                "S-022",
                "A 401 carries `WWW-Authenticate`",
                "RFC 9110 §15.5.2; RFC 6750 §3",
                "Clients cannot learn which credentials are wanted.",
            ],
            |s| Box::pin(challenge(s)),
        )
        .reads(),
        must(
            [
                "scheme-case",
                "S-024",
                "The word Bearer counts in either case",
                "RFC 9110 §11.1",
                "Clients and proxies that write it in lower case are locked out.",
            ],
            |s| Box::pin(scheme_case(s)),
        )
        .reads(),
        client(
            [
                "wrong-token-detail",
                "O-11 O-12 O-111",
                "The refusal of a wrong token says in a SCIM error why",
                "RFC 7644 §3.12",
                "Okta shows the `detail` when the connection test fails, and `Invalid JSON` \
                 otherwise.",
            ],
            |s| Box::pin(wrong_token_detail(s)),
        )
        .reads(),
    ]
}

/// Skips where the server says that it authenticates nobody.
fn authenticates(s: &Session) -> Verdict {
    match s.target.config["authenticationSchemes"].as_array() {
        Some(schemes) if schemes.is_empty() => {
            Err(Stop::Skip("ServiceProviderConfig names no authentication scheme".to_owned()))
        }
        _ => Ok(()),
    }
}

fn page(s: &Session) -> String {
    format!("{}?count=1", s.users())
}

async fn no_token(s: &Session) -> Verdict {
    authenticates(s)?;
    let answer = s.call(Method::GET, page(s)).authorized(None).send().await?;
    answer.refused(&[401])?;
    Ok(())
}

const WRONG: &str = "Bearer not-a-token";

async fn wrong_token(s: &Session) -> Verdict {
    authenticates(s)?;
    let answer = s.call(Method::GET, page(s)).authorized(Some(WRONG)).send().await?;
    answer.refused(&[401])?;
    Ok(())
}

async fn challenge(s: &Session) -> Verdict {
    authenticates(s)?;
    let answer = s.call(Method::GET, page(s)).authorized(Some(WRONG)).send().await?;
    if answer.status != 401 {
        return Err(Stop::Unclear("no 401 came".to_owned()));
    }
    let header = answer.header("www-authenticate");
    answer.hold(!header.is_empty(), "the header `WWW-Authenticate`", "none")
}

async fn scheme_case(s: &Session) -> Verdict {
    authenticates(s)?;
    let Some(token) = s.connection.bearer() else {
        return Err(Stop::Skip("the credentials given are no bearer token".to_owned()));
    };
    let lower = format!("bearer {token}");
    s.call(Method::GET, page(s)).authorized(Some(&lower)).send().await?.list()?;
    Ok(())
}

async fn wrong_token_detail(s: &Session) -> Verdict {
    authenticates(s)?;
    let answer = s.call(Method::GET, page(s)).authorized(Some(WRONG)).send().await?;
    if answer.status != 401 {
        return Err(Stop::Unclear("no 401 came".to_owned()));
    }
    answer.object()?;
    answer.present("/detail")?;
    answer.is("/status", "401")?;
    Ok(())
}
