//! Style as a test: what the three rules, the map and the documents promise is held against the tree.
//!
//! A failure names the place and what to do. The tables of exceptions only ever shrink: an entry that is no longer
//! needed fails too.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "tidy/commands.rs"]
mod commands;
#[path = "tidy/source.rs"]
mod source;

use source::{code_only, entries, files, functions, relative, root, text};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};
use toml_edit::{DocumentMut, TableLike};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

/// Files over the limit and how long each may be.
const LONGER_FILES: &[(&str, usize)] = &[];

/// Functions over the limit, as `file::name`, and how long each may be.
const LONGER_FUNCTIONS: &[(&str, usize)] = &[];

/// Crates of one responsibility, which have one row in the map; in all others every module has its own.
const ONE_ROW: [&str; 3] = ["proto", "coordinator/stats", "worker/recipe"];

/// Which crates of the workspace a crate may use, in its tests too (rules 2 and 3).
const MAY_USE: [(&str, &[&str]); 10] = [
    ("proto", &[]),
    ("coordinator/core", &[]),
    ("coordinator/stats", &["sweeper-counter"]),
    ("coordinator", &["sweeper-core", "sweeper-proto", "sweeper-recipe", "sweeper-stats"]),
    ("worker/counter", &[]),
    ("worker/recipe", &[]),
    ("worker/data", &["sweeper-counter", "sweeper-recipe"]),
    ("worker/train", &["sweeper-data", "sweeper-recipe"]),
    ("worker", &["sweeper-proto", "sweeper-recipe"]),
    // The root package joins the two sides, and nothing else does.
    (
        "",
        &[
            "sweeper-coordinator",
            "sweeper-core",
            "sweeper-data",
            "sweeper-proto",
            "sweeper-recipe",
            "sweeper-train",
            "sweeper-worker",
        ],
    ),
];

/// What the scheduling core may use from outside: no clock, no random source, nothing that does I/O (rule 1).
const CORE_MAY_USE: [&str; 3] = ["serde", "sha2", "thiserror"];

fn none(problems: &[String], advice: &str) {
    assert!(problems.is_empty(), "\n  {}\n{advice}\n", problems.join("\n  "));
}

/// The length of each thing against the limit or its exception, and exceptions that are not needed.
fn over_limit(lengths: &BTreeMap<String, usize>, limit: usize, longer: &[(&str, usize)]) -> Vec<String> {
    let longer: BTreeMap<&str, usize> = longer.iter().copied().collect();
    let allowed = |name: &str| longer.get(name).copied().unwrap_or(limit);
    let mut problems: Vec<String> = lengths
        .iter()
        .filter(|(name, length)| **length > allowed(name))
        .map(|(name, length)| format!("{name}: {length} lines, {} allowed", allowed(name)))
        .collect();
    for (name, allowed) in &longer {
        match lengths.get(*name) {
            Some(length) if length == allowed && *length > limit => {}
            found => problems.push(format!("{name}: its exception says {allowed}, it has {found:?}: lower or drop it")),
        }
    }
    problems
}

#[test]
fn files_are_short() {
    let code =
        files().into_iter().filter(|f| [".rs", ".cpp", ".h", ".proto", ".py", ".sh"].iter().any(|e| f.ends_with(e)));
    let lengths = code.filter_map(|file| Some((file.clone(), text(&file)?.lines().count()))).collect();
    none(&over_limit(&lengths, FILE_LINES, LONGER_FILES), "Split the file by responsibility.");
}

#[test]
fn functions_are_short() {
    let mut lengths = BTreeMap::new();
    for file in files().iter().filter(|f| f.ends_with(".rs")) {
        for (name, lines) in functions(&text(file).unwrap()) {
            let longest: &mut usize = lengths.entry(format!("{file}::{name}")).or_default();
            *longest = lines.max(*longest);
        }
    }
    assert!(lengths.len() > 100, "the functions were not found: {lengths:?}");
    none(&over_limit(&lengths, FUNCTION_LINES, LONGER_FUNCTIONS), "Split the function into steps with names.");
}

#[test]
fn the_counter_counts() {
    let source = "fn a(x: [u8; 2]) -> char {\n    // }\n    let _ = (\"}\", r#\"}\"}\"#, '}', '\\'');\n    'x'\n}\ntrait T {\n    fn b(&self);\n    fn c<'a>() {}\n}\n";
    assert_eq!(functions(source), [("a".to_owned(), 5), ("c".to_owned(), 1)]);
    assert_eq!(code_only("a /* b /* c */ d */ e"), format!("a {} e", " ".repeat(17)));
    let one = |name: &str, lines| BTreeMap::from([(name.to_owned(), lines)]);
    assert_eq!(over_limit(&one("x", 71), 70, &[]).len(), 1);
    assert_eq!(over_limit(&one("x", 71), 70, &[("x", 71)]).len(), 0);
    assert_eq!(over_limit(&one("x", 70), 70, &[("x", 71)]).len(), 1);
    assert_eq!(over_limit(&one("x", 72), 70, &[("x", 71)]).len(), 2);
}

