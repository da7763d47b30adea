//! Files that `gzip` has packed, as data sets are often handed on. Source: RFC 1952.

use crate::deflate::{crc32, inflate};

/// The content of a packed file; of one that is not packed, the bytes themselves.
pub(crate) fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let Some((header, mut rest)) =
        bytes.split_first_chunk::<10>().filter(|(h, _)| h.starts_with(&[31, 139, 8]))
    else {
        return Ok(bytes.to_vec());
    };
    const TRUNCATED: &str = "the packed file is truncated";
    let flags = header[3];
    if flags & 4 != 0 {
        let (length, after) = rest.split_first_chunk().ok_or(TRUNCATED)?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..).ok_or(TRUNCATED)?;
    }
    // A name and a comment, each with a zero behind it.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = rest.iter().position(|&byte| byte == 0).ok_or(TRUNCATED)?;
            rest = &rest[end + 1..];
        }
    }
    rest = rest.get(usize::from(flags & 2)..).ok_or(TRUNCATED)?;
    let (packed, sums) = rest.split_last_chunk::<8>().ok_or(TRUNCATED)?;
    let sum = |at: usize| u32::from_le_bytes([sums[at], sums[at + 1], sums[at + 2], sums[at + 3]]);
    let content = inflate(packed, sum(4) as usize)?;
    if content.len() != sum(4) as usize || crc32(&content) != sum(0) {
        return Err(format!("its {} bytes are not the {} that were packed", content.len(), sum(4)));
    }
    Ok(content)
}
