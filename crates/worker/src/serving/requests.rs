//! What the client asks for.

use super::Replies;
use crate::{
    WorkerError,
    protocol::{FrameReader, Hello, Outbox, Reply, Request, Step},
};
use std::{
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::Arc,
};

/// Requests in the order in which they came. They end when the client is gone; then the worker ends, whatever it is doing.
#[derive(Debug)]
pub struct Requests {
    stream: Arc<UnixStream>,
    reader: FrameReader,
    over: bool,
}

/// Returns the socket that a client gave this process as its standard input. Nobody else may read from that.
///
/// # Errors
/// If the standard input is no socket: a person started the worker.
pub fn standard_input() -> Result<UnixStream, WorkerError> {
    let error = |source| WorkerError::system("take the socket from the standard input", source);
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().map_err(error)?);
    stream.peer_addr().map_err(error)?;
    Ok(stream)
}

/// Begins: says who the worker is. The requests that come are read by one thread, replies are sent by any.
///
/// # Errors
/// If the client is gone already.
pub fn open(stream: UnixStream, hello: &Hello) -> Result<(Requests, Replies), WorkerError> {
    let stream = Arc::new(stream);
    let outbox = Outbox::new(Arc::clone(&stream));
    let turn = outbox.turn();
    turn.preamble()?;
    turn.bytes(&Reply::Hello(hello.clone()).into_frame(None)?.encode()?)?;
    drop(turn);
    Ok((Requests { stream, reader: FrameReader::default(), over: false }, Replies::new(outbox)))
}

impl Iterator for Requests {
    type Item = Result<Request, WorkerError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            match self.reader.step(&mut self.stream.as_ref()) {
                Ok(Step::Idle) => {}
                Ok(Step::End) => self.over = true,
                Ok(Step::Frame(frame)) => {
                    let request = Request::of_frame(&frame);
                    self.over = request.is_err();
                    return Some(request);
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
