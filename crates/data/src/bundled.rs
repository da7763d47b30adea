//! Data sets that come with the crate: real, small, and there without a network.
//!
//! Where they are from and under which licences stands in `bundled/README.md`.
//!
//! ```
//! use data::{TensorDataset, load_breast_cancer, random_split};
//! let cancer = load_breast_cancer()?;
//! assert_eq!(cancer.data.shape(), [569, 30]);
//! assert_eq!(cancer.feature_names[0], "mean radius");
//! assert_eq!(cancer.target_names, ["malignant", "benign"]);
//! let [train, test] = random_split(TensorDataset::new((cancer.data, cancer.target))?, [0.8, 0.2])?;
//! # let _ = (train, test);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::scaler::StandardScaler;
use tensor::{DType, Error, Result, Tensor};

/// A data set with the names of what is in it.
#[doc(alias = "sklearn.utils.Bunch")]
#[derive(Clone, Debug)]
pub struct Bunch {
    /// The features, shape `(N, F)`, float32.
    pub data: Tensor,
    /// What is to be predicted, shape `(N)`: int64 classes, or float32 numbers.
    pub target: Tensor,
    /// What the columns of `data` are.
    pub feature_names: Vec<String>,
    /// What the classes are; where the target is a number, what that is.
    pub target_names: Vec<String>,
    /// What was measured, by whom, and where it was published.
    #[doc(alias = "DESCR")]
    pub description: String,
}

/// Breast cancer, Wisconsin: 569 tumours, 30 measures of their cell nuclei, malignant (0) or benign (1).
///
/// # Errors
/// None in practice: the file is part of the crate, and a test reads it.
#[doc(alias = "sklearn.datasets.load_breast_cancer")]
#[track_caller]
pub fn load_breast_cancer() -> Result<Bunch> {
    let measures = [
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave points",
        "symmetry",
        "fractal dimension",
    ];
    let mean = measures.iter().map(|m| format!("mean {m}"));
    let error = measures.iter().map(|m| format!("{m} error"));
    let worst = measures.iter().map(|m| format!("worst {m}"));
    classes(
        "load_breast_cancer",
        include_str!("../bundled/breast_cancer.csv"),
        mean.chain(error).chain(worst).collect(),
        "569 breast masses in Wisconsin: ten measures of the cell nuclei in a digitised image of a fine needle \
         aspirate, each as mean, standard error and mean of the three largest. Class 0 is malignant (212), 1 is benign \
         (357). W. N. Street, W. H. Wolberg and O. L. Mangasarian, Nuclear feature extraction for breast tumor \
         diagnosis, 1993. UCI Machine Learning Repository, CC BY 4.0.",
    )
}

/// Iris: 150 flowers, 4 lengths and widths, 3 species of 50 each.
///
/// # Errors
/// None in practice, as [`load_breast_cancer`].
#[doc(alias = "sklearn.datasets.load_iris")]
#[track_caller]
pub fn load_iris() -> Result<Bunch> {
    let lengths = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"];
    classes(
        "load_iris",
        include_str!("../bundled/iris.csv"),
        lengths.map(String::from).to_vec(),
        "150 iris flowers of three species, 50 of each: length and width of sepals and petals. R. A. Fisher, The use of \
         multiple measurements in taxonomic problems, 1936 (rows 35 and 38 as in his paper). UCI Machine Learning \
         Repository, CC BY 4.0.",
    )
}

/// Wine: 178 wines, 13 chemical measures, 3 growers (59, 71 and 48 wines).
///
/// # Errors
/// None in practice, as [`load_breast_cancer`].
#[doc(alias = "sklearn.datasets.load_wine")]
#[track_caller]
pub fn load_wine() -> Result<Bunch> {
    let measures = [
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    ];
    classes(
        "load_wine",
        include_str!("../bundled/wine.csv"),
        measures.map(String::from).to_vec(),
        "178 wines of one region in Italy by three growers: the amounts of 13 constituents. M. Forina et al., PARVUS, \
         1988. UCI Machine Learning Repository, CC BY 4.0.",
    )
}

