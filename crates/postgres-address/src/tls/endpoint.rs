//! The digest of a server's certificate, which binds a login to its TLS connection (RFC 5929, `tls-server-end-point`).

use sha2::{Digest, Sha256, Sha384, Sha512};

/// The tags of DER for a sequence and for the name of an algorithm.
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// The common beginnings of the names of algorithms, in DER: RSA by PKCS #1 and ECDSA with SHA-2.
const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA_SHA2: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const ECDSA_SHA1: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];

/// The digest with the hash of the certificate's signature, or with SHA-256 where that is MD5 or SHA-1. There is none
/// for a signature that names no hash in its own name: Ed25519 and RSA-PSS.
pub(super) fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let name = signature_algorithm(certificate)?;
    let digest = match (name.strip_prefix(&RSA), name.strip_prefix(&ECDSA_SHA2)) {
        (Some([4 | 5 | 11]), _) | (_, Some([2])) => Sha256::digest(certificate).to_vec(),
        (Some([12]), _) | (_, Some([3])) => Sha384::digest(certificate).to_vec(),
        (Some([13]), _) | (_, Some([4])) => Sha512::digest(certificate).to_vec(),
        _ if name == ECDSA_SHA1 => Sha256::digest(certificate).to_vec(),
        _ => return None,
    };
    Some(digest)
}

/// The name of the algorithm of a certificate's signature. A certificate is a sequence of what is signed, of the
/// algorithm, which is a sequence that begins with its name, and of the signature.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, after_signed) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(after_signed, SEQUENCE)?;
    Some(element(algorithm, OBJECT_IDENTIFIER)?.0)
}

/// The content of the element at the beginning of `der`, and what follows the element.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    if length < 0x80 {
        return rest.split_at_checked(usize::from(length));
    }
    let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
    // No certificate is as long as four gigabytes.
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    let length = bytes.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    rest.split_at_checked(usize::try_from(length).ok()?)
}
