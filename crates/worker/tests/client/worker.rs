//! The worker's side: does what the SQL of its tasks says, and what its role says before that.

use crate::support::MARK;
use serde_json::json;
use std::{
    env, fs,
    io::{self, Write},
    os::unix::{fs::FileExt, net::UnixStream},
    process::{self, Command},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};
use tidegate_memory::{ByteCount, Meter, peak_resident};
use tidegate_worker::{
    protocol::{
        Failure, FailureKind, Finished, Header, Hello, Kind, Place, Progress, Released, Request, Task, TaskId, VERSION,
        preamble,
    },
    serving::{self, Replies, Requests},
};

/// Bytes of rows whose place can be told by their value.
pub fn row_bytes(from: usize, length: usize) -> Vec<u8> {
    (from..from + length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// Acts in a role.
pub fn play(role: &str) {
    let mut stream = serving::standard_input().unwrap();
    let [magic @ .., _, _, _, _] = preamble();
    match role {
        "serve" => serve(stream),
        "silent" => wait_for_ever(),
        "garbage" => stream.write_all(b"usage: something else entirely").unwrap(),
        "other version" => {
            stream.write_all(&[&magic[..], &(VERSION + 1).to_le_bytes()].concat()).unwrap();
            wait_for_ever();
        }
        "rows first" => {
            let header = Header { kind: Kind::Rows, task: Some(TaskId::FIRST), length: 0 };
            stream.write_all(&[&preamble()[..], &header.encode()].concat()).unwrap();
            wait_for_ever();
        }
        "complain" => {
            io::stderr().write_all(b"one\nno such command: worker\n\n").unwrap();
            process::exit(2);
        }
        role => panic!("no role {role}"),
    }
}

fn wait_for_ever() {
    loop {
        thread::park();
    }
}

/// One worker.
struct Acting {
    stream: UnixStream,
    replies: Replies,
    requests: Receiver<Request>,
    /// The last task that was cancelled.
    cancelled: Arc<AtomicU64>,
    cancels: Receiver<()>,
    leak: Vec<Vec<u8>>,
}

fn serve(stream: UnixStream) {
    let raw = stream.try_clone().unwrap();
    let hello = Hello { version: "test".into(), pid: process::id(), baseline: resident() };
    let (requests, replies) = serving::open(stream, &hello).unwrap();
    let (to_acting, from_client) = mpsc::channel();
    let (to_hanging, cancels) = mpsc::channel();
    let cancelled = Arc::new(AtomicU64::new(0));
    let listening = Arc::clone(&cancelled);
    thread::spawn(move || listen(requests, &to_acting, &listening, &to_hanging));
    let mut acting = Acting { stream: raw, replies, requests: from_client, cancelled, cancels, leak: Vec::new() };
    while let Ok(request) = acting.requests.recv() {
        match request {
            Request::Start(id, task) => acting.act(id, &task),
            Request::Release => {
                let after = resident();
                acting.replies.released(Released { before: after + ByteCount::mib(1), after }).unwrap();
            }
            Request::Cancel(_) | Request::Exit => process::exit(0),
        }
    }
}

/// Hears requests while the task is at work. When they end, the client is gone.
fn listen(requests: Requests, acting: &Sender<Request>, cancelled: &AtomicU64, hanging: &Sender<()>) {
    for request in requests {
        match request.unwrap() {
            Request::Cancel(id) => {
                cancelled.store(id.number(), SeqCst);
                hanging.send(()).unwrap();
            }
            other => acting.send(other).unwrap(),
        }
    }
    if let Some(mark) = env::var_os(MARK) {
        fs::write(mark, "").unwrap();
    }
    process::exit(0);
}

fn resident() -> ByteCount {
    Meter::open().unwrap().read().unwrap().total()
}

impl Acting {
    fn act(&mut self, id: TaskId, task: &Task) {
        let (what, rest) = task.sql.split_once(' ').unwrap_or((&task.sql, ""));
        match what {
            "echo" => self.echo(id, task, rest),
            "stream" => self.stream(id, task, rest.parse().unwrap()),
            "fail" => self.fail(id),
            "hang" => {
                let _ = self.replies.progress(id, &Progress::default());
                self.cancels.recv().unwrap();
                self.replies.failed(id, Failure::cancelled()).unwrap();
            }
            "deaf" => wait_for_ever(),
            "flood" => while self.send_rows(id, &row_bytes(0, 1 << 16)).is_ok() {},
            "half" => {
                let header = Header { kind: Kind::Rows, task: Some(id), length: 100 };
                self.stream.write_all(&[&header.encode()[..], b"ten bytes."].concat()).unwrap();
                process::exit(7);
            }
            "garbage" => {
                self.send_rows(id, b"good").unwrap();
                self.stream.write_all(b"thread 'main' panicked at src/main.rs").unwrap();
                wait_for_ever();
            }
            "stranger" => self.replies.failed(id.next(), Failure::cancelled()).unwrap(),
            "exit" => {
                self.send_rows(id, &row_bytes(0, 100_000)).unwrap();
                process::exit(rest.parse().unwrap());
            }
            "abort" => {
                io::stderr().write_all(b"stack overflow, it seems\n").unwrap();
                process::abort();
            }
            "close" => {
                self.stream.shutdown(std::net::Shutdown::Write).unwrap();
                wait_for_ever();
            }
            "eat" => loop {
                self.leak.push(vec![1; 1 << 20]);
            },
            "grow" => {
                self.leak.push(vec![1; 64 << 20]);
                self.finish(id, json!(null));
            }
            "files" => self.finish(id, json!(files())),
            "leave" => self.leave_a_child(id),
            other => panic!("no task {other}"),
        }
    }

    fn echo(&self, id: TaskId, task: &Task, text: &str) {
        self.send_rows(id, text.as_bytes()).unwrap();
        self.replies.progress(id, &Progress { rows: 1, ..Progress::default() }).unwrap();
        let limit = env::var("TIDEGATE_LIMIT").unwrap();
        self.finish(id, json!({ "task": task, "limit": limit }));
    }

    fn send_rows(&self, id: TaskId, bytes: &[u8]) -> io::Result<()> {
        let mut rows = self.replies.rows(id);
        rows.write_all(bytes)?;
        rows.flush()
    }

    /// Sends so many MiB, and notes in a file how far it is, as far as its client lets it.
    fn stream(&self, id: TaskId, task: &Task, mib: usize) {
        const PIECE: usize = 1 << 16;
        let counter = task.rejects.as_ref().map(|path| fs::File::create(path).unwrap());
        let mut rows = self.replies.rows(id);
        for at in (0..mib << 20).step_by(PIECE) {
            if self.cancelled.load(SeqCst) == id.number() {
                return self.replies.failed(id, Failure::cancelled()).unwrap();
            }
            if let Err(error) = rows.write_all(&row_bytes(at, PIECE)) {
                assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
                wait_for_ever();
            }
            if let Some(counter) = &counter {
                counter.write_all_at(&(at + PIECE).to_le_bytes(), 0).unwrap();
            }
        }
        rows.flush().unwrap();
        self.finish(id, json!({ "peak": peak_resident().unwrap().bytes() }));
    }

    fn fail(&self, id: TaskId) {
        let failure = Failure {
            exit_code: 3,
            kind: FailureKind::MemoryLimit,
            message: "memory limit of 64 MB reached".into(),
            help: Some("raise it".into()),
            place: Some(Place { line: 1, column: 8 }),
            record: Some(json!({ "peak": 64 })),
        };
        self.replies.failed(id, failure).unwrap();
    }

    /// Ends, but leaves a process behind that holds the socket open.
    fn leave_a_child(&self, id: TaskId) {
        let child = Command::new("sleep").arg("60").stdin(self.stdin()).spawn().unwrap();
        self.send_rows(id, child.id().to_string().as_bytes()).unwrap();
        process::exit(5);
    }

    fn stdin(&self) -> process::Stdio {
        process::Stdio::from(std::os::fd::OwnedFd::from(self.stream.try_clone().unwrap()))
    }

    fn finish(&self, id: TaskId, record: serde_json::Value) {
        self.replies.finished(id, Finished { record }).unwrap();
    }
}

/// Returns what the files of this process are.
pub fn files() -> Vec<(String, String)> {
    let open = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
    let named = open.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        Some((entry.file_name().into_string().unwrap(), target.to_string_lossy().into_owned()))
    });
    named.collect()
}
