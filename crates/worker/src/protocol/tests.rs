//! Frames are read whole whatever the pieces they come in, and garbage is an error, never a panic.

use super::*;
use crate::WorkerError;
use proptest::prelude::*;
use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// A stream that gives its bytes in odd pieces, and says in between that there is nothing.
struct Pieces {
    bytes: VecDeque<u8>,
    lengths: Vec<usize>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.lengths[self.at % self.lengths.len()];
        self.at += 1;
        match piece {
            0 if self.at.is_multiple_of(2) => Err(io::ErrorKind::WouldBlock.into()),
            0 => Err(io::ErrorKind::Interrupted.into()),
            piece => {
                let length = piece.min(buffer.len());
                self.bytes.read(&mut buffer[..length])
            }
        }
    }
}

/// Reads to the end: the frames, and the error if there is one.
fn read_all(stream: &mut impl Read) -> (Vec<Frame>, Option<WorkerError>) {
    let mut reader = FrameReader::default();
    let mut frames = Vec::new();
    loop {
        match reader.step(stream) {
            Ok(Step::Frame(frame)) => frames.push(frame),
            Ok(Step::Idle) => {}
            Ok(Step::End) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

/// Understands a frame on both sides.
fn understand(frame: &Frame) {
    let request = Request::of_frame(frame);
    let reply = Reply::of_frame(frame.clone());
    assert!(request.is_err() || reply.is_err(), "both sides say {}", frame.kind);
}

fn encode(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = preamble().to_vec();
    bytes.extend(frames.iter().flat_map(|frame| frame.encode().unwrap()));
    bytes
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    let json = prop::sample::select(vec![
        &br#"{"sql":"SELECT 1","limit":1000}"#[..],
        br#"{"version":"1","pid":1,"baseline":5}"#,
        br#"{"rows":5,"pressure":"high"}"#,
        br#"{"exit_code":3,"kind":"memory_limit","message":"m"}"#,
        br#"{"record":[{"a":1e300}]}"#,
        br#"{"before":3,"after":2}"#,
    ]);
    let payload = prop_oneof![payload, json.prop_map(<[u8]>::to_vec)];
    let frame = (prop::sample::select(&Kind::ALL[..]), 1_u64.., payload).prop_map(|(kind, task, mut payload)| {
        payload.truncate(kind.most());
        Frame { kind, task: TaskId::new(task).filter(|_| kind.names_task()), payload }
    });
    prop::collection::vec(frame, 0..8)
}

#[derive(Clone, Debug)]
enum Harm {
    Flip(u8),
    Insert(u8),
    Remove,
    Truncate,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (1_u8..).prop_map(Harm::Flip),
        any::<u8>().prop_map(Harm::Insert),
        Just(Harm::Remove),
        Just(Harm::Truncate)
    ]
}

proptest! {
    #[test]
    fn pieces_do_not_matter(frames in frames(), pieces in prop::collection::vec(0_usize..40, 0..20)) {
        let pieces = [pieces, vec![1]].concat();
        let mut stream = Pieces { bytes: encode(&frames).into(), lengths: pieces, at: 0 };
        let (read, error) = read_all(&mut stream);
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(read, frames);
    }

    /// What comes before the harm is read as it was. What comes after is anything, but an error at worst.
    #[test]
    fn harm_is_an_error(frames in frames(), harms in prop::collection::vec((any::<prop::sample::Index>(), harm()), 1..6)) {
        let whole = encode(&frames);
        let mut bytes = whole.clone();
        for (index, harm) in harms {
            let at = index.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match harm {
                _ if bytes.is_empty() => {}
                Harm::Flip(bits) => bytes[at] ^= bits,
                Harm::Insert(byte) => bytes.insert(at, byte),
                Harm::Remove => drop(bytes.remove(at)),
                Harm::Truncate => bytes.truncate(at),
            }
        }
        let first = whole.iter().zip(&bytes).take_while(|(whole, harmed)| whole == harmed).count();
        let (read, _) = read_all(&mut bytes.as_slice());
        let mut end = PREAMBLE;
        for (at, frame) in frames.iter().enumerate() {
            end += frame.encode().unwrap().len();
            if end <= first {
                prop_assert_eq!(read.get(at), Some(frame));
            }
        }
        read.iter().for_each(understand);
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (read, _) = read_all(&mut bytes.as_slice());
        prop_assert!(read.is_empty());
        let (read, _) = read_all(&mut [&preamble()[..], &bytes].concat().as_slice());
        read.iter().for_each(understand);
        for kind in Kind::ALL {
            understand(&Frame { kind, task: Some(TaskId::FIRST), payload: bytes.clone() });
        }
    }
}

/// The error of a stream that begins well and goes on with these bytes.
fn error_after_preamble(bytes: &[u8]) -> WorkerError {
    let (frames, error) = read_all(&mut [&preamble()[..], bytes].concat().as_slice());
    assert_eq!(frames, []);
    error.unwrap()
}

#[test]
fn errors_are_told_apart() {
    let header = |kind: Kind, task: u64, length: u32| {
        let task = TaskId::new(task);
        Header { kind, task, length }.encode()
    };
    let garbage = [
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        header(Kind::Rows, 0, 1).to_vec(),
        header(Kind::Exit, 1, 0).to_vec(),
        [b"TG\x63\0".to_vec(), vec![0; 12]].concat(),
        [b"TG\x01\x01".to_vec(), vec![0; 12]].concat(),
    ];
    for bytes in garbage {
        assert!(matches!(error_after_preamble(&bytes), WorkerError::Garbage { .. }), "{}", bytes.escape_ascii());
    }
    for kind in Kind::ALL {
        let most = u32::try_from(kind.most()).unwrap();
        let task = u64::from(kind.names_task());
        for length in [most + 1, u32::MAX] {
            let error = error_after_preamble(&header(kind, task, length));
            assert!(matches!(error, WorkerError::TooLarge { kind: of, .. } if of == kind), "{error}");
        }
        let payload = vec![0; kind.most() + 1];
        let frame = Frame { kind, task: TaskId::new(task), payload };
        assert!(matches!(frame.encode(), Err(WorkerError::TooLarge { .. })));
    }
    for bytes in [&header(Kind::Rows, 1, 10)[..], &header(Kind::Rows, 1, 10)[..15], b"T"] {
        assert!(matches!(error_after_preamble(bytes), WorkerError::Truncated));
    }
}

#[test]
fn another_version_and_another_program_are_told_apart() {
    let error = |bytes: &[u8]| read_all(&mut &bytes[..]).1;
    let mut other = preamble();
    other[8] += 1;
    assert!(matches!(error(&other), Some(WorkerError::Version { ours: VERSION, theirs }) if theirs == VERSION + 1));
    assert!(matches!(error(b"Content-Length: 5"), Some(WorkerError::Garbage { .. })));
    assert!(matches!(error(b"TIDE"), Some(WorkerError::Truncated)));
    assert!(error(b"").is_none());
}

#[test]
fn no_more_is_read_than_a_message_has() {
    /// Counts what a reader has room for.
    struct Greedy(usize);
    impl Read for Greedy {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.max(buffer.len());
            Ok(0)
        }
    }
    for kind in Kind::ALL {
        let length = u32::try_from(kind.most()).unwrap();
        let header = Header { kind, task: TaskId::new(u64::from(kind.names_task())), length };
        let mut greedy = Greedy(0);
        let _ = read_all(&mut [&preamble()[..], &header.encode()].concat().as_slice().chain(&mut greedy));
        assert!(greedy.0 <= 4 << 20, "{kind}");
    }
}

#[test]
fn what_may_be_missing_may_be_and_what_is_new_is_passed_over() {
    let frame = |kind, payload: &[u8]| Frame { kind, task: Some(TaskId::FIRST), payload: payload.to_vec() };
    let given = br#"{"sql":"SELECT 1","folder":null,"spill_limit":null,"priority":5}"#;
    for start in [br#"{"sql":"SELECT 1"}"#.as_slice(), given] {
        let request = Request::of_frame(&frame(Kind::Start, start)).unwrap();
        assert_eq!(request, Request::Start(TaskId::FIRST, Box::new(Task::of_sql("SELECT 1"))));
    }
    let reply = |kind, payload| Reply::of_frame(frame(kind, payload)).unwrap();
    assert_eq!(reply(Kind::Progress, br#"{"pressure":"bursting"}"#), Reply::Progress(Progress::default()));
    let failed = br#"{"exit_code":1,"kind":"solar_flare","message":"m"}"#;
    let Reply::Failed(failure) = reply(Kind::Failed, failed) else { panic!("not failed") };
    assert_eq!((failure.kind, failure.help, failure.place), (FailureKind::Other, None, None));
    let error = Request::of_frame(&frame(Kind::Start, b"{}")).unwrap_err();
    assert_eq!(error.to_string(), "a message `start`: missing field `sql` at line 1 column 2");
}

#[test]
fn tables_of_a_client_are_named_in_the_request() {
    let table = TaskTable { path: "/proc/7/fd/9".into() };
    let task = Task { tables: [("ips".to_owned(), table)].into(), ..Task::of_sql("SELECT * FROM ips") };
    let request = Request::Start(TaskId::FIRST, Box::new(task));
    let frame = request.to_frame().unwrap();
    assert!(String::from_utf8_lossy(&frame.payload).contains(r#""tables":{"ips":{"path":"/proc/7/fd/9"}}"#));
    assert_eq!(Request::of_frame(&frame).unwrap(), request);
}
