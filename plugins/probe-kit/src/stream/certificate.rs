//! What a certificate says of itself.

use serde::Serialize;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use crate::message::words;

const DAY: i64 = 24 * 60 * 60;

/// One certificate of a chain. Also a part of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Its subject's distinguished name.
    pub subject: String,
    /// Its issuer's.
    pub issuer: String,
    /// The names and addresses that it is for (subjectAltName).
    pub names: Vec<String>,
    /// From when it is valid, as in RFC 3339.
    pub not_before: String,
    /// Until when it is valid, as in RFC 3339.
    pub not_after: String,
    /// Whole days until then; negative once it is over.
    pub days_left: i64,
}

impl Certificate {
    /// Reads DER; `now` is in seconds since the Unix epoch. `None` if it is no certificate.
    pub fn read(der: &[u8], now: i64) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|names| names.value.general_names.iter().filter_map(name).collect());
        let validity = certificate.validity();
        Some(Self {
            subject: words::text(&certificate.subject().to_string()),
            issuer: words::text(&certificate.issuer().to_string()),
            names: names.unwrap_or_default(),
            not_before: rfc_3339(validity.not_before),
            not_after: rfc_3339(validity.not_after),
            days_left: (validity.not_after.timestamp() - now).div_euclid(DAY),
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(words::text(name)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn rfc_3339(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let (date, month) = (time.date(), u8::from(time.month()));
    let (hour, minute, second) = time.to_hms();
    format!("{:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", date.year(), date.day())
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::{Authority, Validity};

    /// 2098-01-01T00:00:00Z, until which certificates of the tests are valid.
    const END: i64 = 4_039_372_800;

    fn days_left(now: i64) -> i64 {
        let identity = Authority::new("x").issue(&["example.org", "2001:db8::1"], Validity::Now);
        let read = Certificate::read(&identity.chain[0], now).expect("a certificate");
        assert_eq!(read.not_after, "2098-01-01T00:00:00Z");
        assert_eq!(read.names, ["example.org", "2001:db8::1"]);
        read.days_left
    }

    #[test]
    fn whole_days_are_counted_and_the_day_after_the_end_is_negative() {
        assert_eq!(days_left(END - 10 * DAY), 10);
        assert_eq!(days_left(END - 10 * DAY + 1), 9);
        assert_eq!(days_left(END), 0);
        assert_eq!(days_left(END + 1), -1);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        assert_eq!(Certificate::read(b"", 0), None);
        assert_eq!(Certificate::read(&[0x30; 200], 0), None);
    }
}
