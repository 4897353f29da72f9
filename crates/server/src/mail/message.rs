//! A mail as it goes out: RFC 5322 and MIME, in ASCII but for addresses that are not (RFC 6532).

use std::time::{Duration, SystemTime};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use mapping::domain_name;

use super::{template::Values, template::one_line, text::Compiled};

/// The address as it stands in an SMTP command, an international domain in its ASCII form. None where
/// mail cannot be sent to it: no domain, white space, quotation marks, or anything else that would
/// have to be quoted.
pub fn address(text: &str) -> Option<Address> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let is_special = |c: char| c.is_control() || c.is_whitespace() || "\"(),:;<>@[\\]".contains(c);
    if local.len() > 64 || local.contains(is_special) {
        return None;
    }
    Address::new(local, domain_name(domain)?).ok()
}

/// What a mail is made of.
pub struct Letter<'a> {
    /// Stays the same however often it is sent.
    pub id: &'a str,
    pub from: &'a Address,
    /// The name that it is from.
    pub sender: &'a str,
    pub to: Address,
    /// The name that it is to.
    pub name: Option<&'a str>,
    pub language: &'a str,
    pub text: &'a Compiled,
    pub values: &'a Values,
    /// Microseconds since 1970.
    pub now: i64,
}

impl Letter<'_> {
    /// The bytes of the message, lines ending in CRLF. The error says what cannot be written.
    pub fn compose(&self) -> Result<Vec<u8>, String> {
        let named = |name: &str| Some(one_line(name)).filter(|name| !name.is_empty());
        let date = SystemTime::UNIX_EPOCH
            + Duration::from_micros(u64::try_from(self.now).unwrap_or_default());
        let header = |name: &'static str, value: &str| {
            HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
        };
        let message = Message::builder()
            .from(Mailbox::new(named(self.sender), self.from.clone()))
            .to(Mailbox::new(self.name.and_then(named), self.to.clone()))
            .subject(one_line(&self.text.subject(self.values)))
            .message_id(Some(format!("<{}@{}>", self.id, self.from.domain())))
            .date(date)
            // No out-of-office notes, please (RFC 3834 §5).
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("Content-Language", self.language))
            .multipart(MultiPart::alternative_plain_html(
                self.text.plain(self.values),
                self.text.html(self.language, self.values),
            ));
        Ok(message.map_err(|error| format!("the mail cannot be written: {error}"))?.formatted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, written) in [
            ("ines@example.com", "ines@example.com"),
            (" ines.o'kafor+new@example.com ", "ines.o'kafor+new@example.com"),
            ("ines@Bücher.example", "ines@xn--bcher-kva.example"),
            ("žofie@example.com", "žofie@example.com"),
        ] {
            assert_eq!(address(text).map(|a| a.to_string()).as_deref(), Some(written), "{text}");
        }
        for text in [
            "",
            "ines",
            "@example.com",
            "ines@",
            "ines@localhost",
            "ines@[127.0.0.1]",
            "\"ines o\"@example.com",
            "ines o@example.com",
            "ines@example.com\r\nRCPT TO:<all@example.com>",
            "ines\r\n@example.com",
            "ines>@example.com",
            "<ines@example.com>",
            "Ines <ines@example.com>",
            "a@b@example.com",
            "a,b@example.com",
            "ines@exa mple.com",
            ".ines@example.com",
            "ines..o@example.com",
        ] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }
}
