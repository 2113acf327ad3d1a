//! Quantities for people.

/// A size in the unit that fits.
pub(super) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let value = bytes as f64;
    match bytes {
        0..1_048_576 => format!("{:.0} KiB", value / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.0} MiB", value / 1_048_576.0),
        _ => format!("{:.1} GiB", value / 1_073_741_824.0),
    }
}

/// Bytes a second, as disks are measured.
pub(super) fn rate(bytes_per_second: f64) -> String {
    format!("{:.0} MB/s", bytes_per_second / 1e6)
}

/// Bits a second, as networks are measured.
pub(super) fn bits(bytes_per_second: f64) -> String {
    let megabits = bytes_per_second * 8.0 / 1e6;
    if megabits < 1000.0 { format!("{megabits:.1} Mbit/s") } else { format!("{:.1} Gbit/s", megabits / 1000.0) }
}

/// A short time.
pub(super) fn millis(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1000.0)
}
