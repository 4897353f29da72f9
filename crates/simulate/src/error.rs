/// Why a simulation could not begin. Each reads on one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no scenario `{name}` for {service}; there are: {known}")]
    Scenario { name: String, service: &'static str, known: String },
    #[error("there is no knob `{name}` for {service}; there are: {known}")]
    Knob { name: String, service: &'static str, known: String },
    #[error("`{name}` cannot be `{value}`; it can be: {values}")]
    KnobValue { name: &'static str, value: String, values: String },
    #[error("`{text}` is no trouble: write one of {known}, then `=` and a number from 2 on")]
    Trouble { text: String, known: String },
    #[error("`{url}` is not a SCIM base URL: {reason}")]
    Url { url: String, reason: String },
    #[error("the token holds characters that an HTTP header cannot carry")]
    Token,
    #[error("access tokens need the token endpoint's URL and a client id")]
    TokenEndpoint,
    #[error("at least one user is needed")]
    NoUsers,
    #[error("nothing answers at `{url}`: {reason}")]
    Unreachable { url: String, reason: String },
    #[error(
        "the server refused the token with status {status}: {detail}; check token and directory"
    )]
    Credentials { status: u16, detail: String },
    #[error("line {line} of the script: {reason}")]
    Script { line: usize, reason: String },
}
