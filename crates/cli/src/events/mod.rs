//! What is told of runs while they run: a log of events, metrics, a webhook.

mod args;
mod host;
mod last_words;
mod log;
mod metrics;
mod observer;
mod webhook;

pub use args::EventArgs;
pub use host::{host, now_ms, run_id};
pub use last_words::run_command;
pub use log::EventLog;
pub use metrics::MetricsFile;
pub use observer::{Observer, Opening};
pub use webhook::Webhook;
