//! Operations on one attribute: its value is taken out, changed, checked, and put back.

use serde_json::Value;

use super::{
    Op, PatchProblem,
    apply::{Patch, container},
    elements::{elements, elements_of, is_equal, is_meant, key_in, settle_primary},
    place::{Slot, Sub},
};
use crate::{
    Object,
    filter::is_assigned,
    path::ResolvedPath,
    schema::{AttributeType, Mutability},
    validate::{check_element, check_value, tidy},
};

impl<'s> Patch<'s> {
    /// `add` or `replace` on an attribute or sub-attribute.
    pub(super) fn set(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        sub: Option<&Sub<'s>>,
        value: &Value,
    ) -> Result<(), PatchProblem> {
        let current = self.take(slot);
        let is_list = match slot.attribute() {
            Some(attribute) => attribute.multi_valued,
            None => {
                matches!(current, Some(Value::Array(_)))
                    || current.is_none() && sub.is_none() && value.is_array()
            }
        };
        let new = match sub {
            Some(sub) if is_list => {
                self.set_in_elements(op, slot, sub, elements(current), value)?
            }
            Some(sub) => {
                let mut object = object_of(current);
                self.set_sub(op, slot, sub, &mut object, value)?;
                Some(Value::Object(object))
            }
            None if is_list => self.set_elements(op, slot, current, value)?,
            None => self.set_single(slot, current, value)?,
        };
        self.put(slot, new)
    }

    /// A single value. A complex one is merged: what is not given stays (S-252, S-271).
    fn set_single(
        &mut self,
        slot: &Slot<'s>,
        current: Option<Value>,
        value: &Value,
    ) -> Result<Option<Value>, PatchProblem> {
        let current = match (current, value) {
            (Some(Value::Object(mut object)), Value::Object(given)) => {
                self.clear_subs(slot, &mut object, given)?;
                Some(Value::Object(object))
            }
            (current, _) => current,
        };
        let given = if value.is_object() && !is_assigned(value) {
            None
        } else {
            match self.check(slot, None, value.clone())? {
                // `{}`, or sub-attributes that were all cleared above or are unknown.
                None if value.is_object() => None,
                None => return Ok(None),
                given => given,
            }
        };
        Ok(match (current, given) {
            (current, None) => current,
            (Some(Value::Object(mut current)), Some(Value::Object(given))) => {
                lay_over(&mut current, given);
                Some(Value::Object(current))
            }
            (_, given) => given,
        })
    }

    /// Clears in `object` what `given` gives as empty.
    pub(super) fn clear_subs(
        &mut self,
        slot: &Slot<'s>,
        object: &mut Object,
        given: &Object,
    ) -> Result<(), PatchProblem> {
        for (name, _) in given.iter().filter(|(_, value)| !is_assigned(value)) {
            if let Some(sub) = slot.sub(name) {
                clear_sub(slot, &sub, object)?;
            }
        }
        Ok(())
    }

    /// All elements of a list: `replace` makes them anew, `add` forms the union (S-253, E-55).
    fn set_elements(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        current: Option<Value>,
        value: &Value,
    ) -> Result<Option<Value>, PatchProblem> {
        let given = self.check(slot, None, value.clone())?;
        if op == Op::Replace {
            return Ok(given);
        }
        let mut all = elements(current);
        let mut touched = vec![false; all.len()];
        for given in elements(given) {
            self.work(all.len(), 1)?;
            match all.iter().position(|existing| is_meant(slot, &given, existing)) {
                // Its `primary`, `display` and the letter case of its values are the new ones.
                Some(at) => {
                    touched[at] = true;
                    match (&mut all[at], given) {
                        (Value::Object(existing), Value::Object(given)) => {
                            lay_over(existing, given)
                        }
                        (existing, given) => *existing = given,
                    }
                }
                None => {
                    touched.push(true);
                    all.push(given);
                }
            }
        }
        settle_primary(&mut all, |at| touched[at]);
        Ok(Some(Value::Array(all)))
    }

