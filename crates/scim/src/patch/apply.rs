//! One request on one resource: what each operation works on, and the rules that hold for all.

use serde_json::Value;

use super::{
    MembershipStep, Op, Operation, PatchError, PatchPath, PatchProblem, PatchRequest,
    elements::{elements_of, values_named},
    parse_path,
    place::{Finder, Place, Slot, Sub, stored_key},
};
use crate::{
    Notes, Object,
    filter::{Filter, is_assigned},
    path::ResolvedPath,
    reading::Reading,
    schema::{Mutability, ResourceType, Schema},
    urn,
    validate::{Problem, ValidationError, check_immutable, check_resource, normal_form},
};

/// The most operations in one request.
pub const MAX_OPERATIONS: usize = 5000;
/// The most members that the operations of one request name.
pub const MAX_MEMBERS: usize = 50_000;
/// The most comparisons of list elements in one request: what a thousand operations on a list of a
/// thousand elements take, twice over.
const MAX_WORK: usize = 2_000_000;

/// What a request makes of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    /// The stored form.
    pub resource: Object,
    /// For a Group: what becomes of its members.
    pub members: Vec<MembershipStep>,
    /// What was read otherwise than it was written.
    pub notes: Notes,
}

/// Applies `request` to `stored`, a resource in its stored form: all operations in order, or none
/// (S-231, S-232).
///
/// | question | answer |
/// | --- | --- |
/// | `null`, `""`, `[]` | unassign, as `remove` does (S-275); to `add` them to a list adds nothing |
/// | complex attribute | what is given is merged, the rest stays (S-252, S-271, E-43) |
/// | `attr[filter]` without a match | `add` and `replace` create the element from the filter's `eq` terms (E-44, E-45); `noTarget` if it has others, or if the reading is strict; `remove` succeeds (S-353) |
/// | `remove` with a value | takes just those elements out of a list (S-264, S-265) |
/// | read-only attribute | `mutability`; without a path, `id`, `meta`, `groups` and `schemas` are passed over unless strict (O-62, S-355) |
/// | attribute no schema declares | `invalidPath` in the base schema; kept as given in an extension, declared or not, unless strict |
/// | `password` | dropped |
pub fn apply(
    resource_type: &ResourceType,
    stored: &Object,
    request: &PatchRequest,
    reading: Reading,
) -> Result<Patched, PatchError> {
    let fail = |at: usize| {
        let operation = request.written.get(at).copied().unwrap_or(at);
        move |problem| PatchError { operation, problem }
    };
    if request.operations.len() > MAX_OPERATIONS {
        return Err(fail(MAX_OPERATIONS)(PatchProblem::TooManyOperations));
    }
    let mut patch = Patch {
        resource_type,
        stored,
        reading,
        resource: stored.clone(),
        members: Vec::new(),
        notes: Notes::default(),
        touched: Vec::new(),
        reshaped: false,
        member_count: 0,
        work: 0,
    };
    for (at, operation) in request.operations.iter().enumerate() {
        patch.operation(operation).map_err(fail(at))?;
    }
    patch.normalize();
    let Patch { resource, members, mut notes, .. } = patch;
    if let Err(error) = check_resource(resource_type, &resource) {
        // What a later declaration requires is not yet there: no reason to refuse a deactivation.
        if error.problem != Problem::Required
            || check_resource(resource_type, stored).as_ref() != Err(&error)
        {
            return Err(fail(request.operations.len().saturating_sub(1))(error.into()));
        }
        notes.add(format!("{error}; it was missing before"));
    }
    Ok(Patched { resource, members, notes })
}

/// A request being applied.
pub(super) struct Patch<'s> {
    pub resource_type: &'s ResourceType,
    pub stored: &'s Object,
    pub reading: Reading,
    pub resource: Object,
    pub members: Vec<MembershipStep>,
    pub notes: Notes,
    pub member_count: usize,
    /// Attributes that were written where they stood.
    touched: Vec<ResolvedPath<'s>>,
    /// Whether more than that changed.
    reshaped: bool,
    work: usize,
}

/// The object that holds the attributes of an extension, or of the base schema.
pub(super) fn container<'o>(resource: &'o mut Object, urn: Option<&str>) -> Option<&'o mut Object> {
    match urn {
        None => Some(resource),
        Some(urn) => resource.get_mut(urn).and_then(Value::as_object_mut),
    }
}

