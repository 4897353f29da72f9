//! Mutations of JSON as JSON: a reader behind the JSON parser would otherwise see little but broken
//! texts.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};

/// Half the time, and always where the input is no JSON object, libFuzzer's own mutation.
pub fn mutate(bytes: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    if dice.roll(2) == 0 {
        return fuzzer_mutate(bytes, size, max_size);
    }
    let Ok(mut value @ Value::Object(_)) = serde_json::from_slice::<Value>(&bytes[..size]) else {
        return fuzzer_mutate(bytes, size, max_size);
    };
    for _ in 0..=dice.roll(3) {
        let whole = value.clone();
        let nodes = count(&value);
        let chosen = dice.roll(nodes);
        change(at(&mut value, &mut { chosen }).expect("counted"), &whole, &mut dice);
    }
    let text = value.to_string();
    if text.len() > max_size.min(bytes.len()) {
        return fuzzer_mutate(bytes, size, max_size);
    }
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

const NAMES: [&str; 44] = [
    "method",
    "bulkId",
    "data",
    "version",
    "POST",
    "bulkId:mira",
    "value",
    "type",
    "primary",
    "display",
    "displayName",
    "userName",
    "active",
    "title",
    "emails",
    "roles",
    "name",
    "familyName",
    "manager",
    "members",
    "schemas",
    "externalId",
    "op",
    "path",
    "Operations",
    "$ref",
    "department",
    "emails[type eq \"work\"].value",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    "urn:example:schemas:extension:lab:2.0:User",
    "urn:example:schemas:extension:lab:2.0:User:keys",
    "urn:example:hr:2.0:User",
    "urn:example:hr:2.0:User:Teams",
    "mapping",
    "groups[*].displayName",
    "emails[0].value",
    "urn:example:hr:2.0:User.Teams[value eq \"a\"].type",
    "email_address",
    "organization_role",
    "public_metadata.a",
    "{{ value | downcase | replace: 'a', \"b\" }}.username",
    "{{ user.name.givenName | slice: 0 }} {{ value }}.display_name",
    "{{ user[\"groups[*].value\"] | join: ',' | split: value | last }}.active",
];

fn vocabulary(dice: &mut Dice) -> Value {
    match dice.roll(16) {
        0 => Value::Null,
        1 => true.into(),
        2 => false.into(),
        3 => "".into(),
        4 => json!([]),
        5 => json!({}),
        6 => "True".into(),
        7 => 7.into(),
        8 => json!(0.1),
        9 => i64::MIN.into(),
        10 => u64::MAX.into(),
        11 => json!({"value": "a", "type": "work", "primary": true}),
        12 => ["add", "remove", "replace", "Add", "Replace"][dice.roll(5)].into(),
        13 => {
            ["work", "ÉVA", "Straße", " ", "2026-03-01T08:00:00Z", "\u{202e}"][dice.roll(6)].into()
        }
        _ => NAMES[dice.roll(NAMES.len())].into(),
    }
}

/// Changes one node, with parts of the whole or words that the readers know.
fn change(node: &mut Value, whole: &Value, dice: &mut Dice) {
    let other = |dice: &mut Dice| {
        let mut chosen = dice.roll(count(whole));
        at(&mut whole.clone(), &mut chosen).map_or(Value::Null, |node| node.take())
    };
    match (dice.roll(8), &mut *node) {
        (0, _) => *node = vocabulary(dice),
        (1, _) => *node = other(dice),
        (2, _) => *node = Value::Array(vec![node.take()]),
        (3, _) => *node = json!({"value": node.take()}),
        (_, Value::Array(items)) => match dice.roll(4) {
            0 if !items.is_empty() => {
                items.remove(dice.roll(items.len()));
            }
            1 if !items.is_empty() => {
                let again = items[dice.roll(items.len())].clone();
                items.push(again);
            }
            2 if !items.is_empty() => {
                let (a, b) = (dice.roll(items.len()), dice.roll(items.len()));
                items.swap(a, b);
            }
            _ => items.push(other(dice)),
        },
        (_, Value::Object(object)) => match dice.roll(3) {
            0 if !object.is_empty() => {
                let name = object.keys().nth(dice.roll(object.len())).cloned();
                object.remove(&name.unwrap_or_default());
            }
            1 if !object.is_empty() => {
                let chosen = dice.roll(object.len());
                let name = NAMES[dice.roll(NAMES.len())];
                *object = std::mem::take(object)
                    .into_iter()
                    .enumerate()
                    .map(|(at, (key, value))| (if at == chosen { name.into() } else { key }, value))
                    .collect::<Map<_, _>>();
            }
            _ => {
                let name = NAMES[dice.roll(NAMES.len())];
                let value = if dice.roll(2) == 0 { other(dice) } else { vocabulary(dice) };
                object.insert(name.into(), value);
            }
        },
        (_, Value::String(text)) => match dice.roll(3) {
            0 => *text = text.to_uppercase(),
            1 => text.push_str(["a", "é", "[value eq \"a\"]", ".value", "x"][dice.roll(5)]),
            _ => *node = vocabulary(dice),
        },
        _ => *node = vocabulary(dice),
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(object) => 1 + object.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// The node that stands at `place`, counted from the root.
fn at<'v>(value: &'v mut Value, place: &mut usize) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| at(item, place)),
        Value::Object(object) => object.values_mut().find_map(|value| at(value, place)),
        _ => None,
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}
