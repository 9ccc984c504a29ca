//! Batches as a recipe wants them. Every random number is a function of seed, epoch and position in the epoch's order.

use sweeper_data::{
    DataSet,
    seeding::{Domain, Stream},
};
use sweeper_recipe::{Augment, CropEvaluation, NormalizeKind, Recipe, ResizeKind};
use tch::{TchError, Tensor};

use super::{
    Images,
    geometry::{View, cutout_corner, erasing_boxes, evaluation_side, evaluation_view, training_view, translation},
    mixup::{Mix, blend, draw},
    pixels::{Scaling, cutout, erase, mirror, translate},
    upload,
};
use crate::Error;

/// ImageNet's means and standard deviations of red, green and blue, where 255 is 1.
const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// Indices of [`Domain::Crop`] and [`Domain::Erase`] for one position: blocks of two uniform numbers.
const CROP_BLOCKS: u64 = 32;
const ERASE_BLOCKS: u64 = 64;
/// The first of a position's [`Domain::Erase`] blocks that choose its noise, one for each box.
const NOISE_BLOCK: u64 = 40;
/// The epoch word of the noise itself, which no epoch reaches.
const NOISE: u32 = u32::MAX;
/// Numbers in the store of noise, or twice an image if that is more.
const NOISE_LENGTH: usize = 1 << 20;

/// Makes batches of one data set's images for one training.
#[derive(Debug)]
pub struct Batches<'a> {
    images: &'a Images,
    augment: Augment,
    seed: u64,
    /// Height and width.
    out: [u32; 2],
    scaling: Scaling,
    /// Standard normal numbers for erased boxes (float32), drawn once: every image's noise is a piece of them that
    /// begins anywhere, since millions of new ones in every step would cost more than the step.
    noise: Option<Tensor>,
}

impl<'a> Batches<'a> {
    /// Batches of `images`, which are those of `set`, as `recipe` wants them.
    ///
    /// # Errors
    /// Settings that the images cannot satisfy: a normalization for another number of channels, no size where images
    /// differ in size, an evaluation size or a translation that does not fit the size.
    pub fn new(images: &'a Images, set: &DataSet, recipe: &Recipe, seed: u64) -> Result<Self, Error> {
        let (side, augment) = (recipe.data.side(), recipe.augment.clone());
        let out = match images.common_size() {
            _ if side > 0 => [side; 2],
            Some(own) => own,
            None => {
                let text =
                    format!("data.size: the images of {} differ in size; hint: say how large they become", set.name);
                return Err(Error::Setting(text));
            }
        };
        check(&augment, out)?;
        let (mean, deviation) = normalization(set, recipe, images.channels() as usize)?;
        let scaling = Scaling::new(&mean, &deviation, out[1], images.device())?;
        let noise = match augment.erasing.share > 0.0 && augment.erasing.p > 0.0 {
            true => {
                let image = out[0] as usize * out[1] as usize * images.channels() as usize;
                let numbers = Stream::new(seed, Domain::Erase, NOISE).normals(NOISE_LENGTH.max(2 * image));
                let numbers: Vec<f32> = numbers.into_iter().map(|number| number as f32).collect();
                Some(upload(&numbers, images.device())?)
            }
            false => None,
        };
        Ok(Self { images, augment, seed, out, scaling, noise })
    }

    /// Channels, height and width of what the network sees.
    #[must_use]
    pub fn shape(&self) -> [i64; 3] {
        [self.images.channels(), i64::from(self.out[0]), i64::from(self.out[1])]
    }

    /// The images of `rows` as training sees them, float32, n × channels × height × width with channels-last strides.
    /// `first` is the position of the first of them in the order of `epoch`; the others follow. An image's pixels
    /// depend on seed, epoch and position alone, apart from erased boxes, which a batch shares: those follow `first`.
    ///
    /// # Errors
    /// A row that the data set does not have; libtorch's own.
    pub fn training(&self, rows: &[usize], epoch: u32, first: u64) -> Result<Tensor, TchError> {
        let stream = |domain| Stream::new(self.seed, domain, epoch);
        let crop = stream(Domain::Crop);
        let view = |(at, &row): (usize, &usize)| {
            let [height, width] = self.images.size(row)?;
            let block = (first + at as u64) * CROP_BLOCKS;
            let draws = |attempt: u32| quadruple(&crop, block + 2 * u64::from(attempt));
            Ok(training_view(&self.augment.resize, self.out, height, width, draws))
        };
        let views = rows.iter().enumerate().map(view).collect::<Result<Vec<_>, TchError>>()?;
        let positions = first..first + rows.len() as u64;

        let mut pixels = self.images.render(rows, &views, self.out)?;
        if self.augment.flip {
            let stream = stream(Domain::Flip);
            let coins: Vec<bool> = positions.clone().map(|position| stream.coin(position)).collect();
            pixels = mirror(&pixels, &coins)?;
        }
        if self.augment.translate > 0 {
            let (most, stream) = (self.augment.translate, stream(Domain::Translate));
            let by: Vec<_> = positions.clone().map(|position| translation(most, stream.pair(position))).collect();
            pixels = translate(&pixels, most, &by)?;
        }
        let mut pixels = self.scaling.apply(&pixels)?;
        if self.augment.cutout > 0 {
            let (side, stream, [height, width]) = (self.augment.cutout, stream(Domain::Cutout), self.out);
            let corner = |position| cutout_corner(side, height, width, stream.pair(position));
            cutout(&mut pixels, side, &positions.clone().map(corner).collect::<Vec<_>>())?;
        }
        if let Some(noise) = &self.noise {
            self.erase(&mut pixels, noise, &stream(Domain::Erase), positions)?;
        }
        channels_first(&pixels)
    }

