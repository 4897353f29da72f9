//! Operations on one attribute: its value is taken out, changed, checked, and put back.

use serde_json::Value;

use super::{
    Op, PatchProblem,
    apply::Patch,
    elements::{elements, elements_of, is_meant, key_in, seeds, settle_primary},
    place::{Slot, Sub},
};
use crate::{
    Object,
    dialect::Reading,
    filter::{Filter, is_assigned, resolve_element, resolve_undeclared},
    path::ResolvedPath,
    schema::{Attribute, AttributeType, Mutability},
    validate::{check_element, check_value},
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
    fn clear_subs(
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
    fn set_sub(
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
            given.retain(|given| !existing.contains(given));
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
                (None, given) => is_assigned(given).then(|| given.clone()),
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
            (Value::Object(mut element), Value::String(text))
                if self.reading == Reading::Tolerant
                    && !text.is_empty()
                    && slot.attribute().is_some_and(is_complex)
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
            None => Ok(is_assigned(value).then(|| value.clone())),
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
            None => sub.is_none() && !value.is_object(),
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

    /// The value in the form it is stored in; `None` if it is unassigned.
    fn check(
        &mut self,
        slot: &Slot<'s>,
        sub: Option<&Sub<'_>>,
        value: Value,
    ) -> Result<Option<Value>, PatchProblem> {
        let Some(path) = slot.declared else { return Ok(is_assigned(&value).then_some(value)) };
        let sub_attribute = sub.and_then(|sub| sub.declared);
        let path = ResolvedPath { sub_attribute, ..path };
        Ok(check_value(&path, value, self.reading, &mut self.notes)?)
    }

    /// The value at `slot`; null stays in its place until [`Patch::put`].
    fn take(&mut self, slot: &Slot<'_>) -> Option<Value> {
        let container = match &slot.urn {
            None => Some(&mut self.resource),
            Some(urn) => self.resource.get_mut(&**urn).and_then(Value::as_object_mut),
        };
        container?.get_mut(&*slot.name).map(Value::take).filter(|value| !value.is_null())
    }

    /// Puts a value in its place, or nothing if it is empty: a required attribute is not to be
    /// cleared (S-243).
    fn put(&mut self, slot: &Slot<'_>, value: Option<Value>) -> Result<(), PatchProblem> {
        let value = value.filter(is_assigned);
        if value.is_none() && slot.attribute().is_some_and(|attribute| attribute.required) {
            return Err(PatchProblem::Required(slot.path(None)));
        }
        let container = match (&slot.urn, &value) {
            (None, _) => &mut self.resource,
            (Some(urn), Some(_)) => {
                let entry = self.resource.entry(&**urn).or_insert_with(|| Object::new().into());
                entry.as_object_mut().expect("under the URI of an extension stands an object")
            }
            (Some(urn), None) => {
                match self.resource.get_mut(&**urn).and_then(Value::as_object_mut) {
                    Some(container) => container,
                    None => return Ok(()),
                }
            }
        };
        match value {
            Some(value) => {
                container.insert(slot.name.to_string(), value);
            }
            None => {
                container.shift_remove(&*slot.name);
            }
        }
        Ok(())
    }
}

/// Unassigns a sub-attribute.
fn clear_sub(slot: &Slot<'_>, sub: &Sub<'_>, object: &mut Object) -> Result<(), PatchProblem> {
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
