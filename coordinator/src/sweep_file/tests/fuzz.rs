//! Noise: whatever comes in, an answer comes out, and a refusal has a place and a documented code.

use super::{SMALL, with_grid};
use crate::sweep_file::parse;
use proptest::prelude::*;

fn answered(text: &str, overrides: &[String]) {
    match parse(text, "noise.toml", overrides) {
        Ok(spec) => assert!(!spec.configs.is_empty() && spec.digest.len() == 64),
        Err(error) => {
            assert!(matches!(error.exit_code(), 2 | 10..=16), "{error}");
            assert!(error.mistakes().all(|m| !m.message.is_empty() && m.file == "noise.toml"));
            assert!(!error.to_string().contains('\u{1b}'), "nothing that a terminal acts on");
            assert!((1..=10).contains(&error.mistakes().count()));
        }
    }
}

/// Pieces that keep mutated files near valid ones.
const PIECES: [&str; 24] = [
    "[grid]\n",
    "[[config]]\n",
    "[[stratum]]\n",
    "[recipe]\n",
    "[analysis]\n",
    "name = \"x\"\n",
    "set = { epochs = 3 }\n",
    "replicates = 0\n",
    "seed = -1\n",
    "\"optimizer.lr\" = [1e-3, 1]\n",
    "exclude = [{}]\n",
    "= ",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "nan",
    "9e999",
    "1979-05-27",
    "\u{1b}[31m",
    "\"a..b\" = 1\n",
    "é\t",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text(text in "\\PC{0,200}", key in "\\PC{0,30}") {
        answered(&text, &[]);
        answered(SMALL, &[key]);
    }

    #[test]
    fn any_bytes_as_text(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        answered(&String::from_utf8_lossy(&bytes), &[]);
    }

    #[test]
    fn any_override(key in "(recipe|grid|analysis|config|name|seed)(\\.[a-z\"]{0,5}){0,3}", value in "\\PC{0,20}") {
        answered(SMALL, &[format!("{key}={value}")]);
    }

    #[test]
    fn mutated_files(
        edits in proptest::collection::vec((0_usize..900, 0_usize..30, 0..PIECES.len()), 1..5),
        grid in any::<bool>(),
    ) {
        let grids = with_grid("[grid]\n'optimizer.lr' = [0.1, 0.2]\nexclude = [{ 'optimizer.lr' = 0.2 }]", "lr=0.1");
        let mut text = if grid { grids } else { SMALL.to_string() };
        for (at, cut, piece) in edits {
            let at = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((at + cut).min(text.len())).max(at);
            text.replace_range(at..end, PIECES[piece]);
        }
        answered(&text, &[]);
    }
}

#[test]
fn hostile_sizes_are_answered_soon() {
    let long = "k".repeat(300_000);
    let many: String = (0..60_000).map(|i| format!("\"k{i}\" = 1\n")).collect();
    let dots = vec!["a"; 200_000].join(".");
    for text in [
        format!("{SMALL}\n[recipe.{long}]\n{}", &many[..500_000]),
        format!("{SMALL}\n[x]\n{many}"),
        edited_recipe(&many),
        edited_recipe(&format!("\"{dots}\" = 1\n")),
        format!("{SMALL}\n[grid]\n\"{dots}\" = [1]\n"),
        format!("x = {}", "[".repeat(500_000)),
        format!("x = {}", "{a=".repeat(200_000)),
        format!("{SMALL}\n[grid]\n\"optimizer.lr\" = [{}]", "0.1,".repeat(200_000)),
        format!("{SMALL}\n[grid]\n{}", grid_of(100, 4)),
        "[[config]]\n".repeat(90_000),
        " ".repeat(2_000_000),
    ] {
        answered(&text, &[]);
    }
    answered(SMALL, &[format!("recipe.{dots}=1"), format!("recipe.\"{dots}\"=1"), format!("{dots}=1")]);
    answered(SMALL, &vec!["x=1".to_string(); 50_000]);
}

/// The largest sweep there may be.
#[test]
fn ten_thousand_configs() {
    let text = with_grid(&format!("[grid]\n{}", grid_of(10, 4)), "lr=0.01,beta1=0.01,beta2=0.01,weight_decay=0.01");
    let spec = parse(&text, "large.toml", &[]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(spec.configs.len(), 10_000);
}

fn grid_of(levels: usize, factors: usize) -> String {
    let list: Vec<String> = (1..=levels).map(|i| format!("{}", i as f64 / 100.0)).collect();
    let paths = ["optimizer.lr", "optimizer.beta1", "optimizer.beta2", "optimizer.weight_decay"];
    paths[..factors].iter().map(|p| format!("\"{p}\" = [{}]\n", list.join(", "))).collect()
}

fn edited_recipe(more: &str) -> String {
    super::edited("epochs = 2\n", more)
}
