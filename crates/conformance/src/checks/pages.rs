//! Sorting and paging (RFC 7644 §3.4.2.3, §3.4.2.4; RFC 9865).

use serde_json::{Value, json};

use crate::{
    check::{Check, Stop, Verdict, client, must, should},
    session::{Made, Session},
    target::Feature,
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "sort",
                "S-181 S-182 S-183",
                "`sortBy` and `sortOrder` order a list",
                "RFC 7644 §3.4.2.3",
                "Lists shown to people are in no order.",
            ],
            |s| Box::pin(sort(s)),
        ),
        must(
            [
                "sort-spelling",
                "S-181 S-048",
                "`sortBy` names sub-attributes, and counts in any letter case",
                "RFC 7644 §3.4.2.3, §3.10",
                "The order that was asked for is silently another.",
            ],
            |s| Box::pin(sort_spelling(s)),
        ),
        must(
            [
                "sort-case",
                "S-183",
                "Strings that are not case-exact are ordered without their letter case",
                "RFC 7644 §3.4.2.3",
                "All lower-case names come after all others.",
            ],
            |s| Box::pin(sort_case(s)),
        ),
        must(
            [
                "sort-missing",
                "S-185",
                "What has no value is last in ascending order and first in descending",
                "RFC 7644 §3.4.2.3",
                "The first page shows the people of whom nothing is known.",
            ],
            |s| Box::pin(sort_missing(s)),
        ),
        must(
            [
                "sort-primary",
                "S-184",
                "A multi-valued attribute is ordered by its primary value, else its first",
                "RFC 7644 §3.4.2.3",
                "People are ordered by an address that is not theirs first of all.",
            ],
            |s| Box::pin(sort_primary(s)),
        ),
        must(
            [
                "pages",
                "S-188 S-191 O-09 O-89 E-135",
                "Pages hold everybody once, and each tells the whole number",
                "RFC 7644 §3.4.2.4",
                "Okta's import and Entra's discovery lose people or see them twice.",
            ],
            |s| Box::pin(pages(s)),
        ),
        must(
            [
                "page-size",
                "S-190 O-101 O-114",
                "A page never holds more than `count`",
                "RFC 7644 §3.4.2.4",
                "Clients with fixed buffers break.",
            ],
            |s| Box::pin(page_size(s)),
        ),
        must(
            [
                "count-zero",
                "S-189 E-135",
                "`count=0` returns nobody and the whole number",
                "RFC 7644 §3.4.2.4",
                "A client that only counts gets everybody.",
            ],
            |s| Box::pin(count_zero(s)),
        ),
        must(
            [
                "count-negative",
                "S-189",
                "A negative `count` counts as 0",
                "RFC 7644 §3.4.2.4",
                "A mistake gets everybody, or a server error.",
            ],
            |s| Box::pin(count_negative(s)),
        ),
        must(
            [
                "start-low",
                "S-188",
                "A `startIndex` below 1 counts as 1",
                "RFC 7644 §3.4.2.4",
                "Clients that count from 0 skip the first person or fail.",
            ],
            |s| Box::pin(start_low(s)),
        ),
        must(
            [
                "start-high",
                "S-188",
                "A `startIndex` past the end gives an empty page with the true total",
                "RFC 7644 §3.4.2, §3.4.2.4",
                "Imports end with an error after the last page.",
            ],
            |s| Box::pin(start_high(s)),
        ),
        client(
            [
                "start-echoed",
                "E-32 O-19 O-101",
                "A page tells its `startIndex` and `itemsPerPage`",
                "RFC 7644 §3.4.2",
                "Okta's specification test asks for both on every list.",
            ],
            |s| Box::pin(start_echoed(s)),
        ),
        should(
            [
                "max-results",
                "S-123 S-189",
                "A page never holds more than `filter.maxResults`",
                "RFC 7643 §5; RFC 7644 §3.4.2.4",
                "The announced limit is not the true one.",
            ],
            |s| Box::pin(max_results(s)),
        )
        .reads(),
        must(
            [
                "cursor",
                "S-195 S-203",
                "A walk with cursors gives everybody once and ends",
                "RFC 9865 §2",
                "Large directories are read in part, or for ever.",
            ],
            |s| Box::pin(cursor(s)),
        ),
        must(
            [
                "cursor-characters",
                "S-196",
                "Cursors hold only characters that need no encoding",
                "RFC 9865 §2; RFC 3986 §2.3",
                "Clients that do not encode break the cursor.",
            ],
            |s| Box::pin(cursor_characters(s)),
        ),
        must(
            [
                "cursor-forged",
                "S-199",
                "A cursor that was never given out is refused with `invalidCursor`",
                "RFC 9865 §2.1",
                "A client with a broken cursor begins again without knowing.",
            ],
            |s| Box::pin(cursor_forged(s)),
        )
        .reads(),
        must(
            [
                "search-all",
                "S-210 S-144",
                "POST to `/.search` at the base looks through every type of resource",
                "RFC 7644 §3.4.3, §3.4.2.1",
                "A search over people and groups finds only the one or the other.",
            ],
            |s| Box::pin(search_all(s)),
        ),
        must(
            [
                "search",
                "S-210",
                "POST to `.search` answers like the query in a URL",
                "RFC 7644 §3.4.3",
                "Filters with personal data must stand in URLs and in everybody's logs.",
            ],
            |s| Box::pin(search(s)),
        ),
    ]
}

