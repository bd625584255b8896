//! Compiles `crates/preload` for the same target, so that the library travels inside of the program.
//!
//! It is one call of rustc, not of cargo: the crate depends on nothing, so there is nothing to resolve, no lock that two cargos
//! could wait for, and no unstable option for artifacts. Its profile is its own: no unwinding, as nothing may unwind into C.

use std::{
    env,
    error::Error,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| env::var_os(name).ok_or(format!("cargo sets {name}"));
    let sources = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../preload/src");
    let library = PathBuf::from(variable("OUT_DIR")?).join("libtidegate_preload.so");
    println!("cargo::rerun-if-changed={}", sources.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc.args(["--edition", "2024", "--crate-name", "tidegate_preload", "--crate-type", "cdylib"]);
    rustc.arg("--target").arg(variable("TARGET")?);
    rustc.args([
        "-C",
        "opt-level=3",
        "-C",
        "panic=abort",
        "-C",
        "lto=fat",
        "-C",
        "codegen-units=1",
        "-C",
        "strip=symbols",
    ]);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        rustc.arg("-C").arg(option);
    }
    rustc.arg("-o").arg(&library).arg(sources.join("lib.rs"));
    let status = rustc.status()?;
    if status.success() { Ok(()) } else { Err(format!("rustc of the library that programs load: {status}").into()) }
}
