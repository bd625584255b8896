//! The functions that this library takes over. Each does what glibc's does, and is one subtraction and one branch more.
//!
//! The entries that may refuse are a few instructions without a frame: they pass on the address that they return to, which
//! tells the library that asks.

use crate::{
    blocks,
    limit::{self, Entry, LARGE},
    sampler, shared,
    stack::Content,
    sys::{self, EINVAL, ENOMEM},
};
use core::{
    arch::naked_asm,
    ffi::{c_int, c_long, c_void},
    ptr::null_mut,
};

type Block = *mut c_void;

/// An entry with so many arguments, which calls `$inner` with the address that it returns to as one more.
macro_rules! entry {
    ($name:ident($($argument:ident: $type:ty),*) -> $result:ty, $inner:ident, $intel:literal, $arm:literal) => {
        /// What C calls.
        ///
        /// # Safety
        /// As the function of this name of the C library.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            naked_asm!($intel, "jmp {inner}", inner = sym $inner);
            #[cfg(target_arch = "aarch64")]
            naked_asm!($arm, "b {inner}", inner = sym $inner);
        }
    };
}

entry!(malloc(_size: usize) -> Block, malloc_from, "mov rsi, [rsp]", "mov x1, x30");
entry!(calloc(_count: usize, _size: usize) -> Block, calloc_from, "mov rdx, [rsp]", "mov x2, x30");
entry!(realloc(_block: Block, _size: usize) -> Block, realloc_from, "mov rdx, [rsp]", "mov x2, x30");
entry!(memalign(_alignment: usize, _size: usize) -> Block, memalign_from, "mov rdx, [rsp]", "mov x2, x30");
entry!(aligned_alloc(_alignment: usize, _size: usize) -> Block, memalign_from, "mov rdx, [rsp]", "mov x2, x30");
entry!(posix_memalign(_to: *mut Block, _alignment: usize, _size: usize) -> c_int, posix_memalign_from,
    "mov rcx, [rsp]", "mov x3, x30");

#[inline(always)]
fn refused(size: usize, caller: usize) -> bool {
    if size < LARGE || !limit::refuses(size, caller, Entry::Plain) {
        return false;
    }
    sys::set_errno(ENOMEM);
    true
}

#[inline(always)]
fn counted(block: Block, size: usize) -> Block {
    counted_as(block, size, Content::Any)
}

#[inline(always)]
fn counted_as(block: Block, size: usize, content: Content) -> Block {
    if !block.is_null() && sampler::is_due(size) {
        sampler::look(block as usize, size, content);
    }
    block
}

#[inline(always)]
fn forgotten(block: Block) -> Option<blocks::Block> {
    if blocks::may_be(block as usize) { sampler::forget(block as usize) } else { None }
}

unsafe extern "C" fn malloc_from(size: usize, caller: usize) -> Block {
    if refused(size, caller) {
        return null_mut();
    }
    // SAFETY: what was asked for is passed on.
    counted(unsafe { sys::__libc_malloc(size) }, size)
}

unsafe extern "C" fn calloc_from(count: usize, size: usize, caller: usize) -> Block {
    let bytes = count.saturating_mul(size);
    if refused(bytes, caller) {
        return null_mut();
    }
    // SAFETY: what was asked for is passed on, also what is more than there can be.
    counted_as(unsafe { sys::__libc_calloc(count, size) }, bytes, Content::Zeros)
}

unsafe extern "C" fn realloc_from(block: Block, size: usize, caller: usize) -> Block {
    if size >= LARGE && !block.is_null() {
        // SAFETY: whoever calls owns the block.
        let more = size.saturating_sub(unsafe { sys::malloc_usable_size(block) });
        if refused(more, caller) {
            return null_mut();
        }
    } else if refused(size, caller) {
        return null_mut();
    }
    // Before the block is given away: another thread may get its address at once.
    let before = forgotten(block);
    // SAFETY: what was asked for is passed on.
    let after = unsafe { sys::__libc_realloc(block, size) };
    if after.is_null() {
        if let Some(before) = before.filter(|_| size > 0) {
            sampler::restore(block as usize, before);
        }
        return after;
    }
    counted(after, size)
}

unsafe extern "C" fn memalign_from(alignment: usize, size: usize, caller: usize) -> Block {
    if refused(size, caller) {
        return null_mut();
    }
    // SAFETY: what was asked for is passed on.
    counted(unsafe { sys::__libc_memalign(alignment, size) }, size)
}