    /// `emails.value` without a filter: that of every element (E-42), or of a new one.
    fn set_in_elements(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        sub: &Sub<'s>,
        mut elements: Vec<Value>,
        value: &Value,
    ) -> Result<Option<Value>, PatchProblem> {
        if elements.is_empty() {
            elements.push(Value::Object(Object::new()));
        }
        self.work(elements.len(), 1)?;
        for element in &mut elements {
            if let Value::Object(element) = element {
                self.set_sub(op, slot, sub, element, value)?;
            }
        }
        settle_primary(&mut elements, |_| true);
        Ok(Some(Value::Array(elements)))
    }

    /// One sub-attribute of one object.
    pub(super) fn set_sub(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        sub: &Sub<'_>,
        object: &mut Object,
        value: &Value,
    ) -> Result<(), PatchProblem> {
        let Some(mut value) = self.check(slot, Some(sub), value.clone())? else {
            return clear_sub(slot, sub, object);
        };
        let key = key_in(object, &sub.name).into_owned();
        let existing = object.get_mut(&key);
        if sub.declared.is_some_and(|sub| sub.mutability == Mutability::Immutable)
            && existing.as_deref().is_some_and(|existing| *existing != value)
        {
            return Err(PatchProblem::Immutable(slot.path(Some(sub))));
        }
        if let (Op::Add, Some(Value::Array(existing)), Value::Array(given)) =
            (op, existing, &mut value)
        {
            self.work(existing.len(), given.len())?;
            let case_exact = sub.declared.is_none_or(|sub| sub.case_exact);
            given.retain(|given| !existing.iter().any(|old| is_equal(given, old, case_exact)));
            existing.append(given);
            return Ok(());
        }
        object.insert(key, value);
        Ok(())
    }

    /// `remove`: from a list just what `value` names, if it names anything (S-265); else all of it.
    pub(super) fn remove(
        &mut self,
        slot: &Slot<'s>,
        sub: Option<&Sub<'s>>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        let value = value.filter(|value| !value.is_null());
        let new = match (self.take(slot), sub) {
            (None, _) => None,
            (Some(Value::Array(mut all)), None) if value.is_some() => {
                let named = self.named(slot, value.unwrap_or(&Value::Null))?;
                self.work(all.len(), named.len())?;
                all.retain(|element| !named.iter().any(|named| is_meant(slot, named, element)));
                Some(Value::Array(all))
            }
            (Some(_), None) => None,
            (Some(Value::Array(mut all)), Some(sub)) => {
                let given = value.map(|value| elements_of(value).to_vec());
                self.work(all.len(), given.as_ref().map_or(1, Vec::len))?;
                for element in all.iter_mut().filter_map(Value::as_object_mut) {
                    let key = key_in(element, &sub.name);
                    let goes = |given: &Vec<Value>| {
                        element.get(&*key).is_some_and(|existing| given.contains(existing))
                    };
                    if given.as_ref().is_none_or(goes) {
                        clear_sub(slot, sub, element)?;
                    }
                }
                Some(Value::Array(all))
            }
            (Some(Value::Object(mut object)), Some(sub)) => {
                clear_sub(slot, sub, &mut object)?;
                Some(Value::Object(object))
            }
            (simple, Some(_)) => simple,
        };
        self.put(slot, new)
    }

