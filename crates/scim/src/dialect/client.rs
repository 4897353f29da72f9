//! Which identity provider seems to be calling.

use std::fmt;

/// A client as it presents itself. For the provisioning log and for statistics only (E-131): what a
/// request means is decided by its shape, never by who is believed to have sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    Authentik,
    Entra,
    Google,
    JumpCloud,
    Keycloak,
    Okta,
    OneLogin,
    Rauthy,
    Unknown,
}

impl Client {
    /// Words that a product puts into its own `User-Agent`, in lower case.
    const USER_AGENTS: [(&str, Client); 7] = [
        ("okta scim", Self::Okta),
        ("google-auto-provisioning", Self::Google),
        ("authentik", Self::Authentik),
        ("jumpcloud", Self::JumpCloud),
        ("keycloak", Self::Keycloak),
        ("onelogin", Self::OneLogin),
        ("rauthy", Self::Rauthy),
    ];

    /// Reads the `User-Agent` and `ADSCIMVersion` headers.
    ///
    /// Entra sends the second and often leaves out the first; its version text has changed over the
    /// years, so that its presence is what counts.
    pub fn recognise(user_agent: Option<&str>, adscimversion: Option<&str>) -> Self {
        if adscimversion.is_some() {
            return Self::Entra;
        }
        let user_agent = user_agent.unwrap_or_default().to_ascii_lowercase();
        Self::USER_AGENTS
            .into_iter()
            .find(|(word, _)| user_agent.contains(word))
            .map_or(Self::Unknown, |(_, client)| client)
    }

    /// The name in lower case, as it stands in logs and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentik => "authentik",
            Self::Entra => "entra",
            Self::Google => "google",
            Self::JumpCloud => "jumpcloud",
            Self::Keycloak => "keycloak",
            Self::Okta => "okta",
            Self::OneLogin => "onelogin",
            Self::Rauthy => "rauthy",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
