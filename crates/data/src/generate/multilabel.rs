//! Bags of words that are about several topics at once.

use super::{at_least, generate};
use tensor::random::Generator;
use tensor::{DType, Result, Tensor};

/// Bags of words about several topics: see [`make_multilabel_classification`].
#[derive(Clone, Debug)]
pub struct MakeMultilabelClassification {
    n_samples: usize,
    n_features: usize,
    n_classes: usize,
    n_labels: f64,
    length: f64,
    allow_unlabeled: bool,
}

/// `n_samples` documents: `(x, y)` with `x[i][w]` how often word `w` occurs, float32 `(N, F)`, and `y[i][c]` whether the
/// document is about topic `c`, int64 `(N, C)`.
///
/// For each document: the number of labels ~ Poisson(n_labels), at most `n_classes`; so many different classes by
/// random weights; the number of words ~ Poisson(length), at least one; each word by the mean of the word weights of its
/// classes.
///
/// ```
/// use data::make_multilabel_classification;
/// tensor::manual_seed(0);
/// let (x, y) = make_multilabel_classification(30).n_features(8).n_classes(3).allow_unlabeled(false).generate()?;
/// assert_eq!((x.shape(), y.shape()), (&[30, 8][..], &[30, 3][..]));
/// assert!(y.sum_dim(1, false)?.min()?.item()? >= 1.0);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.datasets.make_multilabel_classification")]
pub fn make_multilabel_classification(n_samples: usize) -> MakeMultilabelClassification {
    MakeMultilabelClassification {
        n_samples,
        n_features: 20,
        n_classes: 5,
        n_labels: 2.0,
        length: 50.0,
        allow_unlabeled: true,
    }
}

impl MakeMultilabelClassification {
    /// How many words there are; 20 by default.
    pub fn n_features(mut self, n_features: usize) -> Self {
        self.n_features = n_features;
        self
    }

    /// How many classes there are; 5 by default.
    pub fn n_classes(mut self, n_classes: usize) -> Self {
        self.n_classes = n_classes;
        self
    }

    /// How many labels a document has on average; 2 by default. As the number is bounded, the real mean differs a little.
    pub fn n_labels(mut self, n_labels: f64) -> Self {
        self.n_labels = n_labels;
        self
    }

    /// How many words a document has on average; 50 by default.
    pub fn length(mut self, length: f64) -> Self {
        self.length = length;
        self
    }

    /// Whether a document may be about nothing; its words are then drawn evenly. Yes by default.
    pub fn allow_unlabeled(mut self, allow_unlabeled: bool) -> Self {
        self.allow_unlabeled = allow_unlabeled;
        self
    }

    /// Draws the data set from this generator.
    ///
    /// # Errors
    /// If there is no word or no class, `n_labels` is negative, or `length` less than 1.
    #[track_caller]
    pub fn generate_with(&self, generator: &mut Generator) -> Result<(Tensor, Tensor)> {
        const OP: &str = "make_multilabel_classification";
        let Self { n_samples, n_features, n_classes, .. } = *self;
        at_least(OP, "n_features", 1.0, n_features as f64)?;
        at_least(OP, "n_classes", 1.0, n_classes as f64)?;
        at_least(OP, "n_labels", 0.0, self.n_labels)?;
        at_least(OP, "length", 1.0, self.length)?;
        // Made first, so that sizes that no machine can hold are refused before anything is drawn.
        let mut x = Tensor::full([n_samples, n_features], 0.0, DType::F32)?.to_vec::<f32>()?;
        let mut y = Tensor::full([n_samples, n_classes], 0, DType::I64)?.to_vec::<i64>()?;

        let class_weights: Vec<f64> = (0..n_classes).map(|_| generator.uniform_f64()).collect();
        let word_weights: Vec<Vec<f64>> = (0..n_classes)
            .map(|_| {
                let weights: Vec<f64> = (0..n_features).map(|_| generator.uniform_f64()).collect();
                let sum: f64 = weights.iter().sum();
                weights.iter().map(|w| w / sum).collect()
            })
            .collect();
        let sizes = self.label_counts();
        for (x, y) in x.chunks_exact_mut(n_features).zip(y.chunks_exact_mut(n_classes)) {
            let mut weights = class_weights.clone();
            let mut words = vec![0.0; n_features];
            for _ in 0..pick(generator, &sizes) {
                let class = pick(generator, &weights);
                weights[class] = 0.0; // Without replacement.
                y[class] = 1;
                words.iter_mut().zip(&word_weights[class]).for_each(|(sum, w)| *sum += w);
            }
            if y.iter().all(|&label| label == 0) {
                words.fill(1.0);
            }
            let mut length = 0;
            while length == 0 {
                length = poisson(generator, self.length);
            }
            for _ in 0..length {
                x[pick(generator, &words)] += 1.0;
            }
        }
        Ok((Tensor::from_vec(x, [n_samples, n_features])?, Tensor::from_vec(y, [n_samples, n_classes])?))
    }

