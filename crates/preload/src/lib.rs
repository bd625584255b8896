//! The library that a guarded process loads before all others (`LD_PRELOAD`).
//!
//! *Model.* It takes over `malloc` and its kin, passes everything on to glibc, and looks at a random sample of what is allocated
//! (`sampler`): each sample is charged to a **site**, a stack of Python lines (`python`, `stack`), in memory that is
//! shared with the guard (`layout`, `shared`), so that the guard knows all of it however the process ends. Where a limit is
//! set, memory is given back near it, and large allocations past it are refused (`limit`).
//!
//! *Concurrency.* Nothing here locks or allocates. Counters are words that are added to; tables are filled by exchanges of one
//! word. A thread that is inside of this library passes its own allocations over.
//!
//! *What it must never do* is to change what the program computes. Whatever is not understood is left alone: without the
//! guard's variable, or where its files cannot be made, everything is passed on.
//!
//! `unsafe` is what this crate consists of: it is called by C, calls C, and reads memory of the interpreter. Each use says why
//! it holds. The crate depends on nothing, so that one call of rustc builds it.

#![expect(unsafe_code, reason = "this is the C library's and the interpreter's side of the guard")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::cast_ptr_alignment,
    reason = "arguments of the kernel are whole words, fields of the interpreter are parts of words, and weights are estimates"
)]
#![expect(clippy::inline_always, reason = "every allocation of the program passes these few instructions")]
#![cfg_attr(
    test,
    expect(dead_code, reason = "a test must not take over its own `malloc`, and so uses a part of what is here")
)]

mod blocks;
mod end;
mod exec;
mod helper;
#[cfg(not(test))]
mod hooks;
mod layout;
mod limit;
mod local;
mod offsets;
mod python;
mod sampler;
mod shared;
mod sites;
mod stack;
mod start;
mod sys;
mod threads;
