//! A data set's pixels and labels on a device.

use std::{fs, io, path::PathBuf, sync::Arc};

use sweeper_data::{DataSet, Labels, Pixels, Place};
use tch::{Device, Kind, TchError, Tensor};

use super::{
    geometry::{Area, View},
    render::{Shot, render},
    upload,
};

/// A data set's pixels and labels on one device, for all batches of a process.
#[derive(Debug)]
pub struct Images {
    /// uint8, flat.
    bytes: Tensor,
    layout: Layout,
    channels: i64,
    rows: usize,
    /// int64, rows; or float32, rows × labels.
    labels: Tensor,
}

/// Where each image lies.
#[derive(Debug)]
enum Layout {
    Uniform { height: u32, width: u32 },
    Cached(Arc<Vec<Place>>),
}

/// Why images cannot be used. The texts name file, expectation, finding and remedy.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// The cache of decoded images is not there.
    #[error("image cache missing: expected {path}; hint: start the training again, which makes it anew")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The cache is there and cannot be read.
    #[error("image cache {path} cannot be read: {reason}; hint: check its permissions and the disk")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The cache is shorter than its own table says.
    #[error(
        "image cache {path} is truncated: expected {expected} bytes, found {found}; hint: delete it, it is made anew"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes.
        expected: u64,
        /// Bytes.
        found: u64,
    },
    /// Columns of a data set contradict each other.
    #[error(
        "data set {name} is inconsistent: expected {expected}, found {found}; hint: delete its image cache, if any"
    )]
    Inconsistent {
        /// The data set.
        name: String,
        /// What the other columns demand.
        expected: String,
        /// What there is.
        found: String,
    },
    /// libtorch said no.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}

impl ImagesError {
    /// The worker's documented exit code, where data are the cause.
    #[must_use]
    pub fn exit_code(&self) -> Option<u8> {
        match self {
            Self::Missing { .. } => Some(20),
            Self::Unreadable { .. } | Self::Truncated { .. } | Self::Inconsistent { .. } => Some(21),
            Self::Torch(_) => None,
        }
    }
}

impl Images {
    /// The images and labels of `set` on `device`. On the CPU a cache file is mapped, not read: its pages belong to the
    /// system and are shared with every other process that maps it. A GPU gets a copy.
    ///
    /// # Errors
    /// A cache file that is missing, unreadable or too short; columns that do not fit each other; no memory.
    pub fn new(set: &DataSet, device: Device) -> Result<Self, ImagesError> {
        let inconsistent = |expected: String, found: String| {
            Err(ImagesError::Inconsistent { name: set.name.clone(), expected, found })
        };
        let (rows, channels) = (set.len(), set.pixels.channels());
        if !(1..=4).contains(&channels) {
            return inconsistent("1 to 4 channels".to_owned(), channels.to_string());
        }
        let (bytes, layout) = match &set.pixels {
            Pixels::Uniform { bytes, height, width, .. } => {
                let demanded =
                    [*height, *width, channels].iter().try_fold(rows, |bytes, side| bytes.checked_mul(*side));
                if demanded != Some(bytes.len()) || *height == 0 || *width == 0 {
                    let expected = format!("{rows} images of {height} × {width} × {channels} bytes");
                    return inconsistent(expected, format!("{} bytes", bytes.len()));
                }
                (upload(bytes, device)?, Layout::Uniform { height: *height as u32, width: *width as u32 })
            }
            Pixels::Cached { file, length, places, .. } => {
                if places.len() != rows {
                    return inconsistent(format!("{rows} images"), places.len().to_string());
                }
                if let Some(row) = places.iter().position(|place| !is_inside(place, *length, channels)) {
                    return inconsistent(format!("image {row} inside {length} bytes"), format!("{:?}", places[row]));
                }
                let mapped = map(file, *length)?;
                let bytes = if device == Device::Cpu { mapped } else { mapped.f_to_device(device)? };
                (bytes, Layout::Cached(Arc::clone(places)))
            }
        };
        let labels = match &set.labels {
            Labels::Single(classes) if classes.len() == rows => {
                upload(&classes.iter().map(|&class| i64::from(class)).collect::<Vec<_>>(), device)?
            }
            Labels::Multi(marks) if !marks.is_empty() && marks.len() == rows * set.classes.len() => {
                upload(marks, device)?.f_to_kind(Kind::Float)?.f_view([rows as i64, -1])?
            }
            Labels::Single(found) => return inconsistent(format!("{rows} labels"), found.len().to_string()),
            Labels::Multi(found) => {
                return inconsistent(format!("{rows} × {} labels", set.classes.len()), found.len().to_string());
            }
        };
        Ok(Self { bytes, layout, channels: channels as i64, rows, labels })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Channels of every image.
    #[must_use]
    pub fn channels(&self) -> i64 {
        self.channels
    }

    /// What the images lie on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.bytes.device()
    }

