//! Files that NumPy has written, see `numpy/make.py`.

use data::{Npz, from_npy, load_npy, load_npz, save_npy, save_npz, to_npy};
use std::path::PathBuf;
use tensor::{DType, Result, Tensor, tensor};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/numpy").join(name)
}

fn load(name: &str) -> Result<Tensor> {
    load_npy(path(name))
}

const F4: [[f32; 3]; 2] = [[1.5, -2.0, 0.1], [3e38, 1e-45, -0.0]];

#[test]
fn every_type_is_read() -> Result<()> {
    assert_eq!(load("f4.npy")?.to_vec::<f32>()?, F4.concat());
    let fortran = load("f8_fortran.npy")?;
    assert_eq!(fortran.shape(), [2, 3, 4]);
    assert_eq!(fortran.to_vec::<f64>()?, Vec::from_iter((0..24).map(f64::from)));
    assert_eq!(load("i4_big.npy")?.to_vec::<i64>()?, [1, -2, (1 << 31) - 1]);
    let half = load("f2.npy")?.to_vec::<f32>()?;
    assert_eq!(half[..6], [1.0, -0.5, 65504.0, 5.9604645e-8, 0.333_007_8, f32::INFINITY]);
    assert!(half[6].is_nan());
    assert_eq!(load("u1.npy")?.to_vec::<i64>()?, [0, 255]);
    assert_eq!(load("bool.npy")?.to_vec::<bool>()?, [true, false]);
    let scalar = load("scalar.npy")?;
    assert_eq!((scalar.shape(), scalar.dtype(), scalar.item()?), (&[][..], DType::I64, 7.0));
    assert_eq!(load("empty.npy")?.shape(), [0, 3]);
    Ok(())
}

#[test]
fn what_is_written_is_what_numpy_writes() -> Result<()> {
    for name in ["f4.npy", "bool.npy", "scalar.npy", "empty.npy"] {
        assert_eq!(to_npy(&load(name)?)?, std::fs::read(path(name)).unwrap(), "{name}");
    }
    Ok(())
}

#[test]
fn what_has_no_tensor_is_refused() {
    for (name, expected) in
        [("text.npy", "type '<U2'"), ("u8.npy", "9223372036854775808 does not fit"), ("none.npy", "none.npy")]
    {
        let error = load(name).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = from_npy(b"PK").unwrap_err().to_string();
    assert!(error.contains("does not begin with"), "{error}");
    let mut longer = std::fs::read(path("u1.npy")).unwrap();
    longer.push(0);
    let error = from_npy(&longer).unwrap_err().to_string();
    assert!(error.contains("shape [2] of '|u1' needs 2 bytes, found 3"), "{error}");
}

#[test]
fn archives_are_read_array_by_array() -> Result<()> {
    let stored = load_npz(path("stored.npz"))?;
    assert_eq!(stored.names().collect::<Vec<_>>(), ["x", "labels", "names"]);
    assert_eq!(stored.get("x")?.to_vec::<f32>()?, F4.concat());
    assert_eq!(stored.get("labels")?.to_vec::<i64>()?, [0, 1]);
    assert!(stored.get("names").is_err());
    let error = stored.get("z").unwrap_err().to_string();
    assert!(error.contains("no array `z` among `x`, `labels`, `names`"), "{error}");
    Ok(())
}

#[test]
fn compressed_archives_need_the_feature() -> Result<()> {
    let compressed = load_npz(path("compressed.npz"))?;
    assert_eq!(compressed.names().collect::<Vec<_>>(), ["x", "y"]);
    if cfg!(feature = "deflate") {
        assert_eq!(compressed.get("x")?.to_vec::<f64>()?, [0.0; 1000]);
        assert_eq!(compressed.get("y")?.to_vec::<i64>()?, [0, 1, 2, 3, 4]);
    } else {
        let error = compressed.get("x").unwrap_err().to_string();
        assert!(error.contains("turn on the feature `deflate`"), "{error}");
    }
    Ok(())
}

#[test]
fn files_are_written_and_read_back() -> Result<()> {
    let file = |end: &str| std::env::temp_dir().join(format!("baekmi-{}.{end}", std::process::id()));
    let (x, y) = (tensor([[1.0, 2.0]]).mt()?, tensor([true]));
    save_npy(file("npy"), &x)?;
    assert!(load_npy(file("npy"))?.equal(&x));
    save_npz(file("npz"), &[("x", &x), ("y", &y)])?;
    let archive = load_npz(file("npz"))?;
    assert!(archive.get("x")?.equal(&x) && archive.get("y")?.equal(&y));
    assert!(save_npz(file("npz"), &[("x", &x), ("x", &x)]).is_err());
    std::fs::remove_file(file("npy")).unwrap();
    std::fs::remove_file(file("npz")).unwrap();
    let none = Npz::from_bytes(data::to_npz(&[])?)?;
    assert_eq!(none.names().count(), 0);
    Ok(())
}

#[test]
fn a_damaged_archive_is_noticed() {
    let good = std::fs::read(path("stored.npz")).unwrap();
    for at in [200, good.len() - 5] {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        let all = Npz::from_bytes(bad).and_then(|file| file.get("x").and(file.get("labels")));
        assert!(all.is_err(), "byte {at}");
    }
}