/// The folders of the workspace's crates, the root package's not among them.
fn crates() -> Vec<String> {
    let manifest: DocumentMut = text("Cargo.toml").unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().expect("workspace.members");
    members.iter().map(|m| m.as_str().unwrap().to_owned()).collect()
}

/// Rust modules right inside a folder, as `x.rs` or `x/`; entry points and inline parts of `x.rs` are not listed.
fn modules_in(folder: &str) -> Vec<String> {
    let found = entries(&root().join(folder));
    let rust = found.iter().filter(|p| p.extension().is_some_and(|e| e == "rs") || p.join("mod.rs").is_file());
    rust.filter(|p| !p.ends_with("lib.rs") && !p.ends_with("main.rs"))
        .map(|p| format!("{}{}", relative(p), if p.is_dir() { "/" } else { "" }))
        .collect()
}

#[test]
fn the_map_names_every_module_and_nothing_else() {
    let page = text("ARCHITECTURE.md").expect("ARCHITECTURE.md");
    let rows: Vec<&str> =
        page.lines().filter_map(|l| l.strip_prefix("| `")?.split_once('`').map(|(path, _)| path)).collect();
    let listed: BTreeSet<&str> = rows.iter().copied().collect();
    let mut problems: Vec<String> = Vec::new();
    if rows.len() != listed.len() {
        problems.push("a module is listed twice".to_owned());
    }
    for path in listed.iter().filter(|path| path.contains('/')) {
        let there = root().join(path);
        if !there.exists() || there.is_dir() != path.ends_with('/') {
            problems.push(format!("{path} is in the map, but does not exist"));
        }
    }
    let mut expected = modules_in("tests");
    for member in crates() {
        match ONE_ROW.contains(&member.as_str()) {
            true => expected.push(format!("{member}/")),
            false => expected.extend(modules_in(&format!("{member}/src"))),
        }
    }
    let missing = expected.iter().filter(|module| !listed.contains(module.as_str()));
    problems.extend(missing.map(|module| format!("{module} exists, but is not in the map")));
    none(&problems, "Bring the module tables of ARCHITECTURE.md into agreement with the tree.");
}

#[test]
fn nothing_unfinished_and_no_machine_of_our_own() {
    // Written in halves, so that this file does not contain them.
    let anywhere = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Use", "rs/"),
        concat!("/wo", "rk/"),
        concat!("FIX", "ME"),
    ];
    let in_code = [concat!("todo", "!("), concat!("dbg", "!("), concat!("unimple", "mented!(")];
    let mut problems = Vec::new();
    for file in files().iter().filter(|f| *f != "Cargo.lock") {
        let Some(whole) = text(file) else { continue };
        let code = if file.ends_with(".rs") { code_only(&whole) } else { String::new() };
        let hits = |lines: &str, words: &[&str]| -> Vec<String> {
            let numbered = lines.lines().enumerate();
            let hit = numbered
                .flat_map(|(n, line)| words.iter().filter(move |w| line.contains(**w)).map(move |w| (n + 1, *w)));
            hit.map(|(line, word)| format!("{file}:{line}: {word}")).collect()
        };
        problems.extend(hits(&whole, &anywhere));
        problems.extend(hits(&code, &in_code));
    }
    none(&problems, "Tracked files hold no path of somebody's machine and nothing unfinished.");
}

