//! Groups and memberships (RFC 7643 §4.2; RFC 7644 §3.5.2).

use serde_json::{Value, json};

use crate::{
    answer::{Answer, shown},
    check::{Check, Stop, Verdict, client, must, should},
    session::{Made, Session},
    target::{Feature, USER},
};

pub fn checks() -> Vec<Check> {
    vec![
        must(
            [
                "group",
                "S-097 S-124 O-60 E-75",
                "A group is created without members",
                "RFC 7643 §4.2; RFC 7644 §3.3",
                "Entra and Okta create every group empty and fill it afterwards.",
            ],
            |s| Box::pin(group(s)),
        ),
        must(
            [
                "group-list",
                "S-142 S-143 O-10 O-110",
                "Groups are listed as a ListResponse, also when there are none",
                "RFC 7644 §3.4.2",
                "Okta refuses to save a connection that imports groups.",
            ],
            |s| Box::pin(list(s)),
        )
        .reads(),
        must(
            [
                "group-members",
                "S-099 O-70",
                "A group is created with members, of whom only the id is given",
                "RFC 7643 §4.2",
                "Members are lost, and with them what they may do.",
            ],
            |s| Box::pin(with_members(s)),
        ),
        should(
            [
                "group-required",
                "S-082 S-097 S-330",
                "A group without `displayName` is refused with 400",
                "RFC 7643 §4.2, erratum 5368",
                "A group is stored that nobody can tell from others.",
            ],
            |s| Box::pin(required(s)),
        ),
        must(
            [
                "group-ref",
                "S-073 S-099",
                "A member's `$ref`, where there is one, leads to that member",
                "RFC 7643 §2.3.7, §4.2",
                "Clients that follow references find nothing.",
            ],
            |s| Box::pin(reference(s)),
        ),
        should(
            [
                "user-groups",
                "S-095",
                "A user's `groups` shows the groups that they are in",
                "RFC 7643 §4.1.2",
                "Clients that decide by it take people out of all their groups.",
            ],
            |s| Box::pin(user_groups(s)),
        ),
        must(
            [
                "group-add",
                "S-253 E-77 O-207",
                "`add` on `members` adds and keeps who was there",
                "RFC 7644 §3.5.2.1",
                "One new member takes the place of all the others.",
            ],
            |s| Box::pin(add(s)),
        ),
        should(
            [
                "group-add-same",
                "S-101 E-78 O-69",
                "Adding a member for the second time is a success and changes nothing",
                "RFC 7644 §3.5.2.1",
                "Entra adds again after every restart; its job ends in quarantine.",
            ],
            |s| Box::pin(add_same(s)),
        ),
        must(
            [
                "group-remove-filter",
                "S-261 E-81 O-67 O-206",
                "`remove` of `members[value eq …]` takes out that member and no other",
                "RFC 7644 §3.5.2.2",
                "Okta and Entra take people out this way: leavers keep rights, or all lose theirs.",
            ],
            |s| Box::pin(remove_filter(s)),
        ),
        client(
            [
                "group-remove-value",
                "S-264 E-80 O-207",
                "`Remove` of `members` with a value takes out that member and no other",
                "practice",
                "Entra's usual form: a server that goes by the letter empties the group.",
            ],
            |s| Box::pin(remove_value(s)),
        ),
        must(
            [
                "group-remove-all",
                "S-260 E-82",
                "`remove` of `members` without a value empties the group",
                "RFC 7644 §3.5.2.2",
                "Members stay who should not.",
            ],
            |s| Box::pin(remove_all(s)),
        ),
        client(
            [
                "group-remove-absent",
                "S-263 E-81 E-112",
                "Taking out somebody who is not a member is a success",
                "practice; RFC 7644 §3.5.2.2",
                "Entra repeats a request whose answer was lost; an error keeps it repeating.",
            ],
            |s| Box::pin(remove_absent(s)),
        ),
        must(
            [
                "group-replace",
                "S-270 O-71 O-72 E-84",
                "`replace` of `members` sets exactly these, also none",
                "RFC 7644 §3.5.2.3",
                "Okta's push sets the members so; those who left stay in.",
            ],
            |s| Box::pin(replace(s)),
        ),
        must(
            [
                "group-no-path",
                "S-268 O-73 E-89",
                "`replace` without a path sets a group's name and members",
                "RFC 7644 §3.5.2.3",
                "Okta's push fails.",
            ],
            |s| Box::pin(no_path(s)),
        ),
        must(
            [
                "group-rename",
                "S-268 E-88",
                "A new `displayName` keeps id and members",
                "RFC 7644 §3.5.2.3",
                "A group that is renamed loses everybody.",
            ],
            |s| Box::pin(rename(s)),
        ),
        client(
            [
                "group-rename-id",
                "O-62 O-64 O-202",
                "A renaming that repeats the group's `id` is a success",
                "practice",
                "Okta sends the id along; with an error the whole push stops.",
            ],
            |s| Box::pin(rename_with_id(s)),
        ),
        client(
            [
                "group-mixed",
                "E-85 O-68 O-208",
                "Several removals and an addition in one request all take effect",
                "RFC 7644 §3.5.2",
                "The wrong members are removed.",
            ],
            |s| Box::pin(mixed(s)),
        ),
        client(
            [
                "group-member-forms",
                "E-83",
                "A member is added as a list, as one object and with `Add`",
                "practice",
                "Clients write each of these.",
            ],
            |s| Box::pin(member_forms(s)),
        ),
        must(
            [
                "group-put",
                "S-216 S-221 O-74 O-79",
                "PUT sets a group's name and its members, also none",
                "RFC 7644 §3.5.1",
                "Okta's custom apps push groups in no other way.",
            ],
            |s| Box::pin(put(s)),
        ),
        client(
            [
                "group-find",
                "E-72 O-59 E-11",
                "A group is looked up by `displayName`, in any letter case, without its members",
                "RFC 7644 §3.4.2.2, §3.4.2.5",
                "Entra and Okta look groups up this way before they create them.",
            ],
            |s| Box::pin(find(s)),
        ),
        client(
            [
                "group-find-member",
                "E-90 S-178",
                "Whether somebody is a member is answered by a filter",
                "RFC 7644 §3.4.2.2",
                "Entra asks so before it adds; an error counts as `not a member`.",
            ],
            |s| Box::pin(find_member(s)),
        ),
        client(
            [
                "group-duplicate",
                "S-098 E-76 O-61",
                "A second group of the same name is refused with 409",
                "practice",
                "Entra's validation asks for it; Okta's look-up takes either of the two.",
            ],
            |s| Box::pin(duplicate(s)),
        ),
        must(
            [
                "group-excluded",
                "S-136 S-140 E-72 E-92",
                "`excludedAttributes=members` leaves the members out",
                "RFC 7644 §3.9",
                "Entra reads every group so; large groups time out.",
            ],
            |s| Box::pin(excluded(s)),
        ),
        must(
            [
                "group-delete",
                "S-288 E-93 O-75",
                "Deleting a group leaves its members",
                "RFC 7644 §3.6",
                "People are deleted with a group.",
            ],
            |s| Box::pin(delete(s)),
        ),
        client(
            [
                "group-member-deleted",
                "S-103 S-289 E-101",
                "Somebody deleted is a member no more",
                "practice",
                "Groups point to people who do not exist.",
            ],
            |s| Box::pin(member_deleted(s)),
        ),
        client(
            [
                "group-inactive",
                "E-98 E-106 S-088",
                "Deactivated people stay in their groups and can be added",
                "practice",
                "Entra does not send the membership again when they come back.",
            ],
            |s| Box::pin(inactive(s)),
        ),
        client(
            [
                "group-name",
                "E-74 O-87",
                "A group's name may hold quotes, slashes and every letter",
                "RFC 7643 §2.3.1",
                "Groups with such names are created again in every cycle.",
            ],
            |s| Box::pin(strange_name(s)),
        ),
        must(
            [
                "group-unknown",
                "S-134 S-217 S-235 S-288",
                "Requests for a group that does not exist are answered with 404",
                "RFC 7644 §3.12",
                "Changes to a deleted group seem to work.",
            ],
            |s| Box::pin(unknown(s)),
        ),
    ]
}

