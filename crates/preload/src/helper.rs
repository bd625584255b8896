//! The part of the helper that is written in Python, and when it runs: between two bytecodes of the main thread, where `CPython`
//! runs what was put on its list of pending calls. Nothing of Python is ever run inside of an allocation.
//!
//! *Model.* What is to be done are bits in `JOBS`; one pending call does them all. The first is `START`, put on the list as soon
//! as Python has started: so neither `PYTHONPATH` nor `-I`, `-E`, `-S` matter, and nothing that a program sees is changed but
//! `sys.excepthook`.

use crate::{
    blocks,
    layout::{walk, word},
    limit, python, sampler, shared,
    sites::Stack,
    stack, sys,
};
use core::{
    ffi::{CStr, c_char, c_int, c_long, c_void},
    sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed,
        Ordering::Release,
    },
};

/// An object of Python.
type Object = *mut c_void;

const START: u32 = 1;
const COLLECT: u32 = 2;
const RAISE: u32 = 4;
const THREADS: u32 = 8;
const VARIABLES: u32 = 16;
const REFUSED: u32 = 32;

static JOBS: AtomicU32 = AtomicU32::new(0);
/// What could not be done when it was asked for.
static LATER: AtomicU32 = AtomicU32::new(0);

/// No Python, or one whose lines are not read.
const NONE: u8 = 0;
/// Python has not started yet.
const AWAITED: u8 = 1;
/// The first call is on the list.
const ASKED: u8 = 2;
const READY: u8 = 3;
const FAILED: u8 = 4;

static STATE: AtomicU8 = AtomicU8::new(NONE);
/// Variables were looked at inside of a function of a package, whose result has no name yet.
static UNSETTLED: AtomicBool = AtomicBool::new(false);
/// Not before this is looked again: where there is much to see, a look takes long.
static NEXT_LOOK: AtomicU64 = AtomicU64::new(0);
/// Between two looks, if the first was inside of a package.
const PAUSE_MS: u64 = 50;
/// And after one, so many times as long as it took.
const REST: u64 = 100;
static NAMES: AtomicUsize = AtomicUsize::new(0);
static INTERPRETER: AtomicUsize = AtomicUsize::new(0);

/// Starts to wait for Python, if there is one whose lines can be read.
pub(crate) fn start() {
    if python::state() != walk::UNTESTED {
        return;
    }
    if let Some(place) = sys::find(sys::RTLD_DEFAULT, c"PyGILState_GetThisThreadState") {
        INTERPRETER.store(base_of(place), Relaxed);
    }
    // Once, as the loader's lock must not be waited for inside of an allocation: whoever holds it may wait for this thread.
    let Some(api) = Api::find() else { return python::set_state(walk::UNKNOWN_VERSION) };
    // SAFETY: there is one thread yet, and nobody has read it.
    unsafe { API = Some(api) }
    STATE.store(AWAITED, Release);
}

fn base_of(place: usize) -> usize {
    let nothing = core::ptr::null();
    let mut info =
        sys::DlInfo { file: nothing, base: core::ptr::null_mut(), symbol: nothing, address: core::ptr::null_mut() };
    // SAFETY: it writes what it knows of an address into `info`.
    if unsafe { sys::dladdr(place as *const c_void, &raw mut info) } == 0 { 0 } else { info.base as usize }
}

/// Returns whether code at this base is the interpreter itself.
pub(crate) fn is_interpreter(base: usize) -> bool {
    base != 0 && base == INTERPRETER.load(Relaxed)
}

/// Returns whether it is worth asking often whether Python has started.
pub(crate) fn is_awaited() -> bool {
    STATE.load(Relaxed) == AWAITED
}

/// Is called now and then, inside of allocations: puts on the list what is to be done.
pub(crate) fn tick() {
    match STATE.load(Relaxed) {
        AWAITED if has_started() => {
            STATE.store(ASKED, Relaxed);
            ask(START);
        }
        READY if LATER.load(Relaxed) != 0 => ask(LATER.swap(0, Relaxed)),
        READY if UNSETTLED.load(Relaxed) && sys::milliseconds() >= NEXT_LOOK.load(Relaxed) => {
            UNSETTLED.store(false, Relaxed);
            ask(VARIABLES);
        }
        _ => {}
    }
}

fn has_started() -> bool {
    // SAFETY: the function takes nothing and only reads a number.
    api().is_some_and(|api| unsafe { (api.is_initialized)() } != 0)
}

static mut API: Option<Api> = None;

fn api() -> Option<&'static Api> {
    if STATE.load(Acquire) == NONE {
        return None;
    }
    // SAFETY: it was written before the state was set, which was read with `Acquire`, and is never written again.
    unsafe { (*core::ptr::addr_of!(API)).as_ref() }
}

