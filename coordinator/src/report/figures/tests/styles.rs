//! Colours against what lies behind them (contrast as WCAG 2.2 defines it).

use crate::report::figures::style;

fn luminance(hex: &str) -> f64 {
    let hex = hex.trim_start_matches('#');
    let double = |s: &str| s.chars().flat_map(|c| [c, c]).collect::<String>();
    let hex = if hex.len() == 3 { double(hex) } else { hex.to_owned() };
    let part = |i: usize| {
        let v = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
        if v <= 0.03928 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn marks_and_texts_stand_out_on_paper_and_in_the_dark() {
    let paper = style::COLOURS.iter().find(|c| c.0 == "paper").unwrap();
    for (name, light, dark) in style::COLOURS {
        let least = match name {
            // Bars have an outline in the colour of ink.
            "line" | "paper" | "card" | "b0" | "b1" | "b2" => continue,
            "ink" | "soft" => 4.5,
            _ => 3.0,
        };
        assert!(contrast(light, paper.1) >= least, "{name} on paper: {:.2}", contrast(light, paper.1));
        assert!(contrast(dark, paper.2) >= least, "{name} in the dark: {:.2}", contrast(dark, paper.2));
    }
}

#[test]
fn numbers_in_cells_can_be_read() {
    let mut found = 0;
    for rule in style::of_file().split(".fig .f-").skip(1) {
        let (Some(back), Some(ink)) = (rule.split_once("{fill:#"), rule.split_once("-t{fill:#")) else { continue };
        let colour = |text: &str| format!("#{}", text.split([';', '}']).next().unwrap());
        let contrast = contrast(&colour(back.1), &colour(ink.1));
        assert!(contrast >= 4.5, "{rule}: {contrast:.2}");
        found += 1;
    }
    assert_eq!(found, 26);
}

#[test]
fn a_page_may_set_the_colours_and_a_file_brings_its_own() {
    assert!(style::of_page().contains("--f-ink:var(--ink,#1b1f24)"));
    assert!(style::of_file().contains("--f-ink:#1b1f24") && !style::of_file().contains("var(--ink"));
    let sheet = style::of_page();
    assert_eq!(sheet.matches('{').count(), sheet.matches('}').count());
    for used in sheet.split("var(--f-").skip(1).filter_map(|r| r.split_once(')')).map(|r| r.0).filter(|n| *n != "t") {
        assert!(sheet.contains(&format!("--f-{used}:")), "--f-{used} has no value");
    }
}
