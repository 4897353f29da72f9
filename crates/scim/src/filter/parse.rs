//! Text to tree: recursive descent over bytes. Linear, and bounded in length, depth and terms
//! (S-161); nothing is read twice but single words ahead.

use super::{CompareOperator, CompareValue, Filter, FilterError, FilterProblem as Problem};
use crate::{
    Notes,
    path::{AttributePath, check_name},
    reading::Reading,
};

/// The longest filter read, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;
/// The deepest nesting of parentheses and brackets.
pub const MAX_DEPTH: usize = 32;
/// The most comparisons in one filter.
pub const MAX_TERMS: usize = 200;

/// Reads a filter (RFC 7644 §3.4.2.2).
///
/// Unless strict, these are read too, each with a note: string values without quotes (E-13) or in
/// single quotes (E-49), `True` and `FALSE` (E-48), missing and superfluous blanks (S-152), and a
/// dot after the URN of an attribute (S-239). Both readings take `not(`, which is the grammar's
/// own spelling beside the `not (` of the standard's examples, and `path[filter].sub op value`,
/// which means `path[filter and sub op value]` (S-157, E-15).
pub fn parse(text: &str, reading: Reading, notes: &mut Notes) -> Result<Filter, FilterError> {
    let mut parser = Parser::new(text, reading, notes)?;
    parser.no_blank()?;
    let filter = parser.disjunction()?;
    parser.no_blank()?;
    parser.end()?;
    Ok(filter)
}

/// The place in a text.
pub(crate) struct Parser<'t, 'n> {
    text: &'t str,
    at: usize,
    depth: usize,
    terms: usize,
    in_brackets: bool,
    reading: Reading,
    notes: &'n mut Notes,
}

impl<'t, 'n> Parser<'t, 'n> {
    pub(crate) fn new(
        text: &'t str,
        reading: Reading,
        notes: &'n mut Notes,
    ) -> Result<Self, FilterError> {
        if text.len() > MAX_LENGTH {
            return Err(FilterError::at(Problem::TooLong, 0..text.len()));
        }
        Ok(Self { text, at: 0, depth: 0, terms: 0, in_brackets: false, reading, notes })
    }

    pub(crate) fn end(&self) -> Result<(), FilterError> {
        if self.at == self.text.len() { Ok(()) } else { Err(self.here(Problem::EndExpected)) }
    }

    /// `and` binds tighter than `or` (S-149).
    fn disjunction(&mut self) -> Result<Filter, FilterError> {
        let first = self.conjunction()?;
        let mut parts = Vec::new();
        while self.joined_by("or")? {
            parts.push(self.conjunction()?);
        }
        Ok(if parts.is_empty() { first } else { Filter::Or(prepend(first, parts)) })
    }

    fn conjunction(&mut self) -> Result<Filter, FilterError> {
        let first = self.term()?;
        let mut parts = Vec::new();
        while self.joined_by("and")? {
            parts.push(self.term()?);
        }
        Ok(if parts.is_empty() { first } else { Filter::And(prepend(first, parts)) })
    }

    fn term(&mut self) -> Result<Filter, FilterError> {
        if self.peek() == Some(b'(') {
            return self.enclosed(b'(', ')');
        }
        if self.word_at(self.at, "not") {
            let start = self.at;
            self.at += "not".len();
            let blanks = self.blanks();
            if self.peek() != Some(b'(') {
                return Err(FilterError::at(Problem::NotWithoutParentheses, start..self.at));
            }
            if blanks > 1 {
                self.odd_blanks()?;
            }
            return Ok(Filter::Not(Box::new(self.enclosed(b'(', ')')?)));
        }
        self.attribute_expression()
    }

    fn attribute_expression(&mut self) -> Result<Filter, FilterError> {
        let path = self.path()?;
        let before = self.at;
        let blanks = self.blanks();
        if self.peek() != Some(b'[') {
            self.at = before;
            return self.comparison(path);
        }
        if blanks > 0 {
            self.odd_blanks()?;
        }
        let filter = self.value_filter(&path)?;
        if self.peek() != Some(b'.') {
            return Ok(Filter::ValuePath { path, filter: Box::new(filter) });
        }
        let sub_attribute = self.sub_attribute()?;
        let sub_path = AttributePath { schema: None, name: sub_attribute, sub_attribute: None };
        let last = self.comparison(sub_path)?;
        let filter = match filter {
            Filter::And(mut parts) => {
                parts.push(last);
                Filter::And(parts)
            }
            filter => Filter::And(vec![filter, last]),
        };
        Ok(Filter::ValuePath { path, filter: Box::new(filter) })
    }

