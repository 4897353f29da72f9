//! What was read otherwise than it was written, in words for the provisioning log.

use crate::text;

/// The rewritings of one request, each said once, in the order they happened.
///
/// A client that repeats a quirk a thousand times in one request gets one note: texts are kept
/// once, and never more than [`Notes::MAX`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Vec<String>);

impl Notes {
    /// The most texts kept for one request; later ones are dropped.
    pub const MAX: usize = 32;

    /// The longest text kept, in bytes: a note may quote what a client sent. Longer ones are cut at a
    /// character boundary.
    pub const MAX_TEXT: usize = 500;

    /// Adds `text` unless it is there already or the list is full.
    pub fn add(&mut self, text: impl Into<String>) {
        let text = text::shorten(text.into(), Self::MAX_TEXT);
        if self.0.len() < Self::MAX && !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    /// Adds every note of `other`.
    pub fn extend(&mut self, other: Notes) {
        for text in other.0 {
            self.add(text);
        }
    }

    /// The texts, oldest first.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Notes;

    #[test]
    fn notes_are_bounded() {
        let mut notes = Notes::default();
        for round in 0..100 {
            notes.add("said twice");
            notes.add(format!("{round}{}", "é".repeat(400)));
        }
        assert_eq!(notes.as_slice().len(), Notes::MAX);
        assert_eq!(notes.as_slice()[0], "said twice");
        assert!(notes.as_slice().iter().all(|note| note.len() <= Notes::MAX_TEXT));
        assert!(notes.as_slice()[1].ends_with("é…"));
    }
}
