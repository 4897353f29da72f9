use serde_json::Value;

use super::{
    ValidationError, Written, check_members, check_resource,
    elements::{self, tidy},
    error::{Place, Problem, excerpt},
    value::{self, Context},
};
use crate::{
    Object,
    patch::MemberRef,
    reading::Reading,
    schema::{Attribute, Mutability, ResourceType, Returned, Schema, common_attributes},
    urn,
};

/// The attributes of one schema in its order. An entry without a value was given, but empty.
pub(super) struct Slots {
    slots: Vec<Option<(String, Option<Value>)>>,
    /// What the schema does not declare, in the order it came.
    undeclared: Vec<(String, Value)>,
}

impl Slots {
    pub fn new(len: usize) -> Self {
        Self { slots: std::iter::repeat_with(|| None).take(len).collect(), undeclared: Vec::new() }
    }

    /// Fills a slot under its canonical `name`; `key` is the name as it was written. False if the
    /// slot is filled already.
    pub fn set(&mut self, index: usize, key: String, name: &str, value: Option<Value>) -> bool {
        let slot = &mut self.slots[index];
        if slot.is_some() {
            return false;
        }
        *slot = Some((if key == name { key } else { name.into() }, value));
        true
    }

    pub fn add_undeclared(&mut self, key: String, value: Value) {
        self.undeclared.push((key, value));
    }

    fn is_set(&self, index: usize) -> bool {
        self.slots[index].is_some()
    }

    fn value(&self, index: usize) -> Option<&Value> {
        self.slots[index].as_ref()?.1.as_ref()
    }

    fn value_mut(&mut self, index: usize) -> Option<&mut Value> {
        self.slots[index].as_mut()?.1.as_mut()
    }

    fn put(&mut self, index: usize, name: &str, value: Value) {
        self.slots[index] = Some((name.into(), Some(value)));
    }

    fn append_to(self, object: &mut Object) {
        let slots = self.slots.into_iter().flatten();
        object.extend(slots.filter_map(|(key, value)| Some((key, value?))));
        object.extend(self.undeclared);
    }

    pub fn into_object(self) -> Object {
        let mut object = Object::with_capacity(self.slots.len().min(8));
        self.append_to(&mut object);
        object
    }
}

/// A resource on its way to the stored form.
pub(super) struct Draft<'s> {
    rt: &'s ResourceType,
    /// `externalId`, then the attributes of the base schema.
    base: Slots,
    /// One for each declared extension; `None` if the body has none.
    extensions: Vec<Option<Slots>>,
    /// The objects under URNs that no declared extension has.
    undeclared: Vec<(String, Object)>,
    members: Option<Vec<MemberRef>>,
}