/// Has variables looked at, now or soon.
pub(crate) fn look() {
    if sys::milliseconds() >= NEXT_LOOK.load(Relaxed) {
        ask_if_ready(VARIABLES);
    } else {
        UNSETTLED.store(true, Relaxed);
    }
}

/// Has Python's collector run, and freed memory given back after it.
pub(crate) fn collect() {
    ask_if_ready(COLLECT);
}

/// Has a `MemoryError` raised, if this is the main thread, whose next bytecode will raise it.
pub(crate) fn raise() {
    // SAFETY: it takes nothing and always succeeds.
    if sys::thread() == i64::from(unsafe { sys::getpid() }) {
        ask_if_ready(RAISE);
    }
}

/// Has pools of threads tell who gave them work.
pub(crate) fn threads() {
    ask_if_ready(THREADS);
}

/// Has variables looked at when the exception of a refused allocation is handled.
pub(crate) fn refused() {
    ask_if_ready(REFUSED);
}

fn ask_if_ready(job: u32) {
    if STATE.load(Acquire) == READY {
        ask(job);
    }
}

fn ask(job: u32) {
    if JOBS.fetch_or(job, Relaxed) != 0 {
        return;
    }
    let Some(api) = api() else { return };
    // SAFETY: the function may be called by any thread at any time, with the lock or without; its own lock is never held while
    // memory is allocated.
    let added = unsafe { (api.add_pending)(run, core::ptr::null_mut()) };
    if added != 0 {
        // The list is full. Whoever comes next asks again.
        JOBS.store(0, Relaxed);
    }
}

/// Forgets what was asked for in the parent.
pub(crate) fn forked() {
    JOBS.store(0, Relaxed);
    LATER.store(0, Relaxed);
    if STATE.load(Relaxed) == ASKED {
        STATE.store(AWAITED, Relaxed);
    }
}

/// Called by Python between two bytecodes of its main thread.
unsafe extern "C" fn run(_: *mut c_void) -> c_int {
    let jobs = JOBS.swap(0, Relaxed);
    let Some(api) = api() else { return 0 };
    if jobs & !RAISE != 0 && is_locking(api) {
        put_off(jobs & !RAISE);
        return if jobs & RAISE != 0 { raised(api) } else { 0 };
    }
    let done = sampler::aside(|| {
        if jobs & START != 0 {
            let works = begin(api);
            STATE.store(if works { READY } else { FAILED }, Release);
        }
        if STATE.load(Relaxed) != READY {
            return;
        }
        if jobs & THREADS != 0 {
            call(api, c"threads");
        }
        if jobs & REFUSED != 0 {
            call(api, c"refused");
        }
        if jobs & VARIABLES != 0 {
            let begun = sys::microseconds();
            call(api, c"wanted");
            let rest_ms = sys::microseconds().saturating_sub(begun) * REST / 1000;
            // What comes next may be larger by much: the first looks are near each other.
            let pause_ms = if UNSETTLED.load(Relaxed) { PAUSE_MS } else { 0 };
            NEXT_LOOK.store(sys::milliseconds() + rest_ms.max(pause_ms), Relaxed);
        }
        if jobs & COLLECT != 0 {
            let begun = sys::milliseconds();
            shared::add(word::COLLECTIONS, 1);
            call(api, c"collect");
            limit::trim();
            limit::collected(sys::milliseconds().saturating_sub(begun));
        }
    });
    if done.is_some() && jobs & RAISE != 0 { raised(api) } else { 0 }
}

/// Has the next bytecode raise a `MemoryError`, if the limit is still passed.
fn raised(api: &Api) -> c_int {
    if STATE.load(Relaxed) != READY || !limit::is_past() {
        return 0;
    }
    shared::add(word::RAISED, 1);
    // SAFETY: the lock is held, and `MemoryError` is a variable that holds the class.
    unsafe {
        (api.set_error)(*(api.memory_error as *const Object), c"past the limit that tidegate guard holds".as_ptr());
    };
    -1
}

/// Returns whether the main thread is in the code of `importlib` that takes locks of modules. Before 3.12 that forgets what it
/// waits for when something else is imported in its midst, as the helper may, and ends with a `KeyError`.
fn is_locking(api: &Api) -> bool {
    // SAFETY: the lock is held; both functions return what is there, or null, and take nothing.
    unsafe {
        let names = (api.globals)();
        !names.is_null() && !(api.get_item)(names, c"_blocking_on".as_ptr()).is_null()
    }
}

/// Asks for it again at one of the next allocations.
fn put_off(jobs: u32) {
    if jobs & START != 0 {
        STATE.store(AWAITED, Relaxed);
    }
    LATER.fetch_or(jobs & !START, Relaxed);
}

