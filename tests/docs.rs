//! The pages in `docs/`: both languages show the same code, all of it is compiled, and links lead somewhere.
//!
//! The Rust of the English pages is compiled and run as documentation tests of the crate (`crates/baekmi/lib.rs`).

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn page(name: &str) -> String {
    read_to_string(docs().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The blocks of code of a language, without their fences.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut inside = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut inside) {
            (Some(fence), None) => inside = Some((fence.to_string(), String::new())),
            (Some(_), Some((fence, code))) => {
                if fence == language {
                    found.push(std::mem::take(code));
                }
                inside = None;
            }
            (None, Some((_, code))) => *code += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

/// The pages of the guide in a language, by name.
fn guide(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(docs().join(folder)).expect(folder);
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect(folder).file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn both_languages_show_the_same_code() {
    assert_eq!(guide("guide"), guide("ko/guide"));
    let pages = guide("guide").into_iter().map(|name| format!("guide/{name}"));
    for name in pages.chain(["blog.md".to_string()]) {
        let (english, korean) = (page(&name), page(&format!("ko/{name}")));
        for language in ["rust", "python", "toml", "text"] {
            assert_eq!(blocks(&english, language), blocks(&korean, language), "{name}");
        }
    }
}

/// Each page with code is in the list of the crate's documentation tests.
#[test]
fn every_page_of_the_guide_is_compiled() {
    let list = include_str!("../crates/baekmi/lib.rs");
    let pages = guide("guide").into_iter().map(|name| format!("guide/{name}"));
    for name in pages.filter(|name| !blocks(&page(name), "rust").is_empty()) {
        assert!(list.contains(&format!("\"../../docs/{name}\"")), "{name} is not compiled");
    }
}

/// The code without comments, blank lines and indentation.
fn bare(code: &str) -> String {
    let lines = code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The Rust of the blog's page is a part of its examples; `tests/examples.rs` compares what they print.
#[test]
fn the_blogs_page_shows_the_code_of_its_examples() {
    let examples =
        ["blog_snippets", "blog_models"].map(|name| bare(&page(&format!("../examples/{name}.rs"))));
    let blocks = blocks(&page("blog.md"), "rust");
    assert!(blocks.len() > 10, "{} blocks", blocks.len());
    for block in blocks {
        let code = bare(&block);
        assert!(examples.iter().any(|example| example.contains(&code)), "in no example:\n{block}");
    }
}

/// A link to a file of the project leads there.
#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = ["README.md", "README.ko.md", "examples/README.md"].map(|page| root.join(page)).to_vec();
    for folder in ["docs", "docs/ko", "docs/guide", "docs/ko/guide"] {
        let entries =
            std::fs::read_dir(root.join(folder)).expect(folder).map(|entry| entry.expect(folder).path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    let mut links = 0;
    for path in pages {
        let text = read_to_string(&path).expect("a page");
        for part in text.split("](").skip(1) {
            let link = part.split([')', '#']).next().unwrap_or_default();
            if link.is_empty() || link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            links += 1;
            assert!(path.with_file_name("").join(link).exists(), "{}: {link}", path.display());
        }
    }
    assert!(links > 50, "{links} links");
}