/// Users of these display names, and a filter that finds exactly them. Somebody else is there too,
/// whom a server that ignores filters would find.
async fn people(s: &Session, names: &[Option<&str>]) -> Result<(Vec<Made>, String), Stop> {
    s.need(Feature::Filter)?;
    s.knows("displayName")?;
    s.make_user().await?;
    let (mut made, mut terms) = (Vec::new(), Vec::new());
    for name in names {
        let mut user = s.user();
        match name {
            Some(name) => user["displayName"] = json!(name),
            None => {
                user.as_object_mut().map(|user| user.remove("displayName"));
            }
        }
        terms.push(format!("userName eq {}", user["userName"]));
        made.push(s.make(s.users(), &user).await?);
    }
    let filter = terms.join(" or ");
    let all: Vec<&Made> = made.iter().collect();
    let found = s.finds(&filter, &all).await;
    found.map_err(|stop| stop.in_the_way("the filter that chooses the users fails"))?;
    Ok((made, filter))
}

/// Fails unless a list holds these users in this order.
async fn ordered(s: &Session, filter: &str, more: &[(&str, &str)], wanted: &[&Made]) -> Verdict {
    let mut parameters = vec![("filter", filter)];
    parameters.extend(more);
    let answer = s.get(s.query(s.users(), &parameters)).await?;
    let list = answer.list()?;
    let name = |id: &str| {
        let made = wanted.iter().find(|made| made.id == id);
        made.map_or_else(
            || id.to_owned(),
            |made| {
                let shown = made.answer.at("/displayName");
                if shown.is_null() { "(none)".to_owned() } else { shown.to_string() }
            },
        )
    };
    let got: Vec<&str> = list.iter().filter_map(|r| r["id"].as_str()).collect();
    let right: Vec<&str> = wanted.iter().map(|made| made.id.as_str()).collect();
    let named = |ids: &[&str]| ids.iter().map(|id| name(id)).collect::<Vec<_>>().join(", ");
    answer.hold(got == right, format!("in this order: {}", named(&right)), named(&got))
}

async fn sort(s: &Session) -> Verdict {
    s.need(Feature::Sort)?;
    let (made, filter) = people(s, &[Some("Cora"), Some("Abel"), Some("Bram")]).await?;
    let (c, a, b) = (&made[0], &made[1], &made[2]);
    ordered(s, &filter, &[("sortBy", "displayName")], &[a, b, c]).await?;
    ordered(s, &filter, &[("sortBy", "displayName"), ("sortOrder", "ascending")], &[a, b, c])
        .await?;
    ordered(s, &filter, &[("sortBy", "displayName"), ("sortOrder", "descending")], &[c, b, a])
        .await?;
    ordered(s, &filter, &[("sortBy", "userName")], &[c, a, b]).await
}

