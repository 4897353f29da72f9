//! Names of e-mail domains.

/// The one form of a domain name that all spellings of it are compared in: lower case, an
/// international name in its ASCII form (UTS 46). None where it is no host name of at least two
/// labels: an IP address, a top-level domain, a name with an underscore.
pub fn domain_name(text: &str) -> Option<String> {
    let name = idna::domain_to_ascii_strict(text).ok()?;
    let (_, last) = name.rsplit_once('.')?;
    // Top-level domains of digits alone would be read as addresses (RFC 3696 §2).
    (!last.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::domain_name;

    #[test]
    fn spellings_of_one_name() {
        for (text, name) in [
            ("example.com", "example.com"),
            ("Example.COM", "example.com"),
            ("mail.eu.example.com", "mail.eu.example.com"),
            ("3m.example", "3m.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            ("ｅｘａｍｐｌｅ.com", "example.com"),
        ] {
            assert_eq!(domain_name(text).as_deref(), Some(name), "{text}");
        }
    }

    #[test]
    fn what_is_no_domain() {
        let long = format!("{}.example", "a".repeat(64));
        let longer = format!("{}example", "abcdefg.".repeat(31));
        for text in [
            "",
            ".",
            "com",
            "example.com.",
            ".example.com",
            "a..example",
            "192.0.2.1",
            "[192.0.2.1]",
            "2001:db8::1",
            "_dmarc.example.com",
            "a b.example",
            "-a.example",
            "a-.example",
            "*.example.com",
            "ada@example.com",
            "https://example.com",
            "example.com/path",
            "example.com:25",
            "xn--a.example",
            "a\u{0}.example",
            &long,
            &longer,
        ] {
            assert_eq!(domain_name(text), None, "{text}");
        }
    }
}
