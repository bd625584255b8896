//! `GET /metrics`, and nothing else: one thread, one connection at a time, a bounded request.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// The longest that one connection may take: the next waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest request.
const REQUEST: usize = 8 << 10;

/// An endpoint that answers until it is dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Endpoint {
    /// Begins to answer with what `metrics` returns.
    ///
    /// # Errors
    /// If the address cannot be had, or no thread.
    pub(super) fn open(address: SocketAddr, metrics: impl Fn() -> String + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let serve = move || {
            for stream in listener.incoming() {
                if over.load(Relaxed) {
                    return;
                }
                match stream {
                    Ok(stream) => {
                        // Who goes away in the middle is not answered.
                        let _ = answer(&stream, &metrics);
                    }
                    // As when there are too many open files.
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        };
        thread::Builder::new().name("tidegate-endpoint".into()).spawn(serve)?;
        Ok(Self { address, is_over })
    }

    /// Returns the address, with the port that was free.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        // Wakes the thread, so that the port is free again; where that is not possible, it is when the process ends.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(100));
    }
}

fn answer(mut stream: &TcpStream, metrics: &impl Fn() -> String) -> io::Result<()> {
    let (status, content) = match request(stream)?.as_deref() {
        Some("GET /metrics") => ("200 OK", metrics()),
        Some(line) if line.starts_with("GET ") => ("404 Not Found", "metrics are at /metrics\n".to_owned()),
        Some(_) => ("405 Method Not Allowed", "only GET is answered\n".to_owned()),
        None => ("400 Bad Request", "it is no request\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        content.len()
    );
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all((head + &content).as_bytes())
}

/// Reads a request to its end, and returns its method and path; `None` if it is none, or too long.
fn request(mut stream: &TcpStream) -> io::Result<Option<String>> {
    let start = Instant::now();
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = PATIENCE.saturating_sub(start.elapsed());
        if bytes.len() > REQUEST || left.is_zero() {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
        }
    }
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Ok(None);
    };
    let path = target.split('?').next().unwrap_or_default();
    Ok(version.starts_with("HTTP/1.").then(|| format!("{method} {path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        // An endpoint that has answered may have closed before all was sent.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn metrics_are_answered_and_nothing_else() {
        let endpoint = Endpoint::open(([127, 0, 0, 1], 0).into(), || "tidegate_live_running{} 1\n".to_owned()).unwrap();
        let check = |request: &[u8], status: &str| {
            let answer = ask(endpoint.address(), request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            answer
        };
        let answer = check(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n", "200");
        assert!(answer.ends_with("\r\n\r\ntidegate_live_running{} 1\n") && answer.contains("Content-Length: 26\r\n"));
        check(b"GET /metrics?name[]=x HTTP/1.0\r\n\r\n", "200");
        check(b"GET / HTTP/1.1\r\n\r\n", "404");
        check(b"GET /metrics/../etc HTTP/1.1\r\n\r\n", "404");
        check(b"POST /metrics HTTP/1.1\r\n\r\n", "405");
        check(b"\xff\xfe\r\n\r\n", "400");
        check(b"GET /metrics HTTP/1.1\r\n", "400");
        // Who says too much is let go, answered or not; the next is answered all the same.
        ask(endpoint.address(), &vec![b'x'; 1 << 20]);
        check(b"GET /metrics HTTP/1.1\r\n\r\n", "200");
    }
}