    /// The images of `rows` as evaluation sees them, and as [`Batches::training`] shapes them; `mirrored` mirrors all.
    ///
    /// # Errors
    /// A row that the data set does not have; libtorch's own.
    pub fn evaluation(&self, rows: &[usize], mirrored: bool) -> Result<Tensor, TchError> {
        let view = |&row: &usize| {
            let [height, width] = self.images.size(row)?;
            Ok(evaluation_view(&self.augment.resize, self.out, height, width))
        };
        let views = rows.iter().map(view).collect::<Result<Vec<View>, TchError>>()?;
        let mut pixels = self.images.render(rows, &views, self.out)?;
        if mirrored {
            pixels = pixels.f_flip([2])?;
        }
        channels_first(&self.scaling.apply(&pixels)?)
    }

    /// Labels of `rows`: classes, int64, n; or marks, float32, n × labels.
    ///
    /// # Errors
    /// A row that the data set does not have.
    pub fn labels(&self, rows: &[usize]) -> Result<Tensor, TchError> {
        self.images.labels(rows)
    }

    /// Mixes the images of a training batch, and says how, for the loss. `step` counts within the epoch or within the
    /// training, as long as it never repeats in an epoch. [`super::mixup::is_mixed`] says whether a step mixes at all.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn mix(&self, images: &Tensor, epoch: u32, step: u64) -> Result<(Tensor, Mix), TchError> {
        let (count, ..) = images.size4()?;
        let (lambda, partner) = draw(&self.augment.mixup, self.seed, epoch, step, count as usize);
        let mix = Mix::new(&lambda, &partner, images.device())?;
        Ok((blend(images, &mix)?, mix))
    }

    fn erase(
        &self,
        pixels: &mut Tensor,
        noise: &Tensor,
        stream: &Stream,
        positions: std::ops::Range<u64>,
    ) -> Result<(), TchError> {
        let ([height, width], settings) = (self.out, &self.augment.erasing);
        let block = positions.start * ERASE_BLOCKS;
        let [chance, number] = stream.pair(block);
        if chance >= settings.p {
            return Ok(());
        }
        let draws = |at: u32| quadruple(stream, block + 1 + 2 * u64::from(at));
        for (at, area) in erasing_boxes(settings, height, width, number, draws).into_iter().enumerate() {
            let length = i64::from(area.height) * i64::from(area.width) * self.images.channels();
            let places = (noise.numel() as i64 - length + 1) as f64;
            let begin =
                |position: u64| (stream.uniform(position * ERASE_BLOCKS + NOISE_BLOCK + at as u64) * places) as i64;
            erase(pixels, area, noise, &positions.clone().map(begin).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

/// The bytes lie channels last; only the names of the axes move. With one channel `contiguous` could not tell the two
/// layouts apart, so the strides must come from here.
fn channels_first(pixels: &Tensor) -> Result<Tensor, TchError> {
    pixels.f_permute([0, 3, 1, 2])
}

/// Four uniform numbers from two blocks.
fn quadruple(stream: &Stream, block: u64) -> [f64; 4] {
    let ([a, b], [c, d]) = (stream.pair(block), stream.pair(block + 1));
    [a, b, c, d]
}

fn check(augment: &Augment, out: [u32; 2]) -> Result<(), Error> {
    let [height, width] = out;
    if augment.translate >= height.min(width) {
        let text = format!(
            "augment.translate: expected less than the images' {height} × {width} pixels, found {}; \
             hint: reflection at the border reaches no further",
            augment.translate
        );
        return Err(Error::Setting(text));
    }
    let resize = &augment.resize;
    let side = evaluation_side(resize, out);
    if resize.kind == ResizeKind::RandomCrop
        && resize.evaluation == CropEvaluation::ShorterSide
        && side < height.max(width)
    {
        let text = format!(
            "augment.resize.evaluation_size: expected at least the network's {height} × {width} pixels, found {side}; \
             hint: 0 means 5/4 of them"
        );
        return Err(Error::Setting(text));
    }
    Ok(())
}

/// Mean and deviation of each channel.
fn normalization(set: &DataSet, recipe: &Recipe, channels: usize) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let settings = &recipe.data.normalize;
    let (mean, deviation) = match settings.kind {
        NormalizeKind::None => (vec![0.0; channels], vec![1.0; channels]),
        NormalizeKind::Source => (set.mean.clone(), set.deviation.clone()),
        NormalizeKind::Imagenet => (IMAGENET.0.to_vec(), IMAGENET.1.to_vec()),
        NormalizeKind::Given => (settings.mean.clone(), settings.deviation.clone()),
    };
    let (place, hint) = match settings.kind {
        NormalizeKind::Given => ("data.normalize", "give one mean and one deviation per channel"),
        NormalizeKind::Imagenet => {
            ("data.normalize.kind", "\"imagenet\" is for red, green and blue; \"given\" takes any")
        }
        _ => ("data.normalize.kind", "\"given\" with data.normalize.mean and .deviation takes any numbers"),
    };
    if mean.len() != channels || deviation.len() != channels {
        let found = format!("{} means and {} deviations", mean.len(), deviation.len());
        let text =
            format!("{place}: expected numbers for {channels} channels of {}, found {found}; hint: {hint}", set.name);
        return Err(Error::Setting(text));
    }
    if !deviation.iter().all(|&deviation| deviation > 0.0) {
        let text = format!("{place}: expected deviations above 0, found {deviation:?}; hint: {hint}");
        return Err(Error::Setting(text));
    }
    Ok((mean, deviation))
}
