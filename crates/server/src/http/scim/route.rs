//! Which endpoint a URL names.
//!
//! `/scim/v2/{directory}/Users/{id}`, or `/scim/v2/Users/{id}` on an organization's own host.
//! Doubled and trailing slashes, a doubled `/scim` and a missing `/v2` name the same (E-07, E-08,
//! O-06): identity providers join what an admin pasted with what they need.

use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use scim::list;

/// Whose endpoint it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A directory's id.
    Directory(String),
    /// An organization's slug, in the host name.
    Organization(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The base URL itself.
    Base,
    Resources(Kind),
    Resource(Kind, String),
    Search(Kind),
    /// `/.search` over all types.
    RootSearch,
    ServiceProviderConfig,
    ResourceTypes(Option<String>),
    Schemas(Option<String>),
    Bulk,
    Me,
    /// What only some directories have: the name of the endpoint, and an id.
    Declared(String, Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    Group,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub address: Address,
    pub endpoint: Endpoint,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// No endpoint; the directory, if the path named one.
    Unknown(Option<Address>),
    /// A version of the protocol that is not served.
    Version(String),
    /// Percent-encoding that is none.
    Encoding,
}

/// The organization named by `host`, below `base_domain`; a port counts only where the base domain
/// has one.
pub fn organization_of<'h>(host: &'h str, base_domain: &str) -> Option<&'h str> {
    let host = match host.split_once(':') {
        Some((name, _)) if !base_domain.contains(':') => name,
        _ => host,
    };
    let cut = host.len().checked_sub(base_domain.len() + 1)?;
    let (slug, rest) = host.split_at_checked(cut)?;
    let fits = rest.starts_with('.') && rest[1..].eq_ignore_ascii_case(base_domain);
    (fits && !slug.is_empty() && !slug.contains('.')).then_some(slug)
}

/// Reads `path`, which follows the path of the public URL.
pub fn parse(path: &str, organization: Option<&str>) -> Result<Route, RouteError> {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if !valid_encoding(segment) {
            return Err(RouteError::Encoding);
        }
        let decoded = percent_decode_str(segment).decode_utf8();
        segments.push(decoded.map_err(|_| RouteError::Encoding)?);
    }
    let mut rest = segments.iter().map(|segment| &**segment).peekable();
    let mut prefixed = false;
    while rest.next_if_eq(&"scim").is_some() {
        prefixed = true;
    }
    if !prefixed {
        return Err(RouteError::Unknown(None));
    }
    version(&mut rest)?;
    let address = match organization {
        Some(slug) => Address::Organization(slug.to_ascii_lowercase()),
        None => Address::Directory(rest.next().ok_or(RouteError::Unknown(None))?.to_owned()),
    };
    while rest.next_if_eq(&"scim").is_some() {}
    version(&mut rest)?;
    let parts: Vec<&str> = rest.collect();
    let endpoint = match parts[..] {
        [] => Endpoint::Base,
        ["Users"] => Endpoint::Resources(Kind::User),
        ["Groups"] => Endpoint::Resources(Kind::Group),
        ["Users", ".search"] => Endpoint::Search(Kind::User),
        ["Groups", ".search"] => Endpoint::Search(Kind::Group),
        ["Users", id] => Endpoint::Resource(Kind::User, id.into()),
        ["Groups", id] => Endpoint::Resource(Kind::Group, id.into()),
        [".search"] => Endpoint::RootSearch,
        // The second is SCIM 1.1's name, which authentik asks for in one of its modes.
        ["ServiceProviderConfig" | "ServiceProviderConfigs"] => Endpoint::ServiceProviderConfig,
        // Nothing is searched there (S-214).
        ["ResourceTypes" | "Schemas", ".search"] => return Err(RouteError::Unknown(Some(address))),
        ["ResourceTypes"] => Endpoint::ResourceTypes(None),
        ["ResourceTypes", id] => Endpoint::ResourceTypes(Some(id.into())),
        ["Schemas"] => Endpoint::Schemas(None),
        ["Schemas", id] => Endpoint::Schemas(Some(id.into())),
        ["Bulk"] => Endpoint::Bulk,
        ["Me"] => Endpoint::Me,
        [name] => Endpoint::Declared(name.into(), None),
        [name, id] => Endpoint::Declared(name.into(), Some(id.into())),
        _ => return Err(RouteError::Unknown(Some(address))),
    };
    Ok(Route { address, endpoint })
}

fn version<'s>(
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'s str>>,
) -> Result<(), RouteError> {
    while let Some(segment) = rest.next_if(|s| {
        s.len() > 1 && s.starts_with('v') && s[1..].bytes().all(|b| b.is_ascii_digit())
    }) {
        if segment != "v2" {
            return Err(RouteError::Version(segment.into()));
        }
    }
    Ok(())
}

fn valid_encoding(text: &str) -> bool {
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    (0..bytes.len())
        .all(|at| bytes[at] != b'%' || (hex(bytes.get(at + 1)) && hex(bytes.get(at + 2))))
}