/// Compiles the helper, and tests whether lines are read right.
fn begin(api: &Api) -> bool {
    python::set_main();
    // SAFETY: the lock is held; every object is used as its function says, and none is kept but the dictionary.
    unsafe {
        let code = (api.compile)(SOURCE.as_ptr(), c"<tidegate>".as_ptr(), FILE_INPUT);
        let names = (api.new_dict)();
        if code.is_null() || names.is_null() {
            (api.clear_error)();
            return false;
        }
        (api.set_item)(names, c"__builtins__".as_ptr(), (api.builtins)());
        for method in &METHODS {
            let function =
                (api.new_function)(core::ptr::from_ref(method) as Object, core::ptr::null_mut(), core::ptr::null_mut());
            (api.set_item)(names, method.name, function);
        }
        let result = (api.evaluate)(code, names, names);
        if result.is_null() {
            (api.clear_error)();
        }
        NAMES.store(names as usize, Release);
    }
    let state = match python::state() {
        walk::WORKS => walk::WORKS,
        _ => walk::FAILED,
    };
    python::set_state(state);
    shared::word(word::WALK).store(state, Relaxed);
    state == walk::WORKS
}

/// Calls a function of the helper. What goes wrong in it is nobody's business.
fn call(api: &Api, name: &CStr) {
    let names = NAMES.load(Acquire) as Object;
    // SAFETY: the lock is held, and the dictionary is never freed.
    unsafe {
        let function = (api.get_item)(names, name.as_ptr());
        if function.is_null() || (api.call)(function, core::ptr::null_mut()).is_null() {
            (api.clear_error)();
        }
    }
}

const FILE_INPUT: c_int = 257;

