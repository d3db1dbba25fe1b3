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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;

    fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        CertificateParams::new(["x".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_digest_has_the_hash_of_the_signature() {
        let ecdsa = certificate(&PKCS_ECDSA_P256_SHA256);
        assert_eq!(tls_server_end_point(&ecdsa).unwrap(), Sha256::digest(&ecdsa).to_vec());
        let longer = certificate(&PKCS_ECDSA_P384_SHA384);
        assert_eq!(tls_server_end_point(&longer).unwrap(), Sha384::digest(&longer).to_vec());
        assert_eq!(tls_server_end_point(&certificate(&PKCS_ED25519)), None);
    }

    #[test]
    fn the_names_of_algorithms_are_those_of_the_standards() {
        let digest_length = |name: &[u8]| {
            let algorithm = [&[OBJECT_IDENTIFIER, name.len() as u8], name].concat();
            let sequence = [&[SEQUENCE, algorithm.len() as u8], algorithm.as_slice()].concat();
            let inner = [&[SEQUENCE, 0], sequence.as_slice()].concat();
            tls_server_end_point(&[&[SEQUENCE, inner.len() as u8], inner.as_slice()].concat())
                .map(|digest| digest.len())
        };
        let rsa = |last: u8| digest_length(&[&RSA[..], &[last]].concat());
        // MD5, SHA-1, SHA-256, SHA-384, SHA-512, and PSS.
        let lengths = [4, 5, 11, 12, 13, 10].map(rsa);
        assert_eq!(lengths, [Some(32), Some(32), Some(32), Some(48), Some(64), None]);
        assert_eq!(digest_length(&[&ECDSA_SHA2[..], &[4]].concat()), Some(64));
        assert_eq!(digest_length(&ECDSA_SHA1), Some(32));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0_usize..400, byte: u8, length in 0_usize..400) {
            let _ = tls_server_end_point(&bytes);
            let mut damaged = certificate(&PKCS_ED25519);
            let at = at % damaged.len();
            damaged[at] = byte;
            damaged.truncate(length);
            let _ = tls_server_end_point(&damaged);
        }
    }
}