/// Names in all dependency tables of a crate (normal, build, dev), or in the normal one alone.
fn dependencies(member: &str, normal_only: bool) -> BTreeSet<String> {
    let manifest = if member.is_empty() { "Cargo.toml".to_owned() } else { format!("{member}/Cargo.toml") };
    let parsed: DocumentMut = text(&manifest).unwrap().parse().unwrap_or_else(|e| panic!("{manifest}: {e}"));
    let tables =
        if normal_only { &["dependencies"][..] } else { &["dependencies", "build-dependencies", "dev-dependencies"] };
    let found = tables.iter().filter_map(|name| parsed.get(name)?.as_table_like());
    found.flat_map(|table: &dyn TableLike| table.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn rule_1_the_core_is_pure() {
    let entry = text("coordinator/core/src/lib.rs").unwrap();
    assert!(entry.contains("#![no_std]"), "coordinator/core/src/lib.rs must stay #![no_std]");
    let foreign: Vec<String> =
        dependencies("coordinator/core", true).into_iter().filter(|d| !CORE_MAY_USE.contains(&d.as_str())).collect();
    none(&foreign, "The core uses nothing that could bring a clock, a socket or a random source.");
    let mut problems = Vec::new();
    for file in files()
        .iter()
        .filter(|f| f.starts_with("coordinator/core/src/") && f.ends_with(".rs") && !f.ends_with("tests.rs"))
    {
        let code = code_only(&text(file).unwrap());
        let shipped = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (line, found) in shipped.lines().enumerate() {
            for word in ["std::", "Instant", "SystemTime", "HashMap", "HashSet", "rand::"] {
                let at = found.find(word).filter(|&at| !found[..at].ends_with("no_") && !found[..at].ends_with('_'));
                problems.extend(at.map(|_| format!("{file}:{}: {word}", line + 1)));
            }
        }
    }
    none(&problems, "Time and seeds are arguments of the core; ordered maps keep it deterministic.");
}

#[test]
fn rule_2_coordinator_and_worker_share_wire_recipe_and_counter_only() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut problems = Vec::new();
    for member in crates().into_iter().chain([String::new()]) {
        let Some(may) = allowed.get(member.as_str()) else {
            problems.push(format!("{member} is a new crate: say in MAY_USE what it may use"));
            continue;
        };
        let ours = dependencies(&member, false).into_iter().filter(|d| d.starts_with("sweeper"));
        problems.extend(ours.filter(|d| !may.contains(&d.as_str())).map(|d| format!("{member}/Cargo.toml uses {d}")));
    }
    none(&problems, "ARCHITECTURE.md, rules 2 and 3, says which crate may use which.");
}

#[test]
fn rule_3_one_crate_links_libtorch() {
    let mut linking: Vec<String> = crates();
    linking.push(String::new());
    linking.retain(|member| dependencies(member, false).iter().any(|d| d == "tch" || d == "torch-sys"));
    assert_eq!(linking, ["worker/train"], "only worker/train may depend on tch or torch-sys");
    let manifest: DocumentMut = text("Cargo.toml").unwrap().parse().unwrap();
    let train = manifest["dependencies"]["sweeper-train"].as_table_like().expect("sweeper-train in the root package");
    assert_eq!(
        train.get("optional").and_then(|o| o.as_bool()),
        Some(true),
        "a build without libtorch must stay possible"
    );
}

/// `code -> name` of every row of the table in docs/exit-codes.md, and the codes `sweeper-worker` ends with.
fn documented_codes() -> (BTreeMap<u8, String>, BTreeSet<u8>) {
    let (mut all, mut worker) = (BTreeMap::new(), BTreeSet::new());
    for line in text("docs/exit-codes.md").expect("docs/exit-codes.md").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(Ok(code)) = cells.get(1).map(|cell| cell.parse::<u8>()) else { continue };
        assert!(all.insert(code, cells[2].trim_matches('`').to_owned()).is_none(), "{code} is documented twice");
        if cells[3] == "both" || cells[3] == "sweeper-worker" {
            worker.insert(code);
        }
    }
    (all, worker)
}

#[test]
fn exit_codes_are_documented() {
    let (documented, of_worker) = documented_codes();
    let errors = code_only(&text("coordinator/src/error.rs").unwrap());
    let body = errors.split_once("pub enum Exit {").expect("enum Exit").1.split_once('}').unwrap().0;
    let pairs = body.split(',').filter_map(|variant| variant.split_once('='));
    let in_code: BTreeMap<u8, String> =
        pairs.map(|(name, code)| (code.trim().parse().unwrap(), name.trim().to_owned())).collect();
    assert_eq!(in_code, documented, "`Exit` in coordinator/src/error.rs (left) and docs/exit-codes.md (right) differ");

    let constants = code_only(&text("worker/src/exit.rs").unwrap());
    let of_worker_in_code: BTreeSet<u8> = constants
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(": u8 = "))
        .map(|(_, code)| code.trim_end_matches(';').parse().unwrap())
        .collect();
    assert_eq!(of_worker_in_code, of_worker, "worker/src/exit.rs (left) and docs/exit-codes.md (right) differ");
}

