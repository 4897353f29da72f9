//! Text to template. Linear, and bounded in length and filters.

use std::ops::Range;

use scim::{schema::ResourceType, text};

use super::{
    MAX_FILTERS, MAX_LENGTH, Operand, Piece, Template, TemplateError, TemplateProblem as Problem,
    filter::{self, Argument, FILTERS, Kind},
};
use crate::path::{PathProblem, SourcePath};

pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    filters: usize,
    user: &'t ResourceType,
}

impl<'t> Parser<'t> {
    pub fn new(text: &'t str, user: &'t ResourceType) -> Result<Self, TemplateError> {
        if text.len() > MAX_LENGTH {
            return Err(error(Problem::TooLong, 0..text.len()));
        }
        Ok(Self { text, at: 0, filters: 0, user })
    }

    /// The template, and where the text behind the last `}}` begins: the last piece is that text,
    /// if there is any.
    pub fn template(mut self) -> Result<(Template, usize), TemplateError> {
        let mut pieces = Vec::new();
        loop {
            let start = self.at;
            let rest = &self.text[start..];
            let end = rest.find("{{").unwrap_or(rest.len());
            for (mark, problem) in [("{%", Problem::Tag), ("}}", Problem::Unopened)] {
                if let Some(found) = rest[..end].find(mark) {
                    return Err(error(problem, start + found..start + found + mark.len()));
                }
            }
            if end > 0 {
                pieces.push(Piece::Text(rest[..end].into()));
            }
            self.at += end;
            if end == rest.len() {
                return Ok((Template { pieces }, start));
            }
            pieces.push(self.expression()?);
        }
    }