/// The ids of a group's members, in order of letters.
fn members(answer: &Answer) -> Vec<&str> {
    let all = answer.elements("/members").into_iter();
    let mut ids: Vec<&str> = all.filter_map(|member| member["value"].as_str()).collect();
    ids.sort_unstable();
    ids
}

fn has_members(answer: &Answer, wanted: &[&Made]) -> Verdict {
    let mut ids: Vec<&str> = wanted.iter().map(|made| made.id.as_str()).collect();
    ids.sort_unstable();
    let got = members(answer);
    let name = |count: usize| match count {
        0 => "no members".to_owned(),
        1 => "one member".to_owned(),
        many => format!("{many} members"),
    };
    let told = match got.len() == ids.len() {
        true => "others".to_owned(),
        false => name(got.len()),
    };
    answer.hold(got == ids, format!("exactly {} in the group", name(ids.len())), told)
}

/// Skips unless there are groups and PATCH.
fn patchable(s: &Session) -> Verdict {
    s.groups()?;
    s.need(Feature::Patch)
}

async fn people<const N: usize>(s: &Session) -> Result<[Made; N], Stop> {
    let mut made = Vec::new();
    for _ in 0..N {
        made.push(s.make_user().await?);
    }
    made.try_into().map_err(|_| Stop::Unclear("too few users".to_owned()))
}

