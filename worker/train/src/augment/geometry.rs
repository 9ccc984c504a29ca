//! Which part of an image is seen, and at which size: pure functions of sizes and of uniform numbers in [0, 1).
//!
//! Rounding is that of the originals: `round` goes to the even neighbour on a tie, `int` towards zero.

use sweeper_recipe::{CropEvaluation, Erasing, Resize, ResizeKind};

/// Width over height of a random crop, lowest and highest.
pub const RATIO: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// Random crops that are tried before the centre is taken.
pub const ATTEMPTS: u32 = 10;
/// Height over width of an erased box is between this and its inverse.
pub const ERASING_ASPECT: f64 = 0.3;

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Rows above it.
    pub top: u32,
    /// Columns left of it.
    pub left: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl Area {
    /// All of an image.
    #[must_use]
    pub fn whole(height: u32, width: u32) -> Self {
        Self { top: 0, left: 0, height, width }
    }
}

/// What is seen of one image: `area`, resized to `to`, of which the output is the window that begins at `at`.
/// Pairs are rows, then columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The part that is resized; what lies outside has no influence.
    pub area: Area,
    /// Its size afterwards.
    pub to: [u32; 2],
    /// The corner of the window inside it.
    pub at: [u32; 2],
}

impl View {
    /// `area` without resizing.
    #[must_use]
    pub fn unscaled(area: Area) -> Self {
        Self { area, to: [area.height, area.width], at: [0, 0] }
    }

    /// `area` resized to `to`, all of which is seen.
    #[must_use]
    pub fn resized(area: Area, to: [u32; 2]) -> Self {
        Self { area, to, at: [0, 0] }
    }

    /// Whether pixels are only moved.
    #[must_use]
    pub fn is_unscaled(&self) -> bool {
        self.to == [self.area.height, self.area.width]
    }
}

/// What training sees of an image of `height` × `width`, as `out` rows and columns. `draws(i)` gives four uniform
/// numbers, i < [`ATTEMPTS`].
#[must_use]
pub fn training_view(resize: &Resize, out: [u32; 2], height: u32, width: u32, draws: impl Fn(u32) -> [f64; 4]) -> View {
    match resize.kind {
        ResizeKind::RandomCrop => {
            View::resized(random_crop(height, width, (resize.min_scale, resize.max_scale), draws), out)
        }
        ResizeKind::Crop if out != [height, width] => View::resized(square(height, width, draws(0)[0]), out),
        ResizeKind::Crop | ResizeKind::Squish => View::resized(Area::whole(height, width), out),
    }
}

/// What evaluation sees of an image of `height` × `width`, as `out` rows and columns: nothing about it is random.
#[must_use]
pub fn evaluation_view(resize: &Resize, out: [u32; 2], height: u32, width: u32) -> View {
    let whole = Area::whole(height, width);
    match (resize.kind, resize.evaluation) {
        (ResizeKind::RandomCrop, CropEvaluation::Squash) => {
            let margin = squash_margin(out);
            View { area: whole, to: out.map(|side| side + margin), at: [margin / 2; 2] }
        }
        (ResizeKind::RandomCrop, CropEvaluation::ShorterSide) => {
            let to = shorter_to(height, width, evaluation_side(resize, out));
            View { area: whole, to, at: [centre(to[0], out[0]), centre(to[1], out[1])] }
        }
        (ResizeKind::Crop, _) if out != [height, width] => View::resized(square(height, width, 0.5), out),
        (ResizeKind::Crop | ResizeKind::Squish, _) => View::resized(whole, out),
    }
}

/// The largest square of an image, int(`share` · slack) from the beginning of its longer side (fastai's `Resize`).
#[must_use]
pub fn square(height: u32, width: u32, share: f64) -> Area {
    let side = height.min(width);
    let before = |length: u32| (share * f64::from(length - side)) as u32;
    Area { top: before(height), left: before(width), height: side, width: side }
}

/// A part of an image of random area, aspect and place; the centre, with the nearest aspect allowed, where
/// [`ATTEMPTS`] were too large (fastai's and torchvision's `RandomResizedCrop`). `scale` is the lowest and highest share
/// of the area; `draws(attempt)` gives the uniform numbers for area, aspect, left and top.
#[must_use]
pub fn random_crop(height: u32, width: u32, scale: (f64, f64), draws: impl Fn(u32) -> [f64; 4]) -> Area {
    let (rows, columns) = (f64::from(height), f64::from(width));
    for attempt in 0..ATTEMPTS {
        let [u, v, x, y] = draws(attempt);
        let area = between(scale.0, scale.1, u) * columns * rows;
        let ratio = between(RATIO.0.ln(), RATIO.1.ln(), v).exp();
        let wide = (area * ratio).sqrt().round_ties_even() as u32;
        let high = (area / ratio).sqrt().round_ties_even() as u32;
        if (1..=width).contains(&wide) && (1..=height).contains(&high) {
            return Area { top: upto(height - high, y), left: upto(width - wide, x), height: high, width: wide };
        }
    }
    let (mut high, mut wide) = (height, width);
    if columns / rows < RATIO.0 {
        high = (columns / RATIO.0) as u32;
    } else if columns / rows > RATIO.1 {
        wide = (rows * RATIO.1) as u32;
    }
    Area { top: (height - high) / 2, left: (width - wide) / 2, height: high, width: wide }
}