/// Digits: 1,797 handwritten digits of 8 × 8 pixels from 0 to 16, in 10 classes.
///
/// `data` has the shape `(1797, 64)`; `data.reshape([-1, 1, 8, 8])?` makes images of it.
///
/// # Errors
/// None in practice, as [`load_breast_cancer`].
#[doc(alias = "sklearn.datasets.load_digits")]
#[track_caller]
pub fn load_digits() -> Result<Bunch> {
    // Each digit is 64 pixels and its class, one byte each.
    let digits = include_bytes!("../bundled/digits.bin").as_chunks::<65>().0;
    let pixels = digits.iter().flat_map(|digit| &digit[..64]).map(|&pixel| f32::from(pixel));
    let classes: Vec<i64> = digits.iter().map(|digit| i64::from(digit[64])).collect();
    Ok(Bunch {
        data: Tensor::from_vec(pixels.collect(), [digits.len(), 64])?,
        target: tensor::tensor(classes),
        feature_names: (0..64).map(|i| format!("pixel_{}_{}", i / 8, i % 8)).collect(),
        target_names: (0..10).map(|digit| digit.to_string()).collect(),
        description: "1,797 digits of 13 writers in 8 × 8 cells, each the number of dark pixels (0 to 16) in a 4 × 4 \
                      block of the scan. E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998. UCI \
                      Machine Learning Repository, CC BY 4.0."
            .to_owned(),
    })
}

/// Diabetes: 442 patients, 10 measures, and how far the disease was a year later.
///
/// As in scikit-learn, each feature has mean 0 and sum of squares 1; [`load_diabetes_raw`] has them as they were
/// measured.
///
/// # Errors
/// None in practice, as [`load_breast_cancer`].
#[doc(alias = "sklearn.datasets.load_diabetes")]
#[track_caller]
pub fn load_diabetes() -> Result<Bunch> {
    let diabetes = diabetes("load_diabetes")?;
    let scaled = StandardScaler::fit(&diabetes.data)?.transform(&diabetes.data)?;
    let scaled = scaled.div((scaled.size(0)? as f64).sqrt())?;
    Ok(Bunch { data: scaled.to(DType::F32), ..diabetes })
}

/// [`load_diabetes`] in years, kg/m², mm Hg and so on.
///
/// # Errors
/// None in practice, as [`load_breast_cancer`].
#[track_caller]
pub fn load_diabetes_raw() -> Result<Bunch> {
    let diabetes = diabetes("load_diabetes_raw")?;
    Ok(Bunch { data: diabetes.data.to(DType::F32), ..diabetes })
}

/// As measured, float64.
#[track_caller]
fn diabetes(op: &'static str) -> Result<Bunch> {
    let mut lines = include_str!("../bundled/diabetes.csv").lines();
    let names = lines.next().unwrap_or_default().split(',').map(String::from);
    let names: Vec<String> = names.filter(|name| name != "target").collect();
    let (data, target) = rows(op, lines)?;
    Ok(Bunch {
        data: Tensor::from_vec(data, [target.len(), names.len()])?,
        target: Tensor::from_vec(target.iter().map(|&t| t as f32).collect(), target.len())?,
        feature_names: names,
        target_names: vec!["disease progression".to_owned()],
        description: "442 diabetes patients: age, sex, body mass index, blood pressure and six blood serum measures (tc, \
                      ldl, hdl, tch, ltg, glu), and a measure of how far the disease was one year later. B. Efron, T. \
                      Hastie, I. Johnstone and R. Tibshirani, Least angle regression, 2004. From scikit-learn, BSD \
                      3-clause."
            .to_owned(),
    })
}

/// Reads scikit-learn's form: a line `rows,features,class name,…`, then rows that end in the class.
#[track_caller]
fn classes(
    op: &'static str,
    text: &'static str,
    feature_names: Vec<String>,
    description: &'static str,
) -> Result<Bunch> {
    let mut lines = text.lines();
    let target_names = lines.next().unwrap_or_default().split(',').skip(2).map(String::from).collect();
    let (data, target) = rows(op, lines)?;
    Ok(Bunch {
        data: Tensor::from_vec(data, [target.len(), feature_names.len()])?.to(DType::F32),
        target: Tensor::from_vec(target.iter().map(|&t| t as i64).collect(), target.len())?,
        feature_names,
        target_names,
        description: description.to_owned(),
    })
}

