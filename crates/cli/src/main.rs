//! The `tidegate` command.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tidegate_memory::CountingAllocator = tidegate_memory::CountingAllocator;

fn main() -> ExitCode {
    tidegate_cli::main(tidegate_cli::Metering::On)
}