/// By how much `squash` evaluation exceeds `out` before the centre is cut: 8·⌈0.14·side/8⌉ (fastai).
#[must_use]
pub fn squash_margin(out: [u32; 2]) -> u32 {
    (f64::from(out[0].max(out[1])) * 0.14 / 8.0).ceil() as u32 * 8
}

/// The shorter side before the centre crop of `shorter-side` evaluation, in pixels.
#[must_use]
pub fn evaluation_side(resize: &Resize, out: [u32; 2]) -> u32 {
    if resize.evaluation_size == 0 { 5 * out[0].max(out[1]) / 4 } else { resize.evaluation_size }
}

/// The size of an image whose shorter side becomes `side`, aspect kept, the longer one cut to whole pixels
/// (torchvision's `Resize`).
#[must_use]
pub fn shorter_to(height: u32, width: u32, side: u32) -> [u32; 2] {
    let long = |long: u32, short: u32| (u64::from(side) * u64::from(long) / u64::from(short)) as u32;
    if height < width { [side, long(width, height)] } else { [long(height, width), side] }
}

/// Boxes of random area, aspect and place, cut at the image's borders (fastai's `RandomErasing`). `number` is the uniform
/// number for the count, `draws(i)` are those of box i for area, aspect, top and left.
#[must_use]
pub fn erasing_boxes(
    settings: &Erasing,
    height: u32,
    width: u32,
    number: f64,
    draws: impl Fn(u32) -> [f64; 4],
) -> Vec<Area> {
    let count = 1 + upto(settings.max_boxes.saturating_sub(1), number);
    let side = |area: f64, length: u32, u: f64| {
        let side = area.sqrt().round_ties_even() as u32;
        let begin = upto(length.saturating_sub(side), u);
        (begin, side.min(length - begin))
    };
    let draw = |i| {
        let [u, v, y, x] = draws(i);
        let area = settings.share * u * f64::from(height) * f64::from(width) / f64::from(count);
        let aspect = between(ERASING_ASPECT.ln(), -ERASING_ASPECT.ln(), v).exp();
        let (top, high) = side(area * aspect, height, y);
        let (left, wide) = side(area / aspect, width, x);
        Area { top, left, height: high, width: wide }
    };
    (0..count).map(draw).collect()
}

/// Rows and columns by which an image moves down and to the right, each from −`most` to `most`.
#[must_use]
pub fn translation(most: u32, draws: [f64; 2]) -> [i64; 2] {
    draws.map(|u| i64::from(upto(2 * most, u)) - i64::from(most))
}

/// The corner, row and column, of a square of `side` whose centre is any pixel of the image: up to half of each side
/// may lie outside, so corners may be negative.
#[must_use]
pub fn cutout_corner(side: u32, height: u32, width: u32, draws: [f64; 2]) -> [i64; 2] {
    let corner = |length: u32, u: f64| i64::from(upto(length - 1, u)) - i64::from(side / 2);
    [corner(height, draws[0]), corner(width, draws[1])]
}

/// The beginning of the middle `part` of `length`, a half rounded to the even neighbour (torchvision's `CenterCrop`).
fn centre(length: u32, part: u32) -> u32 {
    (f64::from(length.saturating_sub(part)) / 2.0).round_ties_even() as u32
}

fn between(low: f64, high: f64, u: f64) -> f64 {
    low + (high - low) * u
}

