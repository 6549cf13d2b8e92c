//! The copy of a library that is hashed and loaded: in memory that nobody can change any more.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::error::Refused;
use crate::verify::Verified;

/// Longest library: a debug build of a large plugin has some tens of megabytes.
const MAX_LIBRARY: u64 = 1 << 30;

/// Copies the library into sealed memory and compares it with its pin. The hash is of what will be loaded, not of what
/// lay on the disk a moment ago.
pub(crate) fn seal(verified: Verified, pin: Option<&str>) -> Result<OwnedFd, Refused> {
    let Verified { path, file, .. } = verified;
    let pin = pin.map(parse).transpose()?;
    let (memory, hash) =
        copy(file, pin.is_some()).map_err(|error| Refused::Unreadable { path: path.clone(), error })?;
    match (pin, hash) {
        (Some(pin), Some(hash)) if pin != hash => {
            Err(Refused::Pin { path, expected: hex(&pin), found: hex(&hash) })
        }
        _ => Ok(memory),
    }
}

fn copy(file: File, hashed: bool) -> io::Result<(OwnedFd, Option<[u8; 32]>)> {
    let mut memory = File::from(executable_memory()?);
    let mut file = file.take(MAX_LIBRARY + 1);
    let mut hash = hashed.then(Sha256::new);
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        length += read as u64;
        if length > MAX_LIBRARY {
            return Err(io::Error::other(format!("it is longer than {MAX_LIBRARY} bytes")));
        }
        if let Some(hash) = &mut hash {
            hash.update(&buffer[..read]);
        }
        memory.write_all(&buffer[..read])?;
    }
    let memory = OwnedFd::from(memory);
    let all = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&memory, all)?;
    // Each descriptor that crosses to a driver shares this offset.
    rustix::fs::seek(&memory, rustix::fs::SeekFrom::Start(0))?;
    Ok((memory, hash.map(|hash| hash.finalize().into())))
}

/// Kernels since 6.3 want to be told that the memory will be executed; older ones do not know the flag.
fn executable_memory() -> rustix::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create("icescope-plugin", flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => rustix::fs::memfd_create("icescope-plugin", flags),
        other => other,
    }
}

fn parse(pin: &str) -> Result<[u8; 32], Refused> {
    let digits = pin.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 64 {
        return Err(Refused::BadPin { pin: pin.to_owned() });
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| (pair[at] as char).to_digit(16);
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(Refused::BadPin { pin: pin.to_owned() });
        };
        *byte = (high * 16 + low) as u8;
    }
    Ok(hash)
}

fn hex(hash: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(content: &[u8], pin: Option<&str>) -> Result<OwnedFd, Refused> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.so");
        std::fs::write(&path, content).unwrap();
        let mut options = crate::options::Options::new(path.clone(), Vec::new());
        options.plugin_dir = Some(folder.path().to_owned());
        seal(crate::verify::verify("p.so", &options).unwrap(), pin)
    }

    /// Of `abc` (FIPS 180-2, appendix B.1).
    const ABC: &str = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_pinned_content_passes_and_can_no_more_be_changed() {
        let memory = File::from(sealed(b"abc", Some(ABC)).unwrap());
        assert!((&memory).write_all(b"x").is_err());
        assert!(memory.set_len(1).is_err());
        let mut content = String::new();
        (&memory).read_to_string(&mut content).unwrap();
        assert_eq!(content, "abc");
    }

    #[test]
    fn another_content_is_refused_with_both_hashes() {
        let refused = sealed(b"abd", Some(ABC)).unwrap_err().to_string();
        assert!(refused.contains(&ABC.to_lowercase()), "{refused}");
        assert!(
            refused.contains("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"),
            "{refused}"
        );
    }

    #[test]
    fn a_pin_that_is_no_hash_is_refused() {
        for pin in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
            assert!(matches!(sealed(b"abc", Some(pin)), Err(Refused::BadPin { .. })), "{pin}");
        }
    }
}
