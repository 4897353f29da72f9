use scim::{
    Error, Notes,
    dialect::Reading,
    discovery::schema_object,
    filter::{parse, resolve},
    path::AttributePath,
    schema::{Attribute, AttributeType, Extension, Mutability, Returned, Schema, user_type},
};
use serde_json::Value;

use super::{BASE_URL, READINGS, read_json};

/// Reads the declaration of an extension schema: what is published of it reads the same again, and
/// what it declares can be named.
pub fn check(bytes: &[u8]) {
    let Some(declaration) = read_json(bytes) else { return };
    let schema = match Schema::from_json(&declaration) {
        Ok(schema) => schema,
        Err(error) => {
            assert!((5..Error::MAX_DETAIL).contains(&error.to_string().len()), "{error}");
            return;
        }
    };
    let published = Value::Object(schema_object(&schema, BASE_URL));
    assert_eq!(Schema::from_json(&published).as_ref(), Ok(&schema));
    let rt = user_type(vec![Extension {
        schema: schema.clone().into(),
        required: false,
        learned: false,
    }]);
    let text = |attribute: &Attribute| format!("{}:{}", schema.id, attribute.name);
    for attribute in &schema.attributes {
        let path = text(attribute);
        let read = AttributePath::parse(&path).expect("a declared attribute has a path");
        let found = read.resolve(&rt).expect("a declared attribute is found");
        assert_eq!((found.extension, found.attribute), (Some(&*schema.id), attribute));
        check_filter(&rt, &path, attribute, Readable::of(attribute));
        for sub in &attribute.sub_attributes {
            let readable = Readable::of(attribute).and(Readable::of(sub));
            check_filter(&rt, &format!("{path}.{}", sub.name), sub, readable);
        }
    }
}

#[derive(PartialEq)]
enum Readable {
    Yes,
    No,
}

impl Readable {
    fn of(attribute: &Attribute) -> Self {
        match (attribute.mutability, attribute.returned) {
            (Mutability::WriteOnly, _) | (_, Returned::Never) => Self::No,
            _ => Self::Yes,
        }
    }

    fn and(self, other: Self) -> Self {
        if self == Self::Yes { other } else { Self::No }
    }
}

/// What can be read can be filtered by.
fn check_filter(
    rt: &scim::schema::ResourceType,
    path: &str,
    attribute: &Attribute,
    readable: Readable,
) {
    for reading in READINGS {
        let filter = parse(&format!("{path} pr"), reading, &mut Notes::default());
        let filter = filter.unwrap_or_else(|error| panic!("`{path}`: {error}"));
        let resolved = resolve(&filter, rt);
        assert_eq!(resolved.is_ok(), readable == Readable::Yes, "{reading:?}: {resolved:?}");
        if attribute.attribute_type == AttributeType::String && reading == Reading::Tolerant {
            let filter = parse(&format!("{path} eq \"a\""), reading, &mut Notes::default());
            assert_eq!(filter.map(|filter| resolve(&filter, rt).is_ok()), Ok(resolved.is_ok()));
        }
    }
}
