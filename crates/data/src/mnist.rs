//! Pictures in MNIST's format, and a part of Fashion-MNIST that comes with the crate.
//!
//! A set is four files, two for training and two (`t10k`) for testing. Each begins with two zeros, the type (8, bytes)
//! and the number of dimensions, then the sizes with the most significant byte first. Source: Y. LeCun, C. Cortes and
//! C. Burges, "The MNIST database of handwritten digits", 1998.
//!
//! ```
//! # #[cfg(feature = "deflate")] {
//! use data::load_fashion_mnist;
//! let (train, test) = load_fashion_mnist()?;
//! assert_eq!((train.data.shape(), test.data.shape()), (&[4000, 784][..], &[1000, 784][..]));
//! assert_eq!(train.target_names[9], "Ankle boot");
//! # }
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::bundled::Bunch;
use crate::file;
use crate::gzip::unpacked;
use std::path::Path;
use tensor::{Error, Result, Tensor};

const FILES: [[&str; 2]; 2] = [
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
];

/// Fashion-MNIST, a part of it: 4,000 pictures of clothes for training and 1,000 for testing, 28 × 28 pixels from 0 to
/// 255, in 10 classes.
///
/// They are the first ones of the full set, which [`load_mnist`] reads. `data` has the shape `(N, 784)`;
/// `data.reshape([-1, 1, 28, 28])?` makes images of it.
///
/// # Errors
/// Without the feature `deflate`, which unpacks the pictures.
#[doc(alias = "torchvision.datasets.FashionMNIST")]
#[track_caller]
pub fn load_fashion_mnist() -> Result<(Bunch, Bunch)> {
    let description = "Pictures of Zalando's articles in 28 × 28 grey pixels: the first 4,000 of the training part and \
                       the first 1,000 of the test part. H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel \
                       Image Dataset for Benchmarking Machine Learning Algorithms, arXiv:1708.07747, 2017. MIT licence.";
    let clothes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ];
    let part = |images: &[u8], labels: &[u8]| -> Result<Bunch> {
        let set = bunch([images, labels], ["images", "labels"])?;
        Ok(Bunch {
            target_names: clothes.map(String::from).to_vec(),
            description: description.to_owned(),
            ..set
        })
    };
    let train = part(
        include_bytes!("../bundled/fashion_mnist/train-images-idx3-ubyte.gz"),
        include_bytes!("../bundled/fashion_mnist/train-labels-idx1-ubyte.gz"),
    )?;
    let test = part(
        include_bytes!("../bundled/fashion_mnist/t10k-images-idx3-ubyte.gz"),
        include_bytes!("../bundled/fashion_mnist/t10k-labels-idx1-ubyte.gz"),
    )?;
    Ok((train, test))
}

/// MNIST, or another set in its four files (Fashion-MNIST, KMNIST, …), packed or not: the training part and the test
/// part.
///
/// Debian's package `dataset-fashion-mnist` puts such files into `/usr/share/datasets/fashion-mnist`.
///
/// # Errors
/// If a file is missing, damaged or of another format, or there is not one label for each picture.
#[doc(alias = "torchvision.datasets.MNIST")]
#[track_caller]
pub fn load_mnist(folder: impl AsRef<Path>) -> Result<(Bunch, Bunch)> {
    let folder = folder.as_ref();
    let [train, test] = FILES;
    Ok((part(folder, train)?, part(folder, test)?))
}

/// The pictures and labels in two files of a folder.
#[track_caller]
fn part(folder: &Path, names: [&str; 2]) -> Result<Bunch> {
    let paths = names.map(|name| {
        let plain = folder.join(name);
        if plain.exists() { plain } else { folder.join(format!("{name}.gz")) }
    });
    let [images, labels] = &paths;
    let [images, labels] = [file::read("load_mnist", images)?, file::read("load_mnist", labels)?];
    bunch([&images, &labels], [&paths[0].to_string_lossy(), &paths[1].to_string_lossy()])
}

