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

use tensor::{Error, Result, Tensor};

/// A data set with the names of what is in it.
#[derive(Clone)]
pub struct Bunch {
    /// The features, shape `(N, F)`, float32.
    pub data: Tensor,
    /// What is to be predicted, shape `(N)`: int64 classes, or float32 numbers.
    pub target: Tensor,
    /// What the columns of `data` are.
    pub feature_names: Vec<&'static str>,
    /// What the classes are; for numbers, what the number is.
    pub target_names: Vec<&'static str>,
    /// What was measured, by whom, and where it was published.
    #[doc(alias = "DESCR")]
    pub description: &'static str,
}

/// Breast cancer, Wisconsin: 569 tumours, 30 measures of their cell nuclei, malignant (0) or benign (1).
///
/// # Errors
/// None in practice: the file is part of the crate, and a test reads it.
#[doc(alias = "sklearn.datasets.load_breast_cancer")]
#[track_caller]
pub fn load_breast_cancer() -> Result<Bunch> {
    let measures = [
        "mean radius",
        "mean texture",
        "mean perimeter",
        "mean area",
        "mean smoothness",
        "mean compactness",
        "mean concavity",
        "mean concave points",
        "mean symmetry",
        "mean fractal dimension",
        "radius error",
        "texture error",
        "perimeter error",
        "area error",
        "smoothness error",
        "compactness error",
        "concavity error",
        "concave points error",
        "symmetry error",
        "fractal dimension error",
        "worst radius",
        "worst texture",
        "worst perimeter",
        "worst area",
        "worst smoothness",
        "worst compactness",
        "worst concavity",
        "worst concave points",
        "worst symmetry",
        "worst fractal dimension",
    ];
    classes(
        "load_breast_cancer",
        include_str!("../bundled/breast_cancer.csv"),
        &measures,
        "569 breast masses in Wisconsin: ten measures of the cell nuclei in a digitised image of a fine needle \
         aspirate, each as mean, standard error and mean of the three largest. Class 0 is malignant (212), 1 is benign \
         (357). W. N. Street, W. H. Wolberg and O. L. Mangasarian, Nuclear feature extraction for breast tumor \
         diagnosis, 1993. UCI Machine Learning Repository, CC BY 4.0.",
    )
}

/// Reads scikit-learn's form: a line `rows,features,class name,…`, then rows that end in the class.
#[track_caller]
fn classes(
    op: &'static str,
    text: &'static str,
    feature_names: &[&'static str],
    description: &'static str,
) -> Result<Bunch> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let (mut data, mut target) = (Vec::new(), Vec::new());
    for line in lines {
        let (features, class) = line.rsplit_once(',').unwrap_or_default();
        for feature in features.split(',') {
            data.push(number(op, feature)? as f32);
        }
        target.push(number(op, class)? as i64);
    }
    Ok(Bunch {
        data: Tensor::from_vec(data, [target.len(), feature_names.len()])?,
        target: tensor::tensor(target),
        feature_names: feature_names.to_vec(),
        target_names: header.get(2..).unwrap_or_default().to_vec(),
        description,
    })
}

#[track_caller]
fn number(op: &'static str, text: &str) -> Result<f64> {
    text.parse().map_err(|_| Error::format(op, format!("expected a number, found `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StandardScaler;
    use tensor::DType;

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
}
