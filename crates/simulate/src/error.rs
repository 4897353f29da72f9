/// Why a simulation could not begin. Each reads on one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no scenario `{name}` for {service}; there are: {known}")]
    Scenario { name: String, service: &'static str, known: String },
    #[error("`{url}` is not a SCIM base URL: {reason}")]
    Url { url: String, reason: String },
    #[error("the token holds characters that an HTTP header cannot carry")]
    Token,
    #[error("at least one user is needed")]
    NoUsers,
    #[error("nothing answers at `{url}`: {reason}")]
    Unreachable { url: String, reason: String },
    #[error(
        "the server refused the token with status {status}: {detail}; check token and directory"
    )]
    Credentials { status: u16, detail: String },
}
