//! Keeps CUDA's libraries out of the link of a GPU build.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CUDA").is_some() {
        replace_cuda();
    }
}

/// Makes the linker find empty archives under the names of CUDA's libraries. `src/backend/tensor/cuda/libraries.rs`
/// defines the functions that candle calls in these.
fn replace_cuda() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("cuda");
    fs::create_dir_all(&out).expect("OUT_DIR can be written");
    for name in ["cuda", "cudart", "cublas", "cublasLt", "curand", "nvrtc"] {
        fs::write(out.join(format!("lib{name}.a")), "!<arch>\n").expect("OUT_DIR can be written");
    }
    println!("cargo:rustc-link-search=native={}", out.display());
}
