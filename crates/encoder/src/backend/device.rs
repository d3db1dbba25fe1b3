//! Where an encoder computes, and with which numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an encoder runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The first GPU if this build can use GPUs and one answers, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.split_once(':') {
            None if word == "auto" => Ok(Self::Auto),
            None if word == "cpu" => Ok(Self::Cpu),
            None if word == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", number)) => number
                .parse()
                .map(Self::Cuda)
                .map_err(|_| format!("no device number {number:?}: expected one as in cuda:0")),
            _ => Err(format!("no device {word:?}: expected auto, cpu, cuda or cuda:N")),
        }
    }
}

/// The arithmetic of an encoder's matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Floats of 32 bits.
    F32,
    /// Floats of 16 bits, 8 of them for the exponent. Sums have 32 bits.
    Bf16,
    /// Floats of 16 bits, 5 of them for the exponent.
    F16,
    /// Integers of 8 bits. Sums have 32 bits.
    Int8,
}

impl Precision {
    /// All precisions, the most exact first.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_spelled_as_documented() {
        assert_eq!("cuda:2".parse(), Ok(Device::Cuda(2)));
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        assert!("cuda:x".parse::<Device>().is_err() && "gpu".parse::<Device>().is_err());
    }
}
