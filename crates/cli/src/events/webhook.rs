//! A webhook: notices are posted by a thread of its own, which nobody waits for longer than [`TOTAL`].
//!
//! *Bounds.* A thread is started with the first notice. It holds a connection at a time, buffers of some KiB, and at most
//! [`QUEUE`] notices. It never waits at the wall: it must not be taken for a task that lacks memory.

use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};
use tidegate_memory::past_the_wall;
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

/// The longest that a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(2);

/// The longest that a notice may take, and that the end of a job may wait.
const TOTAL: Duration = Duration::from_secs(5);

/// Notices that wait to be posted.
const QUEUE: usize = 16;

/// What connections hold of what they read and write.
const BUFFER: usize = 8 << 10;

/// A webhook.
pub struct Webhook {
    url: String,
    sending: Mutex<Option<Sending>>,
}

/// The thread.
struct Sending {
    queue: SyncSender<String>,
    /// What went wrong first, if anything, when all is posted.
    over: Receiver<Option<String>>,
    /// Notices that found the queue full.
    lost: usize,
}

impl Webhook {
    /// Returns the webhook at a URL.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), sending: Mutex::new(None) }
    }

    /// Returns the URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Posts a notice, and does not wait for it.
    pub fn post(&self, notice: String) {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a thread the notice is lost, as it is if nobody answers.
        let sending = sending.get_or_insert_with(|| Sending::start(&self.url));
        if sending.queue.try_send(notice).is_err() {
            sending.lost += 1;
        }
    }

    /// Waits until all is posted, for a bounded time. Returns what went wrong, once whatever the number of notices.
    pub fn finish(&self) -> Option<String> {
        let Sending { queue, over, lost } = self.sending.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        drop(queue);
        let failed = over.recv_timeout(TOTAL).unwrap_or_else(|_| Some(format!("no answer within {TOTAL:?}")));
        failed.or_else(|| (lost > 0).then(|| format!("{lost} notices were too many at a time")))
    }
}

impl Sending {
    fn start(url: &str) -> Self {
        let (queue, notices) = mpsc::sync_channel::<String>(QUEUE);
        let (end, over) = mpsc::channel();
        let url = url.to_owned();
        let post = move || {
            past_the_wall(|| {
                let failed = post_all(&url, &notices);
                // Who does not wait any more needs no answer.
                let _ = end.send(failed);
            });
        };
        // Where it does not start, both ends are dropped, which says that nothing is posted.
        let _ = thread::Builder::new().name("tidegate-webhook".into()).spawn(post);
        Self { queue, over, lost: 0 }
    }
}

fn post_all(url: &str, notices: &Receiver<String>) -> Option<String> {
    let agent = agent();
    let mut failed = None;
    for notice in notices {
        if let Err(error) = post(&agent, url, &notice) {
            failed.get_or_insert(error);
        }
    }
    failed
}

fn agent() -> Agent {
    // The certificates of the system, as an address within a company may have one that no list of a browser knows.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_resolve(Some(CONNECT))
        .timeout_global(Some(TOTAL))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls);
    Agent::new_with_config(config.build())
}

fn post(agent: &Agent, url: &str, notice: &str) -> Result<(), String> {
    let request = agent.post(url).header("Content-Type", "application/json");
    let status = request.send(notice).map_err(|error| error.to_string())?.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered with {status}")) }
}

impl std::fmt::Debug for Webhook {
    /// The URL may hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}
