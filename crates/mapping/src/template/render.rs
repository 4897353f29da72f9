//! What a template makes of a value. Filters answer as the Liquid of Rust does, except that lengths
//! are counted in characters.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Inputs, MAX_LIST, MAX_TEXT, Operand, Piece, RenderProblem as Problem, Template, filter::Call,
};
use crate::path::Found;

/// How much templates may still do for one user.
#[derive(Debug)]
pub struct Work {
    bytes_left: usize,
}

/// Enough for ten thousand groups, and over within tens of milliseconds.
const MAX_WORK: usize = 8 * 1024 * 1024;

impl Default for Work {
    fn default() -> Self {
        Self { bytes_left: MAX_WORK }
    }
}

impl Work {
    /// Takes `bytes` away, and a little for having been asked.
    fn spend(&mut self, bytes: usize) -> Result<(), Problem> {
        self.bytes_left = self.bytes_left.checked_sub(bytes + 16).ok_or(Problem::Work)?;
        Ok(())
    }
}

/// What stands between two filters. Texts are at most [`MAX_TEXT`] bytes, lists at most
/// [`MAX_LIST`] elements with [`MAX_TEXT`] bytes each.
#[derive(Clone, Debug)]
enum Item<'v> {
    Nothing,
    /// Its text is `false`, but for `default` it is nothing.
    False,
    Text(Cow<'v, str>),
    List(Vec<Cow<'v, str>>),
}

impl Template {
    /// The text for a value: at most [`MAX_TEXT`] bytes.
    pub fn render(&self, inputs: &Inputs<'_>, work: &mut Work) -> Result<String, Problem> {
        let mut rendered = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => push(&mut rendered, text)?,
                Piece::Expression { of, calls } => {
                    let mut item = of.item(inputs, work)?;
                    for call in calls {
                        item = call.apply(item, inputs, work)?;
                    }
                    push(&mut rendered, &item.into_text()?)?;
                }
            }
        }
        work.spend(rendered.len())?;
        Ok(rendered)
    }
}

fn push(text: &mut String, more: &str) -> Result<(), Problem> {
    if text.len() + more.len() > MAX_TEXT {
        return Err(Problem::TooLong);
    }
    text.push_str(more);
    Ok(())
}

impl Operand {
    fn item<'v>(&'v self, inputs: &Inputs<'v>, work: &mut Work) -> Result<Item<'v>, Problem> {
        let item = match self {
            Self::Text(text) => Item::Text(Cow::Borrowed(text)),
            Self::Value => Item::of(inputs.value)?,
            Self::User(path) => {
                let found = Self::texts(path, inputs)?;
                if path.gives_list(inputs.user) && !found.is_empty() {
                    let mut list = Vec::with_capacity(found.len());
                    for found in found {
                        list.push(Item::of(found)?.into_text()?);
                    }
                    Item::List(list)
                } else {
                    found.first().map_or(Ok(Item::Nothing), |found| Item::of(*found))?
                }
            }
        };
        work.spend(item.size())?;
        Ok(item)
    }

    fn text<'v>(&'v self, inputs: &Inputs<'v>, work: &mut Work) -> Result<Cow<'v, str>, Problem> {
        self.item(inputs, work)?.into_text()
    }
}

impl<'v> Item<'v> {
    fn of(found: Found<'v>) -> Result<Self, Problem> {
        Ok(match found {
            Found::Text(text) => Self::of_text(text)?,
            Found::Value(Value::String(text)) => Self::of_text(text)?,
            Found::Value(Value::Number(number)) => Self::Text(number.to_string().into()),
            Found::Value(Value::Bool(true)) => Self::Text("true".into()),
            Found::Value(Value::Bool(false)) => Self::False,
            Found::Value(Value::Null) => Self::Nothing,
            Found::Value(Value::Array(_) | Value::Object(_)) => return Err(Problem::Complex),
        })
    }

    fn of_text(text: &'v str) -> Result<Self, Problem> {
        if text.len() > MAX_TEXT { Err(Problem::TooLong) } else { Ok(Self::Text(text.into())) }
    }

    /// A list is its elements without anything between them.
    fn into_text(self) -> Result<Cow<'v, str>, Problem> {
        Ok(match self {
            Self::Nothing => "".into(),
            Self::False => "false".into(),
            Self::Text(text) => text,
            Self::List(list) => join(&list, "")?.into(),
        })
    }

    fn size(&self) -> usize {
        match self {
            Self::Nothing | Self::False => 0,
            Self::Text(text) => text.len(),
            Self::List(list) => list.iter().map(|text| text.len() + 16).sum(),
        }
    }
}

