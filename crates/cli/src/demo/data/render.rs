//! Records as lines of the three formats.

use super::{
    fault::Fault,
    generate::DataFormat,
    model::{PoolSizes, Record},
    random::mix,
    site::{self, Path},
    text::{Pool, null, push_decimal, push_seconds},
    visitors::{self, push_address},
};

/// Writes records in one format.
#[derive(Debug)]
pub struct Renderer {
    format: DataFormat,
    users: Pool,
    paths: Pool,
    queries: Pool,
    referers: Pool,
    agents: Pool,
    /// The second that `clock` shows. Many records share it.
    second: Option<u32>,
    /// Time of day, `12:00:59`.
    clock: String,
}

impl Renderer {
    /// Returns a renderer for a site of these paths.
    pub fn new(format: DataFormat, paths: &[Path]) -> Self {
        Self {
            format,
            users: Pool::new(format, visitors::users()),
            paths: Pool::new(format, paths.iter().map(|path| &path.text)),
            queries: Pool::new(format, site::queries()),
            referers: Pool::new(format, visitors::referers(paths)),
            agents: Pool::new(format, visitors::agents()),
            second: None,
            clock: String::new(),
        }
    }

    /// Returns how many texts records can choose from.
    pub fn pool_sizes(&self) -> PoolSizes {
        PoolSizes {
            users: self.users.size(),
            paths: self.paths.size(),
            queries: self.queries.size(),
            referers: self.referers.size(),
            agents: self.agents.size(),
        }
    }

    /// Writes what stands before the first record.
    pub fn header(&self, out: &mut Vec<u8>) {
        if self.format == DataFormat::Csv {
            out.extend_from_slice(
                b"client,ident,user,ts,method,path,query,protocol,status,bytes,referer,user_agent,request_time\n",
            );
        }
    }

    /// Writes a record and the end of its line.
    pub fn record(&mut self, record: &Record, out: &mut Vec<u8>) {
        if self.second != Some(record.second) {
            self.second = Some(record.second);
            self.clock = clock(record.second);
        }
        match self.format {
            _ if record.fault == Some(Fault::Garbage) => push_garbage(record.client, out),
            DataFormat::Log => self.log(record, out),
            DataFormat::Csv => self.csv(record, out),
            DataFormat::Ndjson => self.ndjson(record, out),
        }
        out.push(b'\n');
    }

    fn log(&self, record: &Record, out: &mut Vec<u8>) {
        push_address(record.client, out);
        out.extend_from_slice(b" - ");
        out.extend_from_slice(self.users.get(record.user));
        out.extend_from_slice(b" [01/Mar/2026:");
        out.extend_from_slice(self.clock.as_bytes());
        out.extend_from_slice(b" +0000] \"");
        out.extend_from_slice(record.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.paths.get(record.path));
        if record.fault == Some(Fault::Truncated) {
            return;
        }
        if record.query.is_some() {
            out.push(b'?');
            out.extend_from_slice(self.queries.get(record.query));
        }
        out.push(b' ');
        out.extend_from_slice(record.protocol.as_bytes());
        out.extend_from_slice(b"\" ");
        push_status(record, b"abc", out);
        out.push(b' ');
        self.push_bytes(record, out);
        out.extend_from_slice(b" \"");
        out.extend_from_slice(self.referers.get(record.referer));
        out.extend_from_slice(b"\" \"");
        out.extend_from_slice(self.agents.get(record.agent));
        out.extend_from_slice(b"\" ");
        push_seconds(record.duration_ms, out);
    }

    fn csv(&self, record: &Record, out: &mut Vec<u8>) {
        push_address(record.client, out);
        out.extend_from_slice(b",,");
        out.extend_from_slice(self.users.get(record.user));
        out.extend_from_slice(b",2026-03-01T");
        out.extend_from_slice(self.clock.as_bytes());
        out.extend_from_slice(b"Z,");
        out.extend_from_slice(record.method.as_bytes());
        out.push(b',');
        out.extend_from_slice(self.paths.get(record.path));
        if record.fault == Some(Fault::Truncated) {
            return;
        }
        out.push(b',');
        out.extend_from_slice(self.queries.get(record.query));
        out.push(b',');
        out.extend_from_slice(record.protocol.as_bytes());
        out.push(b',');
        push_status(record, b"abc", out);
        out.push(b',');
        self.push_bytes(record, out);
        out.push(b',');
        out.extend_from_slice(self.referers.get(record.referer));
        out.push(b',');
        out.extend_from_slice(self.agents.get(record.agent));
        out.push(b',');
        push_seconds(record.duration_ms, out);
    }

    fn ndjson(&self, record: &Record, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"client\":\"");
        push_address(record.client, out);
        out.extend_from_slice(b"\",\"ident\":null,\"user\":");
        out.extend_from_slice(self.users.get(record.user));
        out.extend_from_slice(b",\"ts\":\"2026-03-01T");
        out.extend_from_slice(self.clock.as_bytes());
        out.extend_from_slice(b"Z\",\"request\":{\"method\":\"");
        out.extend_from_slice(record.method.as_bytes());
        out.extend_from_slice(b"\",\"path\":");
        out.extend_from_slice(self.paths.get(record.path));
        if record.fault == Some(Fault::Truncated) {
            return;
        }
        out.extend_from_slice(b",\"query\":");
        out.extend_from_slice(self.queries.get(record.query));
        out.extend_from_slice(b",\"protocol\":\"");
        out.extend_from_slice(record.protocol.as_bytes());
        out.extend_from_slice(b"\"},\"status\":");
        push_status(record, b"\"abc\"", out);
        out.extend_from_slice(b",\"bytes\":");
        self.push_bytes(record, out);
        out.extend_from_slice(b",\"referer\":");
        out.extend_from_slice(self.referers.get(record.referer));
        out.extend_from_slice(b",\"user_agent\":");
        out.extend_from_slice(self.agents.get(record.agent));
        out.extend_from_slice(b",\"request_time\":");
        push_seconds(record.duration_ms, out);
        out.push(b'}');
    }

    fn push_bytes(&self, record: &Record, out: &mut Vec<u8>) {
        match record.bytes {
            Some(bytes) => push_decimal(bytes, out),
            None => out.extend_from_slice(null(self.format)),
        }
    }
}

fn push_status(record: &Record, word: &[u8], out: &mut Vec<u8>) {
    if record.fault == Some(Fault::WordStatus) {
        out.extend_from_slice(word);
    } else {
        push_decimal(u64::from(record.status), out);
    }
}

/// The start of a TLS handshake, as it reaches a plain port, and bytes that are no UTF-8: without a space, comma or
/// quote there is nothing in them that a reader could take for fields.
fn push_garbage(client: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03");
    for number in [mix(client), client] {
        out.extend(number.to_le_bytes().map(|byte| byte | 0x80));
    }
}

fn clock(second: u32) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}
