//! Errors for new images where these come in clusters, beside those that take every image for an independent one.

use super::{
    Block, Cell, Column, Row, Table,
    noise::{absent, error, none, range, table},
};
use crate::report::{
    ClusteredErrors, ClusteredResult, Components, ImageClusters, NoImages, Noise,
    number::{self, fixed},
    wording::display_name,
};
use sweeper_stats::Interval;

/// With fewer clusters whose sizes differ much, intervals cover too seldom: in simulations with sizes from 1 to 30, most of them small,
/// 88 % in place of 95 % with 10 clusters and 94 % with 50. Clusters of one size hold 95 % from 5 on.
const FEW: usize = 50;

/// What was given, and what it means.
pub(super) fn about(noise: &Noise) -> Option<Block> {
    let ImageClusters { source, images, clusters, largest } = noise.clusters.as_ref()?;
    let split = display_name(noise.split.as_deref().unwrap_or_default());
    let few = if *clusters < FEW && *largest as f64 > 2.0 * *images as f64 / *clusters as f64 {
        " There are few clusters and their sizes differ much: their errors are somewhat too small then.".to_owned()
    } else {
        String::new()
    };
    Some(Block::Text(format!(
        "The {images} validation images of {split} come in {clusters} clusters, the largest of {largest}, as {} says. It was given for this \
         report and is no part of the plan. Images of one cluster are alike, so errors for new images are those with clusters; those \
         without, which the pictures show, take every image for an independent one and stand beside them. Errors for new seeds on these images are the \
         same.{few}",
        display_name(source)
    )))
}

/// The interval for new seeds and new clusters.
pub(super) fn interval(components: &Components) -> Option<&Interval> {
    match components.clustered.as_ref()? {
        ClusteredResult::Clustered(errors) => errors.new_images.as_ref(),
        ClusteredResult::NotUsed(_) => None,
    }
}

/// Both kinds of errors by config, or by comparison with `signed` intervals; none where no clusters were given.
pub(super) fn errors(
    (id, title, signed): (String, &str, bool),
    confidence: f64,
    rows: &[(Cell, Result<&Components, &NoImages>)],
) -> Option<Table> {
    let any = rows.iter().any(|(_, found)| found.is_ok_and(|c| c.clustered.is_some()));
    let columns = vec![
        Column::text("config"),
        Column::number("design effect")
            .hint("variance of the mean over images with clusters, over that without, for these trainings"),
        Column::number("SE, new images").hint("every image by itself"),
        Column::number("with clusters"),
        Column::number("SE, one model").hint("every image by itself"),
        Column::number("with clusters, one model"),
        Column::number(format!("{}, new seeds, new clusters", number::percent(confidence))),
        Column::number("more seeds help until n ≈").hint("from there on only more clusters of images do"),
    ];
    let note = "Standard errors in percentage points. A design effect of 2 says that the images are worth half as many independent \
                ones; it is an estimate, and below 1 mostly by chance.";
    any.then(|| {
        table((id, title.to_owned(), note.to_owned()), columns, rows.iter().map(|own| row(own, signed)).collect())
    })
}

fn row((name, found): &(Cell, Result<&Components, &NoImages>), signed: bool) -> Row {
    let mut cells = vec![name.clone()];
    match found.map(|c| (c, c.clustered.as_ref())) {
        Ok((plain, Some(ClusteredResult::Clustered(own)))) => cells.extend(numbers(plain, own, signed)),
        Ok((_, Some(ClusteredResult::NotUsed(why)))) | Err(why) => cells.extend(absent(why, 7)),
        Ok((_, None)) => cells.extend((0..7).map(|_| none())),
    }
    Row { marked: false, cells }
}

fn numbers(plain: &Components, own: &ClusteredErrors, signed: bool) -> [Cell; 7] {
    let d = number::decimals(Some(own.se_new_images));
    let until = |until: f64| Cell::number(fixed(until, usize::from(until < 9.95)), [until]);
    [
        own.design_effect.map_or_else(none, |effect| Cell::strong(number::statistic(effect), [effect])),
        error(plain.se_new_images),
        error(own.se_new_images),
        error(plain.se_one_model),
        error(own.se_one_model),
        match &own.new_images {
            Some(i) if !signed => Cell::number(number::interval(i, d), [i.low, i.high]),
            interval => range(interval.as_ref(), d),
        },
        own.seeds_until.map_or_else(none, until),
    ]
}
