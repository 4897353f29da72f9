//! Filters (RFC 7644 §3.4.2.2). Every filter holds a name that only this run uses, so that what
//! else the server holds changes nothing.

use serde_json::json;

use crate::{
    answer::Answer,
    check::{Check, Level, Stop, Verdict, client, must, should},
    session::{Made, Session},
    target::Feature,
};

pub fn checks() -> Vec<Check> {
    vec![
        client(
            [
                "filter-user-name",
                "E-10 O-21 S-341 S-346",
                "A user is looked up by `userName eq`",
                "RFC 7644 §3.4.2.2",
                "Entra and Okta look everybody up this way before they create; without it nothing \
                 works.",
            ],
            |s| Box::pin(user_name(s)),
        ),
        must(
            [
                "filter-none",
                "S-143 E-01 E-152 O-16 O-103 O-105",
                "A filter that matches nobody is answered with 200 and a total of 0",
                "RFC 7644 §3.4.2",
                "Entra's connection test is such a filter; with 404 the job goes into quarantine.",
            ],
            |s| Box::pin(none(s)),
        )
        .reads(),
        must(
            [
                "filter-case",
                "S-164 S-085 E-11 O-18 O-109",
                "`userName` matches in any letter case",
                "RFC 7643 §4.1.1, §8.7.1; RFC 7644 §3.4.2.2",
                "Somebody written in other case is not found and created again.",
            ],
            |s| Box::pin(case_of_values(s)),
        ),
        must(
            [
                "filter-structure-case",
                "S-150 S-048 E-12",
                "Operators, `and` and attribute names count in any letter case",
                "RFC 7644 §3.4.2.2; RFC 7643 §2.1",
                "Clients write them as they like.",
            ],
            |s| Box::pin(case_of_structure(s)),
        ),
        must(
            [
                "filter-case-exact",
                "S-164 S-055",
                "`externalId` and `id` match only in their own letter case",
                "RFC 7643 §3.1",
                "The record of somebody else is taken for this person's.",
            ],
            |s| Box::pin(case_exact(s)),
        ),
        must(
            [
                "filter-eq",
                "S-155 E-03 O-21",
                "`eq` works on `id`, `externalId`, `displayName` and e-mail addresses",
                "RFC 7644 §3.4.2.2",
                "Any of these may be set as the attribute that Entra and Okta match people by.",
            ],
            |s| Box::pin(eq(s)),
        ),
        must(
            [
                "filter-ne",
                "S-148",
                "`ne` finds what is not equal",
                "RFC 7644 §3.4.2.2",
                "Reports and imports with exceptions are wrong.",
            ],
            |s| {
                Box::pin(table(
                    s,
                    &[
                        ("userName eq {u} and name.givenName ne \"Ines\"", false),
                        ("userName eq {u} and name.givenName ne \"Omar\"", true),
                    ],
                ))
            },
        ),
        must(
            [
                "filter-co-sw-ew",
                "S-148 S-164",
                "`co`, `sw` and `ew` find parts of a value",
                "RFC 7644 §3.4.2.2",
                "Searches by a part of a name are wrong.",
            ],
            |s| Box::pin(parts(s)),
        ),
        must(
            [
                "filter-literal",
                "S-162",
                "`%`, `_` and `*` in a filter's value mean themselves",
                "RFC 7644 §3.4.2.2",
                "A look-up finds somebody else, whose record is then overwritten.",
            ],
            |s| Box::pin(literal(s)),
        ),
        must(
            [
                "filter-pr",
                "S-169",
                "`pr` finds what has a value",
                "RFC 7644 §3.4.2.2",
                "People without an address are taken for people with one.",
            ],
            |s| Box::pin(presence(s)),
        ),
        must(
            [
                "filter-order",
                "S-165",
                "`gt`, `ge`, `lt` and `le` compare strings in order",
                "RFC 7644 §3.4.2.2",
                "Imports by ranges skip people.",
            ],
            |s| {
                Box::pin(table(
                    s,
                    &[
                        ("userName eq {u} and name.givenName gt \"Ina\"", true),
                        ("userName eq {u} and name.givenName gt \"Ines\"", false),
                        ("userName eq {u} and name.givenName ge \"Ines\"", true),
                        ("userName eq {u} and name.givenName lt \"Ines\"", false),
                        ("userName eq {u} and name.givenName le \"Ines\"", true),
                        ("userName eq {u} and name.givenName lt \"Inez\"", true),
                    ],
                ))
            },
        ),
        must(
            [
                "filter-times",
                "S-167 S-155",
                "`meta.lastModified` is compared as a time",
                "RFC 7644 §3.4.2.2",
                "Clients that ask for what changed since yesterday get all or nothing.",
            ],
            |s| {
                Box::pin(table(
                    s,
                    &[
                        ("userName eq {u} and meta.lastModified gt \"2011-05-13T04:42:34Z\"", true),
                        (
                            "userName eq {u} and meta.lastModified lt \"2011-05-13T04:42:34Z\"",
                            false,
                        ),
                        ("userName eq {u} and meta.created ge \"2011-05-13T04:42:34+02:00\"", true),
                        ("userName eq {u} and meta.created lt \"2099-01-01T00:00:00.5Z\"", true),
                    ],
                ))
            },
        ),
        must(
            [
                "filter-boolean",
                "S-168",
                "`active eq` true and false find the active and the others",
                "RFC 7644 §3.4.2.2",
                "Deactivated people are counted as active.",
            ],
            |s| {
                Box::pin(table(
                    s,
                    &[
                        ("userName eq {u} and active eq true", true),
                        ("userName eq {u} and active eq false", false),
                    ],
                ))
            },
        ),
        must(
            [
                "filter-boolean-order",
                "S-165",
                "`gt` on a boolean is refused with 400 `invalidFilter`",
                "RFC 7644 §3.4.2.2, Table 3",
                "A mistaken filter quietly finds the wrong people.",
            ],
            |s| Box::pin(boolean_order(s)),
        ),
        must(
            [
                "filter-precedence",
                "S-149",
                "`and` binds more than `or`; parentheses bind most",
                "RFC 7644 §3.4.2.2",
                "The filter finds people it should not, who are then changed or deleted.",
            ],
            |s| Box::pin(precedence(s)),
        ),
        must(
            [
                "filter-not",
                "S-149 S-152",
                "`not` turns a filter in parentheses around",
                "RFC 7644 §3.4.2.2",
                "Exceptions in a filter are lost.",
            ],
            |s| {
                Box::pin(table(
                    s,
                    &[
                        ("userName eq {u} and not (name.givenName eq \"Ines\")", false),
                        ("userName eq {u} and not (name.givenName eq \"Omar\")", true),
                        (
                            "not (name.givenName eq \"Omar\" or name.givenName eq \"Ines\") and userName eq {u}",
                            false,
                        ),
                    ],
                ))
            },
        ),
        must(
            [
                "filter-operator",
                "S-160 S-148",
                "An operator that does not exist is refused with 400 `invalidFilter`",
                "RFC 7644 §3.4.2.2",
                "The client believes that the filter was applied.",
            ],
            |s| Box::pin(refused(s, &["userName regex \"x\""], true)),
        ),
        must(
            [
                "filter-syntax",
                "S-148",
                "A filter that cannot be read is refused with 400",
                "RFC 7644 §3.4.2.2, §3.12",
                "The client gets everybody in place of one and links the wrong person.",
            ],
            |s| {
                Box::pin(refused(
                    s,
                    &[
                        "userName eq",
                        "userName eq \"x",
                        "(userName eq \"x\"",
                        "emails[type eq \"work\"",
                        "userName eq \"x\" and",
                        "eq \"x\"",
                    ],
                    false,
                ))
            },
        ),
        client(
            [
                "filter-unknown",
                "S-154 O-25",
                "A filter on an attribute that does not exist never finds everybody",
                "practice; RFC 7644 §3.12",
                "Okta links the first person in the list, whoever that is.",
            ],
            |s| Box::pin(unknown(s)),
        ),
        should(
            [
                "filter-password",
                "S-163",
                "A password cannot be searched for by its beginning",
                "RFC 7643 §7 leaves it open whether passwords can be searched for",
                "A password can be guessed letter by letter.",
            ],
            |s| Box::pin(password(s)),
        ),
    ]
}