async fn sort_spelling(s: &Session) -> Verdict {
    s.need(Feature::Sort)?;
    let (made, filter) = people(s, &[Some("Cora"), Some("Abel"), Some("Bram")]).await?;
    let (c, a, b) = (&made[0], &made[1], &made[2]);
    ordered(s, &filter, &[("sortBy", "DISPLAYNAME")], &[a, b, c]).await?;
    // Where two were created at the same moment, as far as the server tells, either may be first.
    let created = |made: &Made| made.answer.at("/meta/created").clone();
    if created(c) == created(a) || created(a) == created(b) {
        return Ok(());
    }
    ordered(s, &filter, &[("sortBy", "meta.created")], &[c, a, b]).await
}

async fn sort_case(s: &Session) -> Verdict {
    s.need(Feature::Sort)?;
    let (made, filter) =
        people(s, &[Some("bram"), Some("Cora"), Some("Abel"), Some("dora")]).await?;
    let (b, c, a, d) = (&made[0], &made[1], &made[2], &made[3]);
    ordered(s, &filter, &[("sortBy", "displayName")], &[a, b, c, d]).await
}

async fn sort_missing(s: &Session) -> Verdict {
    s.need(Feature::Sort)?;
    let (made, filter) = people(s, &[Some("Bram"), None, Some("Abel")]).await?;
    if !made[1].answer.at("/displayName").is_null() {
        return Err(Stop::Unclear("the server gives everybody a `displayName`".to_owned()));
    }
    let (b, none, a) = (&made[0], &made[1], &made[2]);
    ordered(s, &filter, &[("sortBy", "displayName")], &[a, b, none]).await?;
    ordered(s, &filter, &[("sortBy", "displayName"), ("sortOrder", "descending")], &[none, b, a])
        .await
}

async fn sort_primary(s: &Session) -> Verdict {
    s.need(Feature::Sort)?;
    s.need(Feature::Filter)?;
    s.knows("emails")?;
    let (mut made, mut terms) = (Vec::new(), Vec::new());
    let (low, middle, high) = (s.name(), s.name(), s.name());
    let mail = |letter: &str, name: &str| format!("{letter}{name}@example.com");
    for emails in [
        // First z, primary a: by the primary value it is the first of the three.
        json!([{"value": mail("z", &low), "type": "home"},
            {"value": mail("a", &low), "type": "work", "primary": true}]),
        json!([{"value": mail("m", &middle), "type": "work", "primary": true}]),
        // No primary value: the first counts.
        json!([{"value": mail("p", &high), "type": "work"},
            {"value": mail("b", &high), "type": "home"}]),
    ] {
        let mut user = s.user();
        user["emails"] = emails;
        terms.push(format!("userName eq {}", user["userName"]));
        made.push(s.make(s.users(), &user).await?);
    }
    let kept = made[0].answer.at("/emails/0/type") == "home";
    if !kept || made[2].answer.elements("/emails").iter().any(|email| email["primary"] == true) {
        return Err(Stop::Unclear("the server rearranges e-mail addresses".to_owned()));
    }
    let filter = terms.join(" or ");
    let wanted: Vec<&Made> = made.iter().collect();
    ordered(s, &filter, &[("sortBy", "emails.value")], &wanted).await
}

async fn page(
    s: &Session,
    filter: &str,
    more: &[(&str, &str)],
) -> Result<crate::answer::Answer, Stop> {
    let mut parameters = vec![("filter", filter)];
    parameters.extend(more);
    s.get(s.query(s.users(), &parameters)).await
}

const FIVE: [Option<&str>; 5] = [Some("A"), Some("B"), Some("C"), Some("D"), Some("E")];

