//! Loads CUDA's libraries when a GPU is first asked for, and not before.
//!
//! candle calls them as a program calls the libraries with which it is linked. If our program were linked in the usual
//! way, it could not start without a driver, not even to say so or to compute on the CPU; and every question that the
//! CPU answers would wait until some 700 MB of libraries are mapped. So the functions that candle calls are defined
//! here, each as a jump through a slot, and [`load`] fills the slots. CUDA is not needed to link, to start, or to
//! compute without a GPU.
//!
//! The list has the names that a linker asks for. If a release of candle calls another function, the linker reports it
//! as undefined, and its name must be added here.

use std::env;
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

/// A function's name, and the slot through which it jumps.
type Slot = (&'static str, &'static AtomicPtr<c_void>);

/// The answer of a function whose library was not loaded: `CUDA_ERROR_NOT_INITIALIZED`.
extern "C" fn absent() -> i32 {
    3
}

macro_rules! jump {
    ($name:ident) => {
        #[cfg(target_arch = "x86_64")]
        global_asm!(
            concat!(".text\n.globl ", stringify!($name), "\n.hidden ", stringify!($name), "\n"),
            concat!(".type ", stringify!($name), ", @function\n", stringify!($name), ":\n"),
            "jmp *{slot}(%rip)",
            slot = sym super::slots::$name,
            options(att_syntax)
        );
        #[cfg(target_arch = "aarch64")]
        global_asm!(
            concat!(".text\n.globl ", stringify!($name), "\n.hidden ", stringify!($name), "\n"),
            concat!(".type ", stringify!($name), ", @function\n", stringify!($name), ":\n"),
            "adrp x16, {slot}",
            "ldr x16, [x16, :lo12:{slot}]",
            "br x16",
            slot = sym super::slots::$name
        );
    };
}

macro_rules! functions {
    ($($library:ident: $($name:ident)*;)*) => {
        #[allow(non_upper_case_globals, reason = "they have the names of the functions")]
        mod slots {
            use super::*;

            $($(pub(super) static $name: AtomicPtr<c_void> = AtomicPtr::new(absent as *mut c_void);)*)*
        }

        // SAFETY: a jump changes no memory, and no register except x16, which may change between a caller and the
        // function that it calls. So the function is called as it expects.
        #[allow(unsafe_code, reason = "the comment above says why")]
        mod jumps {
            use std::arch::global_asm;

            $($(jump!($name);)*)*
        }

        $(
            #[allow(dead_code, reason = "the runtime's slots stay as they are")]
            static $library: &[Slot] = &[$((stringify!($name), &slots::$name)),*];
        )*
    };
}

functions! {
    DRIVER: cuCtxDestroy_v2 cuCtxGetCurrent cuCtxSetCurrent cuCtxSynchronize cuDeviceGet cuDeviceGetAttribute
        cuDeviceGetDefaultMemPool cuDeviceGetName cuDevicePrimaryCtxRelease_v2 cuDevicePrimaryCtxRetain cuEventCreate
        cuEventDestroy_v2 cuEventRecord cuGetErrorString cuInit cuLaunchKernel cuMemAllocAsync cuMemAlloc_v2
        cuMemFreeAsync cuMemFree_v2 cuMemGetInfo_v2 cuMemPoolSetAttribute cuMemcpyDtoDAsync_v2 cuMemcpyDtoHAsync_v2 cuMemcpyHtoDAsync_v2 cuMemcpyPeerAsync cuMemsetD8Async
        cuModuleGetFunction cuModuleLoad cuModuleLoadData cuModuleUnload cuStreamCreate cuStreamDestroy_v2
        cuStreamIsCapturing cuStreamSynchronize cuStreamWaitEvent;
    BLAS: cublasCreate_v2 cublasDestroy_v2 cublasDgemmStridedBatched cublasGemmStridedBatchedEx cublasSetStream_v2;
    RANDOM: curandCreateGenerator curandDestroyGenerator curandSetPseudoRandomGeneratorSeed curandSetStream;
    // The functions of kernels for quantized models and mixtures of experts. They are linked because candle could call
    // them. None of our networks does, so their library is never loaded. The functions that register kernels are called
    // before `main`; they do nothing.
    RUNTIME: __cudaGetKernel __cudaLaunchKernel_ptsz __cudaPopCallConfiguration __cudaPushCallConfiguration
        __cudaRegisterFatBinary __cudaRegisterFatBinaryEnd __cudaRegisterFunction __cudaRegisterVar
        __cudaUnregisterFatBinary cudaDeviceGetAttribute cudaFree cudaFreeAsync_ptsz cudaFuncGetAttributes
        cudaFuncSetAttribute cudaGetDevice cudaGetDeviceCount cudaGetErrorName cudaGetErrorString cudaGetLastError
        cudaMalloc cudaMallocAsync_ptsz cudaMemsetAsync_ptsz cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags
        cudaPeekAtLastError cudaSetDevice cudaStreamSynchronize_ptsz;
}

