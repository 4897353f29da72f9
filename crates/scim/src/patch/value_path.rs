//! Operations on the elements that a value filter holds for.

use serde_json::Value;

use super::{
    Op, PatchProblem,
    apply::Patch,
    attribute::clear_sub,
    elements::{elements, seeds, settle_primary},
    place::{Slot, Sub},
};
use crate::{
    Object,
    filter::{Filter, is_assigned, resolve_element, resolve_undeclared},
    reading::Reading,
    schema::{Attribute, AttributeType},
    validate::{check_element, tidy},
};

impl<'s> Patch<'s> {
    /// An operation on the elements that `filter` holds for; a single complex value is one (E-54).
    pub(super) fn elements(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        filter: &Filter,
        sub: Option<&Sub<'_>>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        let attribute = slot.attribute();
        let is_complex = attribute.is_none_or(|a| a.attribute_type == AttributeType::Complex);
        if !is_complex && attribute.is_some_and(|attribute| !attribute.multi_valued) {
            return Err(PatchProblem::NoElements(slot.path(None)));
        }
        let condition = match slot.declared {
            None => resolve_undeclared(filter)?,
            Some(declared) => resolve_element(
                filter,
                declared,
                self.resource_type,
                self.reading,
                &mut self.notes,
            )?,
        };
        let current = self.take(slot);
        let is_list = match attribute {
            Some(attribute) => attribute.multi_valued,
            None => !matches!(current, Some(Value::Object(_))),
        };
        let mut all = elements(current);
        self.filter_work(all.len(), filter)?;
        let mut matching: Vec<_> = all.iter().map(|e| condition.matches_element(e)).collect();
        if op == Op::Remove {
            self.remove_elements(slot, sub, &mut all, &matching)?;
        } else {
            let value = value.ok_or(PatchProblem::ValueMissing)?;
            if matching.contains(&true) {
                self.set_matching(op, slot, sub, &mut all, &matching, value)?;
            } else if is_assigned(value) {
                if !is_list && !all.is_empty() {
                    return Err(self.no_target(slot, filter));
                }
                all.push(self.new_element(slot, sub, filter, value)?);
                matching.push(true);
            }
        }
        if op != Op::Remove {
            settle_primary(&mut all, |at| matching[at]);
        }
        all.retain(|element| !element.is_null());
        let new = if is_list { Some(Value::Array(all)) } else { all.pop() };
        self.put(slot, new)
    }

    /// An element that is gone is left as null, so that places stay what they are.
    fn remove_elements(
        &mut self,
        slot: &Slot<'s>,
        sub: Option<&Sub<'_>>,
        all: &mut [Value],
        matching: &[bool],
    ) -> Result<(), PatchProblem> {
        for (element, _) in all.iter_mut().zip(matching).filter(|(_, matches)| **matches) {
            match (sub, element) {
                (None, element) => *element = Value::Null,
                // A superfluous value beside it is tolerated (E-53).
                (Some(sub), Value::Object(element)) => clear_sub(slot, sub, element)?,
                (Some(_), _) => {}
            }
        }
        Ok(())
    }

    /// With a sub-attribute, that one is set in each (S-255, S-272); without, `add` merges the value
    /// into each, and `replace` puts it in the place of each.
    fn set_matching(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        sub: Option<&Sub<'_>>,
        all: &mut [Value],
        matching: &[bool],
        value: &Value,
    ) -> Result<(), PatchProblem> {
        let is_single = slot.attribute().is_some_and(|attribute| !attribute.multi_valued);
        for (element, _) in all.iter_mut().zip(matching).filter(|(_, matches)| **matches) {
            match (sub, element) {
                (Some(sub), Value::Object(element)) => {
                    self.set_sub(op, slot, sub, element, value)?;
                }
                (Some(_), _) => {}
                (None, element) if op == Op::Add || is_single => {
                    if is_single || is_assigned(value) {
                        let merged = self.merge_element(slot, element.take(), value)?;
                        *element = merged.unwrap_or(Value::Null);
                    }
                }
                (None, element) => {
                    *element = self.element(slot, value)?.unwrap_or(Value::Null);
                }
            }
        }
        Ok(())
    }