async fn pages(s: &Session) -> Verdict {
    s.need(Feature::Index)?;
    let (made, filter) = people(s, &FIVE).await?;
    let mut seen: Vec<String> = Vec::new();
    // A page may hold fewer than were asked for, so the next one begins where this one ended.
    for _ in 0..5 {
        let start = (seen.len() + 1).to_string();
        let answer = page(s, &filter, &[("startIndex", &start), ("count", "2")]).await?;
        let list = answer.list()?;
        answer.is("/totalResults", 5)?;
        let got = format!("{} resources", list.len());
        answer.hold(!list.is_empty(), format!("a page from {start} of 5 on"), got)?;
        for id in list.iter().filter_map(|resource| resource["id"].as_str()) {
            let again = seen.iter().any(|known| known == id);
            answer.hold(!again, "everybody once", format!("`{id}` for the second time"))?;
            seen.push(id.to_owned());
        }
        if seen.len() >= 5 {
            let all = seen.len() == 5 && made.iter().all(|made| seen.contains(&made.id));
            return answer.hold(all, "these five users", format!("{} others", seen.len()));
        }
    }
    Ok(())
}

async fn page_size(s: &Session) -> Verdict {
    s.need(Feature::Index)?;
    let (_, filter) = people(s, &FIVE[..3]).await?;
    for (count, most) in [("1", 1), ("2", 2)] {
        let answer = page(s, &filter, &[("count", count)]).await?;
        let size = answer.list()?.len();
        answer.hold(size <= most, format!("at most {most}"), format!("{size}"))?;
        answer.is("/totalResults", 3)?;
    }
    Ok(())
}

async fn counted(s: &Session, count: &str) -> Verdict {
    s.need(Feature::Index)?;
    let (_, filter) = people(s, &FIVE[..2]).await?;
    let answer = page(s, &filter, &[("count", count)]).await?;
    answer.fine()?;
    answer.unassigned("/Resources")?.is("/totalResults", 2)?;
    Ok(())
}

async fn count_zero(s: &Session) -> Verdict {
    counted(s, "0").await
}

async fn count_negative(s: &Session) -> Verdict {
    counted(s, "-1").await
}

async fn start_low(s: &Session) -> Verdict {
    s.need(Feature::Index)?;
    let (_, filter) = people(s, &FIVE[..2]).await?;
    for start in ["0", "-5"] {
        let answer = page(s, &filter, &[("startIndex", start)]).await?;
        let size = answer.list()?.len();
        answer.hold(size == 2, "both users", format!("{size}"))?;
        let index = answer.at("/startIndex");
        let right = index.is_null() || index == 1;
        answer.hold(right, "`startIndex` 1", crate::answer::shown(index))?;
    }
    Ok(())
}

async fn start_high(s: &Session) -> Verdict {
    s.need(Feature::Index)?;
    let (_, filter) = people(s, &FIVE[..2]).await?;
    let answer = page(s, &filter, &[("startIndex", "3")]).await?;
    answer.fine()?;
    answer.unassigned("/Resources")?.is("/totalResults", 2)?;
    Ok(())
}

async fn start_echoed(s: &Session) -> Verdict {
    s.need(Feature::Index)?;
    let answer = s.get(format!("{}?startIndex=1&count=1", s.users())).await?;
    answer.list()?;
    answer.is("/startIndex", 1)?;
    let items = answer.at("/itemsPerPage");
    answer.hold(items.is_u64(), "`itemsPerPage`", crate::answer::shown(items))
}

async fn max_results(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let Some(most) = s.target.config["filter"]["maxResults"].as_u64() else {
        return Err(Stop::Unclear("ServiceProviderConfig has no `filter.maxResults`".to_owned()));
    };
    let answer = s.get(format!("{}?count={}&attributes=userName", s.users(), most + 1)).await?;
    let size = answer.list()?.len() as u64;
    if answer.at("/totalResults").as_u64().is_some_and(|total| total <= most) {
        return Err(Stop::Unclear(format!("the server holds no more than {most} users")));
    }
    answer.hold(size <= most, format!("at most {most}"), format!("{size}"))
}

