//! How far a long command has come, for people who watch, and whether it is to stop.

use std::{
    fmt,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

use super::{Failure, serve::stop_signal};

/// A line on standard error, where that is a terminal; and the signal to stop, which from then on does
/// not end the process.
#[derive(Clone)]
pub struct LongCommand {
    pub bar: ProgressBar,
    stopped: Arc<AtomicBool>,
}

impl LongCommand {
    /// Shows what has no known end. The template may have what indicatif knows, and `{rate}`.
    pub fn start(template: &str) -> Result<Self, Failure> {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{}/s", HumanCount(state.per_sec() as u64));
        };
        bar.set_style(style.with_key("rate", rate));
        let stopped = Arc::new(AtomicBool::new(false));
        let (signal, flag) = (stop_signal()?, Arc::clone(&stopped));
        tokio::spawn(async move {
            signal.await;
            flag.store(true, Ordering::Relaxed);
        });
        Ok(Self { bar, stopped })
    }

    pub fn go_on(&self) -> ControlFlow<()> {
        match self.stopped.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
