//! What every request of a running server shares.

use std::sync::Arc;

use store::Store;

use crate::{
    config::Settings,
    cursor::Cursors,
    http::auth::Tokens,
    log::Log,
    rate_limit::{RateLimits, Turns},
    schemas::Schemas,
};

pub struct App {
    pub settings: Settings,
    /// The server's address as identity providers see it, without a trailing slash.
    pub public_url: String,
    /// The path of the public URL, without slashes at its ends: often empty.
    pub public_path: String,
    pub store: Arc<Store>,
    pub tokens: Tokens,
    pub rate_limits: RateLimits,
    pub bulk_turns: Turns,
    pub log: Log,
    pub schemas: Schemas,
    pub cursors: Cursors,
}

impl App {
    pub fn new(settings: Settings, public_url: String, store: Arc<Store>, log: Log) -> Self {
        let cursors = Cursors::new(settings.cursor_timeout);
        let public_path = public_url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        Self {
            settings,
            public_url,
            public_path,
            store,
            tokens: Tokens::default(),
            rate_limits: RateLimits::default(),
            bulk_turns: Turns::default(),
            log,
            schemas: Schemas::default(),
            cursors,
        }
    }
}