/// What a key of a resource's object stands for.
enum Role<'s> {
    Schemas,
    /// The place in [`Draft::base`].
    Base(usize, &'s Attribute),
    Members,
    Password,
    /// The server's own: `id`, `meta`, other readOnly attributes.
    ReadOnly,
    /// The place in [`Draft::extensions`].
    Extension(usize, &'s Schema),
    /// The URN of no declared extension.
    UndeclaredExtension,
    Undeclared,
}

impl<'s> Draft<'s> {
    fn new(rt: &'s ResourceType) -> Self {
        Self {
            rt,
            base: Slots::new(1 + rt.schema.attributes.len()),
            extensions: rt.extensions.iter().map(|_| None).collect(),
            undeclared: Vec::new(),
            members: None,
        }
    }

    fn role(&self, key: &str) -> Role<'s> {
        let rt = self.rt;
        if urn::is_urn(key) {
            return match rt.extensions.iter().position(|e| urn::eq(&e.schema.id, key)) {
                Some(index) => Role::Extension(index, &rt.extensions[index].schema),
                None if urn::eq(key, &rt.schema.id) => Role::Undeclared,
                None => Role::UndeclaredExtension,
            };
        }
        let of = |attributes: &[Attribute]| {
            attributes.iter().position(|attribute| attribute.name.eq_ignore_ascii_case(key))
        };
        let (index, attribute) = match of(&rt.schema.attributes) {
            Some(index) => (index + 1, &rt.schema.attributes[index]),
            None => match of(common_attributes()) {
                Some(index) => (0, &common_attributes()[index]),
                None => return Role::Undeclared,
            },
        };
        match attribute.name.as_str() {
            "schemas" => Role::Schemas,
            "externalId" => Role::Base(0, attribute),
            "members" if rt.schema.id == urn::GROUP => Role::Members,
            "password" if rt.schema.id == urn::USER => Role::Password,
            _ if attribute.mutability == Mutability::ReadOnly => Role::ReadOnly,
            _ => Role::Base(index, attribute),
        }
    }

    /// Reads a POST or PUT body.
    pub fn read(
        rt: &'s ResourceType,
        body: Object,
        context: &mut Context<'_>,
    ) -> Result<Self, ValidationError> {
        let mut draft = Self::new(rt);
        check_schemas(rt, &body, context)?;
        for (key, value) in body {
            match draft.role(&key) {
                Role::Schemas | Role::ReadOnly => {}
                Role::Base(index, attribute) => {
                    let place = Place::base(&attribute.name);
                    let value = value::whole(place, attribute, value, context)?;
                    if !draft.base.set(index, key, &attribute.name, value) {
                        return Err(place.problem(Problem::Repeated));
                    }
                }
                Role::Members => {
                    let members = check_members(value, context.reading, context.notes)?;
                    if draft.members.replace(members).is_some() {
                        return Err(Place::base("members").problem(Problem::Repeated));
                    }
                }
                Role::Password => {
                    if context.reading == Reading::Strict && tidy(value).is_some() {
                        return Err(Place::base("password").problem(Problem::Password));
                    }
                }
                Role::Extension(index, schema) => {
                    let slots = value::extension(schema, value, context)?;
                    if draft.extensions[index].replace(slots).is_some() {
                        return Err(Place::base(&schema.id).problem(Problem::Repeated));
                    }
                }
                Role::UndeclaredExtension if context.reading == Reading::Tolerant => {
                    match tidy(value) {
                        Some(Value::Object(object)) => draft.undeclared.push((key, object)),
                        Some(_) => context.pass_over(Place::base(&key)),
                        None => {}
                    }
                }
                Role::UndeclaredExtension | Role::Undeclared => {
                    context.undeclared(Place::base(&key))?;
                }
            }
        }
        Ok(draft)
    }

    /// The parts of an edited resource, unchecked.
    pub fn take_apart(rt: &'s ResourceType, resource: Object) -> Self {
        let mut draft = Self::new(rt);
        for (key, value) in resource {
            match draft.role(&key) {
                Role::Base(index, attribute) => {
                    let value = elements::normal_value(attribute, value, elements::Unknown::Drop);
                    draft.base.set(index, key, &attribute.name, value);
                }
                Role::Extension(index, schema) => {
                    if let Value::Object(object) = value {
                        draft.extensions[index] = Some(elements::normal_extension(schema, object));
                    }
                }
                Role::UndeclaredExtension => {
                    if let Some(Value::Object(object)) = tidy(value) {
                        draft.undeclared.push((key, object));
                    }
                }
                _ => {}
            }
        }
        draft
    }

    /// Fills in what the body leaves out: a new User is active, another as it was (S-089).
    pub fn default_active(&mut self, stored: Option<&Object>) {
        let is_active = |attribute: &Attribute| attribute.name == "active";
        if self.rt.schema.id == urn::USER
            && let Some(index) = self.rt.schema.attributes.iter().position(is_active)
            && self.base.value(index + 1).is_none()
        {
            let active = match stored {
                None => Some(Value::Bool(true)),
                Some(stored) => stored.get("active").cloned(),
            };
            if let Some(active) = active {
                self.base.put(index + 1, "active", active);
            }
        }
    }

    /// Carries over from `stored` what a PUT does not clear by leaving it out.
    pub fn keep_unsent(&mut self, stored: &Object) {
        if let (false, Some(kept)) = (self.base.is_set(0), stored.get("externalId")) {
            self.base.put(0, "externalId", kept.clone());
        }
        keep_unsent(&self.rt.schema, stored, &mut self.base, 1);
        for (extension, slots) in self.rt.extensions.iter().zip(&mut self.extensions) {
            let schema = &extension.schema;
            if let Some(Value::Object(stored)) = stored.get(&schema.id)
                && schema
                    .attributes
                    .iter()
                    .any(|a| outlives_put(a) || a.sub_attributes.iter().any(sub_outlives_put))
            {
                let slots = slots.get_or_insert_with(|| Slots::new(schema.attributes.len()));
                keep_unsent(schema, stored, slots, 0);
            }
        }
    }

    pub fn into_resource(self) -> Object {
        let mut resource = Object::with_capacity(16);
        resource.insert("schemas".into(), Value::Null);
        self.base.append_to(&mut resource);
        let mut schemas = vec![Value::String(self.rt.schema.id.clone())];
        let declared = self.rt.extensions.iter().zip(self.extensions);
        let declared = declared.filter_map(|(extension, slots)| {
            Some((extension.schema.id.clone(), slots?.into_object()))
        });
        for (urn, object) in declared.chain(self.undeclared) {
            if !object.is_empty() {
                schemas.push(Value::String(urn.clone()));
                resource.insert(urn, Value::Object(object));
            }
        }
        resource["schemas"] = Value::Array(schemas);
        resource
    }

    pub fn finish(mut self) -> Result<Written, ValidationError> {
        let members = self.members.take();
        let rt = self.rt;
        let resource = self.into_resource();
        check_resource(rt, &resource)?;
        Ok(Written { resource, members })
    }
}