/// A group whose members the server keeps.
async fn filled(s: &Session, wanted: &[&Made]) -> Result<Made, Stop> {
    let made = s.make_group(wanted).await?;
    let read = s.read(&made).await?;
    has_members(&read, wanted)
        .map_err(|stop| stop.in_the_way("a group cannot be created with members"))?;
    Ok(made)
}

fn refs(wanted: &[&Made]) -> Value {
    wanted.iter().map(|made| json!({"value": made.id})).collect()
}

async fn group(s: &Session) -> Verdict {
    let body = s.group();
    let groups = s.groups()?;
    let answer = s.post(groups, &body).await?;
    answer.status(&[201])?;
    let location = answer.header("location");
    answer.hold(!location.is_empty(), "the header `Location`", "none")?;
    let made = s.made(groups, answer)?;
    let read = s.read(&made).await?;
    read.is("/displayName", body["displayName"].clone())?.unassigned("/members")?;
    Ok(())
}

async fn list(s: &Session) -> Verdict {
    let groups = s.groups()?;
    s.get(groups).await?.list()?;
    s.get(format!("{groups}?startIndex=1&count=100")).await?.list()?;
    Ok(())
}

async fn with_members(s: &Session) -> Verdict {
    s.groups()?;
    let [a, b] = people(s).await?;
    let made = s.make_group(&[&a, &b]).await?;
    has_members(&s.read(&made).await?, &[&a, &b])
}

async fn required(s: &Session) -> Verdict {
    let mut body = s.group();
    if let Some(body) = body.as_object_mut() {
        body.remove("displayName");
    }
    s.post(s.groups()?, &body).await?.refused(&[400])?;
    Ok(())
}

async fn reference(s: &Session) -> Verdict {
    s.groups()?;
    let [a] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let read = s.read(&made).await?;
    let Some(place) = read.at("/members/0/$ref").as_str() else {
        return Err(Stop::Skip("the server gives members no `$ref`".to_owned()));
    };
    let right = place.ends_with(&a.path) || a.path.ends_with(place.trim_start_matches("../"));
    read.hold(right, format!("`$ref` to end in `{}`", a.path), format!("`{place}`"))
}

async fn user_groups(s: &Session) -> Verdict {
    s.groups()?;
    if s.target.attribute(USER, "groups").is_none() {
        return Err(Stop::Skip("the server's User schema has no `groups`".to_owned()));
    }
    let [a] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let read = s.read(&a).await?;
    let there = read.elements("/groups").iter().any(|group| group["value"] == made.id.as_str());
    read.hold(there, "the group in the user's `groups`", shown(read.at("/groups")))?;
    s.delete(&made.path).await?;
    s.read(&a).await?.unassigned("/groups")?;
    Ok(())
}

