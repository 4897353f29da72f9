//! The time, taken once per request or job and passed down.

/// Now, in microseconds since 1970, to the millisecond: what a client reads in `meta` is exactly
/// what is stored and compared.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond() * 1000
}
