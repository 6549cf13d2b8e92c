//! Numbers with units: durations, sizes, bit rates.

use std::time::Duration;

const DURATIONS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("min", 60_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 5] =
    [("B", 1), ("kB", 1_000), ("KiB", 1 << 10), ("MB", 1_000_000), ("MiB", 1 << 20)];
const BIT_RATES: [(&str, u64); 3] = [("bit/s", 1), ("kbit/s", 1_000), ("Mbit/s", 1_000_000)];

/// Reads a duration as the file has it: `100ms`, `5s`, `10min`, `1h`, `7d`; `None` for anything else.
pub fn duration(text: &str) -> Option<Duration> {
    measure(text, &DURATIONS).map(Duration::from_millis)
}

/// `"64KiB"`, in bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    measure(text, &SIZES)
}

/// `"2Mbit/s"`, in bits per second.
pub(crate) fn bit_rate(text: &str) -> Option<u64> {
    measure(text, &BIT_RATES)
}

pub(crate) fn show_duration(value: Duration) -> String {
    show(u64::try_from(value.as_millis()).unwrap_or(u64::MAX), &DURATIONS)
}

pub(crate) fn show_size(value: u64) -> String {
    show(value, &SIZES)
}

pub(crate) fn show_bit_rate(value: u64) -> String {
    show(value, &BIT_RATES)
}

/// Digits with at most one decimal point, then the unit.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = (&text[..end], text[end..].trim_start());
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // Twelve digits keep the products within 64 bits of any real value; more are a slip of the finger.
    if whole.is_empty() || fraction.is_empty() || whole.len() > 12 || fraction.len() > 6 {
        return None;
    }
    let parts = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let whole = whole.parse::<u64>().ok()?.checked_mul(*scale)?;
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(*scale)?;
    // What cannot be said exactly in the smallest unit is not what the writer meant.
    fraction.is_multiple_of(parts).then(|| whole.checked_add(fraction / parts)).flatten()
}

/// In the largest unit that leaves no remainder.
fn show(value: u64, units: &[(&str, u64)]) -> String {
    let exact = units.iter().filter(|(_, scale)| value >= *scale && value.is_multiple_of(*scale));
    // The first of equal units is the one to show: `min`, not `m`.
    let best = exact.reduce(|best, unit| if unit.1 > best.1 { unit } else { best });
    let (name, scale) = best.unwrap_or(&units[0]);
    format!("{}{name}", value / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_may_have_a_point() {
        assert_eq!(duration("100ms"), Some(Duration::from_millis(100)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1_500)));
        assert_eq!(duration("5 min"), Some(Duration::from_mins(5)));
        for wrong in ["5", "", "s", "5 sec", "-5s", "1.s", ".5s", "0.5ms", "1e3s", "9999999999999s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_shown_in_their_largest_whole_unit() {
        assert_eq!(show_duration(Duration::from_secs(90)), "90s");
        assert_eq!(show_duration(Duration::from_mins(2)), "2min");
        assert_eq!(show_duration(Duration::ZERO), "0ms");
        assert_eq!(show_size(65_536), "64KiB");
        assert_eq!(show_bit_rate(250_000), "250kbit/s");
    }
}