/// The helper. Short, because every process compiles it.
static SOURCE: &CStr = match CStr::from_bytes_with_nul(concat!(include_str!("helper.py"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => c"",
};

/// What looks at variables, compiled when it is first needed.
static VARIABLES_SOURCE: &CStr = match CStr::from_bytes_with_nul(concat!(include_str!("variables.py"), "\0").as_bytes())
{
    Ok(text) => text,
    Err(_) => c"",
};

/// A function for Python.
#[repr(C)]
struct Method {
    name: *const c_char,
    function: unsafe extern "C" fn(Object, Object) -> Object,
    flags: c_int,
    doc: *const c_char,
}

// SAFETY: it points to constants.
unsafe impl Sync for Method {}

const NO_ARGUMENTS: c_int = 4;
const ONE_ARGUMENT: c_int = 8;

static METHODS: [Method; 10] = [
    method(c"_probe", probe, ONE_ARGUMENT),
    method(c"_shape", shape, ONE_ARGUMENT),
    method(c"_here", here, NO_ARGUMENTS),
    method(c"_enter", enter, ONE_ARGUMENT),
    method(c"_source", source, NO_ARGUMENTS),
    method(c"_leave", leave, NO_ARGUMENTS),
    method(c"_folder", folder, NO_ARGUMENTS),
    method(c"_other", other, NO_ARGUMENTS),
    method(c"_unsettled", unsettled, NO_ARGUMENTS),
    method(c"_site", site, ONE_ARGUMENT),
];

const fn method(name: &'static CStr, function: unsafe extern "C" fn(Object, Object) -> Object, flags: c_int) -> Method {
    Method { name: name.as_ptr(), function, flags, doc: core::ptr::null() }
}

/// Returns a number of Python; an error of it is passed on by null.
fn number(value: u64) -> Object {
    let Some(api) = api() else { return core::ptr::null_mut() };
    // SAFETY: it is called by Python, which holds the lock.
    unsafe { (api.from_long)(c_long::try_from(value).unwrap_or(0)) }
}

fn value(object: Object) -> u64 {
    let Some(api) = api() else { return 0 };
    // SAFETY: it is called by Python, which holds the lock; what is no number sets an error, which is cleared.
    unsafe {
        let value = (api.as_long)(object);
        if value == -1 {
            (api.clear_error)();
        }
        u64::try_from(value).unwrap_or(0)
    }
}

unsafe extern "C" fn shape(_: Object, text: Object) -> Object {
    python::learn_shape(text as usize);
    number(0)
}

/// Is given the line that it is called from, and compares.
unsafe extern "C" fn probe(_: Object, line: Object) -> Object {
    let expected = value(line);
    let mut stack = Stack::EMPTY;
    python::lines_checked(&mut stack);
    let [inner, outer, ..] = stack.frames;
    let names_fit = python::is_text(inner.file, b"<tidegate>") && python::is_text(inner.function, b"probe");
    let fits = stack.depth >= 2 && names_fit && u64::from(inner.line) == expected && outer.function != inner.function;
    python::set_state(if fits { walk::WORKS } else { walk::FAILED });
    number(u64::from(fits))
}

unsafe extern "C" fn here(_: Object, _: Object) -> Object {
    number(u64::from(stack::here()))
}

unsafe extern "C" fn enter(_: Object, site: Object) -> Object {
    let site = u32::try_from(value(site)).unwrap_or(0);
    number(u64::from(sampler::set_parent(site)))
}

/// Is given the address of a buffer, and returns its site; 0 if it was not sampled.
unsafe extern "C" fn site(_: Object, address: Object) -> Object {
    let address = usize::try_from(value(address)).unwrap_or(0);
    number(u64::from(blocks::site(address).unwrap_or(0)))
}

/// Variables are to be looked at again soon.
unsafe extern "C" fn unsettled(_: Object, _: Object) -> Object {
    UNSETTLED.store(true, Relaxed);
    number(0)
}

/// An exception that is no `MemoryError` ends the program.
unsafe extern "C" fn other(_: Object, _: Object) -> Object {
    shared::word(word::OTHER_ERROR).store(1, Relaxed);
    number(0)
}

/// The interpreter is about to end, and with it the frames. What modules hold at last is looked at.
unsafe extern "C" fn leave(_: Object, _: Object) -> Object {
    if let Some(api) = api().filter(|_| limit::is_worth_a_look()) {
        sampler::aside(|| call(api, c"ended"));
    }
    python::forget_main();
    sampler::aside(limit::trim);
    shared::word(word::IN_USE_AT_END).store(limit::in_use().0, Relaxed);
    shared::word(word::ENDS).store(1, Relaxed);
    number(0)
}

/// Returns the folder of the guard, with a slash at its end.
unsafe extern "C" fn folder(_: Object, _: Object) -> Object {
    let Some(api) = api() else { return core::ptr::null_mut() };
    // SAFETY: it is called by Python, which holds the lock; the text ends with a NUL.
    shared::with_path(&[], |path| Some(unsafe { (api.from_text)(path.as_ptr()) })).unwrap_or(core::ptr::null_mut())
}

/// Returns what looks at variables.
unsafe extern "C" fn source(_: Object, _: Object) -> Object {
    let Some(api) = api() else { return core::ptr::null_mut() };
    // SAFETY: it is called by Python, which holds the lock; the text ends with a NUL.
    unsafe { (api.from_text)(VARIABLES_SOURCE.as_ptr()) }
}

macro_rules! api {
    ($($field:ident: $type:ty = $name:literal,)*) => {
        /// Functions of Python that are used, found by their names.
        struct Api { $($field: $type,)* memory_error: usize }
        impl Api {
            fn find() -> Option<Self> {
                let find = |name| sys::find(sys::RTLD_DEFAULT, name);
                let memory_error = find(c"PyExc_MemoryError")?;
                // SAFETY: the types are the C signatures of these functions in all versions from 3.9 to 3.14.
                unsafe { Some(Self { $($field: core::mem::transmute::<usize, $type>(find($name)?),)* memory_error }) }
            }
        }
    };
}

type Pending = unsafe extern "C" fn(*mut c_void) -> c_int;

api! {
    is_initialized: unsafe extern "C" fn() -> c_int = c"Py_IsInitialized",
    add_pending: unsafe extern "C" fn(Pending, *mut c_void) -> c_int = c"Py_AddPendingCall",
    compile: unsafe extern "C" fn(*const c_char, *const c_char, c_int) -> Object = c"Py_CompileString",
    evaluate: unsafe extern "C" fn(Object, Object, Object) -> Object = c"PyEval_EvalCode",
    builtins: unsafe extern "C" fn() -> Object = c"PyEval_GetBuiltins",
    globals: unsafe extern "C" fn() -> Object = c"PyEval_GetGlobals",
    new_dict: unsafe extern "C" fn() -> Object = c"PyDict_New",
    set_item: unsafe extern "C" fn(Object, *const c_char, Object) -> c_int = c"PyDict_SetItemString",
    get_item: unsafe extern "C" fn(Object, *const c_char) -> Object = c"PyDict_GetItemString",
    new_function: unsafe extern "C" fn(Object, Object, Object) -> Object = c"PyCFunction_NewEx",
    call: unsafe extern "C" fn(Object, Object) -> Object = c"PyObject_CallObject",
    from_long: unsafe extern "C" fn(c_long) -> Object = c"PyLong_FromLong",
    as_long: unsafe extern "C" fn(Object) -> c_long = c"PyLong_AsLong",
    from_text: unsafe extern "C" fn(*const c_char) -> Object = c"PyUnicode_FromString",
    set_error: unsafe extern "C" fn(Object, *const c_char) = c"PyErr_SetString",
    clear_error: unsafe extern "C" fn() = c"PyErr_Clear",
}