/// The pairs of a query string: `+` is a blank, percent-encoding is decoded once (S-013). A key
/// without `=` has an empty value.
pub fn query_pairs(query: &str) -> Result<Vec<(String, String)>, RouteError> {
    let decode = |text: &str| {
        if !valid_encoding(text) {
            return Err(RouteError::Encoding);
        }
        let blank = text.replace('+', " ");
        let decoded = percent_decode_str(&blank).decode_utf8();
        Ok(decoded.map_err(|_| RouteError::Encoding)?.into_owned())
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

/// The value of the parameter `name` with its plus signs left as they are.
pub fn literal_value(query: &str, name: &str) -> Option<String> {
    let (_, value) = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    percent_decode_str(value).decode_utf8().ok().map(Into::into)
}

/// Whether the query asks for a list: any of its parameters is one of a list's, and none holds a
/// path that a client has put behind it.
pub fn is_list(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    let mut found = false;
    for pair in query.split('&') {
        let name = pair.split('=').next().unwrap_or_default();
        if list::is_parameter(name) {
            found = true;
        } else if ["/Users", "/Groups"].iter().any(|path| pair.contains(path)) {
            return false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-011, S-012, S-017.
    #[test]
    fn urls_name_endpoints() {
        let user = |id: &str| Endpoint::Resource(Kind::User, id.into());
        for (path, endpoint) in [
            ("/scim/v2/dir-1/Users", Endpoint::Resources(Kind::User)),
            ("/scim/v2/dir-1/Users/", Endpoint::Resources(Kind::User)),
            ("/scim/v2/dir-1//Users", Endpoint::Resources(Kind::User)),
            ("/scim/v2/dir-1/scim/Users", Endpoint::Resources(Kind::User)),
            ("/scim/dir-1/Users", Endpoint::Resources(Kind::User)),
            ("/scim/dir-1/v2/Users/a%2Db", user("a-b")),
            ("/scim/v2/dir-1/Groups/.search", Endpoint::Search(Kind::Group)),
            ("/scim/v2/dir-1", Endpoint::Base),
            ("/scim/v2/dir-1/ServiceProviderConfigs", Endpoint::ServiceProviderConfig),
            ("/scim/v2/dir-1/Schemas/urn:x", Endpoint::Schemas(Some("urn:x".into()))),
            ("/scim/v2/dir-1/Roles", Endpoint::Declared("Roles".into(), None)),
            ("/scim/v2/dir-1/Roles/r1", Endpoint::Declared("Roles".into(), Some("r1".into()))),
        ] {
            let address = Address::Directory("dir-1".into());
            assert_eq!(parse(path, None), Ok(Route { address, endpoint }), "{path}");
        }
        assert_eq!(
            parse("/scim/v2/Users/7", Some("Acme")),
            Ok(Route { address: Address::Organization("acme".into()), endpoint: user("7") })
        );
        assert_eq!(parse("/scim/v1/dir-1/Users", None), Err(RouteError::Version("v1".into())));
        assert_eq!(parse("/scim/dir-1/v3/Users", None), Err(RouteError::Version("v3".into())));
        assert_eq!(parse("/scim/v2/dir-1/Users/%zz", None), Err(RouteError::Encoding));
        assert_eq!(parse("/elsewhere", None), Err(RouteError::Unknown(None)));
        assert_eq!(
            parse("/scim/v2/dir-1/Users/7/name", None),
            Err(RouteError::Unknown(Some(Address::Directory("dir-1".into()))))
        );
    }

    #[test]
    fn hosts_name_organizations() {
        assert_eq!(organization_of("acme.scim.example.com", "scim.example.com"), Some("acme"));
        assert_eq!(organization_of("Acme.SCIM.example.com:443", "scim.example.com"), Some("Acme"));
        assert_eq!(organization_of("acme.localhost:80", "localhost:80"), Some("acme"));
        assert_eq!(organization_of("acme.localhost:81", "localhost:80"), None);
        assert_eq!(organization_of("a.b.scim.example.com", "scim.example.com"), None);
        assert_eq!(organization_of("scim.example.com", "scim.example.com"), None);
        assert_eq!(organization_of("acmescim.example.com", "scim.example.com"), None);
    }

    /// S-013.
    #[test]
    fn queries_decode_once() {
        let pairs = |query| query_pairs(query).unwrap();
        assert_eq!(
            pairs("filter=userName+eq+%22mira%2Btest%40northlab.example%22&aadOptscim062020"),
            [
                ("filter".into(), "userName eq \"mira+test@northlab.example\"".into()),
                ("aadOptscim062020".into(), String::new()),
            ]
        );
        assert_eq!(pairs("&a=b=c&"), [("a".into(), "b=c".into())]);
        assert_eq!(query_pairs("a=%4"), Err(RouteError::Encoding));
    }
}
