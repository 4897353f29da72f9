//! What was read otherwise than it was written, in words for the provisioning log.

/// The rewritings of one request, each said once, in the order they happened.
///
/// A client that repeats a quirk a thousand times in one request gets one note: texts are kept
/// once, and never more than [`Notes::MAX`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Vec<String>);

impl Notes {
    /// The most texts kept for one request; later ones are dropped.
    pub const MAX: usize = 32;

    /// Adds `text` unless it is there already or the list is full.
    pub fn add(&mut self, text: impl Into<String>) {
        let text = text.into();
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