fn help_of(executable: &str, words: &[&str]) -> String {
    let path =
        if executable == "sweeper" { env!("CARGO_BIN_EXE_sweeper") } else { env!("CARGO_BIN_EXE_sweeper-worker") };
    let output = Command::new(path).args(words).arg("--help").output().unwrap_or_else(|e| panic!("{path}: {e}"));
    assert!(
        output.status.success(),
        "{executable} {words:?} --help fails: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn shown_commands_and_options_exist() {
    let verbs = commands::subcommands_in(&help_of("sweeper", &[]));
    assert!(verbs.contains("run") && verbs.contains("serve"), "no commands in `sweeper --help`: {verbs:?}");
    let mut known = BTreeMap::from([
        ("sweeper".to_owned(), commands::options_in(&help_of("sweeper", &[]))),
        ("sweeper-worker".to_owned(), commands::options_in(&help_of("sweeper-worker", &[]))),
    ]);
    for verb in verbs.iter().filter(|verb| *verb != "help") {
        known.insert(format!("sweeper {verb}"), commands::options_in(&help_of("sweeper", &[verb])));
    }
    let worker_verbs = commands::subcommands_in(&help_of("sweeper-worker", &[]));
    for verb in worker_verbs.iter().filter(|verb| *verb != "help") {
        known.insert(format!("sweeper-worker {verb}"), commands::options_in(&help_of("sweeper-worker", &[verb])));
    }
    let mut problems = Vec::new();
    let mut checked = 0;
    let shows = |file: &&String| {
        file.ends_with(".md") && !file.starts_with("CHANGELOG")
            || *file == "Makefile"
            || file.starts_with(".ci/")
            || file.starts_with("deploy/")
    };
    for file in files().iter().filter(shows) {
        for used in commands::uses(file, &text(file).unwrap_or_default()) {
            let is_verb = |w: &&String| used.executable == "sweeper" || worker_verbs.contains(*w);
            let verb = used.words.first().filter(|w| !w.starts_with('-') && is_verb(w));
            let command = verb.map_or(used.executable.clone(), |verb| format!("{} {verb}", used.executable));
            let options: Vec<&str> = used
                .words
                .iter()
                .filter(|w| w.starts_with("--") && w.len() > 2)
                .map(|w| w.split('=').next().unwrap())
                .collect();
            match known.get(&command) {
                Some(there) => {
                    let wrong = options.iter().filter(|option| !there.contains(**option));
                    problems.extend(wrong.map(|option| format!("{}: `{command}` has no option {option}", used.place)));
                    checked += options.len();
                }
                // Comments of scripts may talk about `sweeper`; a command with options is meant as one.
                None if !options.is_empty() || file.ends_with(".md") => {
                    problems.push(format!("{}: there is no command `{command}`", used.place));
                }
                None => {}
            }
        }
    }
    none(&problems, "What documents and scripts show must work: compare with `--help`.");
    assert!(checked >= 3, "only {checked} options were found in documents and scripts");
}

/// What stands between a fence of TOML and its end.
fn toml_blocks(page: &str) -> Vec<&str> {
    page.split("```toml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect()
}

#[test]
fn shown_sweep_files_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let read_me = text("README.md").expect("README.md");
    let mut sweeps: Vec<(String, String)> = files()
        .into_iter()
        .filter(|file| file.starts_with("deploy/sweeps/") && file.ends_with(".toml"))
        .map(|file| (file.clone(), text(&file).unwrap()))
        .collect();
    assert!(!sweeps.is_empty(), "deploy/sweeps/ holds no sweep files");
    sweeps.extend(toml_blocks(&read_me).into_iter().map(|block| ("README.md".to_owned(), block.to_owned())));
    let mut problems = Vec::new();
    for (name, sweep) in sweeps {
        std::fs::write(folder.path().join("sweep.toml"), sweep).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sweeper"));
        let plan = command.args(["plan", "sweep.toml"]).current_dir(&folder).env_remove("SWEEPER_COORDINATOR");
        let output = plan.output().unwrap();
        if !output.status.success() {
            problems.push(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    none(&problems, "`sweeper plan` must accept every sweep file that is shown.");
}

#[test]
fn the_reader_of_commands_reads() {
    let page = "Call `sweeper run f --out x`.\n```sh\n./target/sweeper serve --port 1 \\\n  --json | sweeper ls # --no\n```\nsweeper is prose\n";
    let words: Vec<String> = commands::uses("a.md", page).iter().map(|u| u.words.join(" ")).collect();
    assert_eq!(words, ["run f --out x", "serve --port 1 --json", "ls"]);
    let unit = commands::uses("a.service", "ExecStart=/usr/bin/sweeper-worker --devices all\n");
    assert_eq!((unit[0].executable.as_str(), unit[0].words.join(" ")), ("sweeper-worker", "--devices all".to_owned()));
    let help = "Usage: x\n\nCommands:\n  run   Run it\n  ls    List\n\nOptions:\n      --a-b <C>  d\n";
    assert_eq!(commands::subcommands_in(help), BTreeSet::from(["ls".to_owned(), "run".to_owned()]));
    assert!(commands::options_in(help).contains("--a-b"));
}
