//! Changes to a group's membership, as deltas: the member list itself is never read or rewritten.

use serde_json::Value;

use super::{
    MAX_MEMBERS, Op, PatchProblem,
    apply::Patch,
    elements::{elements_of, values_named},
    place::{Slot, Sub},
};
use crate::{
    filter::{Filter, is_assigned, resolve_element},
    validate::check_members,
};

/// A member as a client names it. `display` and `$ref` are the server's to compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRef {
    /// The id of a User or a Group of the same directory.
    pub value: String,
}

/// One step of a membership change; steps are taken in order.
#[derive(Clone, Debug, PartialEq)]
pub enum MembershipStep {
    /// These become members; who is one already stays one.
    Add(Vec<MemberRef>),
    /// These are members no longer; who is none is passed over.
    Remove(Vec<String>),
    /// Whoever matches is a member no longer. Paths are sub-attributes of `members`
    /// (`value`, `type`, `display`, `$ref`), and the filter resolves as `members[filter]`. A filter
    /// of `value eq` terms joined by `or` is given as [`MembershipStep::Remove`].
    RemoveMatching(Filter),
    /// These, and nobody else, are the members.
    Replace(Vec<MemberRef>),
}

impl Patch<'_> {
    /// An operation on `members` as a whole.
    ///
    /// `remove` with a value removes the members it names, never all (E-80, S-264); without one, or
    /// with `null`, it removes all (E-82).
    pub(super) fn members(
        &mut self,
        op: Op,
        sub: Option<&Sub<'_>>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        if sub.is_some() {
            return Err(PatchProblem::Member);
        }
        let step = match (op, value) {
            (Op::Remove, None | Some(Value::Null)) => MembershipStep::Replace(Vec::new()),
            (Op::Remove, Some(value)) => {
                // No id in it, and still not an empty list: not a silent success.
                if value == "" {
                    return Err(PatchProblem::NothingNamed("members".into()));
                }
                let named = self.named_members(value)?;
                MembershipStep::Remove(named.into_iter().map(|member| member.value).collect())
            }
            (_, None) => return Err(PatchProblem::ValueMissing),
            (Op::Add, Some(value)) => MembershipStep::Add(self.named_members(value)?),
            (Op::Replace, Some(value)) => MembershipStep::Replace(self.named_members(value)?),
        };
        self.step(step);
        Ok(())
    }

    /// An operation on `members[filter]`.
    pub(super) fn members_matching(
        &mut self,
        op: Op,
        slot: &Slot<'_>,
        filter: &Filter,
        sub_attribute: Option<&str>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        let members = slot.declared.ok_or(PatchProblem::Member)?;
        resolve_element(filter, members, self.resource_type, self.reading, &mut self.notes)?;
        let named = values_named(filter);
        self.count_members(named.as_ref().map_or(0, Vec::len))?;
        if op == Op::Remove {
            if sub_attribute.is_some() {
                return Err(PatchProblem::Member);
            }
            self.step(match named {
                Some(named) => MembershipStep::Remove(named),
                None => MembershipStep::RemoveMatching(filter.clone()),
            });
            return Ok(());
        }
        // To add what the filter names is to add that member; a value that says anything else would
        // edit it (S-099).
        let value = value.ok_or(PatchProblem::ValueMissing)?;
        let given = match sub_attribute {
            None => named_id(value),
            Some(sub) if sub.eq_ignore_ascii_case("value") => value.as_str(),
            Some(_) => None,
        };
        match (named.as_deref(), given) {
            (Some([id]), Some(given)) if id == given => {
                self.step(MembershipStep::Add(vec![MemberRef { value: id.clone() }]));
                Ok(())
            }
            _ => Err(PatchProblem::Member),
        }
    }

    fn named_members(&mut self, value: &Value) -> Result<Vec<MemberRef>, PatchProblem> {
        let given = elements_of(value);
        self.count_members(given.len())?;
        let members = check_members(value.clone(), self.reading, &mut self.notes)?;
        if members.is_empty() && is_list(value) && !given.is_empty() {
            return Err(PatchProblem::NothingNamed("members".into()));
        }
        Ok(members)
    }

    fn count_members(&mut self, count: usize) -> Result<(), PatchProblem> {
        self.member_count += count;
        if self.member_count > MAX_MEMBERS {
            return Err(PatchProblem::TooManyMembers);
        }
        Ok(())
    }

    /// Steps that change nothing are left out.
    fn step(&mut self, step: MembershipStep) {
        let changes = match &step {
            MembershipStep::Add(members) => !members.is_empty(),
            MembershipStep::Remove(ids) => !ids.is_empty(),
            MembershipStep::RemoveMatching(_) | MembershipStep::Replace(_) => true,
        };
        if changes {
            self.members.push(step);
        }
    }
}

/// Whether a value is meant as members; `null` and `""` unassign.
fn is_list(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_)) || is_assigned(value)
}

/// The id in the value for one member.
fn named_id(value: &Value) -> Option<&str> {
    match value {
        Value::String(id) => Some(id),
        Value::Array(elements) if elements.len() == 1 => named_id(&elements[0]),
        Value::Object(member) => member
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("value"))
            .and_then(|(_, id)| id.as_str()),
        _ => None,
    }
}
