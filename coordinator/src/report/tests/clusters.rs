//! Clusters of validation images: against values computed by hand, from the file to every format, and what cannot be used.

use super::{example, markdown, noise};
use crate::{
    error::{Exit, Failure},
    imports::{Clusters, read_clusters},
    predictions::{Bits, Predictions},
    report::{
        Analysis, AnalyzeError, ClusterError, ClusteredErrors, ClusteredResult, Components, DifferenceResult, ImageSet,
        ImagesResult, Input, analyze_clustered, analyze_with,
        document::Document,
        image_set, render,
        replay::{INPUT, REPORT, verify},
        schema, write_all,
    },
    results::SweepResults,
};
use serde_json::Value;
use std::fs;

const A: [&str; 3] = ["1101", "1001", "1100"];
const B: [&str; 3] = ["1111", "1101", "1111"];

fn clusters(of_image: &[u32]) -> Clusters {
    Clusters { source: "videos.csv".to_owned(), split: "balanced".to_owned(), of_image: of_image.to_vec() }
}

/// Ten images each of the 300, which are about equally hard.
fn videos() -> Clusters {
    let hard = |i: u32| example::noise(u64::from(7_000_000 + i)) + 0.8 * example::noise(u64::from(8_000_000 + i));
    let mut order: Vec<u32> = (0..300).collect();
    order.sort_by(|a, b| hard(*a).total_cmp(&hard(*b)));
    let mut of_image = vec![0; 300];
    (0..).zip(&order).for_each(|(rank, i): (u32, _)| of_image[*i as usize] = rank / 10);
    clusters(&of_image)
}

pub(super) fn with_clusters() -> Analysis {
    let (results, bits) = noise::images_and_bits();
    analyze_clustered(&results, &bits, Some(&videos())).unwrap()
}

fn config(analysis: &Analysis, at: usize) -> &Components {
    match &analysis.noise.strata[0].images.as_ref().unwrap().configs[at].result {
        ImagesResult::Crossed(found) => found,
        other => panic!("{other:?}"),
    }
}

fn errors(components: &Components) -> ClusteredErrors {
    match components.clustered.as_ref().unwrap() {
        ClusteredResult::Clustered(errors) => *errors,
        other => panic!("{other:?}"),
    }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
}

/// Per-image means 1, 2/3, 0, 2/3 of A; deviations of the two clusters sum to 1/2 and -1/2: V = 2 (1/4 + 1/4) / 16. Of the single
/// rows V is 1/16, 0, 1/4, so R = (5/48 - 1/16) / 2, more than the 1/144 of the seeds.
#[test]
fn errors_are_those_of_a_hand_computation() {
    let (results, bits) = noise::tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    let analysis = analyze_clustered(&results, &bits, Some(&clusters(&[0, 0, 1, 1]))).unwrap();
    let own = errors(config(&analysis, 0));
    close(own.design_effect.unwrap(), 27.0 / 19.0);
    close(own.se_new_images, 25.0);
    close(own.se_one_model, 100.0 * (5.0f64 / 48.0).sqrt());
    close(own.df_new_images, 1.0);
    // R is 1/48 of 6 cells, V less R 2/48 of 2: 1/8 and 1/12.
    close(own.seeds_until.unwrap(), 1.5);
    // 0.975 quantile of t on 1 degree of freedom.
    close(own.new_images.unwrap().high - 700.0 / 12.0, 12.706_204_736_174_7 * 25.0);
    let told = analysis.noise.clusters.as_ref().unwrap();
    assert_eq!((told.images, told.clusters, told.largest, told.source.as_str()), (4, 2, 2, "videos.csv"));
    // What is beside them is as without clusters.
    let plain = analyze_with(&results, &bits).unwrap();
    assert_eq!(Components { clustered: None, ..config(&analysis, 0).clone() }, *config(&plain, 0));
    // An image alone is a cluster of one.
    let alone = analyze_clustered(&results, &bits, Some(&clusters(&[3, 1, 0, 2]))).unwrap();
    let (own, plain) = (errors(config(&alone, 0)), config(&plain, 0));
    close(own.design_effect.unwrap(), 1.0);
    close(own.se_new_images, plain.se_new_images);
    close(own.se_one_model, plain.se_one_model);
    close(own.df_new_images, plain.df_new_images);
}

