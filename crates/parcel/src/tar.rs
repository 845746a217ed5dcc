//! The members of a parcel in ustar form (POSIX.1-1988), each in its one spelling: regular files
//! of mode 0600, owned by 0, made at 0.

/// The members of a parcel.
pub(crate) const HEAD: &str = "head.json";
pub(crate) const ABOUT: &str = "about.json";
pub(crate) const SEAL: &str = "seal.json";
/// The length of a part of the file, in bytes; the last one may be shorter.
pub(crate) const PART: usize = 1 << 20;

/// The name of a part of the file, counted from 1.
pub(crate) fn data_name(number: usize) -> String {
    format!("data/{number:06}")
}

/// Members begin and end at multiples of this, in bytes.
pub(crate) const BLOCK: usize = 512;
/// What follows the last member.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Where the length of a member stands in its header, in octal digits.
const LENGTH: std::ops::Range<usize> = 124..135;

/// The header of a member. Names have at most 100 bytes.
pub(crate) fn header(name: &str, bytes: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, name);
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{bytes:011o}"));
    put(136, "00000000000");
    // The sum is taken with spaces in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\0");
    put(263, "00");
    put(329, "0000000");
    put(337, "0000000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The length of the member with this header, if it is the header of a member of this name.
pub(crate) fn length(found: &[u8; BLOCK], name: &str) -> Option<u64> {
    let digits = std::str::from_utf8(&found[LENGTH]).ok()?;
    let bytes = u64::from_str_radix(digits, 8).ok()?;
    (*found == header(name, bytes)).then_some(bytes)
}

/// How many zeros follow so many bytes of a member.
pub(crate) fn padding(bytes: usize) -> usize {
    bytes.next_multiple_of(BLOCK) - bytes
}