/// A user whose attributes the filters look at, and how their name stands in a filter. Somebody
/// else is there too, whom a server that ignores filters would find.
pub async fn somebody(s: &Session) -> Result<(Made, String), Stop> {
    s.need(Feature::Filter)?;
    s.make_user().await?;
    let user = s.user();
    let made = s.make(s.users(), &user).await?;
    Ok((made, user["userName"].to_string()))
}

/// Filters in which `{u}` is a user's name, and whether each finds that user.
async fn table(s: &Session, cases: &[(&str, bool)]) -> Verdict {
    let (made, name) = somebody(s).await?;
    for (filter, found) in cases {
        let first = filter.split("and").nth(1).unwrap_or_default();
        if first.contains("name.") {
            s.knows("name")?;
        }
        if filter.contains("active") {
            s.knows("active")?;
        }
        let filter = filter.replace("{u}", &name);
        let wanted: &[&Made] = if *found { &[&made] } else { &[] };
        s.finds(&filter, wanted).await?;
    }
    Ok(())
}

async fn user_name(s: &Session) -> Verdict {
    s.make_user().await?;
    let user = s.user();
    let made = s.make(s.users(), &user).await?;
    s.finds(&format!("userName eq {}", user["userName"]), &[&made]).await
}

async fn none(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    s.finds(&format!("userName eq \"{}\"", s.name()), &[]).await
}