#[test]
fn a_mirror_image_is_in_the_cluster_of_its_image() {
    let recipe = r#"{"evaluate":{"flip":"flip-concat","predictions":true}}"#;
    let double = A.map(|row| format!("{row}{row}"));
    let double = double.each_ref().map(String::as_str);
    let (results, bits) = noise::tables(&[("a", recipe, &double), ("b", "{}", &A)]);
    let images = image_set(&results, &bits).unwrap();
    assert_eq!(images, ImageSet { split: "balanced".to_owned(), images: 4, mirrored: true });
    let analysis = analyze_clustered(&results, &bits, Some(&clusters(&[0, 0, 1, 1]))).unwrap();
    let (mirrored, plain) = (errors(config(&analysis, 0)), errors(config(&analysis, 1)));
    close(mirrored.se_new_images, plain.se_new_images);
    close(mirrored.se_one_model, plain.se_one_model);
    close(mirrored.design_effect.unwrap(), plain.design_effect.unwrap());
}

#[test]
fn the_section_tells_both_errors_and_cites_their_source() {
    let analysis = with_clusters();
    let json = render::json(&analysis).unwrap();
    for threads in [1, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| render::json(&with_clusters()).unwrap()) == json, "{threads} threads");
    }
    let back: Analysis = serde_json::from_str(&json).unwrap();
    assert_eq!(back.noise, analysis.noise);
    let validator = jsonschema::draft202012::new(schema().as_value()).unwrap();
    assert!(validator.is_valid(&serde_json::from_str(&json).unwrap()));
    let images = analysis.noise.strata[0].images.as_ref().unwrap();
    let DifferenceResult::Crossed(found) = &images.comparisons[1].result else { panic!() };
    let (own, check) = (errors(&found.components), found.bootstrap.unwrap());
    let ratio = check.standard_error / own.se_new_images;
    assert!((0.8..1.8).contains(&ratio), "{ratio}");
    assert!(images.comparisons.iter().all(|c| c.sentence.contains("for new seeds and new clusters of images")));
    let told = markdown(&analysis);
    assert!((0..images.configs.len()).all(|at| errors(config(&analysis, at)).design_effect.unwrap() > 2.0));
    for part in [
        "The 300 validation images of balanced come in 30 clusters, the largest of 10, as videos.csv says",
        "Single configs with clusters of images",
        "Differences with clusters of images",
        "design effect",
        "new seeds, new clusters",
        "Miller 2024",
    ] {
        assert!(told.contains(part), "{part}");
    }
    assert!(!told.contains("sizes differ much"), "they are of one size");
    assert!(render::bibtex(&Document::of(&analysis)).contains("@misc{miller2024"));
    let document = Document::of(&analysis);
    let section = document.sections.iter().position(|s| s.id == "noise").unwrap();
    let only = Document { sections: vec![document.sections[section].clone()], ..document };
    insta::assert_snapshot!("clusters_md", render::markdown(&only));
}

#[test]
fn few_clusters_of_different_sizes_are_marked() {
    let (results, bits) = noise::images_and_bits();
    let uneven: Vec<u32> = (0..300u32).map(|i| if i < 200 { 0 } else { i % 20 }).collect();
    let analysis = analyze_clustered(&results, &bits, Some(&clusters(&uneven))).unwrap();
    assert!(markdown(&analysis).contains("There are few clusters and their sizes differ much"));
}

