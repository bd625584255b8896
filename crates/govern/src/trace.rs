//! Which account work belongs to, wherever it runs.
//!
//! A thread works on one account at a time; but plans spawn work, and futures move between threads. So what DataFusion spawns
//! is wrapped, once for the process, to go on for the account of the one that spawned it.

use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use futures::future::BoxFuture;
use std::{
    any::Any,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tidegate_memory::ledger::{self, Account};

struct ToSpawner;

static TRACER: ToSpawner = ToSpawner;

/// Makes spawned work go on for the account of its spawner, from now on and in the whole process.
pub(crate) fn install() {
    // A second time it is there already.
    let _ = set_join_set_tracer(&TRACER);
}

impl JoinSetTracer for ToSpawner {
    fn trace_future(
        &self,
        mut future: BoxFuture<'static, Box<dyn Any + Send>>,
    ) -> BoxFuture<'static, Box<dyn Any + Send>> {
        let account = ledger::current();
        Box::pin(std::future::poll_fn(move |context| {
            let _entered = account.enter();
            future.as_mut().poll(context)
        }))
    }

    fn trace_block(
        &self,
        work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>,
    ) -> Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> {
        let account = ledger::current();
        Box::new(move || {
            let _entered = account.enter();
            work()
        })
    }
}

/// A future whose memory is on an account, on whichever thread it runs.
#[derive(Debug)]
pub struct OnAccount<F> {
    account: Account,
    future: Pin<Box<F>>,
}

impl<F> OnAccount<F> {
    /// Puts the memory of `future` on `account`.
    pub fn new(account: Account, future: F) -> Self {
        Self { account, future: Box::pin(future) }
    }
}

impl<F: Future> Future for OnAccount<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = self.account.clone().enter();
        self.future.as_mut().poll(context)
    }
}