    /// The weights of 0, 1, …, `n_classes` labels: a Poisson distribution that is cut off. `λᵏ/k!`, scaled so that the
    /// largest is 1.
    fn label_counts(&self) -> Vec<f64> {
        let mut log = vec![0.0];
        for k in 1..=self.n_classes {
            log.push(log[k - 1] + self.n_labels.ln() - (k as f64).ln());
        }
        if !self.allow_unlabeled {
            log[0] = f64::NEG_INFINITY;
            // Without a mean, one label is the limit.
            log[1] = log[1].max(f64::MIN);
        }
        let largest = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        log.iter().map(|l| (l - largest).exp()).collect()
    }
}

generate!(MakeMultilabelClassification => (Tensor, Tensor));

/// An index by its weight.
fn pick(generator: &mut Generator, weights: &[f64]) -> usize {
    let mut left = generator.uniform_f64() * weights.iter().sum::<f64>();
    let mut last = 0;
    for (i, &w) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        last = i;
        if left < w {
            break;
        }
        left -= w;
    }
    last
}

/// How many exponential waiting times fit into `mean`.
fn poisson(generator: &mut Generator, mean: f64) -> usize {
    let (mut time, mut events) = (0.0, 0);
    loop {
        time -= (-generator.uniform_f64()).ln_1p();
        if time > mean {
            return events;
        }
        events += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::manual_seed;

    #[test]
    fn labels_and_words_have_their_distributions() -> Result<()> {
        manual_seed(0);
        let make = make_multilabel_classification(4000).n_classes(12).n_labels(3.0).length(40.0);
        let (x, y) = make.generate()?;
        let labels = y.to(DType::F32).sum_dim(1, false)?;
        assert!((labels.mean().item()? - 3.0).abs() < 0.1);
        assert!((labels.var_dim(0, 1.0, false)?.item()? - 3.0).abs() < 0.3);
        let words = x.sum_dim(1, false)?;
        assert!((words.mean().item()? - 40.0).abs() < 0.5);
        assert!((words.var_dim(0, 1.0, false)?.item()? - 40.0).abs() < 4.0);
        Ok(())
    }

    #[test]
    fn extreme_options_end() -> Result<()> {
        manual_seed(0);
        let some = |n_labels| make_multilabel_classification(20).n_classes(3).n_labels(n_labels);
        let sums = |make: MakeMultilabelClassification| -> Result<Vec<i64>> {
            make.generate()?.1.sum_dim(1, false)?.to_vec()
        };
        assert_eq!(sums(some(0.0))?, [0; 20]);
        assert_eq!(sums(some(0.0).allow_unlabeled(false))?, [1; 20]);
        assert_eq!(sums(some(1e9))?, [3; 20]);
        assert!(some(-1.0).generate().is_err());
        assert!(some(1.0).length(0.5).generate().is_err());
        assert!(some(1.0).n_features(0).generate().is_err());
        assert!(some(1.0).n_classes(0).generate().is_err());
        assert!(make_multilabel_classification(usize::MAX).generate().is_err());
        Ok(())
    }
}