    /// The elements a `remove` names: objects with some of their sub-attributes, or bare values.
    fn named(&mut self, slot: &Slot<'s>, value: &Value) -> Result<Vec<Value>, PatchProblem> {
        let mut named = Vec::new();
        for given in elements_of(value) {
            let element = match (slot.attribute(), given) {
                (None, given) => tidy(given.clone()),
                (Some(attribute), Value::Object(given))
                    if attribute.attribute_type == AttributeType::Complex =>
                {
                    let mut element = Object::new();
                    for (name, value) in given {
                        let Some(sub) = slot.sub(name) else { continue };
                        if let Some(value) = self.check(slot, Some(&sub), value.clone())? {
                            element.insert(sub.name.into_owned(), value);
                        }
                    }
                    (!element.is_empty()).then_some(Value::Object(element))
                }
                (Some(attribute), Value::String(_) | Value::Number(_))
                    if attribute.attribute_type == AttributeType::Complex =>
                {
                    let Some(sub) = slot.sub("value") else {
                        return Err(PatchProblem::NothingNamed(slot.path(None)));
                    };
                    let value = self.check(slot, Some(&sub), given.clone())?;
                    value.map(|value| {
                        Value::Object([("value".to_owned(), value)].into_iter().collect())
                    })
                }
                (Some(_), given) => {
                    let declared = slot.declared.expect("an attribute has a declaration");
                    check_element(&declared, given.clone(), self.reading, &mut self.notes)?
                }
            };
            named.push(element.ok_or_else(|| PatchProblem::NothingNamed(slot.path(None)))?);
        }
        Ok(named)
    }

    /// The value in the form it is stored in; `None` if it is unassigned.
    pub(super) fn check(
        &mut self,
        slot: &Slot<'s>,
        sub: Option<&Sub<'_>>,
        value: Value,
    ) -> Result<Option<Value>, PatchProblem> {
        let Some(path) = slot.declared else { return Ok(tidy(value)) };
        let sub_attribute = match sub {
            None => None,
            Some(Sub { declared: None, .. }) => return Ok(tidy(value)),
            Some(Sub { declared, .. }) => *declared,
        };
        let path = ResolvedPath { sub_attribute, ..path };
        Ok(check_value(&path, value, self.reading, &mut self.notes)?)
    }

    /// The value at `slot`; null stays in its place until [`Patch::put`].
    pub(super) fn take(&mut self, slot: &Slot<'_>) -> Option<Value> {
        container(&mut self.resource, slot.urn.as_deref())?
            .get_mut(&*slot.name)
            .map(Value::take)
            .filter(|value| !value.is_null())
    }

    /// Puts a value in its place, or nothing if it is empty: a required attribute is not to be
    /// cleared (S-243).
    pub(super) fn put(
        &mut self,
        slot: &Slot<'s>,
        value: Option<Value>,
    ) -> Result<(), PatchProblem> {
        let urn = slot.urn.as_deref();
        let Some(value) = value.filter(is_assigned) else {
            if slot.attribute().is_some_and(|attribute| attribute.required) {
                return Err(PatchProblem::Required(slot.path(None)));
            }
            if let Some(container) = container(&mut self.resource, urn)
                && container.shift_remove(&*slot.name).is_some()
            {
                self.touch(slot, false);
            }
            return Ok(());
        };
        if let Some(urn) = urn {
            self.resource.entry(urn).or_insert_with(|| Object::new().into());
        }
        let container = container(&mut self.resource, urn)
            .expect("what stands under the URI of an extension is an object");
        let is_new = container.insert(slot.name.to_string(), value).is_none();
        self.touch(slot, is_new);
        Ok(())
    }
}

/// Unassigns a sub-attribute.
pub(super) fn clear_sub(
    slot: &Slot<'_>,
    sub: &Sub<'_>,
    object: &mut Object,
) -> Result<(), PatchProblem> {
    let key = key_in(object, &sub.name).into_owned();
    match sub.declared {
        Some(attribute) if attribute.required => {
            return Err(PatchProblem::Required(slot.path(Some(sub))));
        }
        Some(attribute)
            if attribute.mutability == Mutability::Immutable && object.contains_key(&key) =>
        {
            return Err(PatchProblem::Immutable(slot.path(Some(sub))));
        }
        _ => {}
    }
    object.shift_remove(&key);
    Ok(())
}

/// Lays the fields of `given` over those of `object`.
fn lay_over(object: &mut Object, given: Object) {
    for (name, value) in given {
        let key = key_in(object, &name).into_owned();
        object.insert(key, value);
    }
}

fn object_of(value: Option<Value>) -> Object {
    match value {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    }
}
