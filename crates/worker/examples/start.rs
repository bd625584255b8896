//! Measures what a worker costs: from the start of the process to its hello, and from a task to its end.
//!
//! `start [COUNT] PROGRAM [ARGUMENT..]`, for example `start 50 target/release/tidegate worker`. Without a program it starts
//! itself, which is the least that any worker costs. With `--cgroup` before everything, a cgroup is made around each.

#![expect(clippy::print_stdout, reason = "an example shows its figures")]

use serde_json::Value;
use std::{
    env,
    error::Error,
    process,
    time::{Duration, Instant},
};
use tidegate_memory::{ByteCount, Limit, Meter};
use tidegate_worker::{
    Cgroup, Worker, WorkerOptions,
    protocol::{Finished, Hello, Request, Task},
    serving,
};

const ITSELF: &str = "--serve";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == ITSELF) {
        return serve();
    }
    let cgroup = if arguments.first().is_some_and(|first| first == "--cgroup") {
        arguments.remove(0);
        Cgroup::Auto
    } else {
        Cgroup::Off
    };
    let count = arguments.first().and_then(|first| first.parse::<usize>().ok());
    if count.is_some() {
        arguments.remove(0);
    }
    let itself = env::current_exe()?.to_string_lossy().into_owned();
    let (program, arguments) = match arguments.split_first() {
        Some((program, arguments)) => (program.clone(), arguments.to_vec()),
        None => (itself, vec![ITSELF.to_owned()]),
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut options = WorkerOptions::new(program, &arguments, Limit::Bytes(ByteCount::mib(256)));
    options.cgroup = cgroup;
    measure(&options, count.unwrap_or(50))
}

fn measure(options: &WorkerOptions, count: usize) -> Result<(), Box<dyn Error>> {
    let (mut hello, mut task, mut end) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..count {
        let start = Instant::now();
        let worker = Worker::start(options)?;
        hello.push(start.elapsed());
        if at == 0 {
            println!("{:?}, {:?}", worker.hello(), worker.fence());
        }
        let start = Instant::now();
        let mut running = worker.run(&Task::of_sql("SELECT 1"))?;
        for event in &mut running {
            event?;
        }
        task.push(start.elapsed());
        let worker = running.end()?;
        let start = Instant::now();
        worker.end();
        end.push(start.elapsed());
    }
    for (what, times) in [("start to hello", hello), ("SELECT 1", task), ("end", end)] {
        println!("{what}: {}", summary(times));
    }
    Ok(())
}

fn summary(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1e3;
    format!("median {:.2} ms, 10 % below {:.2} ms, 90 % below {:.2} ms", at(50), at(10), at(90))
}

fn serve() -> Result<(), Box<dyn Error>> {
    let baseline = Meter::open()?.read()?.total();
    let hello = Hello { version: env!("CARGO_PKG_VERSION").into(), pid: process::id(), baseline };
    let (requests, replies) = serving::open(serving::standard_input()?, &hello)?;
    for request in requests {
        match request? {
            Request::Start(task, _) => replies.finished(task, Finished { record: Value::Null })?,
            Request::Exit => break,
            Request::Cancel(_) | Request::Release => {}
        }
    }
    Ok(())
}
