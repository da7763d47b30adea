//! What `.npz` and gzip files have in common: bytes packed by DEFLATE (RFC 1951), and the checksum of what was packed.

/// How many bytes may come out: a small hostile file could hold more than memory does. The largest of the sets that are
/// read so has 47 million.
const MAX_BYTES: usize = 1 << 30;

/// At most `size` bytes, which were packed.
pub(crate) fn inflate(packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    if size > MAX_BYTES {
        return Err(format!("{size} bytes are more than the {MAX_BYTES} to which files are unpacked"));
    }
    #[cfg(feature = "deflate")]
    return miniz_oxide::inflate::decompress_to_vec_with_limit(packed, size)
        .map_err(|error| format!("cannot be decompressed: {error}"));
    #[cfg(not(feature = "deflate"))]
    {
        let _ = packed;
        Err("it is compressed; turn on the feature `deflate`".to_owned())
    }
}

/// The checksum of zip and gzip: the remainder by `x³² + x²⁶ + … + 1`, bits reversed.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let (mut value, mut bit) = (i as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[i] = value;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &byte| TABLE[((crc ^ u32::from(byte)) & 0xFF) as usize] ^ crc >> 8)
}
