//! Readers given garbage: 10,000 seeded mutations of good files each. They answer with an error or a valid result, and
//! never panic, abort, or take memory that the file does not account for.

use data::{Csv, Missing, Npz, Text, from_npy, load_iris, to_csv, to_npy, to_npz};
use tensor::random::Generator;
use tensor::{Tensor, arange, tensor};

const MUTATIONS: usize = 10_000;

/// Changes, inserts, removes, repeats or cuts off some bytes.
fn mutate(generator: &mut Generator, good: &[u8], interesting: &[&[u8]]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..1 + generator.below(4) {
        let len = bytes.len() as u64;
        let mut at = || generator.below(len + 1) as usize;
        let (a, b) = (at(), at());
        let (a, b) = (a.min(b), a.max(b));
        let near = b.min(a + 8);
        match generator.below(7) {
            0 => bytes.truncate(b),
            1 => drop(bytes.drain(a..near)),
            2 => {
                let part = bytes[a..b].to_vec();
                bytes.splice(a..a, part);
            }
            3 => bytes[a..near].fill_with(|| generator.below(256) as u8),
            4 => bytes[a..near].fill([0, 0xFF, 0x7F, 0x80][generator.below(4) as usize]),
            5 => {
                let word = interesting[generator.below(interesting.len() as u64) as usize];
                bytes.splice(a..near, word.iter().copied());
            }
            _ if a < bytes.len() => bytes[a] ^= 1 << generator.below(8),
            _ => {}
        }
        bytes.truncate(100_000);
    }
    bytes
}

/// The most memory that the process ever had, in megabytes, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

/// How many of the mutated files were refused.
fn refused(good: &[&[u8]], interesting: &[&[u8]], read: impl Fn(&[u8]) -> bool) -> usize {
    let mut generator = Generator::new(42);
    let before = peak();
    let count = (0..MUTATIONS)
        .filter(|i| {
            let bytes = mutate(&mut generator, good[i % good.len()], interesting);
            !read(&bytes)
        })
        .count();
    if let (Some(before), Some(after)) = (before, peak()) {
        // Each file has at most 100 kB.
        assert!(after < before + 200, "{before} MB became {after} MB");
    }
    assert!(count > MUTATIONS / 10, "only {count} were refused: are these still mutations?");
    count
}

fn sound(x: &Tensor) -> bool {
    x.numel() == x.shape().iter().product::<usize>()
}

#[test]
fn csv() {
    let iris = load_iris().unwrap();
    let numbers = to_csv(&iris.feature_names, &iris.data.narrow(0, 0, 20).unwrap()).unwrap();
    let texts = "id,who,when,n\n1,\"a \"\"b\"\"\",2020-01-01,1.5\n2,\"c,\nd\",NA,-3e5\n3,é,?,0\n";
    let words: [&[u8]; 12] = [
        b"\"",
        b"\"\"",
        b",",
        b"\n",
        b"\r\n",
        b"\xEF\xBB\xBF",
        b"\xFF\xFE",
        b"\0",
        b"1e999",
        b"NaN",
        b";",
        b"99999999999999999999",
    ];
    let readers = [
        Csv::new(),
        Csv::new().text(Text::OneHot).missing(Missing::Nan).target_class("who").max_line(200),
        Csv::new().text(Text::Classes).missing(Missing::DropRow).header(false).delimiter(b';').decimal(b','),
    ];
    refused(&[numbers.as_bytes(), texts.as_bytes()], &words, |bytes| {
        let results = readers.iter().map(|csv| csv.parse(bytes));
        let good: Vec<bool> = results
            .flatten()
            .map(|b| sound(&b.data) && b.data.size(0).ok() == b.target.size(0).ok())
            .collect();
        assert!(good.iter().all(|sound| *sound));
        !good.is_empty()
    });
}

#[test]
fn npy() {
    let good = [
        to_npy(&tensor([[1.5, 2.5], [3.5, 4.5]])).unwrap(),
        to_npy(&arange(0, 5, 1).unwrap()).unwrap(),
        to_npy(&tensor([true, false])).unwrap(),
    ];
    let words: [&[u8]; 13] = [
        b"'",
        b"(",
        b")",
        b"{",
        b"}",
        b"-1",
        b"True",
        b"'descr'",
        b"'>f8'",
        b"'|O'",
        b"(4294967296, 4294967296, 4294967296)",
        b"(0, 99999999999999999999)",
        b"\x03\x00\xFF\xFF\xFF\xFF",
    ];
    refused(&good.each_ref().map(|g| &g[..]), &words, |bytes| from_npy(bytes).is_ok_and(|x| sound(&x)));
}

#[test]
fn npz() {
    let x = tensor([1.5, 2.5]);
    let good = [
        to_npz(&[("x", &x), ("y", &tensor([1, 2, 3]))]).unwrap(),
        include_bytes!("numpy/compressed.npz").to_vec(),
        include_bytes!("numpy/stored.npz").to_vec(),
    ];
    let words: [&[u8]; 6] =
        [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\xFF\xFF\xFF\xFF", b"\x08\x00", b".npy"];
    refused(&good.each_ref().map(|g| &g[..]), &words, |bytes| {
        let Ok(file) = Npz::from_bytes(bytes.to_vec()) else { return false };
        let names: Vec<String> = file.names().map(str::to_owned).collect();
        // The text array of the stored file is refused in any case.
        names.iter().filter(|name| *name != "names").all(|name| file.get(name).is_ok_and(|x| sound(&x)))
    });
}
