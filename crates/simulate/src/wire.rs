//! What a service's requests look like from outside: headers, the token's form, the compatibility flag.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};

use crate::knobs::Settings;
use crate::timeline::{Moment, Place, SECOND};
use crate::{Error, Kind};

/// Whether the compatibility flag is in the Tenant URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    Off,
    On,
    /// It is there, and every second object is sent in the old grammar all the same.
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenForm {
    Bearer,
    /// The token alone (`O-234`).
    Header,
    /// As the password of somebody.
    Basic,
    /// As a client secret, for which an access token is given.
    OAuth(ClientForm),
}

/// Where the client's id and secret stand in a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientForm {
    /// `E-125`
    Body,
    /// `E-126`
    Basic,
}

pub struct Wire {
    pub headers: HeaderMap,
    pub content_type: &'static str,
    /// The media type that answers must have.
    pub accepts: &'static str,
    pub flag: Flag,
    flag_form: &'static str,
    form: TokenForm,
    /// The simulation's own time from one request to the next.
    pub gap: Moment,
    /// How long an answer is waited for, in the simulation's own time.
    pub patience: Moment,
    /// Whether a request whose answer got lost is sent again at once.
    pub immediate: bool,
}

/// Forms of the flag that administrators paste and gateways make of it (`E-34`).
const FLAG_FORMS: [&str; 4] =
    ["aadOptscim062020", "aadOptscim062020=", "aadOptscim062020=true", "AADOPTSCIM062020"];

impl Wire {
    pub fn new(kind: Kind, settings: &Settings) -> Self {
        let scim = "application/scim+json";
        let mut wire = Wire {
            headers: HeaderMap::new(),
            content_type: "application/scim+json; charset=utf-8",
            accepts: scim,
            flag: Flag::Off,
            flag_form: "",
            form: TokenForm::Bearer,
            gap: 50,
            patience: 30 * SECOND,
            immediate: false,
        };
        let mut header = |name: HeaderName, value: &'static str| {
            wire.headers.insert(name, HeaderValue::from_static(value));
        };
        match kind {
            Kind::Entra => {
                header(ACCEPT, scim);
                if settings.on("adscim-version") {
                    header(HeaderName::from_static("adscimversion"), "5.0");
                }
                // E-05: the service itself sends none.
                if settings.get("user-agent") == "present" {
                    header(USER_AGENT, "Entra provisioning, simulated");
                }
                wire.flag = match settings.get("flag") {
                    "on" => Flag::On,
                    "mixed" => Flag::Mixed,
                    _ => Flag::Off,
                };
                wire.flag_form = match settings.get("flag-form") {
                    "bare" => "bare",
                    "equals" => "equals",
                    "true" => "true",
                    "leading" => "leading",
                    "trailing" => "trailing",
                    _ => "any",
                };
                wire.form = match settings.get("auth") {
                    "oauth-body" => TokenForm::OAuth(ClientForm::Body),
                    "oauth-basic" => TokenForm::OAuth(ClientForm::Basic),
                    _ => TokenForm::Bearer,
                };
                wire.immediate = settings.get("retry") == "immediate";
            }
            Kind::Okta => {
                // O-01: the set of its cloud client.
                header(ACCEPT, scim);
                header(USER_AGENT, "Okta SCIM Client 1.0.0");
                header(ACCEPT_CHARSET, "utf-8");
                header(ACCEPT_ENCODING, "gzip,deflate");
                wire.form = match settings.get("auth") {
                    "header" => TokenForm::Header,
                    "basic" => TokenForm::Basic,
                    _ => TokenForm::Bearer,
                };
                wire.gap = settings.number("call-gap-ms").unwrap_or(250);
                wire.patience = settings.number("timeout-s").unwrap_or(60) * SECOND;
            }
            Kind::OneLogin => {
                //
                wire.accepts = "application/json";
                wire.content_type = "application/json";
                header(ACCEPT, "application/json");
                header(USER_AGENT, "");
            }
            Kind::JumpCloud => header(ACCEPT, scim),
        }
        wire
    }

    pub fn authorization(&self, token: &str) -> Result<HeaderValue, Error> {
        let token = token.trim();
        let text = match self.form {
            TokenForm::Bearer | TokenForm::OAuth(_) => format!("Bearer {token}"),
            TokenForm::Header => token.to_owned(),
            TokenForm::Basic => {
                format!("Basic {}", BASE64_STANDARD.encode(format!("okta:{token}")))
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// How an access token is asked for, if it is.
    pub fn client_form(&self) -> Option<ClientForm> {
        match self.form {
            TokenForm::OAuth(form) => Some(form),
            TokenForm::Bearer | TokenForm::Header | TokenForm::Basic => None,
        }
    }

    /// The flag as a parameter, and whether it stands in front of the others.
    pub fn flag_form(&self, place: Place) -> (&'static str, bool) {
        match self.flag_form {
            "bare" => (FLAG_FORMS[0], place.number.is_multiple_of(2)),
            "equals" => (FLAG_FORMS[1], place.number.is_multiple_of(2)),
            "true" => (FLAG_FORMS[2], place.number.is_multiple_of(2)),
            "leading" => (FLAG_FORMS[0], true),
            "trailing" => (FLAG_FORMS[0], false),
            _ => {
                let turn = (place.lane + place.number) as usize;
                (FLAG_FORMS[turn / 2 % FLAG_FORMS.len()], turn.is_multiple_of(2))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_in_its_forms() {
        for (auth, expected) in
            [("bearer", "Bearer s3"), ("header", "s3"), ("basic", "Basic b2t0YTpzMw==")]
        {
            let pairs = [("auth".to_owned(), auth.to_owned())];
            let settings = Settings::new(Kind::Okta, &pairs).expect("the knob is there");
            let value = Wire::new(Kind::Okta, &settings).authorization(" s3 ");
            assert_eq!(value.expect("it fits a header").to_str().ok(), Some(expected));
        }
    }
}