    /// Height and width of every image; none where they differ.
    #[must_use]
    pub fn common_size(&self) -> Option<[u32; 2]> {
        match &self.layout {
            Layout::Uniform { height, width } => Some([*height, *width]),
            Layout::Cached(places) => {
                let first = places.first().map(|place| [place.height, place.width])?;
                places.iter().all(|place| [place.height, place.width] == first).then_some(first)
            }
        }
    }

    /// Height and width of one image.
    ///
    /// # Errors
    /// A row that there is not.
    pub fn size(&self, row: usize) -> Result<[u32; 2], TchError> {
        self.place(row).map(|place| [place.height, place.width])
    }

    /// Labels of `rows`: int64, n; or float32, n × labels, where a sample has several.
    ///
    /// # Errors
    /// A row that there is not.
    pub fn labels(&self, rows: &[usize]) -> Result<Tensor, TchError> {
        for &row in rows {
            self.place(row)?;
        }
        let index: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        self.labels.f_index_select(0, &upload(&index, self.device())?)
    }

    /// What `views` show of `rows`, n × `out` rows × `out` columns × channels, 0 to 255: uint8 where every view only
    /// moves pixels, else float32, not rounded.
    ///
    /// # Errors
    /// A row that there is not; an area that is empty or reaches beyond its image; a window that reaches beyond what it
    /// shows.
    pub fn render(&self, rows: &[usize], views: &[View], out: [u32; 2]) -> Result<Tensor, TchError> {
        if rows.len() != views.len() {
            return Err(TchError::Shape(format!("{} rows, but {} views", rows.len(), views.len())));
        }
        let shots = rows.iter().zip(views).map(|(&row, view)| {
            let place = self.place(row)?;
            check(view, &place, out)?;
            let pitch = i64::from(place.width) * self.channels;
            let Area { top, left, .. } = view.area;
            let begin = place.offset as i64 + i64::from(top) * pitch + i64::from(left) * self.channels;
            Ok(Shot { begin, pitch, view: *view })
        });
        render(&self.bytes, self.channels, &shots.collect::<Result<Vec<_>, TchError>>()?, out.map(i64::from))
    }

    fn place(&self, row: usize) -> Result<Place, TchError> {
        let place = match &self.layout {
            Layout::Uniform { height, width } => {
                let bytes = u64::from(*height) * u64::from(*width) * self.channels as u64;
                (row < self.rows).then(|| Place { offset: row as u64 * bytes, height: *height, width: *width })
            }
            Layout::Cached(places) => places.get(row).copied(),
        };
        place.ok_or_else(|| TchError::Shape(format!("no row {row} among {} images", self.rows)))
    }
}

fn check(view: &View, place: &Place, out: [u32; 2]) -> Result<(), TchError> {
    let View { area: Area { top, left, height, width }, to, at } = *view;
    let fits = |begin: u32, length: u32, end: u32| begin.checked_add(length).is_some_and(|last| last <= end);
    let inside = height > 0 && width > 0 && fits(top, height, place.height) && fits(left, width, place.width);
    if inside && fits(at[0], out[0], to[0]) && fits(at[1], out[1], to[1]) {
        return Ok(());
    }
    Err(TchError::Shape(format!("{view:?} as {out:?} of an image of {} × {}", place.height, place.width)))
}

fn is_inside(place: &Place, length: u64, channels: usize) -> bool {
    let bytes = (u64::from(place.height) * u64::from(place.width)).checked_mul(channels as u64);
    let end = bytes.and_then(|bytes| place.offset.checked_add(bytes));
    place.height > 0 && place.width > 0 && end.is_some_and(|end| end <= length)
}

/// The file's bytes as a tensor without a copy. The mapping is private (`shared` false), and nothing writes to it, so
/// its pages stay those of the system's file cache.
fn map(path: &PathBuf, length: u64) -> Result<Tensor, ImagesError> {
    let unreadable = |error: io::Error| ImagesError::Unreadable { path: path.clone(), reason: error.to_string() };
    // libtorch's own message for a missing or short file names neither expectation nor remedy.
    let found = match fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ImagesError::Missing { path: path.clone() });
        }
        Err(error) => return Err(unreadable(error)),
    };
    if found < length {
        return Err(ImagesError::Truncated { path: path.clone(), expected: length, found });
    }
    let name = path.to_str().ok_or_else(|| {
        unreadable(io::Error::new(io::ErrorKind::InvalidInput, "libtorch opens only paths that are UTF-8"))
    })?;
    Ok(Tensor::f_from_file(name, false, length as i64, (Kind::Uint8, Device::Cpu))?)
}