/// The features of all rows, and their last column.
#[track_caller]
fn rows(op: &'static str, lines: std::str::Lines<'static>) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut data, mut target) = (Vec::new(), Vec::new());
    for line in lines {
        let (features, last) = line.rsplit_once(',').unwrap_or_default();
        for feature in features.split(',') {
            data.push(number(op, feature)?);
        }
        target.push(number(op, last)?);
    }
    Ok((data, target))
}

#[track_caller]
fn number(op: &'static str, text: &str) -> Result<f64> {
    let Ok(number) = text.parse() else {
        return Err(Error::format(op, format!("expected a number, found `{text}`")));
    };
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breast_cancer_is_complete_and_scales_as_in_scikit_learn() -> Result<()> {
        let cancer = load_breast_cancer()?;
        assert_eq!((cancer.data.shape(), cancer.target.shape()), (&[569, 30][..], &[569][..]));
        assert_eq!((cancer.data.dtype(), cancer.target.dtype()), (DType::F32, DType::I64));
        assert_eq!(cancer.target.sum().item()?, 357.0);
        // Expected: StandardScaler().fit_transform(load_breast_cancer().data.astype(np.float32))
        let z = StandardScaler::fit(&cancer.data)?.transform(&cancer.data)?;
        assert_eq!(
            z.select(0, 0)?.narrow(0, 0, 4)?.to_vec::<f32>()?,
            [1.0970639, -2.073335, 1.2699339, 0.9843749]
        );
        assert_eq!(
            z.select(0, 568)?.narrow(0, 26, 4)?.to_vec::<f32>()?,
            [-1.3058307, -1.745063, -0.048138406, -0.7512067]
        );
        Ok(())
    }

    /// Expected: the same sums of scikit-learn's float64 arrays, `(X @ np.arange(1, F + 1)).sum()`.
    #[test]
    fn the_others_are_complete() -> Result<()> {
        let check =
            |bunch: Bunch, shape: [usize; 2], checksum: f64, targets: f64, names: [&str; 2]| -> Result<()> {
                assert_eq!((bunch.data.shape(), bunch.target.shape()), (&shape[..], &shape[..1]));
                assert_eq!(bunch.feature_names.len(), shape[1]);
                let columns = tensor::Tensor::arange(1, shape[1] as i64 + 1, 1, DType::F64)?;
                let sum = bunch.data.to(DType::F64).matmul(&columns)?.sum().item()?;
                assert!((sum - checksum).abs() < 1e-6 * checksum.abs(), "{sum} {checksum}");
                assert_eq!(bunch.target.sum().item()?, targets);
                assert_eq!([&bunch.feature_names[1], &bunch.target_names[0]], names);
                Ok(())
            };
        check(load_iris()?, [150, 4], 4204.399989455938, 150.0, ["sepal width (cm)", "setosa"])?;
        check(load_wine()?, [178, 13], 1859871.1659677029, 167.0, ["malic_acid", "class_0"])?;
        check(load_digits()?, [1797, 64], 18222371.0, 8070.0, ["pixel_0_1", "0"])?;
        check(load_diabetes_raw()?, [442, 10], 1539469.2524, 67243.0, ["sex", "disease progression"])?;
        let scaled = load_diabetes()?;
        assert_eq!(
            scaled.data.select(0, 1)?.to_vec::<f32>()?,
            [
                -0.0018820165,
                -0.044641636,
                -0.05147406,
                -0.026327528,
                -0.008448724,
                -0.01916334,
                0.07441156,
                -0.039493382,
                -0.06833155,
                -0.09220405
            ]
        );
        assert!(scaled.data.mul(&scaled.data)?.sum_dim(0, false)?.allclose(&tensor::ones(10)?, 1e-5, 0.0)?);
        Ok(())
    }
}
