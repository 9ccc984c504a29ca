//! Validation images that come in clusters: standard errors for new images that count clusters and not images.

use super::{
    images::{NoImages, around},
    sets::{Bits, ImageSet},
};
use crate::imports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_stats::{
    Interval,
    crossed::{ClusterSums, Clusters, Crossed},
};

/// Numbers of a table of sums per training and cluster, 32 MB.
const MOST_SUMS: usize = 4_000_000;

/// Why clusters of images cannot be used with a sweep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// Nothing is known of single images.
    #[error("clusters need predictions, and no completed training of the sweep kept which images it had right")]
    NoBits,
    /// They are known, and too large for a report.
    #[error("clusters need predictions, and those of the sweep take more than the {limit} bytes that a report holds")]
    LeftOut {
        /// Bytes.
        limit: usize,
    },
    /// One number means several images.
    #[error(
        "the sweep's trainings were measured on different validation images of `{split}`, and clusters can name one set only"
    )]
    OtherImages {
        /// Their split.
        split: String,
    },
    /// Clusters of another split.
    #[error("the clusters are of split `{found}`, expected those of `{expected}`, whose images the report uses")]
    Split {
        /// Theirs.
        found: String,
        /// The report's.
        expected: String,
    },
    /// Clusters of another number of images.
    #[error("the clusters are of {found} images, expected {expected}: those of split `{split}`")]
    Images {
        /// How many they name.
        found: usize,
        /// How many there are.
        expected: usize,
        /// Their split.
        split: String,
    },
    /// Nothing tells how clusters vary.
    #[error("all images are in one cluster, expected two clusters or more")]
    OneCluster,
}

/// Into which clusters the images of a report were put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageClusters {
    /// Name of the file that told them. It was given for the report, so no plan names it.
    pub source: String,
    /// Images; one with its mirror image counts once.
    pub images: usize,
    /// Clusters.
    pub clusters: usize,
    /// Images of the largest one.
    pub largest: usize,
}

/// Errors for new images where these come in clusters, in percentage points. They replace those of
/// `Components`, which take every image for an independent one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusteredErrors {
    /// How many times as large the variance of the mean over images is for clusters as for independent images, the trainings taken
    /// as given. None where images do not differ.
    pub design_effect: Option<f64>,
    /// Standard error of the mean for new seeds and new clusters of images.
    pub se_new_images: f64,
    /// Satterthwaite's degrees of freedom of it.
    pub df_new_images: f64,
    /// Standard error of one of these models, the one deployed, for new clusters of images.
    pub se_one_model: f64,
    /// Interval of the mean over all seeds and all clusters.
    pub new_images: Option<Interval>,
    /// Number of seeds at which seeds and clusters add equally to `se_new_images`. None when no variance of clusters was found.
    pub seeds_until: Option<f64>,
}

/// Errors with clusters, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ClusteredResult {
    /// Numbers.
    Clustered(ClusteredErrors),
    /// None.
    NotUsed(NoImages),
}

/// Clusters that fit the images of a report.
pub(in crate::report) struct Grouping {
    told: ImageClusters,
    /// Of the images, and of the images with their mirror images behind them.
    of_rows: [Clusters; 2],
}

impl Grouping {
    /// Checks clusters against the images that they are to be of.
    pub(in crate::report) fn of(clusters: &imports::Clusters, images: &ImageSet) -> Result<Self, ClusterError> {
        if clusters.split != images.split {
            return Err(ClusterError::Split { found: clusters.split.clone(), expected: images.split.clone() });
        }
        let (found, expected) = (clusters.of_image.len(), images.images as usize);
        if found != expected {
            return Err(ClusterError::Images { found, expected, split: images.split.clone() });
        }
        let plain: Vec<usize> = clusters.of_image.iter().map(|cluster| *cluster as usize).collect();
        let grouped = |labels: &[usize]| Clusters::new(labels).map_err(|_| ClusterError::OneCluster);
        let of_rows = [grouped(&plain)?, grouped(&plain.repeat(2))?];
        let [own, _] = &of_rows;
        let (clusters_found, largest) = (own.count(), own.largest());
        let told = ImageClusters { source: clusters.source.clone(), images: found, clusters: clusters_found, largest };
        Ok(Self { told, of_rows })
    }

    pub(super) fn told(&self) -> ImageClusters {
        self.told.clone()
    }

    /// Sums of the trainings in `bits`. A mirror image is in its image's cluster, so halves need no joining.
    fn sums(&self, bits: &Bits<'_>, less: Option<&Bits<'_>>) -> Result<ClusterSums<'_>, NoImages> {
        let clusters = &self.of_rows[usize::from(bits.is_mirrored())];
        let (cells, limit) = (bits.len().saturating_mul(clusters.count()), MOST_SUMS);
        if cells > limit {
            return Err(NoImages::TooLarge { cells, limit });
        }
        let own = bits.matrix()?;
        Ok(match less {
            Some(other) => ClusterSums::of_bit_differences(&own, &other.matrix()?, clusters)?,
            None => ClusterSums::of_bits(&own, clusters)?,
        })
    }
}

impl ClusteredErrors {
    fn of(found: &Crossed, plain: &Crossed, confidence: f64) -> Self {
        let se_new_images = 100.0 * found.se_new_examples;
        Self {
            design_effect: found.design_effect(plain),
            se_new_images,
            df_new_images: found.df_new_examples,
            se_one_model: 100.0 * found.se_one_model,
            new_images: around(100.0 * plain.mean, se_new_images, found.df_new_examples, confidence),
            seeds_until: found.seeds_until,
        }
    }
}

/// Errors of a config's trainings, or of their differences to `less`, row by row; `plain` is the same without clusters. The sums
/// are there for a bootstrap.
pub(super) fn errors<'a>(
    grouping: &'a Grouping,
    (bits, less): (&Bits<'_>, Option<&Bits<'_>>),
    plain: &Crossed,
    confidence: f64,
) -> (ClusteredResult, Option<ClusterSums<'a>>) {
    let found = grouping.sums(bits, less).and_then(|sums| Ok((sums.crossed().map_err(NoImages::Degenerate)?, sums)));
    match found {
        Ok((found, sums)) => (ClusteredResult::Clustered(ClusteredErrors::of(&found, plain, confidence)), Some(sums)),
        Err(why) => (ClusteredResult::NotUsed(why), None),
    }
}