async fn add(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b, c] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let operations = json!([{"op": "add", "path": "members", "value": refs(&[&b, &c])}]);
    has_members(&s.patched(&made, operations).await?, &[&a, &b, &c])
}

async fn add_same(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a, &b]).await?;
    let operations = json!([{"op": "add", "path": "members", "value": refs(&[&a])}]);
    has_members(&s.patched(&made, operations).await?, &[&a, &b])
}

async fn remove_filter(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b, c] = people(s).await?;
    let made = filled(s, &[&a, &b, &c]).await?;
    let path = format!("members[value eq \"{}\"]", b.id);
    has_members(&s.patched(&made, json!([{"op": "remove", "path": path}])).await?, &[&a, &c])
}

async fn remove_value(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b, c] = people(s).await?;
    let made = filled(s, &[&a, &b, &c]).await?;
    let value = json!([{"$ref": null, "value": b.id}]);
    let operations = json!([{"op": "Remove", "path": "members", "value": value}]);
    has_members(&s.patched(&made, operations).await?, &[&a, &c])
}

async fn remove_all(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a, &b]).await?;
    has_members(&s.patched(&made, json!([{"op": "remove", "path": "members"}])).await?, &[])
}

async fn remove_absent(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let path = format!("members[value eq \"{}\"]", b.id);
    has_members(&s.patched(&made, json!([{"op": "remove", "path": path}])).await?, &[&a])
}

async fn replace(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b, c] = people(s).await?;
    let made = filled(s, &[&a, &b]).await?;
    let set =
        |wanted: &[&Made]| json!([{"op": "replace", "path": "members", "value": refs(wanted)}]);
    has_members(&s.patched(&made, set(&[&b, &c])).await?, &[&b, &c])?;
    has_members(&s.patched(&made, set(&[])).await?, &[])
}

async fn no_path(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let value = json!({"displayName": s.name(), "members": refs(&[&b])});
    let read = s.patched(&made, json!([{"op": "replace", "value": value}])).await?;
    read.is("/displayName", value["displayName"].clone())?;
    has_members(&read, &[&b])
}

async fn rename(s: &Session) -> Verdict {
    patchable(s)?;
    let [a] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let name = s.name();
    let operations = json!([{"op": "replace", "path": "displayName", "value": name}]);
    let read = s.patched(&made, operations).await?;
    read.is("/displayName", name)?.is("/id", made.id.clone())?;
    has_members(&read, &[&a])
}

async fn rename_with_id(s: &Session) -> Verdict {
    patchable(s)?;
    let made = s.make_group(&[]).await?;
    let name = s.name();
    for _ in 0..2 {
        let value = json!({"id": made.id, "displayName": name});
        let read = s.patched(&made, json!([{"op": "replace", "value": value}])).await?;
        read.is("/displayName", name.clone())?.is("/id", made.id.clone())?;
    }
    Ok(())
}

async fn mixed(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b, c, d] = people(s).await?;
    let made = filled(s, &[&a, &b, &c]).await?;
    let remove =
        |who: &Made| json!({"op": "remove", "path": format!("members[value eq \"{}\"]", who.id)});
    let add = json!({"op": "add", "path": "members", "value": refs(&[&d])});
    let read = s.patched(&made, json!([remove(&a), remove(&b), add])).await?;
    has_members(&read, &[&c, &d])
}

async fn member_forms(s: &Session) -> Verdict {
    patchable(s)?;
    let [a, b] = people(s).await?;
    let made = s.make_group(&[]).await?;
    let list = json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": a.id}]}]);
    has_members(&s.patched(&made, list).await?, &[&a])?;
    let one = json!([{"op": "Add", "path": "members", "value": {"value": b.id}}]);
    has_members(&s.patched(&made, one).await?, &[&a, &b])
}

async fn put(s: &Session) -> Verdict {
    s.groups()?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let mut body = s.group();
    body["members"] = refs(&[&b]);
    s.put(&made.path, &body).await?.status(&[200])?;
    let read = s.read(&made).await?;
    read.is("/displayName", body["displayName"].clone())?;
    has_members(&read, &[&b])?;
    body["members"] = json!([]);
    s.put(&made.path, &body).await?.status(&[200])?;
    has_members(&s.read(&made).await?, &[])
}

