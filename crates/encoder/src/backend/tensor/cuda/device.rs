//! A GPU, opened with candle.

use candle_core::Device;
use candle_core::cuda::cudarc::cublas::sys::cublasStatus_t;
use candle_core::cuda::cudarc::driver::result;
use candle_core::cuda::cudarc::driver::sys::{CUdevice_attribute, CUmemPool_attribute, CUresult};
use candle_core::cuda::{CudaError, WrapErr, cudarc};

use super::super::failure::cause;
use super::libraries::{self, Unloaded};
use crate::error::EncoderError;

/// Opens the GPU of this number with a stream of its own, so that the work of one caller does not wait for another's.
///
/// # Errors
/// There is no driver, there is no such GPU, or this build cannot use it.
pub(in crate::backend::tensor) fn open(number: usize) -> Result<Device, EncoderError> {
    let device = format!("cuda:{number}");
    if let Err(Unloaded { what, missing }) = libraries::load() {
        return Err(EncoderError::Device { device, what, missing, source: None });
    }
    let opened = Device::new_cuda_with_stream(number).and_then(|device| {
        forget_events(&device)?;
        keep_memory(&device)?;
        Ok(device)
    });
    opened.map_err(|source| {
        let what = why(&source).unwrap_or("it does not open").into();
        let missing = driver_error(&source) == Some(CUresult::CUDA_ERROR_NO_DEVICE);
        EncoderError::Device { device, what, missing, source: Some(cause(source)) }
    })
}

/// A sentence for candle's error, if the error is one with a known reason.
pub(in crate::backend::tensor) fn why(error: &candle_core::Error) -> Option<&'static str> {
    Some(match driver_error(error)? {
        CUresult::CUDA_ERROR_NO_DEVICE => "the driver finds no GPU",
        CUresult::CUDA_ERROR_INVALID_DEVICE => "there is no GPU of this number",
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => "its memory is full",
        CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => "the driver's parts are of different releases",
        CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => {
            "its driver is older than the CUDA that this program is built with"
        }
        CUresult::CUDA_ERROR_INVALID_PTX | CUresult::CUDA_ERROR_NO_BINARY_FOR_GPU => {
            "it is older than the GPUs that this program is built for (CUDA_COMPUTE_CAP, when building)"
        }
        _ => return None,
    })
}

/// Stops tensors from carrying events, by which streams wait for each other: two events would be made and destroyed for
/// each tensor.
fn forget_events(device: &Device) -> candle_core::Result<()> {
    let device = device.as_cuda_device()?;
    #[allow(unsafe_code)]
    // SAFETY: a tensor of this device is used only on the device's one stream. candle refuses to combine tensors of two
    // devices, and each device that is opened here has its own stream.
    unsafe {
        device.disable_event_tracking();
    }
    Ok(())
}

/// Keeps the memory that a batch frees for the next batch. By default, the driver releases it whenever a stream is
/// waited for, and allocates it again page by page.
fn keep_memory(device: &Device) -> candle_core::Result<()> {
    let context = device.as_cuda_device()?.cuda_stream().context().clone();
    let supported = context.attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED).w()?;
    if supported == 0 {
        return Ok(());
    }
    let mut all = u64::MAX;
    #[allow(unsafe_code)]
    // SAFETY: the device is open, its memory pool lives as long as the device, and the attribute is a number of 64
    // bits.
    unsafe {
        let pool = result::device::get_default_mem_pool(context.cu_device()).w()?;
        let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, threshold, (&raw mut all).cast()).w()
    }
}

/// The name of the GPU.
pub(in crate::backend::tensor) fn name(device: &Device) -> Option<String> {
    device.as_cuda_device().ok()?.cuda_stream().context().name().ok()
}

/// The free memory of the GPU, in bytes.
pub(in crate::backend::tensor) fn free_memory(device: &Device) -> Option<usize> {
    device.as_cuda_device().ok()?.cuda_stream().context().mem_get_info().ok().map(|(free, _)| free)
}

/// Whether candle failed because the GPU has no memory left.
pub(in crate::backend::tensor) fn is_out_of_memory(error: &candle_core::Error) -> bool {
    driver_error(error) == Some(CUresult::CUDA_ERROR_OUT_OF_MEMORY)
        || matches!(
            cuda_error(error),
            Some(CudaError::Cublas(cudarc::cublas::result::CublasError(cublasStatus_t::CUBLAS_STATUS_ALLOC_FAILED)))
        )
}

fn driver_error(error: &candle_core::Error) -> Option<CUresult> {
    match cuda_error(error)? {
        CudaError::Cuda(cudarc::driver::DriverError(code)) => Some(*code),
        CudaError::Load { cuda, .. } => Some(cuda.0),
        _ => None,
    }
}

/// The CUDA error that candle wrapped.
fn cuda_error(error: &candle_core::Error) -> Option<&CudaError> {
    match error {
        candle_core::Error::Cuda(error) => error.downcast_ref(),
        candle_core::Error::WithBacktrace { inner, .. }
        | candle_core::Error::Context { inner, .. }
        | candle_core::Error::WithPath { inner, .. } => cuda_error(inner),
        _ => None,
    }
}