#[track_caller]
fn bunch(bytes: [&[u8]; 2], names: [&str; 2]) -> Result<Bunch> {
    let [(sizes, pixels), (counts, labels)] = [read(bytes[0], names[0])?, read(bytes[1], names[1])?];
    let ([n, height, width], [m]) = (sizes.as_slice(), counts.as_slice()) else {
        return Err(Error::format(
            "load_mnist",
            format!("expected pictures and a label for each, found the sizes {sizes:?} and {counts:?}"),
        ));
    };
    if n != m {
        return Err(Error::format("load_mnist", format!("{n} pictures but {m} labels in {}", names[1])));
    }
    let classes = labels.iter().max().map_or(0, |&most| usize::from(most) + 1);
    let names = (0..height * width).map(|i| format!("pixel_{}_{}", i / width, i % width));
    Ok(Bunch {
        feature_names: names.collect(),
        data: Tensor::from_vec(pixels.iter().map(|&p| f32::from(p)).collect(), [*n, height * width])?,
        target: Tensor::from_vec(labels.iter().map(|&l| i64::from(l)).collect(), [*n])?,
        target_names: (0..classes).map(|class| class.to_string()).collect(),
        description: format!("{n} pictures of {height} × {width} grey pixels"),
    })
}

/// The sizes and the bytes of one file.
#[track_caller]
fn read(bytes: &[u8], name: &str) -> Result<(Vec<usize>, Vec<u8>)> {
    match parse(bytes) {
        Ok(read) => Ok(read),
        Err(message) => Err(Error::format("load_mnist", format!("{name}: {message}"))),
    }
}

fn parse(bytes: &[u8]) -> Result<(Vec<usize>, Vec<u8>), String> {
    let content = unpacked(bytes)?;
    let Some(([0, 0, 8, rank @ 1..=3], rest)) = content.split_first_chunk() else {
        return Err(
            "expected a file that begins with 0, 0, 8 and the number of dimensions, 1 to 3".to_owned()
        );
    };
    let sizes = rest.as_chunks::<4>().0.iter().take(usize::from(*rank));
    let sizes: Vec<usize> = sizes.map(|size| u32::from_be_bytes(*size) as usize).collect();
    let data = rest.get(4 * usize::from(*rank)..).ok_or("the file is truncated")?;
    let expected = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    if expected != Some(data.len()) {
        return Err(format!("{} bytes do not fill the sizes {sizes:?}", data.len()));
    }
    Ok((sizes, data.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: the sums of the same parts in Python.
    #[cfg(feature = "deflate")]
    #[test]
    fn fashion_mnist_is_complete() -> Result<()> {
        let (train, test) = load_fashion_mnist()?;
        assert_eq!((train.target.sum().item()?, test.target.sum().item()?), (SUMS[0][1], SUMS[1][1]));
        for (set, [pixels, _]) in [(&train, SUMS[0]), (&test, SUMS[1])] {
            assert_eq!(set.data.to(tensor::DType::F64).sum().item()?, pixels);
        }
        assert_eq!(test.target_names.len(), 10);
        Ok(())
    }

    #[test]
    fn a_folder_is_read_packed_or_not_and_damage_is_named() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("baekmi-mnist-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| Error::io("test", &folder, e))?;
        let write = |name: &str, bytes: &[u8]| file::write("test", &folder.join(name), bytes);
        let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[7, 8, 9, 255]].concat();
        let labels = [0, 0, 8, 1, 0, 0, 0, 2, 4, 0];
        for [image, label] in FILES {
            write(image, &images)?;
            write(label, &labels)?;
        }
        let (train, _) = load_mnist(&folder)?;
        assert_eq!(train.data.to_vec::<f32>()?, [7.0, 8.0, 9.0, 255.0]);
        assert_eq!((train.data.shape(), train.target.to_vec::<i64>()?), (&[2, 2][..], vec![4, 0]));
        assert_eq!((train.target_names.len(), train.feature_names[1].as_str()), (5, "pixel_0_1"));
        for (damaged, what) in [
            (&labels[..9], "1 bytes do not fill the sizes [2]"),
            (&[0, 0, 8, 1, 0, 0, 0, 1, 4][..], "2 pictures but 1 labels"),
            (&[1, 2, 3][..], "begins with 0, 0, 8"),
            (&[31, 139, 8, 0, 0, 0, 0, 0, 0, 0, 1][..], "truncated"),
        ] {
            write(FILES[1][1], damaged)?;
            let error = load_mnist(&folder).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains(FILES[1][1]), "{error}");
        }
        std::fs::remove_dir_all(&folder).ok();
        assert!(load_mnist(&folder).unwrap_err().to_string().contains("train-images-idx3-ubyte"));
        Ok(())
    }

    #[cfg(feature = "deflate")]
    const SUMS: [[f64; 2]; 2] = [[228303707.0, 17896.0], [58034149.0, 4363.0]];
}