    /// What follows a path: `pr`, or an operator and a value.
    pub(crate) fn comparison(&mut self, path: AttributePath) -> Result<Filter, FilterError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(self.here(Problem::TooManyTerms));
        }
        let blanks = self.blanks();
        if matches!(self.peek(), None | Some(b')' | b']')) {
            return Err(self.here(Problem::OperatorExpected));
        }
        if blanks != 1 {
            self.odd_blanks()?;
        }
        let start = self.at;
        let word = self.run(|b| b.is_ascii_alphabetic());
        let operator = match word.as_bytes() {
            [a, b] => match [a.to_ascii_lowercase(), b.to_ascii_lowercase()].as_slice() {
                b"pr" => return Ok(Filter::Present(path)),
                b"eq" => CompareOperator::Eq,
                b"ne" => CompareOperator::Ne,
                b"co" => CompareOperator::Co,
                b"sw" => CompareOperator::Sw,
                b"ew" => CompareOperator::Ew,
                b"gt" => CompareOperator::Gt,
                b"ge" => CompareOperator::Ge,
                b"lt" => CompareOperator::Lt,
                b"le" => CompareOperator::Le,
                _ => return Err(self.unknown_operator(start)),
            },
            _ => return Err(self.unknown_operator(start)),
        };
        let blanks = self.blanks();
        match self.peek() {
            None | Some(b')' | b']') => return Err(self.here(Problem::ValueExpected)),
            // `userNameeq` cannot be told apart; `eq"x"` can.
            Some(quote) if blanks == 0 && quote != b'"' && quote != b'\'' => {
                return Err(self.unknown_operator(start));
            }
            Some(_) if blanks != 1 => self.odd_blanks()?,
            Some(_) => {}
        }
        let value = self.value()?;
        Ok(Filter::Compare { path, operator, value })
    }

    /// `[filter]` after `path`.
    pub(crate) fn value_filter(&mut self, path: &AttributePath) -> Result<Filter, FilterError> {
        if self.in_brackets {
            return Err(self.here(Problem::NestedBrackets));
        }
        if path.sub_attribute.is_some() {
            return Err(self.here(Problem::BracketAfterSubAttribute));
        }
        self.in_brackets = true;
        let filter = self.enclosed(b'[', ']')?;
        self.in_brackets = false;
        Ok(filter)
    }

    /// `.sub` after a value filter.
    pub(crate) fn sub_attribute(&mut self) -> Result<String, FilterError> {
        self.at += 1;
        let start = self.at;
        let name = self.run(|b| b.is_ascii_alphanumeric() || b"-_$".contains(&b));
        check_name(name).map_err(|error| FilterError::at(error, start..self.at))?;
        Ok(name.into())
    }

    pub(crate) fn path(&mut self) -> Result<AttributePath, FilterError> {
        let start = self.at;
        let text = self.run(|b| !b" \t()[]\"'".contains(&b) && !b.is_ascii_control());
        if text.is_empty() {
            return Err(self.here(Problem::AttributeExpected));
        }
        AttributePath::read(text, self.reading, self.notes)
            .map_err(|error| FilterError::at(error, start..self.at))
    }

    fn enclosed(&mut self, open: u8, close: char) -> Result<Filter, FilterError> {
        debug_assert_eq!(self.peek(), Some(open));
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.here(Problem::TooDeep));
        }
        self.at += 1;
        self.no_blank()?;
        let filter = self.disjunction()?;
        self.no_blank()?;
        if self.peek() != Some(close as u8) {
            return Err(self.here(Problem::Expected(close)));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(filter)
    }

    /// Passes over `word` and the blanks around it, if it comes next.
    fn joined_by(&mut self, word: &str) -> Result<bool, FilterError> {
        let start = self.at;
        let before = self.blanks();
        if !self.word_at(self.at, word) {
            self.at = start;
            return Ok(false);
        }
        self.at += word.len();
        if self.blanks() != 1 || before != 1 {
            self.odd_blanks()?;
        }
        Ok(true)
    }

    fn value(&mut self) -> Result<CompareValue, FilterError> {
        match self.peek() {
            Some(b'"') => self.json_string().map(CompareValue::String),
            Some(b'\'') if self.reading == Reading::Tolerant => {
                self.single_quoted().map(CompareValue::String)
            }
            _ => self.bare_value(),
        }
    }

    fn json_string(&mut self) -> Result<String, FilterError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        let mut escaped = false;
        loop {
            match bytes.get(at) {
                None => {
                    return Err(FilterError::at(Problem::UnterminatedString, start..bytes.len()));
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                }
                Some(0..0x20) => return Err(FilterError::at(Problem::BadString, at..at + 1)),
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        if !escaped {
            return Ok(self.text[start + 1..at].into());
        }
        let text: String = serde_json::from_str(&self.text[start..=at])
            .map_err(|_| FilterError::at(Problem::BadString, start..at + 1))?;
        // No resource can hold U+0000 (S-065), and not every store can look for it.
        if text.contains('\0') {
            return Err(FilterError::at(Problem::BadString, start..at + 1));
        }
        Ok(text)
    }

    /// `'work'` (E-49); a backslash takes the meaning from a quote or a backslash after it.
    fn single_quoted(&mut self) -> Result<String, FilterError> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.text[start + 1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    self.at = start + 1 + at + 1;
                    self.notes.add("a value in single quotes read as a string");
                    return Ok(text);
                }
                '\\' => match chars.next_if(|(_, next)| matches!(next, '\'' | '"' | '\\')) {
                    Some((_, next)) => text.push(next),
                    None => text.push(c),
                },
                '\0' => break,
                _ => text.push(c),
            }
        }
        Err(FilterError::at(Problem::UnterminatedString, start..self.text.len()))
    }

    /// A literal, or a string whose quotes are missing (E-13).
    fn bare_value(&mut self) -> Result<CompareValue, FilterError> {
        let start = self.at;
        let text = self.run(|b| !b" \t()[]\"".contains(&b) && !b.is_ascii_control());
        let number = || serde_json::from_str::<serde_json::Number>(text).ok();
        match text {
            "" => return Err(self.here(Problem::ValueExpected)),
            "true" => return Ok(CompareValue::Boolean(true)),
            "false" => return Ok(CompareValue::Boolean(false)),
            "null" => return Ok(CompareValue::Null),
            _ => {}
        }
        if self.reading == Reading::Strict {
            let unquoted = || FilterError::at(Problem::Unquoted, start..self.at);
            return number().map(CompareValue::Number).ok_or_else(unquoted);
        }
        for (word, value) in [("true", true), ("false", false)] {
            if text.eq_ignore_ascii_case(word) {
                self.notes.add(format!("`{text}` read as a boolean"));
                return Ok(CompareValue::Boolean(value));
            }
        }
        // A number that would not print as it stands, like `007` or `1e3`, may be an identifier;
        // against a numeric attribute the string is read as a number again.
        if let Some(number) = number()
            && number.to_string() == text
        {
            return Ok(CompareValue::Number(number));
        }
        self.notes.add("a value without quotes read as a string");
        Ok(CompareValue::String(text.into()))
    }

    fn unknown_operator(&mut self, start: usize) -> FilterError {
        self.at = start;
        let word = self.run(|b| b != b' ' && b != b'\t' && b != b'(' && b != b'"');
        if matches!(word.bytes().next(), None | Some(b')' | b']')) {
            return FilterError::at(Problem::OperatorExpected, start..start);
        }
        let word = word.chars().take(32).collect();
        FilterError::at(Problem::UnknownOperator(word), start..self.at)
    }

    fn here(&self, problem: Problem) -> FilterError {
        let width = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        FilterError::at(problem, self.at..self.at + width)
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over the bytes that belong to a run. `belongs` holds for every byte past ASCII or for
    /// none, so that the end is a character boundary.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| !belongs(b)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Whether `word` stands at `at`, in any letter case, and ends there.
    fn word_at(&self, at: usize, word: &str) -> bool {
        let rest = &self.text.as_bytes()[at..];
        rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            && matches!(rest.get(word.len()), None | Some(b' ' | b'\t' | b'('))
    }

    /// Passes over blanks; a tab counts for two, since the grammar has none.
    fn blanks(&mut self) -> usize {
        self.run(|b| b == b' ' || b == b'\t').bytes().map(|b| 1 + usize::from(b == b'\t')).sum()
    }

    pub(crate) fn no_blank(&mut self) -> Result<(), FilterError> {
        if self.blanks() > 0 { self.odd_blanks() } else { Ok(()) }
    }

    fn odd_blanks(&mut self) -> Result<(), FilterError> {
        if self.reading == Reading::Strict {
            return Err(self.here(Problem::Blanks));
        }
        self.notes.add("missing or superfluous blanks in a filter passed over");
        Ok(())
    }
}

fn prepend(first: Filter, mut rest: Vec<Filter>) -> Vec<Filter> {
    rest.insert(0, first);
    rest
}

#[cfg(test)]
mod tests;
