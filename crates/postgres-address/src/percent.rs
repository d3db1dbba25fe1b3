//! Percent-encoding, as strict as libpq: a percent sign always begins two hexadecimal digits.

use std::fmt::Write;

use crate::AddressError;

/// Decodes a part of an address.
pub(crate) fn decode(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| Some((digit(digits[0])?, digit(digits[1])?)));
        let Some((high, low)) = digits else {
            return Err(AddressError::Syntax("two hexadecimal digits must follow each percent sign"));
        };
        bytes.push(high << 4 | low);
        rest = &rest[2..];
    }
    if bytes.contains(&0) {
        return Err(AddressError::Syntax("it has a zero byte"));
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Syntax("a part of it is not UTF-8"))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Encodes a part of an address, so that it has only characters that mean nothing there. Those of `also` stay too.
pub(crate) fn encode(text: &str, also: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        let char = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(char) || (byte.is_ascii() && also.contains(char)) {
            encoded.push(char);
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(text in "[^\0]*") {
            let encoded = encode(&text, "");
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
            prop_assert_eq!(decode(&encoded).unwrap(), text);
        }

        #[test]
        fn no_text_makes_decoding_panic(text in "(%|[0-9a-f]|é|.)*") {
            let _ = decode(&text);
        }
    }

    #[test]
    fn a_percent_sign_without_two_digits_is_an_error() {
        for text in ["%", "%4", "%4g", "a%é", "%+1"] {
            assert!(decode(text).is_err(), "{text}");
        }
        assert!(decode("%00").unwrap_err().to_string().contains("zero byte"));
        assert!(decode("%ff").unwrap_err().to_string().contains("not UTF-8"));
        assert_eq!(decode("a+b%2B%2f").unwrap(), "a+b+/");
    }
}
