//! Which cluster every validation image belongs to, from a CSV file: frames of one video, crops of one photograph.

use super::{LayoutError, Text, check_head, shown, unknown_layout};
use crate::report::ImageSet;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, path::Path};

/// Columns that the file must have; of the others `split` is read.
const HEAD: [&str; 2] = ["image", "cluster"];

/// Clusters of the validation images of one split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clusters {
    /// Name of the file that told them, without its folder.
    pub source: String,
    /// The split.
    pub split: String,
    /// By image, in the order of the bits of predictions: the number of its cluster, counted as they come.
    pub of_image: Vec<u32>,
}

/// Reads a file with the columns `image` (its number as in `sweeper export --predictions`) and `cluster` (any text). Where there is a column
/// `split`, rows of other splits than that of `images` are passed over; further columns are, too. Every image must be
/// there once. It takes no more memory than a small multiple of the largest file that is read.
///
/// # Errors
/// Every [`LayoutError`] but those of writing.
pub fn read_clusters(path: &Path, images: &ImageSet) -> Result<Clusters, LayoutError> {
    let text = Text::read(path)?;
    let head = text.head();
    check_head(&text, &head)?;
    let place = |column: &str| head.iter().position(|found| found == column);
    let (Some(image), Some(cluster)) = (place(HEAD[0]), place(HEAD[1])) else {
        let expected = format!("{}, and if need be split", HEAD.join(","));
        return Err(unknown_layout(&text, &head, expected));
    };
    let file = File { name: &text.file, images, columns: (image, cluster, place("split")) };
    let labels = file.labels(&text.text)?;
    let of_image = file.numbered(&labels)?;
    let source = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Clusters { source, split: images.split.clone(), of_image })
}

struct File<'a> {
    name: &'a str,
    images: &'a ImageSet,
    /// Places of `image`, `cluster` and `split`.
    columns: (usize, usize, Option<usize>),
}

impl File<'_> {
    fn row(&self, line: u64, why: String) -> LayoutError {
        LayoutError::Row { file: self.name.to_owned(), line, why }
    }

    /// The images that there are, as messages name them.
    fn expected(&self) -> String {
        let ImageSet { split, images, mirrored } = self.images;
        let mirror = if *mirrored { "; a mirror image belongs to its image and has no row" } else { "" };
        format!("split `{}` has the images 0 to {}{mirror}", shown(split), images.saturating_sub(1))
    }

    /// The label of every image, with its line.
    fn labels(&self, text: &str) -> Result<Vec<Option<(String, u64)>>, LayoutError> {
        let mut labels: Vec<Option<(String, u64)>> = vec![None; self.images.images as usize];
        let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(text.as_bytes());
        let mut record = ::csv::StringRecord::new();
        let mut line = 1;
        loop {
            let more = reader.read_record(&mut record);
            line = record.position().map_or(line + 1, ::csv::Position::line);
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(labels),
                Err(_) => return Err(self.row(line, "not a row with as many cells as the first line".to_owned())),
            }
            let of = |column: usize| record.get(column).unwrap_or_default();
            if self.columns.2.is_some_and(|split| of(split) != self.images.split) {
                continue;
            }
            let (image, label) = (of(self.columns.0), of(self.columns.1));
            let slot = image.parse::<usize>().ok().and_then(|number| labels.get_mut(number));
            let Some(slot) = slot else {
                return Err(self.row(line, format!("`image` is `{}`; {}", shown(image), self.expected())));
            };
            if label.is_empty() {
                return Err(self.row(line, format!("image {image} has an empty `cluster`; expected a name")));
            }
            if let Some((_, before)) = slot {
                let why = format!("image {image} is there twice, first in line {before}; expected one row per image");
                return Err(self.row(line, why));
            }
            *slot = Some((label.to_owned(), line));
        }
    }

    /// Numbers for the labels, in the order in which images first have them.
    fn numbered(&self, labels: &[Option<(String, u64)>]) -> Result<Vec<u32>, LayoutError> {
        let images = |why: String| LayoutError::Images { file: self.name.to_owned(), why };
        let missing = labels.iter().filter(|label| label.is_none()).count();
        if let Some(first) = labels.iter().position(Option::is_none) {
            let others = match missing - 1 {
                0 => String::new(),
                n => format!(" and {n} other{} have", if n == 1 { "" } else { "s" }),
            };
            let has = if missing == 1 { " has" } else { "" };
            return Err(images(format!(
                "image {first}{has}{others} no cluster; {}, and each needs one row",
                self.expected()
            )));
        }
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let of_image = labels.iter().flatten().map(|(label, _)| {
            let next = numbers.len() as u32;
            *numbers.entry(label.as_str()).or_insert(next)
        });
        let of_image: Vec<u32> = of_image.collect();
        if numbers.len() < 2 {
            return Err(images("all images are in one cluster; expected two clusters or more".to_owned()));
        }
        Ok(of_image)
    }
}
