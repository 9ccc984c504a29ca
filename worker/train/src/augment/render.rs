//! Parts of images of any size as one tensor.
//!
//! Everything is read by one operation: the bytes are seen as overlapping rows of equal length, one beginning at every
//! byte, and rows are selected by where they begin. So a whole batch of crops is one gather of contiguous pieces.

use tch::{Kind, TchError, Tensor};

use super::{
    geometry::View,
    resample::{Axis, resample},
    upload,
};

/// Pixels that are resized at once, so that photographs of full size do not fill a GPU.
const PIXELS_AT_ONCE: i64 = 1 << 24;

/// One view of one image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shot {
    /// Where the first byte of the view's area lies.
    pub begin: i64,
    /// Bytes from one row of the image to the next.
    pub pitch: i64,
    /// Only its sizes count here.
    pub view: View,
}

impl Shot {
    fn height(&self) -> i64 {
        i64::from(self.view.area.height)
    }

    fn width(&self) -> i64 {
        i64::from(self.view.area.width)
    }
}

/// What `shots` show, n × out × out × `channels`: uint8 where none of them is resized, else float32 from 0 to 255.
///
/// # Errors
/// libtorch's own; a shot outside `bytes`.
pub(crate) fn render(bytes: &Tensor, channels: i64, shots: &[Shot], out: [i64; 2]) -> Result<Tensor, TchError> {
    if shots.iter().all(|shot| shot.view.is_unscaled()) {
        return unscaled(bytes, channels, shots, out);
    }
    let mut parts = Vec::new();
    let mut rest = shots;
    while !rest.is_empty() {
        let (some, after) = rest.split_at(group(rest));
        parts.push(resized(bytes, channels, some, out)?);
        rest = after;
    }
    if parts.len() == 1 { Ok(parts.remove(0)) } else { Tensor::f_cat(&parts, 0) }
}

/// Pieces of `length` bytes that begin at `begins` (int64, n), n × length.
///
/// # Errors
/// A piece that is not inside `bytes`.
pub(crate) fn pieces(bytes: &Tensor, begins: &Tensor, length: i64) -> Result<Tensor, TchError> {
    let places = bytes.numel() as i64 - length + 1;
    bytes.f_as_strided([places, length], [1, 1], None)?.f_index_select(0, begins)
}

fn unscaled(bytes: &Tensor, channels: i64, shots: &[Shot], [height, width]: [i64; 2]) -> Result<Tensor, TchError> {
    let (count, device) = (shots.len() as i64, bytes.device());
    let begin = |shot: &Shot| {
        let [down, right] = shot.view.at.map(i64::from);
        shot.begin + down * shot.pitch + right * channels
    };
    let begins: Vec<i64> = shots.iter().map(begin).collect();
    let row = width * channels;
    // Rows of full width follow each other, so that each image is one piece.
    let found = if shots.iter().all(|shot| shot.pitch == row) {
        pieces(bytes, &upload(&begins, device)?, height * row)?
    } else {
        let pitches = shots.iter().map(|shot| shot.pitch);
        let table = upload(&begins.iter().copied().chain(pitches).collect::<Vec<_>>(), device)?.f_view([2, -1, 1])?;
        let begins = rows(&table, &Tensor::f_arange(height, (Kind::Int64, device))?)?;
        pieces(bytes, &begins, row)?
    };
    found.f_view([count, height, width, channels])
}

/// Where rows begin: `table` holds begins and pitches, 2 × n × 1; `lines` row numbers, rows or n × rows. Flat.
fn rows(table: &Tensor, lines: &Tensor) -> Result<Tensor, TchError> {
    table.f_select(0, 1)?.f_mul(lines)?.f_add_(&table.f_select(0, 0)?)?.f_view([-1])
}

/// How many of the first shots fit into [`PIXELS_AT_ONCE`] when all are padded to the largest; at least one.
fn group(shots: &[Shot]) -> usize {
    let (mut height, mut width) = (0, 0);
    let fits = |(at, shot): &(usize, &Shot)| {
        height = height.max(shot.height());
        width = width.max(shot.width());
        *at == 0 || (*at as i64 + 1) * height * width <= PIXELS_AT_ONCE
    };
    shots.iter().enumerate().take_while(fits).count()
}

fn resized(bytes: &Tensor, channels: i64, shots: &[Shot], out: [i64; 2]) -> Result<Tensor, TchError> {
    let (count, device) = (shots.len() as i64, bytes.device());
    let height = shots.iter().map(Shot::height).max().unwrap_or(1);
    let width = shots.iter().map(Shot::width).max().unwrap_or(1);
    let end = bytes.numel() as i64;
    // What a piece holds beyond its area gets no weight. Where it would reach beyond the last byte it begins earlier.
    let early = |shot: &Shot| {
        let last = shot.begin + (shot.height() - 1) * shot.pitch + width * channels;
        ((last - end).max(0) + channels - 1) / channels
    };
    let begins: Vec<i64> = shots.iter().map(|shot| shot.begin - early(shot) * channels).collect();
    if begins.iter().any(|&begin| begin < 0) {
        // Only where images lie upon each other: what is large enough to pad for lies before what is padded.
        return Err(TchError::Shape("an image that lies upon another one".to_owned()));
    }
    let (pitches, lasts) = (shots.iter().map(|shot| shot.pitch), shots.iter().map(|shot| shot.height() - 1));
    let table =
        upload(&begins.into_iter().chain(pitches).chain(lasts).collect::<Vec<_>>(), device)?.f_view([3, -1, 1])?;
    let lines = Tensor::f_arange(height, (Kind::Int64, device))?.f_view([1, -1])?;
    let begins = rows(&table, &lines.f_minimum(&table.f_select(0, 2)?)?)?;
    let boxes = pieces(bytes, &begins, width * channels)?.f_to_kind(Kind::Float)?;
    let boxes = boxes.f_view([count, height, width, channels])?;

    let vertical: Vec<Axis> = shots
        .iter()
        .map(|shot| Axis { skip: 0, length: shot.view.area.height, to: shot.view.to[0], at: shot.view.at[0] })
        .collect();
    let horizontal: Vec<Axis> = shots
        .iter()
        .map(|shot| Axis { skip: early(shot), length: shot.view.area.width, to: shot.view.to[1], at: shot.view.at[1] })
        .collect();
    resample(&boxes, &vertical, &horizontal, out)
}