/// A whole number from 0 to `last`, both included.
fn upto(last: u32, u: f64) -> u32 {
    // u < 1, but the product may round up to last + 1.
    ((u * (f64::from(last) + 1.0)) as u32).min(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LAST: f64 = 1.0 - f64::EPSILON / 2.0;

    fn inside(area: Area, height: u32, width: u32) -> bool {
        area.height > 0 && area.width > 0 && area.top + area.height <= height && area.left + area.width <= width
    }

    proptest! {
        #[test]
        fn squares_are_inside_and_as_large_as_can_be(height in 1u32..3000, width in 1u32..3000, share in 0.0..=1.0f64) {
            let area = square(height, width, share);
            prop_assert!(inside(area, height, width) && area.height == area.width);
            prop_assert_eq!(area.height, height.min(width));
            let (first, last) = (square(height, width, 0.0), square(height, width, 1.0));
            prop_assert_eq!((first.top, first.left), (0, 0));
            prop_assert_eq!((last.top + last.height, last.left + last.width), (height, width));
        }

        #[test]
        fn random_crops_keep_their_limits(
            height in 1u32..2000,
            width in 1u32..2000,
            low in 0.01..1.0f64,
            draws in prop::collection::vec(prop::array::uniform4(0.0..1.0f64), ATTEMPTS as usize),
        ) {
            let area = random_crop(height, width, (low, 1.0), |attempt| draws[attempt as usize]);
            prop_assert!(inside(area, height, width), "{area:?}");
            let (high, wide) = (f64::from(area.height), f64::from(area.width));
            // Each side is rounded by up to half a pixel. Only the fallback may be smaller than the lowest share.
            let fallback = area.height == height || area.width == width;
            let share = (high + 0.5) * (wide + 0.5) / (f64::from(height) * f64::from(width));
            prop_assert!(fallback || share >= low, "{area:?} has less than {low}");
            prop_assert!((wide + 0.5) / (high - 0.5) >= RATIO.0 && (wide - 0.5) / (high + 0.5) <= RATIO.1 || high * wide < 4.0,
                "{area:?}");
        }

        #[test]
        fn random_crops_reach_both_ends(height in 30u32..500, aspect in 0.5..2.0f64, u in 0.0..1.0f64, v in 0.0..1.0f64) {
            // Boxes of at most 0.3 of the area fit at once into images of these aspects.
            let width = (f64::from(height) * aspect) as u32;
            let crop = |place| random_crop(height, width, (0.1, 0.3), |_| [u, v, place, place]);
            let (first, last) = (crop(0.0), crop(LAST));
            prop_assert_eq!((first.top, first.left), (0, 0));
            prop_assert_eq!((last.top + last.height, last.left + last.width), (height, width));
        }

        #[test]
        fn what_evaluation_sees_is_inside_and_takes_no_draws(
            height in 4u32..1000,
            width in 4u32..1000,
            size in 4u32..300,
            kind in prop::sample::select(vec![ResizeKind::Crop, ResizeKind::Squish, ResizeKind::RandomCrop]),
            evaluation in prop::sample::select(vec![CropEvaluation::Squash, CropEvaluation::ShorterSide]),
        ) {
            let resize = Resize { kind, evaluation, ..Resize::default() };
            let view = evaluation_view(&resize, [size, size], height, width);
            prop_assert!(inside(view.area, height, width));
            prop_assert!(view.at[0] + size <= view.to[0] && view.at[1] + size <= view.to[1], "{view:?}");
        }

        #[test]
        fn erased_boxes_are_inside(
            height in 1u32..200,
            width in 1u32..200,
            share in 0.0..=1.0f64,
            max_boxes in 1u32..=16,
            number in 0.0..1.0f64,
            draws in prop::collection::vec(prop::array::uniform4(0.0..1.0f64), 16),
        ) {
            let settings = Erasing { share, p: 1.0, max_boxes };
            let boxes = erasing_boxes(&settings, height, width, number, |at| draws[at as usize]);
            prop_assert!((1..=max_boxes as usize).contains(&boxes.len()));
            for area in &boxes {
                prop_assert!(area.top + area.height <= height && area.left + area.width <= width, "{area:?}");
            }
            // Sides are rounded, and cut at borders, so that together they may exceed their share a little.
            let covered: f64 = boxes.iter().map(|b| (f64::from(b.height) - 0.5).max(0.0) * (f64::from(b.width) - 0.5).max(0.0)).sum();
            prop_assert!(covered <= share * f64::from(height) * f64::from(width) + 1e-6);
        }

        #[test]
        fn movements_and_corners_reach_all_places(most in 1u32..10, side in 1u32..9, height in 1u32..40, u in 0.0..1.0f64) {
            prop_assert_eq!(translation(most, [0.0, LAST]), [-i64::from(most), i64::from(most)]);
            prop_assert!(translation(most, [u, u])[0].abs() <= i64::from(most));
            let half = i64::from(side / 2);
            prop_assert_eq!(cutout_corner(side, height, height, [0.0, LAST]), [-half, i64::from(height) - 1 - half]);
        }
    }

    /// Each offset of a small slack comes about equally often.
    #[test]
    fn offsets_are_uniform() {
        let mut seen = [0; 4];
        for at in 0..4000 {
            seen[upto(3, (f64::from(at) + 0.5) / 4000.0) as usize] += 1;
        }
        assert_eq!(seen, [1000; 4]);
        assert_eq!((upto(0, LAST), upto(u32::MAX, LAST)), (0, u32::MAX));
    }

    #[test]
    fn images_of_the_right_size_stay_as_they_are_unless_cropped_at_random() {
        let whole = View::unscaled(Area::whole(28, 28));
        for kind in [ResizeKind::Crop, ResizeKind::Squish] {
            let resize = Resize { kind, ..Resize::default() };
            assert_eq!(training_view(&resize, [28, 28], 28, 28, |_| [0.9; 4]), whole);
            assert_eq!(evaluation_view(&resize, [28, 28], 28, 28), whole);
        }
        let resize = Resize { kind: ResizeKind::RandomCrop, ..Resize::default() };
        assert_ne!(training_view(&resize, [28, 28], 28, 28, |_| [0.1; 4]), whole);
    }
}