impl<'s> Patch<'s> {
    fn operation(&mut self, operation: &Operation) -> Result<(), PatchProblem> {
        let value = operation.value.as_ref();
        if value.is_none() && operation.op != Op::Remove {
            return Err(PatchProblem::ValueMissing);
        }
        match (&operation.path, value) {
            (Some(path), value) => self.at_path(operation.op, path, value),
            (None, Some(value)) if operation.op != Op::Remove => self.pathless(operation.op, value),
            // Also with a value that names attributes: too dangerous to guess at (S-267).
            (None, _) => Err(PatchProblem::PathMissing),
        }
    }

    fn at_path(
        &mut self,
        op: Op,
        path: &PatchPath,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        match path {
            PatchPath::Attribute(path) => {
                let place = self.finder().attribute(path, value)?;
                self.at_place(op, place, value)
            }
            PatchPath::Extension(urn) => {
                let place = self.finder().extension(urn)?;
                self.at_place(op, place, value)
            }
            PatchPath::ValuePath { attribute, filter, sub_attribute } => {
                let place = self.finder().attribute(attribute, None)?;
                let Place::Attribute(slot, None) = place else {
                    return Err(PatchProblem::NoElements(attribute.to_string()));
                };
                self.at_elements(op, &slot, filter, sub_attribute.as_deref(), value)
            }
        }
    }

