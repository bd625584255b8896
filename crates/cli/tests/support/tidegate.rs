//! Starts the program under test with nothing of the developer's environment.

use std::{
    env, fmt,
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus, Stdio},
    thread,
};

/// The program under test.
pub const TIDEGATE: &str = env!("CARGO_BIN_EXE_tidegate");

/// What a program did.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Returns a command whose environment is `PATH` alone.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("NO_COLOR", "1");
    command
}

/// Runs a command to its end with `stdin` as its input.
pub fn run(command: &mut Command, stdin: &[u8]) -> Ran {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        pipes.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", command.get_program().display()));
    let mut pipe = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // A program that ends without having read its input is no failure of the test.
        scope.spawn(move || pipe.write_all(stdin));
        child.wait_with_output().unwrap()
    });
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran { status: output.status, stdout: output.stdout, stderr }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => writeln!(f, "exit code {code}")?,
            (None, signal) => writeln!(f, "ended by signal {}", signal.unwrap_or_default())?,
        }
        let stdout: String = String::from_utf8_lossy(&self.stdout).chars().take(4_000).collect();
        write!(f, "stdout:\n{stdout}\nstderr:\n{}", self.stderr)
    }
}
