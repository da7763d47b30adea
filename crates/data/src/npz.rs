//! NumPy's `.npz` files: several named arrays in one zip archive.
//!
//! Only what NumPy uses of the format is read and written: members that are stored, or compressed by DEFLATE (with the
//! feature `deflate`, which is on by default). Sizes and places come from the directory at the end of the file.
//! Source: PKWARE, "APPNOTE.TXT", sections 4.3.7, 4.3.12 and 4.3.16.

use crate::deflate::{crc32, inflate};
use crate::file;
use crate::npy::{from_npy, to_npy};
use std::path::Path;
use tensor::{Error, Result, Tensor};

const OP: &str = "npz";

/// An open `.npz` file.
///
/// ```
/// use data::{Npz, to_npz};
/// use tensor::tensor;
/// let bytes = to_npz(&[("x", &tensor([1.5, 2.5])), ("y", &tensor([0, 1]))])?;
/// let file = Npz::from_bytes(bytes)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["x", "y"]);
/// assert_eq!(file.get("y")?.to_string(), "tensor([0, 1])");
/// # Ok::<(), tensor::Error>(())
/// ```
pub struct Npz {
    bytes: Vec<u8>,
    members: Vec<Member>,
}

/// An entry of the directory.
struct Member {
    name: String,
    method: u16,
    crc: u32,
    compressed: usize,
    size: usize,
    /// Where the member's own header begins.
    offset: usize,
}

/// Opens a file that `np.savez` or `np.savez_compressed` has written. An array is read when it is asked for.
///
/// # Errors
/// If the file cannot be read, or its directory is damaged.
#[doc(alias = "np.load")]
#[track_caller]
pub fn load_npz(path: impl AsRef<Path>) -> Result<Npz> {
    Npz::from_bytes(file::read(OP, path.as_ref())?)
}

/// Writes named tensors into a file that `np.load` reads.
///
/// # Errors
/// If two have the same name, or the file cannot be written.
#[doc(alias = "np.savez")]
#[track_caller]
pub fn save_npz(path: impl AsRef<Path>, tensors: &[(&str, &Tensor)]) -> Result<()> {
    file::write(OP, path.as_ref(), &to_npz(tensors)?)
}

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

impl Npz {
    /// From the bytes of a file.
    ///
    /// # Errors
    /// If the directory is damaged.
    #[track_caller]
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Npz> {
        let members = match directory(&bytes) {
            Ok(members) => members,
            Err(message) => return Err(Error::format(OP, message)),
        };
        Ok(Npz { bytes, members })
    }

    /// The names of the arrays, in the order of the file.
    #[doc(alias = "files")]
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Reads one array.
    ///
    /// # Errors
    /// If there is none of this name, or it is damaged.
    #[track_caller]
    pub fn get(&self, name: &str) -> Result<Tensor> {
        let Some(member) = self.members.iter().find(|member| member.name == name) else {
            let names = self.names().collect::<Vec<_>>().join("`, `");
            return Err(Error::value(OP, format!("there is no array `{name}` among `{names}`")));
        };
        match self.content(member) {
            Ok(content) => from_npy(&content),
            Err(message) => Err(Error::format(OP, format!("array `{name}`: {message}"))),
        }
    }

    fn content(&self, member: &Member) -> Result<Vec<u8>, String> {
        let local = self.bytes.get(member.offset..).filter(|bytes| bytes.starts_with(LOCAL));
        let local = local.ok_or("there is no header where the directory says")?;
        let (name, extra) = u16_at(local, 26).zip(u16_at(local, 28)).ok_or(TRUNCATED)?;
        let data = local.get(30 + name + extra..).and_then(|bytes| bytes.get(..member.compressed));
        let data = data.ok_or(TRUNCATED)?;
        let content = match member.method {
            0 => data.to_vec(),
            8 => inflate(data, member.size)?,
            method => return Err(format!("compression method {method} is unknown")),
        };
        if content.len() != member.size || crc32(&content) != member.crc {
            return Err(format!("its {} bytes are not the {} that were saved", content.len(), member.size));
        }
        Ok(content)
    }
}