    fn merge_element(
        &mut self,
        slot: &Slot<'s>,
        element: Value,
        value: &Value,
    ) -> Result<Option<Value>, PatchProblem> {
        let is_complex = |a: &Attribute| a.attribute_type == AttributeType::Complex;
        match (element, value) {
            (Value::Object(mut element), Value::Object(value)) => {
                self.clear_subs(slot, &mut element, value)?;
                for (name, value) in value.iter().filter(|(_, value)| is_assigned(value)) {
                    match slot.sub(name) {
                        Some(sub) => self.set_sub(Op::Replace, slot, &sub, &mut element, value)?,
                        None => self.unknown_sub(slot, name)?,
                    }
                }
                Ok(Some(Value::Object(element)))
            }
            (element, Value::Array(values)) if values.len() == 1 => {
                self.merge_element(slot, element, &values[0])
            }
            // A bare value is that of the element.
            (Value::Object(mut element), Value::String(_) | Value::Number(_) | Value::Bool(_))
                if self.reading == Reading::Tolerant
                    && is_assigned(value)
                    && slot.attribute().is_none_or(is_complex)
                    && let Some(sub) = slot.sub("value") =>
            {
                self.set_sub(Op::Replace, slot, &sub, &mut element, value)?;
                Ok(Some(Value::Object(element)))
            }
            _ => self.element(slot, value),
        }
    }

    /// One element from a value that is one, or an array of one.
    fn element(&mut self, slot: &Slot<'s>, value: &Value) -> Result<Option<Value>, PatchProblem> {
        let value = match value {
            Value::Array(elements) if elements.len() == 1 => &elements[0],
            value => value,
        };
        match slot.declared {
            None => Ok(tidy(value.clone())),
            Some(path) if path.attribute.multi_valued => {
                Ok(check_element(&path, value.clone(), self.reading, &mut self.notes)?)
            }
            Some(_) => self.check(slot, None, value.clone()),
        }
    }

    /// The element that a filter without a match asks for: what its `eq` terms say, and the value
    /// (S-256, E-44, E-45, E-48).
    fn new_element(
        &mut self,
        slot: &Slot<'s>,
        sub: Option<&Sub<'_>>,
        filter: &Filter,
        value: &Value,
    ) -> Result<Value, PatchProblem> {
        let seeds = match self.reading {
            Reading::Tolerant => seeds(filter),
            Reading::Strict => None,
        };
        let seeds = seeds.ok_or_else(|| self.no_target(slot, filter))?;
        let is_simple = match slot.attribute() {
            Some(attribute) => attribute.attribute_type != AttributeType::Complex,
            None => {
                let only_value = seeds.iter().all(|(name, _)| name.eq_ignore_ascii_case("value"));
                sub.is_none() && !value.is_object() && only_value
            }
        };
        let mut element = Object::new();
        if is_simple {
            let element = self.element(slot, value)?;
            return element.ok_or_else(|| self.no_target(slot, filter));
        }
        for (name, seed) in seeds {
            if let Some(seeded) = slot.sub(name) {
                self.set_sub(Op::Replace, slot, &seeded, &mut element, &seed)?;
            }
        }
        if let Some(sub) = sub {
            self.set_sub(Op::Replace, slot, sub, &mut element, value)?;
            return Ok(Value::Object(element));
        }
        let element = self.merge_element(slot, Value::Object(element), value)?;
        element.ok_or_else(|| self.no_target(slot, filter))
    }

    fn no_target(&self, slot: &Slot<'_>, filter: &Filter) -> PatchProblem {
        PatchProblem::NoTarget(format!("{}[{filter}]", slot.path(None)))
    }

    fn unknown_sub(&mut self, slot: &Slot<'_>, name: &str) -> Result<(), PatchProblem> {
        let name: String = name.chars().take(128).collect();
        let path = format!("{}.{name}", slot.path(None));
        if self.reading == Reading::Strict {
            return Err(PatchProblem::UnknownAttribute { path, suggestion: None });
        }
        self.notes.add(format!("`{path}` is declared by no schema: passed over"));
        Ok(())
    }
}