    fn at_place(
        &mut self,
        op: Op,
        place: Place<'s>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        match (place, value) {
            (Place::Resource, Some(value)) if op != Op::Remove => self.pathless(op, value),
            (Place::Resource, _) => Err(PatchProblem::BaseSchema),
            (Place::Extension { urn, schema }, value) => self.extension(op, &urn, schema, value),
            (Place::Attribute(slot, sub), value) => self.at_attribute(op, &slot, sub, value),
        }
    }

    fn at_attribute(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        sub: Option<Sub<'s>>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        if slot.is_base("schemas") {
            return self.schemas(op, value);
        }
        if slot.is_base("members") && self.resource_type.schema.id == urn::GROUP {
            return self.members(op, sub.as_ref(), value);
        }
        if slot.is_base("password") {
            return self.password(value);
        }
        self.check_writable(slot, sub.as_ref())?;
        if slot.declared.is_none() && op != Op::Remove {
            let path: String = slot.path(None).chars().take(256).collect();
            self.notes.add(format!("`{path}` is declared by no schema: kept as given"));
        }
        match (op, value) {
            (Op::Remove, value) => self.remove(slot, sub.as_ref(), value)?,
            (_, None) => return Err(PatchProblem::ValueMissing),
            (op, Some(value)) => self.set(op, slot, sub.as_ref(), value)?,
        }
        self.check_immutable(slot)
    }

    fn at_elements(
        &mut self,
        op: Op,
        slot: &Slot<'s>,
        filter: &Filter,
        sub_attribute: Option<&str>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        if slot.is_base("schemas") {
            let named = values_named(filter).filter(|_| op == Op::Remove);
            let named = named.ok_or(PatchProblem::BaseSchema)?;
            return self.remove_schemas(&named);
        }
        if slot.is_base("members") && self.resource_type.schema.id == urn::GROUP {
            return self.members_matching(op, slot, filter, sub_attribute, value);
        }
        let sub = match sub_attribute {
            None => None,
            Some(name) => Some(slot.sub(name).ok_or_else(|| PatchProblem::UnknownAttribute {
                path: format!("{}.{name}", slot.path(None)),
                suggestion: None,
            })?),
        };
        self.check_writable(slot, sub.as_ref())?;
        self.elements(op, slot, filter, sub.as_ref(), value)?;
        self.check_immutable(slot)
    }

    /// `value` names attributes (S-250, S-268): plain, dotted, with a URI in front, or the URI of an
    /// extension with an object of its attributes.
    fn pathless(&mut self, op: Op, value: &Value) -> Result<(), PatchProblem> {
        let Value::Object(attributes) = value else { return Err(PatchProblem::ValueNotObject) };
        for (name, value) in attributes {
            // O-62, X-43: a whole resource, sent back as it was read.
            let of_the_server = ["id", "meta", "groups", "schemas"];
            if self.reading == Reading::Tolerant
                && of_the_server.iter().any(|known| known.eq_ignore_ascii_case(name))
            {
                self.notes.add(format!("`{name}` in a value without a path passed over"));
                continue;
            }
            let path = parse_path(name, self.reading, &mut self.notes)?;
            self.at_path(op, &path, Some(value))?;
        }
        Ok(())
    }

    /// An operation on the object of an extension: its attributes are merged (E-43); unassigned as a
    /// whole, its URI goes from `schemas` (S-240).
    fn extension(
        &mut self,
        op: Op,
        urn: &str,
        schema: Option<&'s Schema>,
        value: Option<&Value>,
    ) -> Result<(), PatchProblem> {
        let attributes = match (op, value) {
            (Op::Remove, _) => return self.remove_extension(urn),
            (_, None) => return Err(PatchProblem::ValueMissing),
            (_, Some(Value::Object(attributes))) => attributes,
            (Op::Add, Some(value)) if !is_assigned(value) => return Ok(()),
            (Op::Replace, Some(value)) if !is_assigned(value) => return self.remove_extension(urn),
            (_, Some(_)) => {
                let problem = Problem::Type { expected: "an object", found: "another value" };
                return Err(ValidationError { path: urn.into(), problem }.into());
            }
        };
        for (name, value) in attributes {
            let declared = schema.and_then(|schema| Some((schema, schema.attribute(name)?)));
            let slot = match declared {
                Some((schema, attribute)) => Slot::declared(ResolvedPath {
                    extension: Some(&schema.id),
                    attribute,
                    sub_attribute: None,
                }),
                None if schema.is_some() && self.reading == Reading::Strict => {
                    let path = format!("{urn}:{name}");
                    return Err(PatchProblem::UnknownAttribute { path, suggestion: None });
                }
                None => {
                    let container = self.resource.get(urn).and_then(Value::as_object);
                    Slot::undeclared(urn.to_owned().into(), name, container)
                }
            };
            self.at_attribute(op, &slot, None, Some(value))?;
        }
        Ok(())
    }

    fn remove_extension(&mut self, urn: &str) -> Result<(), PatchProblem> {
        let declared = self.resource_type.extensions.iter().find(|e| urn::eq(&e.schema.id, urn));
        if declared.is_some_and(|extension| extension.required) {
            return Err(PatchProblem::Required(urn.into()));
        }
        self.resource.shift_remove(urn);
        self.reshaped = true;
        if declared.is_some() {
            check_immutable(self.resource_type, self.stored, &self.resource)?;
        }
        Ok(())
    }

    /// `schemas` follows from the data (S-240). To add a URI changes nothing; to remove one drops
    /// the extension's data; the base schema's stays (S-241). To replace the list drops what it
    /// leaves out only in the strict reading: clients repeat the list they know.
    fn schemas(&mut self, op: Op, value: Option<&Value>) -> Result<(), PatchProblem> {
        let Some(value) = value.filter(|value| is_assigned(value)) else {
            return match (op, value) {
                (Op::Remove, Some(Value::Array(_))) | (Op::Add, _) => Ok(()),
                _ => Err(PatchProblem::BaseSchema),
            };
        };
        let mut named = Vec::new();
        for element in elements_of(value) {
            match element {
                Value::String(urn) => named.push(urn.clone()),
                _ => return Err(PatchProblem::NothingNamed("schemas".into())),
            }
        }
        if op == Op::Remove {
            return self.remove_schemas(&named);
        }
        for urn in &named {
            let is_base = urn::eq(urn, &self.resource_type.schema.id);
            if is_base || self.resource_type.extension(urn).is_some() {
                continue;
            }
            let shown = urn.chars().take(128).collect::<String>();
            if self.reading == Reading::Strict {
                let (path, problem) = ("schemas".into(), Problem::UnknownSchema(shown));
                return Err(ValidationError { path, problem }.into());
            }
            self.notes
                .add(format!("`schemas` names `{shown}`, which is no schema here: passed over"));
        }
        if op == Op::Add {
            return Ok(());
        }
        let is_named = |urn: &str| named.iter().any(|named| urn::eq(named, urn));
        if !is_named(&self.resource_type.schema.id) {
            return Err(PatchProblem::BaseSchema);
        }
        let keys = self.resource.keys().filter(|key| urn::is_urn(key) && !is_named(key));
        let left_out: Vec<_> = keys.cloned().collect();
        if self.reading == Reading::Strict {
            return self.remove_schemas(&left_out);
        }
        if !left_out.is_empty() {
            self.notes.add("`schemas` leaves out an extension that has data: the data is kept");
        }
        Ok(())
    }

    fn remove_schemas(&mut self, urns: &[String]) -> Result<(), PatchProblem> {
        for urn in urns {
            if urn::eq(urn, &self.resource_type.schema.id) {
                return Err(PatchProblem::BaseSchema);
            }
            if let Some(key) = stored_key(&self.resource, urn).filter(|key| urn::is_urn(key)) {
                let key = key.to_owned();
                self.remove_extension(&key)?;
            }
        }
        Ok(())
    }

    /// Never kept (O-28, S-110).
    fn password(&self, value: Option<&Value>) -> Result<(), PatchProblem> {
        if self.reading == Reading::Strict && value.is_some_and(is_assigned) {
            let problem = Problem::Password;
            return Err(ValidationError { path: "password".into(), problem }.into());
        }
        Ok(())
    }

    fn check_writable(&self, slot: &Slot<'_>, sub: Option<&Sub<'_>>) -> Result<(), PatchProblem> {
        let mutability = |attribute: Option<&crate::schema::Attribute>| {
            attribute.is_some_and(|attribute| attribute.mutability == Mutability::ReadOnly)
        };
        if mutability(slot.attribute()) || mutability(sub.and_then(|sub| sub.declared)) {
            return Err(PatchProblem::ReadOnly(slot.path(sub)));
        }
        Ok(())
    }

    /// Immutable attributes are set once (S-242).
    fn check_immutable(&self, slot: &Slot<'_>) -> Result<(), PatchProblem> {
        let is_immutable = slot.attribute().is_some_and(|attribute| {
            std::iter::once(attribute)
                .chain(&attribute.sub_attributes)
                .any(|attribute| attribute.mutability == Mutability::Immutable)
        });
        if is_immutable {
            check_immutable(self.resource_type, self.stored, &self.resource)?;
        }
        Ok(())
    }

    /// Notes that the value at `slot` was written; `is_new` if there was none.
    pub fn touch(&mut self, slot: &Slot<'s>, is_new: bool) {
        const MANY: usize = 16;
        match slot.declared {
            Some(path) if !is_new && self.touched.len() < MANY => {
                if !self.touched.iter().any(|t| std::ptr::eq(t.attribute, path.attribute)) {
                    self.touched.push(path);
                }
            }
            _ => self.reshaped = true,
        }
    }

    /// Brings the resource back to the stored form. Where every attribute kept its place, only those
    /// that were written need it: most requests change a value or two of many.
    fn normalize(&mut self) {
        if !self.reshaped {
            self.normalize_touched();
        }
        if self.reshaped {
            let resource = std::mem::take(&mut self.resource);
            self.resource = normal_form(self.resource_type, resource);
        }
    }

    fn normalize_touched(&mut self) {
        let mut part = Object::new();
        for path in &self.touched {
            let value = container(&mut self.resource, path.extension)
                .and_then(|container| container.get_mut(&path.attribute.name));
            let Some(value) = value.map(Value::take) else { continue };
            if let Some(urn) = path.extension {
                part.entry(urn).or_insert_with(|| Object::new().into());
            }
            if let Some(container) = container(&mut part, path.extension) {
                container.insert(path.attribute.name.clone(), value);
            }
        }
        let mut part = normal_form(self.resource_type, part);
        for path in &self.touched {
            let name = &path.attribute.name;
            let value = container(&mut part, path.extension)
                .and_then(|container| container.get_mut(name))
                .map(Value::take);
            let Some(container) = container(&mut self.resource, path.extension) else { continue };
            match value {
                Some(value) => {
                    container.insert(name.clone(), value);
                }
                None => {
                    container.shift_remove(name);
                    self.reshaped |= container.is_empty();
                }
            }
        }
    }

    /// Accounts for comparing `elements` list elements, `times` each.
    pub fn work(&mut self, elements: usize, times: usize) -> Result<(), PatchProblem> {
        self.work += elements.saturating_mul(times);
        if self.work > MAX_WORK { Err(PatchProblem::TooMuchWork) } else { Ok(()) }
    }

    /// [`Patch::work`] for a filter.
    pub fn filter_work(&mut self, elements: usize, filter: &Filter) -> Result<(), PatchProblem> {
        self.work(elements, filter.terms())
    }

    fn finder(&self) -> Finder<'s, '_> {
        Finder {
            resource_type: self.resource_type,
            resource: &self.resource,
            reading: self.reading,
        }
    }
}
