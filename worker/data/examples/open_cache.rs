//! How long it takes to open the decoded photographs of a set of Imagenette's size: 13,394 images of 160 × 220 pixels,
//! 1.4 GB. The images are small ones, enlarged, so that making the cache takes seconds; opening does not depend on
//! that.
//!
//!     cargo run --release -p sweeper-data --example open_cache
#![allow(clippy::print_stdout)]

use std::{error::Error, fs, time::Instant};

use image::{ImageFormat, RgbImage};
use sweeper_data::{Library, Pixels};
use sweeper_recipe::Recipe;

const IMAGES: u32 = 13_394;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    for number in 0..IMAGES {
        let part = if number % 10 < 7 { "train" } else { "val" };
        let folder = dir.path().join(format!("folder/{part}/{}", number / 10 % 10));
        fs::create_dir_all(&folder)?;
        let image = RgbImage::from_fn(22, 16, |x, y| [(x * 9) as u8, (y * 13) as u8, number as u8].into());
        image.save_with_format(folder.join(format!("{number:05}.png")), ImageFormat::Png)?;
    }
    let recipe = Recipe::from_json(br#"{"data": {"source": "folder", "size": 160}}"#)?;
    for what in ["decoded in", "opened in", "opened in"] {
        let begun = Instant::now();
        let mut decoded = 0;
        let set = Library::new(dir.path()).open(&recipe, &mut |now| {
            decoded = now.done;
            false
        })?;
        let Pixels::Cached { length, .. } = &set.pixels else { return Err("no cache".into()) };
        println!(
            "{} images, {:.2} GB, {what} {:.2?} ({decoded} decoded)",
            set.len(),
            *length as f64 / 1e9,
            begun.elapsed()
        );
    }
    Ok(())
}