/// The reason why the libraries are not loaded.
#[derive(Clone)]
pub(super) struct Unloaded {
    /// The library that is missing, or what a library lacks.
    pub(super) what: String,
    /// Whether this is usual: there is no driver.
    pub(super) missing: bool,
}

/// Loads the driver and the libraries, once in a process.
///
/// # Errors
/// One of them is missing, or lacks a function.
pub(super) fn load() -> Result<(), Unloaded> {
    static LOADED: OnceLock<Result<(), Unloaded>> = OnceLock::new();
    LOADED.get_or_init(load_all).clone()
}

fn load_all() -> Result<(), Unloaded> {
    let driver = open(&["libcuda.so.1"]).map_err(|why| match why {
        None => Unloaded { what: "there is no NVIDIA driver (libcuda.so.1)".into(), missing: true },
        Some(why) => Unloaded { what: format!("its driver does not load: {why}"), missing: false },
    })?;
    let broken = |what| Unloaded { what, missing: false };
    fill(DRIVER, driver, "the NVIDIA driver is too old").map_err(broken)?;
    // cuBLAS needs a second library, which it finds by name once that is loaded.
    let _ = open(&["libcublasLt.so.13", "libcublasLt.so.12"]).map(std::mem::forget);
    let toolkit = |functions, names: &[&str]| {
        let library = open(names).map_err(|why| match why {
            None => format!("there is no {} of CUDA's toolkit; CUDA_HOME names the toolkit's directory", names[0]),
            Some(why) => format!("CUDA's toolkit does not load: {why}"),
        })?;
        fill(functions, library, names[0])
    };
    toolkit(BLAS, &["libcublas.so.13", "libcublas.so.12"]).map_err(broken)?;
    toolkit(RANDOM, &["libcurand.so.10"]).map_err(broken)
}

/// Points the functions' jumps to the functions of `library`, which stays loaded as long as the process lives.
fn fill(functions: &[Slot], library: Library, why: &str) -> Result<(), String> {
    for (name, slot) in functions {
        #[allow(unsafe_code)]
        // SAFETY: only an address is read. Only candle calls it, and candle knows the function's type.
        let found = unsafe { library.get::<*mut c_void>(name.as_bytes()) };
        let address = found.map_err(|_| format!("{why}: it has no {name}"))?;
        slot.store(*address, Ordering::Release);
    }
    std::mem::forget(library);
    Ok(())
}

/// Loads the first of these libraries that can be loaded, from where the system looks or from a toolkit.
///
/// # Errors
/// The loader's message, if a library exists but cannot be loaded.
fn open(names: &[&str]) -> Result<Library, Option<String>> {
    let roots = ["CUDA_HOME", "CUDA_PATH"].iter().filter_map(env::var_os).map(PathBuf::from);
    let usual = ["/usr/local/cuda", "/opt/cuda"].map(PathBuf::from);
    let places: Vec<PathBuf> = roots.chain(usual).flat_map(|root| [root.join("lib64"), root.join("lib")]).collect();
    let paths = |name: &&str| {
        let name = PathBuf::from(*name);
        let in_toolkit: Vec<PathBuf> = places.iter().map(|place| place.join(&name)).collect();
        std::iter::once(name).chain(in_toolkit)
    };
    let mut why = None;
    for path in names.iter().flat_map(paths) {
        #[allow(unsafe_code)]
        // SAFETY: NVIDIA's libraries may be loaded at any time. Whoever can replace them already controls the machine.
        match unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) } {
            Ok(library) => return Ok(library),
            Err(error) => {
                let said = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                why = why.or_else(|| Some(said).filter(|said| !said.contains("No such file")));
            }
        }
    }
    Err(why)
}
