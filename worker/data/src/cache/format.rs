//! The form of a cache file: header, then the images one after another.
//!
//! Header, all numbers little-endian: magic (8 bytes), version (u32), number of images (u64), key (32 bytes), digest of
//! the images' files (32), then per image offset (u64), height, width and CRC-32 of its pixels (u32 each), then the
//! SHA-256 of all that (32). Zeros fill it up to a multiple of 12 bytes, where the first image begins, so that every image begins at a multiple of its channels, 1 to 4. Labels are no
//! part of it: a corrected label must not cost a decoding.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::Place;

/// Part of the key and of the file's name: raised whenever decoding or this form changes.
pub(super) const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"sweepimg";
const FIXED: usize = 8 + 4 + 8 + 32 + 32;
const ENTRY: usize = 8 + 4 + 4 + 4;

/// One image of a cache file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) crc: u32,
}

/// All that a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key: [u8; 32],
    pub(super) digest: [u8; 32],
    pub(super) entries: Vec<Entry>,
}

/// Where the images begin in a file of `count` of them.
pub(super) fn beginning(count: usize) -> u64 {
    (FIXED + ENTRY * count + 32).next_multiple_of(12) as u64
}

impl Header {
    /// The header's bytes, up to the first image.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(beginning(self.entries.len()) as usize);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((self.entries.len() as u64).to_le_bytes());
        bytes.extend(self.key);
        bytes.extend(self.digest);
        for Entry { place, crc } in &self.entries {
            bytes.extend(place.offset.to_le_bytes());
            for word in [place.height, place.width, *crc] {
                bytes.extend(word.to_le_bytes());
            }
        }
        bytes.extend(Sha256::digest(&bytes));
        bytes.resize(beginning(self.entries.len()) as usize, 0);
        bytes
    }

    /// Reads the file at `path` and its length, if it is whole and has this key, number of images and channels. Nothing it says
    /// about sizes is believed before it was compared with the file's length.
    pub(super) fn read(path: &Path, key: &[u8; 32], count: usize, channels: usize) -> Option<(Self, u64)> {
        let file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        let begin = beginning(count);
        if length < begin {
            return None;
        }
        let mut bytes = vec![0; begin as usize];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let header =
            Self::parse(&bytes, count).filter(|header| header.key == *key && header.fills(length, channels))?;
        header.is_sound(&file, channels).then_some((header, length))
    }

    fn parse(bytes: &[u8], count: usize) -> Option<Self> {
        let (content, rest) = bytes.split_at_checked(FIXED + ENTRY * count)?;
        if rest.get(..32)? != Sha256::digest(content).as_slice() {
            return None;
        }
        let (magic, content) = content.split_first_chunk::<8>()?;
        let (version, content) = content.split_first_chunk::<4>()?;
        let (images, content) = content.split_first_chunk::<8>()?;
        let (key, content) = content.split_first_chunk::<32>()?;
        let (digest, content) = content.split_first_chunk::<32>()?;
        let known = magic == MAGIC && u32::from_le_bytes(*version) == VERSION;
        if !known || u64::from_le_bytes(*images) != count as u64 {
            return None;
        }
        let entries = content.chunks_exact(ENTRY).map(|entry| {
            let (offset, rest) = entry.split_first_chunk::<8>()?;
            let word = |at: usize| Some(u32::from_le_bytes(*rest.get(at..)?.first_chunk::<4>()?));
            let place = Place { offset: u64::from_le_bytes(*offset), height: word(0)?, width: word(4)? };
            Some(Entry { place, crc: word(8)? })
        });
        Some(Self { key: *key, digest: *digest, entries: entries.collect::<Option<_>>()? })
    }

    /// Whether the images lie one after another from the header to the file's end.
    fn fills(&self, length: u64, channels: usize) -> bool {
        let end = self.entries.iter().try_fold(beginning(self.entries.len()), |at, Entry { place, .. }| {
            (place.offset == at).then(|| at.checked_add(size(place, channels)?)).flatten()
        });
        end == Some(length)
    }

    /// Whether every image's pixels have their check sum. This reads the file once, which whoever maps it does anyway.
    fn is_sound(&self, file: &File, channels: usize) -> bool {
        self.entries.par_iter().all(|Entry { place, crc }| {
            let mut pixels = vec![0; size(place, channels).unwrap_or(0) as usize];
            file.read_exact_at(&mut pixels, place.offset).is_ok() && crc32fast::hash(&pixels) == *crc
        })
    }
}

/// Bytes of an image.
fn size(place: &Place, channels: usize) -> Option<u64> {
    u64::from(place.height).checked_mul(u64::from(place.width))?.checked_mul(channels as u64)
}
