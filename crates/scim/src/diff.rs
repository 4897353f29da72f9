//! What changed between two states of a resource.

use serde_json::Value;

/// Whether two values are the same: neither the order of keys nor that of elements counts (S-072).
pub fn same(a: &Value, b: &Value) -> bool {
    a == b || crate::validate::canonical(a) == crate::validate::canonical(b)
}
