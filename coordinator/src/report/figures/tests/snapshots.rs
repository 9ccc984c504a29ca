//! One small case of each figure, to the letter.

use super::made::Made;

#[test]
fn small_figures() {
    let names = ["control", "lr 3e-3", "mixup <0.4>"].map(str::to_owned).to_vec();
    let made = Made { values: vec![0.4, 0.9, -0.3, 0.02, 0.61], names };
    for (name, figure) in made.all(3) {
        let text = figure.unwrap().inline().into_string();
        insta::assert_snapshot!(name, text.replace("><", ">\n<"));
    }
}
