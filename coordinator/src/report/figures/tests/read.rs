//! Reads a figure back as a program that draws it would.

use crate::report::figures::{Figure, axes};
use roxmltree::{Document, Node};
use std::collections::BTreeSet;

/// Panics unless the figure is valid XML, has title, role and unique ids, and draws only inside of its view box.
pub(super) fn check(case: &str, figure: &Figure) {
    let file = figure.file();
    let document = Document::parse(&file).unwrap_or_else(|e| panic!("{case}: {e}\n{file}"));
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    let ids: Vec<&str> = document.descendants().filter_map(|n| n.attribute("id")).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for id in root.attribute("aria-labelledby").unwrap().split(' ') {
        assert!(ids.contains(&id), "{id}");
    }
    assert!(file.bytes().all(|b| b >= b' ' || b == b'\n'), "a control character is left");
    let view: Vec<f64> = root.attribute("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
    let [x, y, width, height] = view[..] else { panic!("{view:?}") };
    let inside = |(a, b): (f64, f64)| a >= x - 0.1 && a <= x + width + 0.1 && b >= y - 0.1 && b <= y + height + 0.1;
    for node in document.descendants() {
        match node.tag_name().name() {
            "path" => {
                let d = node.attribute("d").unwrap();
                for place in places(d) {
                    assert!(inside(place), "{case}: {place:?} of {d} is outside of {view:?}");
                }
            }
            "text" => {
                let (from, to) = ends(node);
                assert!(inside(from) && inside(to), "{case}: {from:?} to {to:?}: {node:?} is outside of {view:?}");
            }
            _ => {}
        }
    }
    Document::parse(&figure.inline().into_string()).unwrap();
}

/// Every place that a path goes to.
pub(super) fn places(d: &str) -> Vec<(f64, f64)> {
    let mut tokens = Vec::new();
    for c in d.chars() {
        if c.is_ascii_alphabetic() {
            tokens.push(c.to_string());
        } else if c == ' ' {
            tokens.push(String::new());
        } else {
            match tokens.last_mut() {
                Some(last) if !last.starts_with(|c: char| c.is_ascii_alphabetic()) => last.push(c),
                _ => tokens.push(c.to_string()),
            }
        }
    }
    let mut tokens = tokens.into_iter().filter(|t| !t.is_empty()).peekable();
    let (mut at, mut found) = ((0.0, 0.0), Vec::new());
    while let Some(command) = tokens.next() {
        let mut next = || -> f64 {
            let value = tokens.next().unwrap().parse::<f64>().unwrap();
            assert!(value.is_finite(), "{d}");
            value
        };
        match command.as_str() {
            "M" | "L" => at = (next(), next()),
            "H" => at.0 = next(),
            "V" => at.1 = next(),
            "h" => at.0 += next(),
            "v" => at.1 += next(),
            "a" => {
                let r = next();
                let _flags = [next(), next(), next(), next()];
                let by = (next(), next());
                found.extend([(at.0 + by.0 / 2.0, at.1 - r), (at.0 + by.0 / 2.0, at.1 + r)]);
                at = (at.0 + by.0, at.1 + by.1);
            }
            "z" | "Z" => {}
            other => panic!("{other} in {d}"),
        }
        found.push(at);
    }
    found
}

/// Both ends of a text, by its estimated width.
fn ends(node: Node<'_, '_>) -> ((f64, f64), (f64, f64)) {
    let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let class = node.attribute("class").unwrap();
    let has = |c: &str| class.split(' ').any(|k| k == c);
    // Letters of cells have classes of their own that centre them.
    let middle = has("f-m") || class.ends_with("-t");
    let size = if has("f-s") { 11.0 } else { 13.0 };
    let text: String = node.children().filter(Node::is_text).filter_map(|n| n.text()).collect();
    let long = axes::width(&text, size) * 0.97;
    let start = if middle {
        -long / 2.0
    } else if has("f-e") {
        -long
    } else {
        0.0
    };
    match node.attribute("transform") {
        None => ((number("x") + start, number("y")), (number("x") + start + long, number("y"))),
        Some(transform) => {
            let (x, y) = transform["translate(".len()..].split_once(')').unwrap().0.split_once(' ').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            ((x, y - start), (x, y - start - long))
        }
    }
}

/// Paths of a class, in their order: each with its first place.
pub(super) fn first_places(figure: &Figure, class: &str) -> Vec<(f64, f64)> {
    let file = figure.file();
    let document = Document::parse(&file).unwrap();
    let of_class = |n: &Node<'_, '_>| n.attribute("class").is_some_and(|c| c.split(' ').any(|k| k == class));
    let paths = document.descendants().filter(|n| n.has_tag_name("path") || n.tag_name().name() == "path");
    paths.filter(of_class).map(|n| places(n.attribute("d").unwrap())[0]).collect()
}
