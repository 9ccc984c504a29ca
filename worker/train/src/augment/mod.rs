//! From stored bytes to what a network sees.
//!
//! The order is that of the originals: bytes are cropped or resized, mirrored and moved; then pixel values are
//! normalized; then squares become zeros and boxes become noise; then pairs of images are mixed.
//!
//! Map: `images` a data set on a device · `batches` what a recipe makes of it · `geometry` which part of an image is
//! seen · `render` the bytes of that part, resized where it must be · `resample` the filter of resizing · `pixels`
//! changes of pixels by given numbers · `mixup` pairs of images.

mod batches;
pub mod geometry;
mod images;
pub mod mixup;
pub mod pixels;
mod render;
mod resample;

use tch::{Device, TchError, Tensor, kind::Element};

pub use batches::Batches;
pub use images::{Images, ImagesError};

/// Numbers on `device`. A GPU takes them in while it still works: nothing waits.
fn upload<T: Element>(values: &[T], device: Device) -> Result<Tensor, TchError> {
    let host = Tensor::f_from_slice(values)?;
    if device == Device::Cpu { Ok(host) } else { host.f_to_device_(device, T::KIND, true, false) }
}