async fn case_of_values(s: &Session) -> Verdict {
    let (made, name) = somebody(s).await?;
    s.finds(&format!("userName eq {}", name.to_uppercase()), &[&made]).await?;
    let beginning = name.trim_matches('"').split('@').next().unwrap_or_default();
    s.finds(&format!("userName sw \"{}\"", beginning.to_uppercase()), &[&made]).await
}

async fn case_of_structure(s: &Session) -> Verdict {
    let (made, name) = somebody(s).await?;
    for filter in [
        format!("userName Eq {name}"),
        format!("userName EQ {name}"),
        format!("USERNAME eq {name}"),
        format!("username eq {name} AND userName PR"),
    ] {
        s.finds(&filter, &[&made]).await?;
    }
    Ok(())
}

async fn case_exact(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let mut user = s.user();
    let id = format!("{}-AbC", s.name());
    user["externalId"] = json!(id);
    let made = s.make(s.users(), &user).await?;
    if made.answer.at("/externalId") != id.as_str() {
        return Err(Stop::Unclear("the server does not keep `externalId`".to_owned()));
    }
    s.finds(&format!("externalId eq \"{id}\""), &[&made]).await?;
    s.finds(&format!("externalId eq \"{}\"", id.to_lowercase()), &[]).await?;
    let upper = made.id.to_uppercase();
    if upper != made.id {
        s.finds(&format!("id eq \"{upper}\""), &[]).await?;
    }
    Ok(())
}

async fn eq(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let mut user = s.user();
    if !user["displayName"].is_null() {
        user["displayName"] = json!(s.name());
    }
    let made = s.make(s.users(), &user).await?;
    s.finds(&format!("id eq \"{}\"", made.id), &[&made]).await?;
    if made.answer.at("/externalId") == &user["externalId"] {
        s.finds(&format!("externalId eq {}", user["externalId"]), &[&made]).await?;
    }
    if !user["displayName"].is_null() {
        s.finds(&format!("displayName eq {}", user["displayName"]), &[&made]).await?;
    }
    if !user["emails"].is_null() {
        let mail = &user["emails"][0]["value"];
        s.finds(&format!("emails.value eq {mail}"), &[&made]).await?;
    }
    Ok(())
}

async fn parts(s: &Session) -> Verdict {
    let (made, name) = somebody(s).await?;
    let name = name.trim_matches('"');
    let beginning = name.split('@').next().unwrap_or_default();
    let middle = &name[4..name.len() - 6];
    for filter in [
        format!("userName sw \"{beginning}\""),
        format!("userName co \"{middle}\""),
        format!("userName eq \"{name}\" and userName ew \"example.com\""),
    ] {
        s.finds(&filter, &[&made]).await?;
    }
    for filter in [
        format!("userName sw \"{middle}\""),
        format!("userName ew \"{beginning}\""),
        format!("userName co \"{middle}-{middle}\""),
    ] {
        s.finds(&filter, &[]).await?;
    }
    Ok(())
}