#[test]
fn a_report_without_clusters_does_not_know_of_them() {
    let (results, bits) = noise::images_and_bits();
    let input = Input::with_predictions(&results, &bits).clustered(None);
    assert_eq!(input, Input::with_predictions(&results, &bits));
    let mut kept = Vec::new();
    input.write(&mut kept).unwrap();
    let json = render::json(&input.analyze().unwrap()).unwrap();
    for text in [String::from_utf8(kept).unwrap(), json, markdown(&input.analyze().unwrap())] {
        assert!(!text.contains("cluster") && !text.contains("Miller"));
    }
}

#[test]
fn clusters_are_kept_and_checked() {
    let (results, bits) = noise::images_and_bits();
    let (folder, given) = (tempfile::tempdir().unwrap(), videos());
    let input = Input::with_predictions(&results, &bits).clustered(Some(&given));
    write_all(folder.path(), &input, &input.analyze().unwrap()).unwrap();
    let found = verify(folder.path()).unwrap();
    assert!(found.holds() && found.files >= 6, "{found:?}");
    let path = folder.path().join(INPUT);
    let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let change = |pointer: &str, to: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = to;
        fs::write(&path, changed.to_string()).unwrap();
        verify(folder.path())
    };
    let other = change("/trainings/clusters/of_image/0", Value::from(7)).unwrap();
    assert!(!other.holds() && other.differing > 0, "{other:?}");
    assert!(other.differences.iter().any(|d| d.place.contains("clustered")), "{other:?}");
    // Clusters that nobody could have given.
    let short = Failure::from(change("/trainings/clusters/of_image", Value::from(vec![0, 1])).unwrap_err());
    assert!(
        short.to_string().contains("the clusters are of 2 images, expected 300: those of split `balanced`"),
        "{short}"
    );
    assert!(short.exit == Exit::OutOfRange && short.hint.is_some(), "{short}");
    let one = Failure::from(change("/trainings/clusters/of_image", Value::from(vec![5; 300])).unwrap_err());
    assert!(one.to_string().contains("all images are in one cluster"), "{one}");
    let split = Failure::from(change("/trainings/clusters/split", Value::from("perverse")).unwrap_err());
    assert!(split.to_string().contains("of split `perverse`, expected those of `balanced`"), "{split}");
    assert!(change("/trainings/clusters/of_image/0", Value::from(-1)).is_err());
    assert!(folder.path().join(REPORT).exists());
}

