//! The `tidegate` command without counting and probing: `bench/limits.py metering` measures beside it what they cost. It holds
//! no limit.

use std::process::ExitCode;
use tidegate_cli::Metering;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    tidegate_cli::main(Metering::Off)
}