/// That a filter over groups finds exactly this one.
async fn finds(
    s: &Session,
    more: &[(&str, &str)],
    filter: &str,
    wanted: &[&Made],
) -> Result<Answer, Stop> {
    let mut parameters = more.to_vec();
    parameters.push(("filter", filter));
    let answer = s.get(s.query(s.groups()?, &parameters)).await?;
    s.found(&answer, filter, wanted)?;
    Ok(answer)
}

async fn find(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let body = s.group();
    let made = s.make(s.groups()?, &body).await?;
    let name = body["displayName"].as_str().unwrap_or_default();
    let without = [("excludedAttributes", "members")];
    for name in [name.to_owned(), name.to_uppercase()] {
        let filter = format!("displayName eq \"{name}\"");
        let answer = finds(s, &without, &filter, &[&made]).await?;
        answer.is("/Resources/0/displayName", body["displayName"].clone())?;
        answer.unassigned("/Resources/0/members")?;
    }
    Ok(())
}

async fn find_member(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    s.groups()?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let only_id = [("attributes", "id")];
    for (who, wanted) in [(&a, vec![&made]), (&b, Vec::new())] {
        for filter in [
            format!("id eq \"{}\" and members eq \"{}\"", made.id, who.id),
            format!("members.value eq \"{}\" and id eq \"{}\"", who.id, made.id),
            format!("members[value eq \"{}\"] and id eq \"{}\"", who.id, made.id),
        ] {
            finds(s, &only_id, &filter, &wanted).await?;
        }
    }
    Ok(())
}

async fn duplicate(s: &Session) -> Verdict {
    let body = s.group();
    s.make(s.groups()?, &body).await?;
    s.post(s.groups()?, &body).await?.status(&[409])?;
    Ok(())
}

async fn excluded(s: &Session) -> Verdict {
    s.groups()?;
    let [a] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let answer = s.get(format!("{}?excludedAttributes=members", made.path)).await?;
    answer.fine()?;
    answer.unassigned("/members")?.present("/displayName")?;
    Ok(())
}

async fn delete(s: &Session) -> Verdict {
    s.groups()?;
    let [a] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    s.delete(&made.path).await?.status(&[204])?;
    s.get(&made.path).await?.status(&[404])?;
    s.read(&a).await?.is("/id", a.id.clone())?;
    Ok(())
}

async fn member_deleted(s: &Session) -> Verdict {
    s.groups()?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a, &b]).await?;
    s.delete(&a.path).await?.status(&[204])?;
    has_members(&s.read(&made).await?, &[&b])
}

async fn inactive(s: &Session) -> Verdict {
    patchable(s)?;
    s.knows("active")?;
    let [a, b] = people(s).await?;
    let made = filled(s, &[&a]).await?;
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    s.patched(&a, off.clone()).await?.is("/active", false)?;
    has_members(&s.read(&made).await?, &[&a])?;
    s.patched(&b, off).await?.is("/active", false)?;
    let operations = json!([{"op": "add", "path": "members", "value": refs(&[&b])}]);
    has_members(&s.patched(&made, operations).await?, &[&a, &b])
}

async fn strange_name(s: &Session) -> Verdict {
    s.need(Feature::Filter)?;
    let mut body = s.group();
    let name = format!("{} Bjørn's \"R&D\" / #1 🚢", s.name());
    body["displayName"] = json!(name);
    let made = s.make(s.groups()?, &body).await?;
    s.read(&made).await?.is("/displayName", name.clone())?;
    finds(s, &[], &format!("displayName eq {}", json!(name)), &[&made]).await?;
    Ok(())
}

async fn unknown(s: &Session) -> Verdict {
    let path = format!("{}/{}", s.groups()?, s.name());
    s.get(&path).await?.status(&[404])?;
    s.put(&path, &s.group()).await?.status(&[404])?;
    if s.target.has(Feature::Patch) {
        let operations = json!([{"op": "replace", "path": "displayName", "value": "x"}]);
        s.patch(&path, operations).await?.status(&[404])?;
    }
    s.delete(&path).await?.status(&[404])?;
    Ok(())
}
