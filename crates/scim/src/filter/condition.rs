//! The meaning of a filter for one resource type, as plain data: [`Condition::matches`] evaluates
//! it, a store may compile it.

use serde_json::Number;

use super::CompareOperator;
use crate::schema::AttributeType;

/// A filter whose attributes are known and whose values fit them.
///
/// `ne` and `null` are settled here (S-170): `Compare` always means "some value fits", and what
/// holds for an unassigned attribute is said with `Present`.
///
/// | filter | condition |
/// | --- | --- |
/// | `a eq null`, `a ne null` | `Not(Present)`, `Present` |
/// | `a ne v`, one value | `Not(Compare eq v)` |
/// | `a ne v`, many values | `Or[Not(Present), Compare ne v]` |
/// | `emails eq v` | `Compare` on `emails.value` (S-172) |
/// | `emails[primary eq false]` | `Element(Not(Compare eq true))`: absent means false (S-076) |
/// | attribute of another resource type | `Or[]`, which nothing matches (S-174) |
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    /// Some value is assigned; for a complex attribute, some sub-attribute of it.
    Present(Target),
    /// Some value fits. Never `Ne` on a target that is not multi-valued.
    Compare {
        target: Target,
        operator: CompareOperator,
        operand: Operand,
    },
    /// One element fulfils the whole condition. The targets inside name the whole path, and are to
    /// be read within the element; a single-valued complex attribute is one element (S-158).
    Element {
        target: Target,
        condition: Box<Condition>,
    },
}

/// An attribute or sub-attribute, in canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URI of the extension; `None` for attributes on the resource itself.
    pub extension: Option<String>,
    pub attribute: String,
    pub sub_attribute: Option<String>,
    /// Of what is compared: the sub-attribute, if there is one.
    pub attribute_type: AttributeType,
    pub case_exact: bool,
    /// Whether there may be several values; within an element, several in that element.
    pub multi_valued: bool,
}

/// The right side of a comparison, of the target's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Boolean(bool),
    /// For integer and decimal.
    Number(Number),
    /// For string, reference and binary. Values compare by their own key: [`crate::text::key`]
    /// under the target's `case_exact`; for binary, the text without its padding (S-070). Order is
    /// that of the keys' bytes.
    String {
        text: String,
        key: String,
    },
    /// Microseconds since 1970.
    DateTime(i64),
}

impl Condition {
    /// Every target, the ones within elements too, in no order; may repeat.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            loop {
                match open.pop()? {
                    Self::And(parts) | Self::Or(parts) => open.extend(parts),
                    Self::Not(condition) => open.push(condition),
                    Self::Present(target) | Self::Compare { target, .. } => return Some(target),
                    Self::Element { target, condition } => {
                        open.push(condition);
                        return Some(target);
                    }
                }
            }
        })
    }
}
