//! How large decoded photographs are kept.

use sweeper_recipe::{CropEvaluation, Recipe, ResizeKind};

/// The size in which decoded photographs are kept.
///
/// `crop`: the shorter side becomes `data.cache_size`, or `data.side()`. A smaller image stays as it is unless its
/// shorter side is below `data.side()`; then it is enlarged to that, so that the crop exists. `squish`: exactly
/// `data.side()` squared. `random-crop`: the shorter side becomes `data.cache_size`, or what the smallest random
/// box needs not to be enlarged (`data.side()` / √(min_scale·3/4)), or the evaluation's size if that is larger; images are never enlarged. `data.exact`: full resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizePolicy {
    /// Shorter side at most `shorter` and at least `least`; the other side in proportion, rounded to nearest.
    Shorter { shorter: u32, least: u32 },
    /// This side twice.
    Squish(u32),
    /// As it is.
    Full,
}

impl SizePolicy {
    /// What a recipe on photographs needs.
    pub(crate) fn of(recipe: &Recipe) -> Self {
        let (data, resize) = (&recipe.data, &recipe.augment.resize);
        let side = data.side();
        let or_cache_size = |own: u32| if data.cache_size > 0 { data.cache_size } else { own };
        match resize.kind {
            _ if data.exact => Self::Full,
            ResizeKind::Squish => Self::Squish(side),
            ResizeKind::Crop => Self::Shorter { shorter: or_cache_size(side), least: side },
            ResizeKind::RandomCrop => {
                let evaluated = match resize.evaluation {
                    CropEvaluation::Squash => 0,
                    CropEvaluation::ShorterSide if resize.evaluation_size == 0 => (side * 5).div_ceil(4),
                    CropEvaluation::ShorterSide => resize.evaluation_size,
                };
                // The shorter side of the smallest box is √(min_scale · 3/4) of the image's: it should not be enlarged.
                let smallest = (resize.min_scale * 0.75).sqrt();
                let needed = (f64::from(side) / smallest).ceil().clamp(1.0, 4_096.0) as u32;
                Self::Shorter { shorter: or_cache_size(needed.max(evaluated)), least: 0 }
            }
        }
    }

    /// Part of a cache file's name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Shorter { shorter, least } => format!("shorter{shorter}-{least}"),
            Self::Squish(side) => format!("squish{side}"),
            Self::Full => "full".to_owned(),
        }
    }

    /// Height and width that an image of this height and width gets.
    pub(super) fn target(self, height: u32, width: u32) -> (u32, u32) {
        match self {
            Self::Full => (height, width),
            Self::Squish(side) => (side, side),
            Self::Shorter { shorter, least } => {
                let small = height.min(width);
                let wanted = if small > shorter { shorter } else { small.max(least) };
                let scaled = |side: u32| {
                    let scaled = (u64::from(side) * u64::from(wanted) * 2 + u64::from(small)) / (2 * u64::from(small));
                    u32::try_from(scaled).unwrap_or(u32::MAX)
                };
                (scaled(height), scaled(width))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_are_kept() {
        let crop = SizePolicy::Shorter { shorter: 128, least: 128 };
        assert_eq!(crop.target(320, 480), (128, 192));
        assert_eq!(crop.target(480, 321), (191, 128));
        assert_eq!(crop.target(64, 100), (128, 200));
        assert_eq!(crop.target(1, 1), (128, 128));
        let larger = SizePolicy::Shorter { shorter: 160, least: 128 };
        assert_eq!(larger.target(150, 200), (150, 200));
        assert_eq!(larger.target(100, 200), (128, 256));
        assert_eq!(larger.target(320, 320), (160, 160));
        let shrink = SizePolicy::Shorter { shorter: 160, least: 0 };
        assert_eq!(shrink.target(1, 1), (1, 1));
        assert_eq!(shrink.target(159, 500), (159, 500));
        assert_eq!(shrink.target(500, 320), (250, 160));
        assert_eq!(SizePolicy::Squish(128).target(1, 999), (128, 128));
        assert_eq!(SizePolicy::Full.target(7, 9), (7, 9));
    }

    fn policy(json: &str) -> SizePolicy {
        SizePolicy::of(&Recipe::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}")))
    }

    #[test]
    fn what_recipes_need() {
        let crop = policy(r#"{"data": {"source": "imagenette"}}"#);
        assert_eq!(crop, SizePolicy::Shorter { shorter: 128, least: 128 });
        let larger = policy(r#"{"data": {"source": "imagenette", "cache_size": 160}}"#);
        assert_eq!(larger, SizePolicy::Shorter { shorter: 160, least: 128 });
        let random = r#"{"data": {"source": "folder", "size": 98}, "augment": {"resize": {"kind": "random-crop"}}}"#;
        // 98 / √(0.35 · 3/4) = 191.3.
        assert_eq!(policy(random), SizePolicy::Shorter { shorter: 192, least: 0 });
        let shorter = r#"{"data": {"source": "folder", "size": 128}, "augment": {"resize": {"kind": "random-crop",
            "evaluation": "shorter-side", "evaluation_size": 300}}}"#;
        assert_eq!(policy(shorter), SizePolicy::Shorter { shorter: 300, least: 0 });
        let squish = r#"{"data": {"source": "folder"}, "augment": {"resize": {"kind": "squish"}}}"#;
        assert_eq!(policy(squish), SizePolicy::Squish(128));
        assert_eq!(policy(r#"{"data": {"source": "folder", "exact": true}}"#), SizePolicy::Full);
    }
}
