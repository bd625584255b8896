//! A runner for both kinds of work: queries go one way, commands the other.

use super::{CommandRunner, Done, Failure, Order, Runner, RunnerMemory, Running};
use crate::{Forecast, file::Work, plan::Unit, release::Release};

/// Gives queries to one runner and runs commands itself.
pub struct Split<'a> {
    /// Runs queries.
    pub queries: &'a mut dyn Runner,
    /// Runs commands.
    pub commands: CommandRunner,
}

impl Runner for Split<'_> {
    fn forecast(&mut self, unit: &Unit) -> Option<Forecast> {
        match unit.work {
            Work::Sql(_) => self.queries.forecast(unit),
            Work::Command(_) => self.commands.forecast(unit),
        }
    }

    fn start(&mut self, order: Order, done: Done) -> Result<Box<dyn Running>, Failure> {
        match order.unit.work {
            Work::Sql(_) => self.queries.start(order, done),
            Work::Command(_) => self.commands.start(order, done),
        }
    }

    fn memory(&self) -> Option<RunnerMemory> {
        self.queries.memory()
    }

    fn release(&mut self, release: Release) {
        self.queries.release(release);
    }
}