/// Everybody a walk with cursors gives, page by page, and the cursors.
async fn walk(s: &Session, filter: &str) -> Result<(Vec<String>, Vec<String>), Stop> {
    let (mut ids, mut cursors) = (Vec::new(), Vec::new());
    let mut next = String::new();
    loop {
        let answer = page(s, filter, &[("count", "2"), ("cursor", &next)]).await?;
        let list = answer.list()?;
        answer.hold(list.len() <= 2, "at most 2", format!("{}", list.len()))?;
        ids.extend(list.iter().filter_map(|r| r["id"].as_str()).map(str::to_owned));
        match answer.at("/nextCursor") {
            Value::Null => return Ok((ids, cursors)),
            Value::String(cursor) => next.clone_from(cursor),
            other => return Err(answer.fail("`nextCursor` to be a string", other.to_string())),
        }
        answer.hold(cursors.len() < 10, "an end after five users", "none after ten pages")?;
        cursors.push(next.clone());
    }
}

async fn cursor(s: &Session) -> Verdict {
    s.need(Feature::Cursor)?;
    let (made, filter) = people(s, &FIVE).await?;
    let (mut ids, cursors) = walk(s, &filter).await?;
    let mut wanted: Vec<String> = made.iter().map(|made| made.id.clone()).collect();
    ids.sort_unstable();
    wanted.sort_unstable();
    let answer = page(s, &filter, &[("count", "2"), ("cursor", "")]).await?;
    answer.hold(ids == wanted, "everybody once", format!("{} resources", ids.len()))?;
    answer.hold(!cursors.is_empty(), "`nextCursor` after 2 of 5", "none")
}

async fn cursor_characters(s: &Session) -> Verdict {
    s.need(Feature::Cursor)?;
    let (_, filter) = people(s, &FIVE).await?;
    let answer = page(s, &filter, &[("count", "2"), ("cursor", "")]).await?;
    let cursor = answer.present("/nextCursor")?.at("/nextCursor").as_str().unwrap_or_default();
    let plain = cursor.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c));
    answer.hold(plain, "letters, digits and `-._~` only", format!("`{cursor}`"))
}

async fn cursor_forged(s: &Session) -> Verdict {
    s.need(Feature::Cursor)?;
    let answer = s.get(format!("{}?count=2&cursor={}", s.users(), s.name())).await?;
    answer.status(&[400])?.scim_type(&["invalidCursor"])?;
    Ok(())
}

async fn search(s: &Session) -> Verdict {
    let (made, filter) = people(s, &FIVE[..3]).await?;
    let body = json!({"schemas": [crate::target::SEARCH], "filter": filter, "startIndex": 2,
        "count": 1, "attributes": ["userName"]});
    let answer = s.post(format!("{}/.search", s.users()), &body).await?;
    if matches!(answer.status, 404 | 405 | 501) {
        return Err(Stop::Skip(format!("the server has no `{}/.search`", s.users())));
    }
    let list = answer.list()?;
    answer.hold(list.len() == 1, "one resource", format!("{}", list.len()))?;
    answer.is("/totalResults", 3)?;
    let found = made.iter().any(|made| list[0]["id"] == made.id.as_str());
    answer.hold(found, "one of those the filter finds", "another")?;
    answer.present("/Resources/0/userName")?.unassigned("/Resources/0/emails")?;
    let query = [("filter", filter.as_str()), ("startIndex", "2"), ("count", "1")];
    let same = s.get(s.query(s.users(), &query)).await?;
    answer.is("/Resources/0/id", same.at("/Resources/0/id").clone())?;
    Ok(())
}

async fn search_all(s: &Session) -> Verdict {
    let groups = s.groups()?;
    let (user, _other) = (s.make_user().await?, s.make_user().await?);
    let group = s.make(groups, &s.group()).await?;
    let filter = format!("id eq \"{}\" or id eq \"{}\"", user.id, group.id);
    let body = json!({"schemas": [crate::target::SEARCH], "filter": filter});
    let answer = s.post("/.search", &body).await?;
    if matches!(answer.status, 403 | 404 | 405 | 501) {
        return Err(Stop::Skip("the server has no `/.search`".to_owned()));
    }
    s.found(&answer, &filter, &[&user, &group])
}
