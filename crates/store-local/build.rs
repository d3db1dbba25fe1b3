//! Links BLAS, LAPACK and the C++ runtime into the program, where their archives are there.
//!
//! FAISS's crate names the libraries (`-lblas -llapack -lgomp -lstdc++`); which file that is, the linker's search path
//! says. A directory with archives and no shared libraries, first on the path, makes it these. BLAS and LAPACK are the
//! reference ones, small and slow; the products that take time are our own (`src/blas.rs`). Where an archive is
//! missing the shared libraries are linked, and everything works as well, a little later.
//!
//! LAPACK is a Fortran program, so its archive stands beside what that needs, in a group: a linker's script under the name of
//! LAPACK's archive. A program that depends on this crate needs no build script of its own.
//!
//! This script also passes on how FAISS was compiled.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// The names that are linked, and the files that serve them.
const ARCHIVES: [(&str, &str); 5] = [
    ("blas", "blas/libblas.a"),
    ("lapack", "lapack/liblapack.a"),
    ("gfortran", "libgfortran.a"),
    ("gomp", "libgomp.a"),
    ("stdc++", "libstdc++.a"),
];

/// What is linked where LAPACK is asked for.
const FORTRAN: [&str; 4] = ["lapack", "blas", "gfortran", "quadmath"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CXX");
    tell_of_instructions();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("archives");
    // Fortran's numbers of 128 bits; elsewhere the processor's own floats are these, and there is no such library.
    let quadmath = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    let archives = ARCHIVES.iter().chain(quadmath.then_some(&("quadmath", "libquadmath.a")));
    let found: Option<Vec<_>> = archives.map(|(name, file)| Some((name, archive(file)?))).collect();
    let _ = fs::remove_dir_all(&out);
    let Some(found) = found.filter(|_| env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux")) else {
        println!(
            "cargo:warning=no archives of LAPACK here: linking shared libraries, which costs each start a few milliseconds"
        );
        return;
    };
    fs::create_dir_all(&out).expect("OUT_DIR can be written");
    let fortran: Vec<_> =
        found.iter().filter(|(name, _)| FORTRAN.contains(name)).map(|(_, file)| file.display().to_string()).collect();
    for (name, file) in &found {
        let archive = out.join(format!("lib{name}.a"));
        match **name {
            "lapack" => fs::write(archive, format!("GROUP ( {} )\n", fortran.join(" "))),
            _ => std::os::unix::fs::symlink(file, archive),
        }
        .expect("OUT_DIR can be written");
    }
    println!("cargo:rustc-link-search=native={}", out.display());
}

/// Tells the program which instructions FAISS was compiled for (`.cargo/config.toml`), so that it can say when they are
/// missing instead of being killed by the first of them.
fn tell_of_instructions() {
    const LEVEL: &str = "x86-64-v3";
    let names = [format!("CXXFLAGS_{}", env::var("TARGET").unwrap_or_default().replace('-', "_")), "CXXFLAGS".into()];
    println!("cargo:rustc-check-cfg=cfg(faiss_avx2)");
    for name in names {
        println!("cargo:rerun-if-env-changed={name}");
        if env::var(&name).is_ok_and(|flags| flags.contains(LEVEL)) {
            println!("cargo:rustc-cfg=faiss_avx2");
        }
    }
}

/// The archive of this name: one of the compiler's own, or where Debian has the reference BLAS and LAPACK.
fn archive(file: &str) -> Option<PathBuf> {
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".into());
    let ask = |file: &str| {
        let printed = Command::new(&compiler).arg(format!("-print-file-name={file}")).output().ok()?;
        let path = PathBuf::from(String::from_utf8(printed.stdout).ok()?.trim());
        // A compiler that does not know the file prints its name.
        path.is_absolute().then_some(path).filter(|path| path.exists())
    };
    if !file.contains('/') {
        return ask(file);
    }
    Some(ask("libc.so")?.parent()?.join(file)).filter(|path| path.exists())
}
