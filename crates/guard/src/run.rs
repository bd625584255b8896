//! Runs a program under guard.

use crate::{GuardError, Observer, Options, Outcome, Session, options::Signals, session::News, signals};
use shared_child::SharedChild;
use std::{
    io,
    process::{Command, ExitStatus},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
};

/// Runs a program under guard and returns how it went. Its standard streams are its own.
///
/// # Errors
/// If it cannot be started, or the guard's files cannot be written.
pub fn run(options: &Options, observer: &mut dyn Observer) -> Result<Outcome, GuardError> {
    let not_started = |source: io::Error| {
        let program = options.command.first().map(|program| program.to_string_lossy().into_owned());
        GuardError::Start { program: program.unwrap_or_default(), source }
    };
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(not_started(io::ErrorKind::NotFound.into()));
    };
    let mut session = Session::prepare(options)?;
    let mut command = Command::new(program);
    command.args(arguments).envs(options.environment.iter().map(|(name, value)| (name, value)));
    if let Some(place) = &options.folder {
        command.current_dir(place);
    }
    session.dress(&mut command);
    let (sender, news) = channel();
    // Before it starts: a signal that comes early must not end the guard alone.
    let _listening = match options.signals {
        Signals::PassedOn => Some(signals::listen(sender.clone()).map_err(GuardError::Thread)?),
        Signals::NotTaken => None,
    };
    let child = Arc::new(SharedChild::spawn(&mut command).map_err(not_started)?);
    let watch = session.take(child.id());
    let (waiting, ended) = (Arc::clone(&child), channel());
    let (tell, ended): (_, Receiver<io::Result<ExitStatus>>) = ended;
    let wait = move || {
        // Whoever listened may have gone.
        let _ = tell.send(waiting.wait());
        let _ = sender.send(News::Ended);
    };
    if let Err(error) = thread::Builder::new().name("tidegate-wait".into()).spawn(wait) {
        // Nobody would see it end.
        let _ = child.kill();
        return Err(GuardError::Thread(error));
    }
    let mut pass = |got| signals::pass(got, child.id());
    let watched = session.until_the_end(watch, &news, &mut pass, observer);
    let status = ended.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
    Ok(session.told(watched, status))
}
