//! Texts that come with the crate: names, and two constitutions.
//!
//! Where they are from and under which licences stands in `bundled/README.md`.
//!
//! ```
//! use data::load_surnames;
//! let names = load_surnames()?;
//! assert_eq!((names.texts[0].as_str(), names.target.shape()), ("aalto", &[4946][..]));
//! assert_eq!(names.target_names[4], "Finnish");
//! # Ok::<(), tensor::Error>(())
//! ```

use tensor::{Error, Result, Tensor};

/// Texts, and what is to be predicted from them.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The texts.
    pub texts: Vec<String>,
    /// Classes, shape `(N)`, int64; or for each of `L` labels 0 or 1, shape `(N, L)`, float32.
    pub target: Tensor,
    /// What the classes or labels are.
    pub target_names: Vec<String>,
    /// What the texts are, and where they are from.
    pub description: String,
}

const FAKER: &str =
    "From the package Faker 40.63.0, MIT licence; in small letters from a to z, without accents.";

/// Surnames: 4,946 of ten languages, each of one language only.
///
/// # Errors
/// None in practice: the file is part of the crate, and a test reads it.
#[track_caller]
pub fn load_surnames() -> Result<Texts> {
    let lines =
        || include_str!("../bundled/surnames.csv").lines().skip(1).filter_map(|line| line.split_once(','));
    let mut languages: Vec<&str> = lines().map(|(_, language)| language).collect();
    languages.sort_unstable();
    languages.dedup();
    let classes = lines().map(|(_, language)| class(&languages, language)).collect::<Result<Vec<i64>>>()?;
    Ok(Texts {
        texts: lines().map(|(name, _)| name.to_owned()).collect(),
        target: tensor::tensor(classes),
        target_names: languages.iter().map(ToString::to_string).collect(),
        description: format!("4,946 surnames that are frequent in one of ten languages. {FAKER}"),
    })
}

/// First names: 5,465 that are given to girls (0) or to boys (1), in eight languages.
///
/// # Errors
/// None in practice, as [`load_surnames`].
#[track_caller]
pub fn load_first_names() -> Result<Texts> {
    let names: Vec<_> = first_names().filter(|[_, sex, _]| *sex != "fm").collect();
    let classes = names.iter().map(|[_, sex, _]| i64::from(*sex == "m")).collect::<Vec<i64>>();
    Ok(Texts {
        texts: names.iter().map(|[name, ..]| (*name).to_owned()).collect(),
        target: tensor::tensor(classes),
        target_names: vec!["girls".to_owned(), "boys".to_owned()],
        description: format!(
            "5,465 first names of eight languages that are given to girls or to boys. {FAKER}"
        ),
    })
}

/// First names: 5,540, and in which of eight languages each is in use. A fifth of them are in several.
///
/// # Errors
/// None in practice, as [`load_surnames`].
#[track_caller]
pub fn load_first_names_by_language() -> Result<Texts> {
    let mut languages: Vec<&str> = first_names().flat_map(|[.., languages]| languages.split(' ')).collect();
    languages.sort_unstable();
    languages.dedup();
    let mut labels = Vec::new();
    for [.., used] in first_names() {
        labels.extend(languages.iter().map(|l| f32::from(u8::from(used.split(' ').any(|u| u == *l)))));
    }
    Ok(Texts {
        texts: first_names().map(|[name, ..]| name.to_owned()).collect(),
        target: Tensor::from_vec(labels, [first_names().count(), languages.len()])?,
        target_names: languages.iter().map(ToString::to_string).collect(),
        description: format!("5,540 first names, and in which of eight languages they are in use. {FAKER}"),
    })
}

/// Name, sex and languages.
fn first_names() -> impl Iterator<Item = [&'static str; 3]> {
    include_str!("../bundled/first_names.csv").lines().skip(1).filter_map(|line| {
        let mut parts = line.split(',');
        Some([parts.next()?, parts.next()?, parts.next()?])
    })
}

#[track_caller]
fn class(names: &[&str], name: &str) -> Result<i64> {
    match names.binary_search(&name) {
        Ok(class) => Ok(class as i64),
        Err(_) => Err(Error::format("load_surnames", format!("no language {name}"))),
    }
}

/// The Constitution of the United States of America, with its amendments: 45,345 characters of English.
pub fn load_constitution_us() -> &'static str {
    include_str!("../bundled/constitution_us.txt")
}

/// The Constitution of the Republic of Korea (대한민국헌법): 18,884 characters of Korean.
pub fn load_constitution_kr() -> &'static str {
    include_str!("../bundled/constitution_kr.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_complete() -> Result<()> {
        let surnames = load_surnames()?;
        assert_eq!((surnames.texts.len(), surnames.target_names.len()), (4946, 10));
        assert_eq!(surnames.target.eq(9)?.sum().item()?, 430.0);
        let first = load_first_names()?;
        assert_eq!((first.texts.len(), first.target.sum().item()?), (5465, 2885.0));
        let labels = load_first_names_by_language()?;
        assert_eq!((labels.texts.len(), labels.target.shape()), (5540, &[5540, 8][..]));
        let several = labels.target.sum_dim(1, false)?.gt(1.0)?.sum().item()?;
        assert_eq!(several, 997.0);
        assert!(labels.target.sum_dim(1, false)?.gt(0.0)?.all().item()? == 1.0);
        for name in surnames.texts.iter().chain(&labels.texts) {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase()) && (3..=14).contains(&name.len()), "{name}");
        }
        let (us, kr) = (load_constitution_us(), load_constitution_kr());
        assert_eq!((us.chars().count(), kr.chars().count()), (45345, 18884));
        assert!(us.starts_with("The Constitution") && kr.starts_with("대한민국헌법"));
        Ok(())
    }
}