async fn literal(s: &Session) -> Verdict {
    let (_, name) = somebody(s).await?;
    let name = name.trim_matches('"');
    let beginning = name.split('@').next().unwrap_or_default();
    for filter in [
        format!("userName sw \"{beginning}%\""),
        format!("userName co \"{}_{}\"", &name[..6], &name[7..12]),
        format!("userName eq \"{beginning}*\""),
        format!("userName eq \"{beginning}' or '1'='1\""),
    ] {
        s.finds(&filter, &[]).await?;
    }
    Ok(())
}

async fn presence(s: &Session) -> Verdict {
    let (made, name) = somebody(s).await?;
    let one: &[&Made] = &[&made];
    s.finds(&format!("userName eq {name} and meta.created pr"), one).await?;
    s.finds(&format!("userName eq {name} and id pr"), one).await?;
    if s.knows("name").is_ok() {
        s.finds(&format!("userName eq {name} and name.familyName pr"), one).await?;
        s.finds(&format!("userName eq {name} and name pr"), one).await?;
    }
    if s.knows("nickName").is_ok() {
        s.finds(&format!("userName eq {name} and nickName pr"), &[]).await?;
    }
    if s.knows("phoneNumbers").is_ok() {
        s.finds(&format!("userName eq {name} and phoneNumbers pr"), &[]).await?;
    }
    Ok(())
}

async fn boolean_order(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    s.knows("active")?;
    let answer = s.filter("active gt false").await?;
    answer.status(&[400])?.scim_type(&["invalidFilter"])?;
    Ok(())
}

async fn precedence(s: &Session) -> Verdict {
    s.knows("name")?;
    let (first, a) = somebody(s).await?;
    let (second, b) = somebody(s).await?;
    let no = "name.givenName eq \"Nobody\"";
    s.finds(&format!("userName eq {a} or userName eq {b}"), &[&first, &second]).await?;
    s.finds(&format!("userName eq {a} and userName eq {b}"), &[]).await?;
    s.finds(&format!("userName eq {a} or userName eq {b} and {no}"), &[&first]).await?;
    s.finds(&format!("{no} and userName eq {b} or userName eq {a}"), &[&first]).await?;
    s.finds(&format!("(userName eq {a} or userName eq {b}) and {no}"), &[]).await?;
    let yes = "name.givenName eq \"Ines\"";
    s.finds(&format!("{yes} and (userName eq {a} or userName eq {b})"), &[&first, &second]).await
}

async fn refused(s: &Session, filters: &[&str], named: bool) -> Verdict {
    s.need(Feature::Filter)?;
    for filter in filters {
        let answer = s.filter(filter).await?;
        answer.refused(&[400])?;
        let kind = answer.scim_type(&["invalidFilter"]);
        match named {
            true => kind.map(|_| ())?,
            false => kind.map(|_| ()).map_err(|stop| stop.at_level(Level::Should))?,
        }
    }
    Ok(())
}

async fn unknown(s: &Session) -> Verdict {
    let (made, _) = somebody(s).await?;
    let answer = s.filter("thereIsNoSuchAttribute eq \"x\"").await?;
    if !answer.ok() {
        answer.refused(&[400])?;
        return Ok(());
    }
    none_listed(&answer, &made)
}

fn none_listed(answer: &Answer, made: &Made) -> Verdict {
    let found = answer.list()?.len();
    let told = format!("{found} users, `{}` among them or not", made.id);
    answer.hold(found == 0, "400 `invalidFilter`, or nobody", told)
}

async fn password(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let mut user = s.user();
    user["password"] = json!("Xy7!correct-horse");
    let _made = s.make(s.users(), &user).await?;
    let name = &user["userName"];
    for part in ["password sw \"Xy7\"", "password co \"horse\""] {
        let answer = s.filter(&format!("userName eq {name} and {part}")).await?;
        if answer.ok() {
            let found = answer.list()?.len();
            answer.hold(found == 0, "a refusal, or nobody", format!("{found} users"))?;
        }
    }
    Ok(())
}