fn join(list: &[Cow<'_, str>], separator: &str) -> Result<String, Problem> {
    let mut joined = String::new();
    for (at, text) in list.iter().enumerate() {
        if at > 0 {
            push(&mut joined, separator)?;
        }
        push(&mut joined, text)?;
    }
    Ok(joined)
}

impl Call {
    fn apply<'v>(
        &'v self,
        item: Item<'v>,
        inputs: &Inputs<'v>,
        work: &mut Work,
    ) -> Result<Item<'v>, Problem> {
        work.spend(item.size())?;
        if let Self::Default(otherwise) = self {
            let is_nothing = match &item {
                Item::Nothing | Item::False => true,
                Item::Text(text) => text.is_empty(),
                Item::List(list) => list.is_empty(),
            };
            return if is_nothing { otherwise.item(inputs, work) } else { Ok(item) };
        }
        let mut argument = |operand: &'v Operand| operand.text(inputs, work);
        let text = match (self, item) {
            (Self::First, Item::List(list)) => {
                return Ok(list.into_iter().next().map_or(Item::Nothing, Item::Text));
            }
            (Self::Last, Item::List(mut list)) => {
                return Ok(list.pop().map_or(Item::Nothing, Item::Text));
            }
            (Self::First | Self::Last, Item::Nothing) => return Ok(Item::Nothing),
            // What is short enough stays what it is, for `default`.
            (Self::Truncate { length: 5.., .. }, Item::False)
            | (Self::TruncateWords { length: 1.., .. }, Item::False) => return Ok(Item::False),
            (Self::Join(separator), Item::List(list)) => join(&list, &argument(separator)?)?,
            (Self::Slice { offset, length }, Item::List(list)) => {
                let from = place(*offset, list.len());
                return Ok(Item::List(list.into_iter().skip(from).take(*length).collect()));
            }
            (call, item) => return call.apply_to_text(item.into_text()?, argument),
        };
        Ok(Item::Text(text.into()))
    }

    fn apply_to_text<'v>(
        &'v self,
        text: Cow<'v, str>,
        mut argument: impl FnMut(&'v Operand) -> Result<Cow<'v, str>, Problem>,
    ) -> Result<Item<'v>, Problem> {
        let made = match self {
            Self::Append(more) => text.into_owned() + &argument(more)?,
            Self::Prepend(more) => argument(more)?.into_owned() + &text,
            Self::Capitalize => {
                let mut characters = text.chars();
                let first = characters.next().map(char::to_uppercase);
                first.into_iter().flatten().chain(characters).collect()
            }
            Self::Downcase => text.to_lowercase(),
            Self::Upcase => text.to_uppercase(),
            Self::First => text.chars().next().map(String::from).unwrap_or_default(),
            Self::Last => text.chars().next_back().map(String::from).unwrap_or_default(),
            Self::Strip => text.trim().to_owned(),
            Self::Lstrip => text.trim_start().to_owned(),
            Self::Rstrip => text.trim_end().to_owned(),
            Self::StripNewlines => text.replace(['\n', '\r'], ""),
            Self::Remove(search) => text.replace(&*argument(search)?, ""),
            Self::RemoveFirst(search) => text.replacen(&*argument(search)?, "", 1),
            Self::Replace(search, with) => replace(&text, &argument(search)?, &argument(with)?)?,
            Self::ReplaceFirst(search, with) => {
                text.replacen(&*argument(search)?, &argument(with)?, 1)
            }
            Self::Slice { offset, length } => {
                let from = place(*offset, text.chars().count());
                text.chars().skip(from).take(*length).collect()
            }
            Self::Split(separator) => return split(&text, &argument(separator)?),
            Self::Truncate { length, ellipsis } => {
                if text.chars().count() <= *length {
                    return Ok(Item::Text(text));
                }
                let ellipsis = argument(ellipsis)?;
                let kept = length.saturating_sub(ellipsis.chars().count());
                text.chars().take(kept).chain(ellipsis.chars()).collect()
            }
            Self::TruncateWords { length, ellipsis } => {
                let end = match length.checked_sub(1) {
                    None => Some(0),
                    Some(last) => text.match_indices(' ').nth(last).map(|(at, _)| at),
                };
                let Some(end) = end else { return Ok(Item::Text(text)) };
                text[..end].to_owned() + &argument(ellipsis)?
            }
            // Of a value that is no list: it is its only element.
            Self::Default(_) | Self::Join(_) => return Ok(Item::Text(text)),
        };
        if made.len() > MAX_TEXT {
            return Err(Problem::TooLong);
        }
        Ok(Item::Text(made.into()))
    }
}

/// An empty pattern stands between all characters, so that the text can become long.
fn replace(text: &str, search: &str, with: &str) -> Result<String, Problem> {
    let mut replaced = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices(search) {
        push(&mut replaced, &text[done..at])?;
        push(&mut replaced, with)?;
        done = at + search.len();
    }
    push(&mut replaced, &text[done..])?;
    Ok(replaced)
}

fn split<'v>(text: &str, separator: &str) -> Result<Item<'v>, Problem> {
    if text.is_empty() {
        return Ok(Item::List(Vec::new()));
    }
    let mut list = Vec::new();
    for part in text.split(separator) {
        if list.len() == MAX_LIST {
            return Err(Problem::ListTooLong);
        }
        list.push(Cow::Owned(part.to_owned()));
    }
    Ok(Item::List(list))
}

/// Where a slice begins in something of this length: from the end if `offset` is negative, and at
/// the end if there is no such place.
fn place(offset: i64, length: usize) -> usize {
    let offset_from = offset.unsigned_abs() as usize;
    match offset {
        0.. => offset_from,
        _ => length.checked_sub(offset_from).unwrap_or(length),
    }
}
