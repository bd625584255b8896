//! The worker's side against a client that is played by hand.

use super::*;
use crate::{
    WorkerError,
    protocol::{Frame, FrameReader, Hello, Kind, Reply, Request, Step, Task, TaskId, preamble},
};
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
};
use tidegate_memory::ByteCount;

fn pair() -> (UnixStream, Requests, Replies) {
    let (client, worker) = UnixStream::pair().unwrap();
    let hello = Hello { version: "1".into(), pid: 5, baseline: ByteCount::mib(9) };
    let (requests, replies) = open(worker, &hello).unwrap();
    let Ok(Step::Frame(frame)) = FrameReader::default().step(&mut &client) else { panic!("no hello") };
    assert_eq!(Reply::of_frame(frame).unwrap(), Reply::Hello(hello));
    (client, requests, replies)
}

#[test]
fn requests_end_with_the_client() {
    let (mut client, requests, _replies) = pair();
    let sent = [
        Request::Start(TaskId::FIRST, Box::new(Task::of_sql("SELECT 1"))),
        Request::Cancel(TaskId::FIRST),
        Request::Release,
        Request::Exit,
    ];
    client.write_all(&preamble()).unwrap();
    for request in &sent {
        client.write_all(&request.to_frame().unwrap().encode().unwrap()).unwrap();
    }
    drop(client);
    assert_eq!(requests.map(Result::unwrap).collect::<Vec<_>>(), sent);
}

#[test]
fn nothing_is_read_after_what_is_no_request() {
    let good = Request::Release.to_frame().unwrap().encode().unwrap();
    let reply = Frame { kind: Kind::Rows, task: Some(TaskId::FIRST), payload: b"rows".to_vec() };
    let wrong_task = Frame { kind: Kind::Start, task: Some(TaskId::FIRST), payload: b"{}".to_vec() };
    for bad in [b"0123456789abcdef".to_vec(), reply.encode().unwrap(), wrong_task.encode().unwrap()] {
        let (mut client, mut requests, _replies) = pair();
        client.write_all(&[&preamble()[..], &good, &bad, &good].concat()).unwrap();
        assert!(matches!(requests.next(), Some(Ok(Request::Release))));
        assert!(matches!(requests.next(), Some(Err(_))));
        assert!(requests.next().is_none());
    }
    let (mut client, mut requests, _replies) = pair();
    let mut other = preamble();
    other[8] += 1;
    client.write_all(&other).unwrap();
    assert!(matches!(requests.next(), Some(Err(WorkerError::Version { .. }))));
}

#[test]
fn rows_are_cut_into_messages_of_bounded_size() {
    let (client, _requests, replies) = pair();
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || {
        let mut rows = replies.rows(TaskId::FIRST);
        rows.write_all(&sent).unwrap();
        rows.flush().unwrap();
        rows.flush().unwrap();
    });
    let mut reader = FrameReader::default();
    let preamble = preamble();
    let mut stream = preamble.chain(&client);
    let mut frames = Vec::new();
    while let Step::Frame(frame) = reader.step(&mut stream).unwrap() {
        frames.push(frame);
        if frames.iter().map(|frame| frame.payload.len()).sum::<usize>() == bytes.len() {
            break;
        }
    }
    writer.join().unwrap();
    assert!(frames.iter().flat_map(|frame| &frame.payload).eq(&bytes));
    assert!(frames.iter().all(|frame| frame.payload.len() <= 256 << 10));
    let kinds: Vec<_> = frames.iter().map(|frame| frame.kind).collect();
    assert_eq!(kinds, [Kind::Schema, Kind::Rows, Kind::Rows, Kind::Rows]);
}
