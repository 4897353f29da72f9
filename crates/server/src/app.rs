//! What every request of a running server shares.

use std::sync::Arc;

use store::{Database, Store, directories::Directory};

use crate::{
    availability::Availability,
    config::Settings,
    cursor::Cursors,
    http::auth::Tokens,
    log::Log,
    members::Configurations,
    rate_limit::{OverLimit, RateLimits, Turns},
    schemas::Schemas,
    shared_rate::SharedRates,
};

pub struct App {
    pub settings: Settings,
    /// The server's address as identity providers see it, without a trailing slash.
    pub public_url: String,
    /// The path of the public URL, without slashes at its ends: often empty.
    pub public_path: String,
    pub store: Arc<Store>,
    pub availability: Arc<Availability>,
    pub tokens: Tokens,
    /// What is counted by this process alone.
    pub rate_limits: RateLimits,
    /// Where other processes answer requests of the same directories.
    shared_rates: Option<SharedRates>,
    pub bulk_turns: Turns,
    pub log: Log,
    pub schemas: Schemas,
    pub cursors: Cursors,
    pub configurations: Arc<Configurations>,
}

impl App {
    pub fn new(
        settings: Settings,
        public_url: String,
        store: Arc<Store>,
        availability: Arc<Availability>,
        log: Log,
    ) -> Self {
        let cursors = Cursors::new(settings.cursor_timeout);
        let public_path = public_url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let shared_rates = match settings.database {
            Database::Embedded(_) => None,
            Database::Postgres(_) => Some(SharedRates::default()),
        };
        Self {
            settings,
            public_url,
            public_path,
            store,
            availability,
            tokens: Tokens::default(),
            rate_limits: RateLimits::default(),
            shared_rates,
            bulk_turns: Turns::default(),
            log,
            schemas: Schemas::default(),
            cursors,
            configurations: Arc::default(),
        }
    }

    /// Takes one request of the directory's budget, which all processes share.
    pub async fn let_in(&self, directory: &Directory) -> Result<(), OverLimit> {
        match &self.shared_rates {
            None => {
                self.rate_limits.take(&directory.id, directory.rate_limit).map_err(OverLimit::For)
            }
            Some(shared) => shared.take(&self.store, &directory.id, directory.rate_limit).await,
        }
    }
}