    fn expression(&mut self) -> Result<Piece, TemplateError> {
        let open = self.at;
        self.at += "{{".len();
        if self.peek() == Some(b'-') {
            return Err(error(Problem::WhitespaceControl, open..self.at + 1));
        }
        let of = self.operand(open)?;
        let mut kind = if of.may_be_list() { Kind::Any } else { Kind::Text };
        let mut calls = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None => return Err(error(Problem::Unclosed, open..open + 2)),
                Some(b'-') if self.text[self.at..].starts_with("-}}") => {
                    return Err(error(Problem::WhitespaceControl, self.at..self.at + 3));
                }
                Some(b'}') if self.text[self.at..].starts_with("}}") => {
                    self.at += "}}".len();
                    return Ok(Piece::Expression { of, calls });
                }
                Some(b'|') => self.at += 1,
                Some(_) => return Err(error(Problem::EndExpected, self.here())),
            }
            self.filters += 1;
            if self.filters > MAX_FILTERS {
                return Err(error(Problem::TooManyFilters, self.at - 1..self.at));
            }
            calls.push(self.filter(open, &mut kind)?);
        }
    }

    fn filter(&mut self, open: usize, kind: &mut Kind) -> Result<filter::Call, TemplateError> {
        self.blanks();
        let start = self.at;
        let name = self.run(|b| b.is_ascii_alphanumeric() || b == b'_');
        let span = start..self.at;
        if name.is_empty() {
            return Err(error(Problem::FilterExpected, self.here()));
        }
        let Some(definition) = FILTERS.iter().find(|filter| filter.name == name) else {
            let suggestion = text::closest(name, FILTERS.iter().map(|filter| filter.name));
            return Err(error(Problem::UnknownFilter { name: name.into(), suggestion }, span));
        };
        if *kind == Kind::Text && definition.takes == Kind::List {
            return Err(error(Problem::ListExpected(definition.name), span));
        }
        *kind = match definition.gives {
            Kind::Any => *kind,
            given => given,
        };
        let mut arguments = Vec::new();
        self.blanks();
        if self.peek() == Some(b':') {
            self.at += 1;
            loop {
                arguments.push(self.argument(open)?);
                self.blanks();
                if self.peek() != Some(b',') {
                    break;
                }
                self.at += 1;
            }
        }
        definition.call(arguments, span)
    }

    fn argument(&mut self, open: usize) -> Result<(Argument, Range<usize>), TemplateError> {
        self.blanks();
        let start = self.at;
        let argument = match self.peek() {
            Some(b'0'..=b'9' | b'-' | b'+') => {
                let digits = self.run(|b| b.is_ascii_digit() || b == b'-' || b == b'+');
                match digits.parse() {
                    Ok(number) => Argument::Number(number),
                    Err(_) => return Err(error(Problem::ValueExpected, start..self.at)),
                }
            }
            _ => Argument::Operand(self.operand(open)?),
        };
        Ok((argument, start..self.at))
    }

    fn operand(&mut self, open: usize) -> Result<Operand, TemplateError> {
        self.blanks();
        let start = self.at;
        match self.peek() {
            None => return Err(error(Problem::Unclosed, open..open + 2)),
            Some(b'"' | b'\'') => return Ok(Operand::Text(self.string()?.into())),
            Some(_) => {}
        }
        let word = self.run(|b| b.is_ascii_alphanumeric() || b == b'_');
        let span = start..self.at;
        match (word, self.peek()) {
            ("user", Some(b'.' | b'[')) => self.user_path(start),
            ("user", _) => Err(error(Problem::WholeUser, span)),
            ("value", Some(b'.' | b'[')) => {
                let word: String = self.path_run().chars().take(64).collect();
                Err(error(Problem::UnknownValue(format!("value{word}")), start..self.at))
            }
            ("value", _) => Ok(Operand::Value),
            ("", _) => Err(error(Problem::ValueExpected, self.here())),
            (word, _) if word.bytes().all(|b| b.is_ascii_digit()) => Ok(Operand::Text(word.into())),
            (word, _) => Err(error(Problem::UnknownValue(word.into()), span)),
        }
    }

    /// `user.path`, `user["path"]`, `user["urn:…"].name`.
    fn user_path(&mut self, start: usize) -> Result<Operand, TemplateError> {
        let (path, path_start) = if self.peek() == Some(b'.') {
            self.at += 1;
            let path_start = self.at;
            (self.path_run().to_owned(), path_start)
        } else {
            self.at += 1;
            self.blanks();
            if !matches!(self.peek(), Some(b'"' | b'\'')) {
                return Err(error(Problem::WholeUser, start..self.at));
            }
            let path_start = self.at + 1;
            let mut path = self.string()?.to_owned();
            self.blanks();
            if self.peek() != Some(b']') {
                return Err(error(PathProblem::Unclosed, start..self.at));
            }
            self.at += 1;
            path.push_str(self.path_run());
            (path, path_start)
        };
        let whole = start..self.at;
        let read = SourcePath::read(&path, self.user).map_err(|wrong| {
            // Behind the closing bracket, places are no longer those of the path.
            let span = wrong.span.start + path_start..wrong.span.end + path_start;
            let is_inside = span.end <= self.at && self.text.get(span.clone()).is_some();
            error(wrong.problem, if is_inside { span } else { whole.clone() })
        })?;
        read.check_simple(&path).map_err(|problem| error(problem, whole))?;
        Ok(Operand::User(Box::new(read)))
    }

    fn path_run(&mut self) -> &'t str {
        self.run(|b| b.is_ascii_alphanumeric() || b"_-$.[]*".contains(&b))
    }

    /// A text in quotes, which has no escapes.
    fn string(&mut self) -> Result<&'t str, TemplateError> {
        let start = self.at;
        let quote = &self.text[start..start + 1];
        let inner = &self.text[start + 1..];
        let Some(length) = inner.find(quote) else {
            return Err(error(Problem::UnterminatedString, start..self.text.len()));
        };
        self.at = start + 1 + length + 1;
        Ok(&inner[..length])
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        self.run(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Passes over ASCII bytes that belong to a run.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| !belongs(b)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// The next character.
    fn here(&self) -> Range<usize> {
        let width = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        self.at..self.at + width
    }
}

fn error(problem: impl Into<Problem>, span: Range<usize>) -> TemplateError {
    TemplateError { problem: problem.into(), span }
}
