//! The `headcount` command.

use std::process::ExitCode;

/// Requests are many small allocations: a sixth of a profile of reads was the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    headcount::cli::main()
}