/// Whether an attribute keeps its value when a PUT does not name it: the client may not change it,
/// or could not have read it back.
fn outlives_put(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadWrite
        || matches!(attribute.returned, Returned::Never | Returned::Request)
}

/// The same for a part of a complex value. What only the server writes is computed anew.
fn sub_outlives_put(sub: &Attribute) -> bool {
    sub.mutability != Mutability::ReadOnly && outlives_put(sub)
}

fn keep_unsent(schema: &Schema, stored: &Object, slots: &mut Slots, offset: usize) {
    for (index, attribute) in schema.attributes.iter().enumerate() {
        let Some(kept) = stored.get(&attribute.name) else { continue };
        if outlives_put(attribute) && !slots.is_set(index + offset) {
            slots.put(index + offset, &attribute.name, kept.clone());
        } else if let (Value::Object(kept), Some(Value::Object(given))) =
            (kept, slots.value_mut(index + offset))
        {
            for sub in attribute.sub_attributes.iter().filter(|sub| sub_outlives_put(sub)) {
                if let (Some(kept), None) = (kept.get(&sub.name), given.get(&sub.name)) {
                    given.insert(sub.name.clone(), kept.clone());
                }
            }
        }
    }
}

/// `schemas` says nothing that the endpoint and the body do not say (E-19..E-21, O-46); only the
/// strict reading insists on it (S-045, S-046), unless it names another resource type only.
fn check_schemas(
    rt: &ResourceType,
    body: &Object,
    context: &mut Context<'_>,
) -> Result<(), ValidationError> {
    let place = Place::base("schemas");
    let strict = context.reading == Reading::Strict;
    let schemas = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas"));
    let Some((_, Value::Array(schemas))) = schemas else {
        if strict {
            return Err(place.problem(Problem::Schemas));
        }
        context.note("`schemas` is missing: taken from the endpoint");
        return Ok(());
    };
    let mut base = false;
    let mut other_type = None;
    for schema in schemas {
        let known = match schema.as_str() {
            Some(text) if urn::eq(text, &rt.schema.id) => {
                base = true;
                true
            }
            Some(text) => {
                rt.extension(text).is_some() || !strict && body.keys().any(|key| urn::eq(key, text))
            }
            None => false,
        };
        if !known {
            let name = excerpt(schema.as_str().unwrap_or("a value that is no URI")).to_owned();
            if strict {
                return Err(place.problem(Problem::UnknownSchema(name)));
            }
            if [urn::USER, urn::GROUP].iter().any(|uri| urn::eq(uri, &name)) {
                other_type = Some(name.clone());
            }
            context.note(format!("`schemas` names `{name}`, which is no schema here: passed over"));
        }
    }
    if strict && !base {
        return Err(place.problem(Problem::Schemas));
    }
    // A body of another resource type is at the wrong endpoint.
    match other_type {
        Some(name) if !base => Err(place.problem(Problem::UnknownSchema(name))),
        _ => Ok(()),
    }
}
