//! Short constructors for the attribute tables: each begins with the defaults of RFC 7643 §2.2.

use super::{Attribute, AttributeType, Mutability, Returned, Schema, Uniqueness};

pub(super) fn schema(
    id: &str,
    name: &str,
    description: &str,
    attributes: Vec<Attribute>,
) -> Schema {
    Schema { id: id.into(), name: name.into(), description: description.into(), attributes }
}

pub(super) fn attribute(name: &str, attribute_type: AttributeType, description: &str) -> Attribute {
    Attribute {
        name: name.into(),
        attribute_type,
        multi_valued: false,
        description: description.into(),
        required: false,
        canonical_values: Vec::new(),
        case_exact: false,
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        reference_types: Vec::new(),
        sub_attributes: Vec::new(),
        learned: false,
    }
}

pub(super) fn string(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::String, description)
}

pub(super) fn boolean(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::Boolean, description)
}

pub(super) fn integer(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::Integer, description)
}

pub(super) fn date_time(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::DateTime, description)
}

/// Binary values compare as they stand (RFC 7643 §2.3.6).
pub(super) fn binary(name: &str, description: &str) -> Attribute {
    attribute(name, AttributeType::Binary, description).case_exact()
}

/// References compare as they stand (RFC 7643 §2.3.7, erratum 6001).
pub(super) fn reference(name: &str, to: &[&str], description: &str) -> Attribute {
    let mut reference = attribute(name, AttributeType::Reference, description).case_exact();
    reference.reference_types = to.iter().map(|&kind| kind.into()).collect();
    reference
}

pub(super) fn complex(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
    Attribute { sub_attributes, ..attribute(name, AttributeType::Complex, description) }
}

impl Attribute {
    pub(super) fn multi_valued(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    pub(super) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) fn case_exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    /// readOnly, with all its sub-attributes.
    pub(super) fn read_only(self) -> Self {
        self.mutability(Mutability::ReadOnly)
    }

    /// Sets the mutability of the attribute and of all its sub-attributes.
    pub(super) fn mutability(mut self, mutability: Mutability) -> Self {
        self.mutability = mutability;
        self.sub_attributes =
            self.sub_attributes.into_iter().map(|sub| sub.mutability(mutability)).collect();
        self
    }

    pub(super) fn returned(self, returned: Returned) -> Self {
        Self { returned, ..self }
    }

    pub(super) fn uniqueness(self, uniqueness: Uniqueness) -> Self {
        Self { uniqueness, ..self }
    }

    pub(super) fn canonical(mut self, values: &[&str]) -> Self {
        self.canonical_values = values.iter().map(|&value| value.into()).collect();
        self
    }
}
