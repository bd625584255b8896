//! A server of a test's own that takes what is posted to it.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

/// A server that answers every request with one status.
pub struct Hook {
    address: SocketAddr,
    thread: JoinHandle<Vec<Value>>,
}

impl Hook {
    /// Starts one.
    pub fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let take = move || {
            let mut taken = Vec::new();
            loop {
                let (stream, _) = listener.accept().unwrap();
                match request(&stream) {
                    Some(content) => taken.push(content),
                    None => return taken,
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        };
        Self { address, thread: thread::spawn(take) }
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("http://{}/hook?secret=1", self.address)
    }

    /// Ends it, and returns what was posted.
    pub fn end(self) -> Vec<Value> {
        drop(TcpStream::connect(self.address).unwrap());
        self.thread.join().unwrap()
    }
}

fn request(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap() == 0 {
        return None;
    }
    assert_eq!(line, "POST /hook?secret=1 HTTP/1.1\r\n");
    let (mut length, mut is_json) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.parse().unwrap();
        }
        is_json |= line == "content-type: application/json";
    }
    assert!(is_json);
    let mut content = vec![0; length];
    reader.read_exact(&mut content).unwrap();
    Some(serde_json::from_slice(&content).unwrap())
}