const TRUNCATED: &str = "the file is truncated";

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b).into())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// The entries of the directory.
fn directory(bytes: &[u8]) -> Result<Vec<Member>, String> {
    // The end record is followed by a comment of at most 65,535 bytes, and nothing else.
    let ends =
        |at: &usize| bytes[*at..].starts_with(END) && u16_at(bytes, at + 20) == Some(bytes.len() - at - 22);
    let latest = bytes.len().checked_sub(22).ok_or("the file is too short for an archive")?;
    let end = (latest.saturating_sub(0xFFFF)..=latest).rev().find(ends);
    let end = end.ok_or("the file has no directory at its end; it is no .npz, or truncated")?;
    let entries = u16_at(bytes, end + 10).ok_or(TRUNCATED)?;
    let mut at = u32_at(bytes, end + 16).ok_or(TRUNCATED)? as usize;
    let mut members: Vec<Member> = Vec::new();
    for _ in 0..entries {
        let entry = bytes.get(at..end).filter(|entry| entry.starts_with(CENTRAL));
        let entry = entry.ok_or("the directory is damaged (or the archive is larger than 4 GiB)")?;
        let short = |at| u16_at(entry, at).ok_or(TRUNCATED);
        let long = |at| u32_at(entry, at).ok_or(TRUNCATED);
        let name = entry.get(46..46 + short(28)?).ok_or(TRUNCATED)?;
        let name = std::str::from_utf8(name).map_err(|_| "a name is not UTF-8 text")?;
        let name = name.strip_suffix(".npy").unwrap_or(name).to_owned();
        if members.iter().any(|member| member.name == name) {
            return Err(format!("two arrays are named `{name}`"));
        }
        if short(8)? & 1 == 1 {
            return Err(format!("array `{name}` is encrypted"));
        }
        if [20, 24, 42].iter().any(|&at| u32_at(entry, at) == Some(u32::MAX)) {
            return Err(format!("array `{name}` is larger than 4 GiB"));
        }
        members.push(Member {
            name,
            method: short(10)? as u16,
            crc: long(16)?,
            compressed: long(20)? as usize,
            size: long(24)? as usize,
            offset: long(42)? as usize,
        });
        at += 46 + short(28)? + short(30)? + short(32)?;
    }
    Ok(members)
}

/// The bytes of an `.npz` file that holds these tensors, not compressed.
///
/// # Errors
/// If two have the same name, or the file would be larger than 4 GiB.
#[track_caller]
pub fn to_npz(tensors: &[(&str, &Tensor)]) -> Result<Vec<u8>> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (i, (name, tensor)) in tensors.iter().enumerate() {
        if tensors[..i].iter().any(|(other, _)| other == name) {
            return Err(Error::value(OP, format!("two arrays are named `{name}`")));
        }
        let content = to_npy(tensor)?;
        let name = format!("{name}.npy");
        let (Ok(size), Ok(offset), Ok(name_len)) =
            (u32::try_from(content.len()), u32::try_from(file.len()), u16::try_from(name.len()))
        else {
            return Err(Error::size(OP, "an archive of more than 4 GiB, or a name of more than 64 KiB"));
        };
        // Version 2.0; names are UTF-8; stored; 1 January 1980; checksum; sizes; length of the name.
        let mut entry = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
        entry.extend(crc32(&content).to_le_bytes());
        entry.extend([size.to_le_bytes(), size.to_le_bytes()].concat());
        entry.extend(name_len.to_le_bytes());
        entry.extend([0, 0]);
        file.extend([LOCAL, &entry, name.as_bytes(), &content].concat());
        // The directory repeats the entry; comment, disk and attributes are 0.
        directory
            .extend([CENTRAL, &[20, 0], &entry, &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat());
    }
    let (Ok(offset), Ok(size), Ok(entries)) =
        (u32::try_from(file.len()), u32::try_from(directory.len()), u16::try_from(tensors.len()))
    else {
        return Err(Error::size(OP, "an archive of more than 4 GiB or 65,535 arrays"));
    };
    file.extend(directory);
    file.extend([END, &[0; 4], &entries.to_le_bytes(), &entries.to_le_bytes()].concat());
    file.extend([size.to_le_bytes(), offset.to_le_bytes()].concat());
    file.extend([0, 0]);
    Ok(file)
}
