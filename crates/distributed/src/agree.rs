//! Whether all ranks are about to do the same: asked before anything is sent, because ranks that disagree would wait for
//! each other forever, or take each other's numbers for something else.

use crate::transport::Transport;
use std::hash::{DefaultHasher, Hash, Hasher};
use tensor::{Error, Result};

/// How many bytes of a call's description the others get to see.
const SHOWN: usize = 160;

/// Tells all ranks what this one calls, with three numbers, and returns those of all.
#[track_caller]
pub(crate) fn on_call(
    transport: &Transport,
    op: &'static str,
    detail: &str,
    numbers: [f64; 3],
) -> Result<Vec<[f64; 3]>> {
    let ranks = transport.size();
    let call = if detail.is_empty() { op.to_string() } else { format!("{op} of {detail}") };
    let mut all = vec![0u64; 4 * ranks];
    let [a, b, c] = numbers.map(f64::to_bits);
    transport.all_gather(&[fingerprint(&call), a, b, c], &mut all);
    if all.chunks_exact(4).any(|other| other[0] != all[0]) {
        let mut shown = call.into_bytes();
        shown.resize(SHOWN, b' ');
        let mut calls = vec![0u8; SHOWN * ranks];
        transport.all_gather(&shown, &mut calls);
        let calls: Vec<String> = calls
            .chunks_exact(SHOWN)
            .map(|call| String::from_utf8_lossy(call).trim_end().to_string())
            .collect();
        return Err(Error::value(op, format!("the ranks do not call the same: {}", who_says_what(&calls))));
    }
    Ok(all.chunks_exact(4).map(|all| [all[1], all[2], all[3]].map(f64::from_bits)).collect())
}

/// Whether all ranks have the same lines, such as names and shapes of parameters.
#[track_caller]
pub(crate) fn on_lines(transport: &Transport, op: &'static str, what: &str, lines: &[String]) -> Result<()> {
    let ranks = transport.size();
    let text = lines.join("\n");
    let mut all = vec![0u64; 2 * ranks];
    transport.all_gather(&[fingerprint(&text), text.len() as u64], &mut all);
    if all.chunks_exact(2).all(|other| other == &all[..2]) {
        return Ok(());
    }
    // The rare case: everybody gets everything, and says the same about it.
    let longest = all.chunks_exact(2).map(|other| other[1] as usize).max().unwrap_or(0);
    let mut padded = text.into_bytes();
    padded.resize(longest, b'\n');
    let mut texts = vec![0u8; longest * ranks];
    transport.all_gather(&padded, &mut texts);
    let texts: Vec<Vec<String>> = texts
        .chunks(longest.max(1))
        .map(|text| String::from_utf8_lossy(text).trim_end().lines().map(str::to_string).collect())
        .collect();
    let counts: Vec<String> = texts.iter().map(|lines| format!("{} {what}", lines.len())).collect();
    if counts.iter().any(|count| *count != counts[0]) {
        return Err(Error::state(
            op,
            format!("the ranks do not have the same model: {}", who_says_what(&counts)),
        ));
    }
    let first = (0..texts[0].len()).find(|&i| texts.iter().any(|lines| lines[i] != texts[0][i])).unwrap_or(0);
    let lines: Vec<String> = texts.into_iter().filter_map(|mut lines| lines.drain(first..).next()).collect();
    Err(Error::state(op, format!("the ranks do not have the same model: {}", who_says_what(&lines))))
}

/// `rank 0: this; rank 1: that`, each opinion once.
fn who_says_what(said: &[String]) -> String {
    let mut opinions: Vec<(&String, Vec<String>)> = Vec::new();
    for (rank, said) in said.iter().enumerate() {
        match opinions.iter_mut().find(|(other, _)| *other == said) {
            Some((_, ranks)) => ranks.push(rank.to_string()),
            None => opinions.push((said, vec![rank.to_string()])),
        }
    }
    let line = |(said, ranks): (&String, Vec<String>)| {
        let more = if ranks.len() > 4 { format!(" and {} more", ranks.len() - 4) } else { String::new() };
        format!("rank {}{more}: {said}", ranks[..ranks.len().min(4)].join(", "))
    };
    opinions.into_iter().map(line).collect::<Vec<_>>().join("; ")
}

/// The same for the same text, in every process.
fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