fn refused(results: &SweepResults, bits: &Predictions) -> ClusterError {
    match image_set(results, bits).unwrap_err() {
        AnalyzeError::Clusters(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_number_must_be_one_image() {
    let (results, bits) = noise::tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    assert_eq!(
        image_set(&results, &bits).unwrap(),
        ImageSet { split: "balanced".to_owned(), images: 4, mirrored: false }
    );
    assert_eq!(refused(&results, &Predictions::default()), ClusterError::NoBits);
    assert_eq!(refused(&results, &Predictions::beyond(3)), ClusterError::LeftOut { limit: 3 });
    let other = ClusterError::OtherImages { split: "balanced".to_owned() };
    let (fewer, short) = noise::tables(&[("a", "{}", &A), ("b", "{}", &["111", "110", "101"])]);
    assert_eq!(refused(&fewer, &short), other);
    let (limited, all) = noise::tables(&[("a", "{}", &A), ("b", r#"{"data":{"validation_limit":4}}"#, &B)]);
    assert_eq!(refused(&limited, &all), other);
    let mut data = results.clone();
    data.trials[5].provenance.as_mut().unwrap().data_digest = "other".to_owned();
    assert_eq!(refused(&data, &bits), other);
    let per_replicate = r#"{"data":{"unbalance":{"enabled":true,"per_replicate":true}}}"#;
    let (mut own, mut perverse) = noise::tables(&[("a", per_replicate, &A)]);
    own.spec.analysis.metric = "accuracy/perverse".to_owned();
    (0..3).for_each(|r| perverse.insert((0, r), "perverse", Bits { rows: 4, correct: vec![5] }));
    assert_eq!(refused(&own, &perverse), ClusterError::OtherImages { split: "perverse".to_owned() });
    for why in [ClusterError::NoBits, ClusterError::LeftOut { limit: 3 }, other, ClusterError::OneCluster] {
        let failure = Failure::from(why);
        assert!(failure.hint.is_some() && failure.exit != Exit::Internal, "{failure}");
    }
}

/// What reading `text` ends with, for four images of `balanced`.
fn reading(text: &str, mirrored: bool) -> Result<Vec<u32>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("videos.csv");
    fs::write(&path, text).unwrap();
    let images = ImageSet { split: "balanced".to_owned(), images: 4, mirrored };
    match read_clusters(&path, &images) {
        Ok(found) => {
            assert_eq!((found.source.as_str(), found.split.as_str()), ("videos.csv", "balanced"));
            Ok(found.of_image)
        }
        Err(error) => Err(error.to_string().replace(&path.display().to_string(), "FILE")),
    }
}

#[test]
fn files_are_read_in_any_order_and_with_further_columns() {
    assert_eq!(reading("image,cluster\n0,a\n1,a\n2,b\n3,a\n", false).unwrap(), [0, 0, 1, 0]);
    let mixed = "\u{feff}cluster , split,image,note\n\"x, 1\",balanced,3,\nz,balanced,1,=1\nz,train,1,\n\"x, 1\",balanced,0,\n9,balanced,2,";
    assert_eq!(reading(mixed, true).unwrap(), [0, 1, 2, 0]);
    assert_eq!(reading("image,cluster\r\n3,1\r\n2,01\r\n1,1\r\n0,1\r\n", false).unwrap(), [0, 0, 1, 0]);
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let whole = "image,cluster\n0,a\n1,a\n2,b\n3,a\n";
    for (text, says) in [
        ("", "cannot read FILE: it is empty"),
        (
            "image,group\n0,a\n",
            "FILE: its first line is that of no known layout; expected image,cluster, and if need be split",
        ),
        ("image;cluster\n0;a\n", "FILE:1: columns are separated by semicolons; expected commas"),
        ("image,cluster,image\n", "FILE:1: column `image` is there twice"),
        ("image,cluster\n0,a\n1,a,b\n", "FILE:3: not a row with as many cells as the first line"),
        ("image,cluster\n0,a\n1,\n", "FILE:3: image 1 has an empty `cluster`; expected a name"),
        ("image,cluster\n0,a\n4,a\n", "FILE:3: `image` is `4`; split `balanced` has the images 0 to 3"),
        ("image,cluster\n-1,a\n", "FILE:2: `image` is `-1`; split `balanced` has the images 0 to 3"),
        ("image,cluster\n\u{202e}x,a\n", "FILE:2: `image` is `\u{fffd}x`"),
        (&format!("{whole}2,c\n"), "FILE:6: image 2 is there twice, first in line 4; expected one row per image"),
        (
            "image,cluster\n0,a\n1,b\n",
            "FILE: image 2 and 1 other have no cluster; split `balanced` has the images 0 to 3, and each",
        ),
        (
            "image,cluster\n0,a\n1,b\n3,b\n",
            "FILE: image 2 has no cluster; split `balanced` has the images 0 to 3, and each",
        ),
        ("image,cluster,split\n0,a,train\n", "FILE: image 0 and 3 others have no cluster"),
        ("image,cluster\n0,a\n1,a\n2,a\n3,a\n", "FILE: all images are in one cluster; expected two clusters or more"),
    ] {
        let said = reading(text, false).unwrap_err();
        assert!(said.starts_with(says), "{said}\n{says}");
    }
    let said = reading("image,cluster\n4,a\n", true).unwrap_err();
    assert!(said.ends_with("0 to 3; a mirror image belongs to its image and has no row"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let images = ImageSet { split: "balanced".to_owned(), images: 4, mirrored: false };
    assert!(
        read_clusters(&folder.path().join("nowhere.csv"), &images).unwrap_err().to_string().starts_with("cannot read ")
    );
}