unsafe extern "C" fn posix_memalign_from(to: *mut Block, alignment: usize, size: usize, caller: usize) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<usize>()) {
        return EINVAL;
    }
    if size >= LARGE && limit::refuses(size, caller, Entry::Aligned) {
        return ENOMEM;
    }
    // The function tells its error by its result and leaves `errno` alone.
    let errno = sys::Errno::keep();
    // SAFETY: the alignment was checked.
    let block = counted(unsafe { sys::__libc_memalign(alignment, size) }, size);
    drop(errno);
    if block.is_null() {
        return ENOMEM;
    }
    // SAFETY: the caller's place for the result.
    unsafe { *to = block }
    0
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: Block) {
    // Before it is given away: another thread may get its address at once.
    forgotten(block);
    // SAFETY: the caller gives the block away.
    unsafe { sys::__libc_free(block) }
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(block: Block, count: usize, size: usize) -> Block {
    let Some(bytes) = count.checked_mul(size) else {
        sys::set_errno(ENOMEM);
        return null_mut();
    };
    // SAFETY: what was asked for is passed on. No library is known to ask, and none is refused.
    unsafe { realloc_from(block, bytes, 0) }
}

/// What C calls. Seven arguments do not fit into registers, so the address to return to is passed on the stack.
///
/// # Safety
/// As the function of this name of the C library.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(_: Block, _: usize, _: c_int, _: c_int, _: c_int, _: c_long) -> Block {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("mov rax, [rsp]", "push rax", "call {inner}", "add rsp, 8", "ret", inner = sym mmap_from);
    #[cfg(target_arch = "aarch64")]
    naked_asm!("mov x6, x30", "b {inner}", inner = sym mmap_from);
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(_: Block, _: usize, _: c_int, _: c_int, _: c_int, _: c_long) -> Block {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("jmp {mmap}", mmap = sym mmap);
    #[cfg(target_arch = "aarch64")]
    naked_asm!("b {mmap}", mmap = sym mmap);
}

unsafe extern "C" fn mmap_from(
    place: Block,
    size: usize,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: c_long,
    caller: usize,
) -> Block {
    let is_anonymous = flags & sys::MAP_ANONYMOUS != 0;
    // What is only reserved, or replaces what is there, is no memory yet.
    let is_memory = is_anonymous && protection != sys::PROT_NONE && flags & sys::MAP_FIXED == 0;
    // Arenas of small objects, which have just this size, are never refused: the interpreter would go on with `malloc`.
    if is_memory && size > LARGE && refused(size, caller) {
        return usize::MAX as Block;
    }
    // SAFETY: what was asked for is passed on.
    let arguments = [place as usize, size, protection as usize, flags as usize, file as usize, offset as usize];
    let mapped = unsafe { sys::call(sys::number::MMAP, arguments) };
    let mapped = mapped as usize as Block;
    if mapped as usize == usize::MAX {
        return mapped;
    }
    if is_memory {
        return counted_as(mapped, size, Content::Zeros);
    }
    if !is_anonymous && protection & sys::PROT_EXEC == 0 && shared::is_on() && !is_in_memory(file) {
        sampler::mapped(mapped as usize, size as u64);
    }
    mapped
}

/// Returns whether a file is one of memory itself, which the kernel cannot drop.
fn is_in_memory(file: c_int) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    let errno = sys::Errno::keep();
    let mut facts = [0_u64; 16];
    // SAFETY: the call writes 120 bytes.
    let known =
        unsafe { sys::call(sys::number::FSTATFS, [file as usize, facts.as_mut_ptr() as usize, 0, 0, 0, 0]) } == 0;
    drop(errno);
    known && facts.first() == Some(&TMPFS)
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(place: Block, size: usize) -> c_int {
    let before = forgotten(place);
    // SAFETY: what was asked for is passed on.
    let result = unsafe { sys::call(sys::number::MUNMAP, [place as usize, size, 0, 0, 0, 0]) };
    let Some(before) = before else { return result as c_int };
    if result != 0 {
        sampler::restore(place as usize, before);
    } else if before.size > size as u64 {
        // The rest of it lives on. Allocators cut what they mapped until it begins where they want it.
        let rest = before.size - size as u64;
        let weight = before.weight.saturating_sub(size as u64).max(rest);
        sampler::restore(place as usize + size, blocks::Block { weight, size: rest, ..before });
    }
    result as c_int
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(place: Block, before: usize, size: usize, flags: c_int, to: Block) -> Block {
    let block = forgotten(place);
    // SAFETY: what was asked for is passed on. The last argument is read by the kernel only where the flags say so.
    let mapped =
        unsafe { sys::call(sys::number::MREMAP, [place as usize, before, size, flags as usize, to as usize, 0]) };
    let mapped = mapped as usize as Block;
    match block {
        Some(block) if mapped as usize == usize::MAX => sampler::restore(place as usize, block),
        Some(block) => {
            sampler::restore(mapped as usize, blocks::Block { weight: size as u64, size: size as u64, ..block });
        }
        None => {}
    }
    mapped
}

/// Returns whether another library has `malloc`.
pub(crate) fn others_malloc() -> bool {
    let found = sys::find(sys::RTLD_DEFAULT, c"malloc");
    found.is_some_and(|found| found != malloc as *const () as usize)
}
