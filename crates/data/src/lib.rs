//! Data for a training loop: sets, batches, and what is measured about the result.
//!
//! ```
//! use data::{DataLoader, Dataset, StandardScaler, TensorDataset, load_breast_cancer, random_split};
//! use tensor::{DType, manual_seed};
//!
//! manual_seed(0);
//! let cancer = load_breast_cancer()?;
//! let y = cancer.target.to(DType::F32).unsqueeze(1)?;
//! let [train, test] = random_split(TensorDataset::new((cancer.data, y))?, [0.8, 0.2])?;
//!
//! let (x, y) = train.all();
//! let scaler = StandardScaler::fit(&x)?;
//! let train = TensorDataset::new((scaler.transform(&x)?, y))?;
//! for (x, y) in &DataLoader::new(&train).batch_size(32)?.shuffle(true) {
//!     assert_eq!((x.size(1)?, y.size(1)?), (30, 1));
//! }
//! assert_eq!(test.len(), 113);
//! # Ok::<(), tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

mod bundled;
mod collate;
mod concat;
mod csv;
mod dataset;
mod deflate;
mod file;
mod generate;
mod gzip;
mod loader;
pub mod metrics;
mod mnist;
mod npy;
mod npz;
mod sampler;
mod scaler;
mod series;
mod split;
mod tensor_dataset;
mod texts;
mod train_test_split;
mod workers;

pub use bundled::{
    Bunch, load_breast_cancer, load_diabetes, load_diabetes_raw, load_digits, load_iris, load_wine,
};
pub use collate::{Collate, collate};
pub use concat::ConcatDataset;
pub use csv::{Csv, Missing, Text, to_csv, write_csv};
pub use dataset::{Dataset, Subset};
pub use generate::{
    DigitScenes, MakeBlobs, MakeCircles, MakeDigitScenes, MakeMoons, MakeMultilabelClassification,
    MakeRegression, Regression, make_blobs, make_circles, make_digit_scenes, make_moons,
    make_multilabel_classification, make_regression,
};
pub use loader::{Batches, DataLoader};
pub use mnist::{load_fashion_mnist, load_mnist};
pub use npy::{from_npy, load_npy, save_npy, to_npy};
pub use npz::{Npz, load_npz, save_npz, to_npz};
pub use sampler::{RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler};
pub use scaler::StandardScaler;
pub use series::load_co2;
pub use split::{Length, random_split, random_split_with};
pub use tensor_dataset::{TensorDataset, Tensors};
pub use texts::{
    Texts, load_constitution_kr, load_constitution_us, load_first_names, load_first_names_by_language,
    load_surnames,
};
pub use train_test_split::{TestSize, train_test_split, train_test_split_stratified};
