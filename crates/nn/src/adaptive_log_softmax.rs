//! Softmax over many classes of which few are frequent: the loss of a large vocabulary.
//!
//! Classes are ordered by frequency and cut into clusters. The head decides among the frequent ones and the clusters of the
//! rest; a cluster's own projection, the smaller the rarer its classes, is computed only for the rows that need it.

use crate::linear::Linear;
use crate::module::{Layer, Module, printed};
use crate::sequential::Sequential;
use tensor::random::Draft;
use tensor::{DType, Error, Result, Tensor};

const NAME: &str = "AdaptiveLogSoftmaxWithLoss";

/// Efficient softmax approximation for many classes of unequal frequency (Grave et al. 2017), the most frequent ones with
/// the smallest labels.
///
/// Shapes: input `(N, in_features)` or `(in_features)`; int64 target `(N)` or `()`. [`forward`](Self::forward) returns the
/// log-probability of each target, shaped like it, and the loss, the mean of their negatives.
///
/// ```
/// use nn::AdaptiveLogSoftmaxWithLoss;
/// use tensor::{manual_seed, rand, tensor};
/// manual_seed(0);
/// let criterion = AdaptiveLogSoftmaxWithLoss::new(16, 20, [4, 10])?;
/// let x = rand([3, 16])?;
/// let (output, loss) = criterion.forward(&x, &tensor([2, 7, 19]))?;
/// assert_eq!(output.shape(), [3]);
/// loss.backward()?;
/// assert_eq!(criterion.log_prob(&x)?.shape(), [3, 20]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.AdaptiveLogSoftmaxWithLoss")]
pub struct AdaptiveLogSoftmaxWithLoss {
    /// From the input to the frequent classes and, behind them, the clusters.
    pub head: Linear,
    /// For each cluster a projection and, from it, the classes.
    pub tail: Vec<Sequential>,
    sizes: Sizes,
    draft: Draft,
}

#[derive(Clone)]
struct Sizes {
    in_features: usize,
    /// Where the clusters end, the last at the number of classes.
    cutoffs: Vec<usize>,
    div_value: f64,
    head_bias: bool,
}

impl AdaptiveLogSoftmaxWithLoss {
    /// Labels below `cutoffs[0]` are decided by the head; each further cutoff, and `n_classes`, ends a cluster.
    ///
    /// # Errors
    /// If the cutoffs are not increasing from 1 to `n_classes − 1` at most, or if there is none.
    #[track_caller]
    pub fn new(in_features: usize, n_classes: usize, cutoffs: impl Into<Vec<usize>>) -> Result<Self> {
        let mut cutoffs = cutoffs.into();
        let increasing = cutoffs.windows(2).all(|pair| pair[0] < pair[1]);
        let inside =
            cutoffs.first().is_some_and(|&c| c > 0) && cutoffs.last().is_some_and(|&c| c < n_classes);
        if !(increasing && inside) {
            let most = n_classes.saturating_sub(1);
            let why = format!("cutoffs must increase, from at least 1 to at most {most}, found {cutoffs:?}");
            return Err(Error::value(NAME, why));
        }
        cutoffs.push(n_classes);
        let sizes = Sizes { in_features, cutoffs, div_value: 4.0, head_bias: false };
        let ((head, tail), draft) = Draft::new(|| sizes.draw());
        Ok(AdaptiveLogSoftmaxWithLoss { head, tail, sizes, draft })
    }

    /// By how much a cluster's projection is smaller than that of the one before (default 4). Set right after `new`, it
    /// draws what PyTorch draws.
    #[track_caller]
    #[must_use]
    pub fn div_value(mut self, div_value: f64) -> Self {
        self.sizes.div_value = div_value;
        self.again()
    }

    /// Whether the head has a bias (default false). Set right after `new`, it draws what PyTorch draws.
    #[track_caller]
    #[must_use]
    pub fn head_bias(mut self, head_bias: bool) -> Self {
        self.sizes.head_bias = head_bias;
        self.again()
    }

    #[track_caller]
    fn again(mut self) -> Self {
        let sizes = self.sizes.clone();
        ((self.head, self.tail), self.draft) = self.draft.again(|| sizes.draw());
        self
    }

    /// Labels that the head decides.
    fn shortlist(&self) -> usize {
        self.sizes.cutoffs[0]
    }

    /// The log-probability of each target, and the mean of their negatives.
    ///
    /// # Errors
    /// If the shapes do not fit, or a label is not below the number of classes.
    #[track_caller]
    pub fn forward(&self, input: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
        let (xs, ts) = (input.shape(), target.shape());
        if input.dim() != target.dim() + 1 || ts.len() > 1 || !xs.starts_with(ts) {
            let why = format!(
                "input (N, {0}) takes a target (N), and ({0}) one label; found {xs:?} and {ts:?}",
                self.sizes.in_features
            );
            return Err(Error::shape(NAME, why));
        }
        let rows = self.rows(input)?;
        let target = labels(target, self.sizes.cutoffs.last().copied().unwrap_or(0))?;
        // Within the head's columns: a label of its own, or the cluster.
        let mut columns = target.clone();
        let mut parts = Vec::new();
        for (i, bounds) in self.sizes.cutoffs.windows(2).enumerate() {
            let inside: Vec<usize> = (0..target.len())
                .filter(|&row| (bounds[0]..bounds[1]).contains(&(target[row] as usize)))
                .collect();
            if inside.is_empty() {
                continue;
            }
            inside.iter().for_each(|&row| columns[row] = (self.shortlist() + i) as i64);
            let local = inside.iter().map(|&row| target[row] - bounds[0] as i64).collect::<Vec<_>>();
            let local = Tensor::from_vec(local, [inside.len(), 1])?;
            let index =
                Tensor::from_vec(inside.iter().map(|&row| row as i64).collect::<Vec<_>>(), inside.len())?;
            let scores = self.of_cluster(i, &rows.index_select(0, &index)?)?;
            parts.push((index, scores.gather(1, &local)?.squeeze_dim(1)?));
        }
        let columns = Tensor::from_vec(columns, [target.len(), 1])?;
        let mut output = self.head.forward(&rows)?.log_softmax(1)?.gather(1, &columns)?.squeeze_dim(1)?;
        for (index, part) in parts {
            output = output.scatter_add(0, &index, &part)?;
        }
        let loss = output.neg().mean();
        Ok((output.reshape(ts)?, loss))
    }

    /// The log-probabilities of all classes, `(N, n_classes)` for an input `(N, in_features)`.
    ///
    /// # Errors
    /// If the last dimension is not `in_features`.
    #[track_caller]
    pub fn log_prob(&self, input: &Tensor) -> Result<Tensor> {
        let rows = self.rows(input)?;
        let head = self.head.forward(&rows)?.log_softmax(1)?;
        let mut parts = vec![head.narrow(1, 0, self.shortlist())?];
        for i in 0..self.tail.len() {
            let cluster = head.narrow(1, self.shortlist() + i, 1)?;
            parts.push(self.of_cluster(i, &rows)?.add(&cluster)?);
        }
        let all = tensor::cat(&parts.iter().collect::<Vec<_>>(), 1)?;
        if input.dim() == 1 { all.squeeze_dim(0) } else { Ok(all) }
    }

    /// The likeliest class of each row: `log_prob(input).argmax(1)`, without the clusters that cannot win.
    ///
    /// # Errors
    /// As [`log_prob`](Self::log_prob).
    #[track_caller]
    pub fn predict(&self, input: &Tensor) -> Result<Tensor> {
        let rows = self.rows(input)?;
        let best = self.head.forward(&rows)?.argmax(1, false)?.to_vec::<i64>()?;
        // Where the head chooses one of its own labels, no class of a cluster is likelier.
        let open: Vec<i64> =
            (0..best.len() as i64).filter(|&row| best[row as usize] >= self.shortlist() as i64).collect();
        let mut found = best;
        if !open.is_empty() {
            let index = Tensor::from_vec(open.clone(), open.len())?;
            let likeliest =
                self.log_prob(&rows.index_select(0, &index)?)?.argmax(1, false)?.to_vec::<i64>()?;
            open.iter().zip(likeliest).for_each(|(&row, class)| found[row as usize] = class);
        }
        let shape = &input.shape()[..input.dim() - 1];
        Tensor::from_vec(found, shape)
    }

    /// The input as rows.
    #[track_caller]
    fn rows(&self, input: &Tensor) -> Result<Tensor> {
        let shape = input.shape();
        if !(1..=2).contains(&shape.len()) || shape.last() != Some(&self.sizes.in_features) {
            let why = format!("input must be (N, {0}) or ({0}), found {shape:?}", self.sizes.in_features);
            return Err(Error::shape(NAME, why));
        }
        if shape.len() == 1 { input.unsqueeze(0) } else { Ok(input.clone()) }
    }

    /// The log-probabilities within a cluster.
    #[track_caller]
    fn of_cluster(&self, i: usize, rows: &Tensor) -> Result<Tensor> {
        self.tail[i].forward(rows)?.log_softmax(1)
    }
}

impl Sizes {
    #[track_caller]
    fn draw(&self) -> (Linear, Vec<Sequential>) {
        let clusters = self.cutoffs.len() - 1;
        let head = Linear::new(self.in_features, self.cutoffs[0] + clusters).bias(self.head_bias);
        let tail = (1..).zip(self.cutoffs.windows(2)).map(|(i, bounds)| {
            let hidden = (self.in_features as f64 / self.div_value.powi(i)).floor() as usize;
            let mut cluster = Sequential::new();
            cluster.push(Linear::new(self.in_features, hidden).bias(false));
            cluster.push(Linear::new(hidden, bounds[1] - bounds[0]).bias(false));
            cluster
        });
        (head, tail.collect())
    }
}

/// The labels, each below `classes`.
#[track_caller]
fn labels(target: &Tensor, classes: usize) -> Result<Vec<i64>> {
    if target.dtype() != DType::I64 {
        return Err(Error::dtype(NAME, format!("class indices must be int64, found {}", target.dtype())));
    }
    let labels = target.to_vec::<i64>()?;
    match labels.iter().position(|&y| usize::try_from(y).map_or(true, |y| y >= classes)) {
        None => Ok(labels),
        Some(at) => {
            let found = labels[at];
            Err(Error::index(NAME, format!("labels must be below {classes}, found {found} at index [{at}]")))
        }
    }
}

impl Module for AdaptiveLogSoftmaxWithLoss {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("head", &self.head);
        visit("tail", &self.tail);
    }
}

printed!(AdaptiveLogSoftmaxWithLoss);

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, rand, tensor};

    #[test]
    fn it_prints_as_pytorch_prints_it() {
        let criterion = AdaptiveLogSoftmaxWithLoss::new(4, 10, [4]).unwrap().head_bias(true);
        assert_eq!(
            criterion.to_string(),
            "AdaptiveLogSoftmaxWithLoss(\n  (head): Linear(in_features=4, out_features=5, bias=True)\n  (tail): \
             ModuleList(\n    (0): Sequential(\n      (0): Linear(in_features=4, out_features=1, bias=False)\n      \
             (1): Linear(in_features=1, out_features=6, bias=False)\n    )\n  )\n)"
        );
        let names = criterion.state_dict();
        assert_eq!(
            names.names().collect::<Vec<_>>(),
            ["head.weight", "head.bias", "tail.0.0.weight", "tail.0.1.weight"]
        );
    }

    #[test]
    fn its_parts_agree() {
        manual_seed(3);
        let criterion = AdaptiveLogSoftmaxWithLoss::new(6, 12, [3, 7]).unwrap().div_value(2.0);
        let (x, y) = (rand([5, 6]).unwrap(), tensor([0, 2, 5, 11, 7]));
        let all = criterion.log_prob(&x).unwrap();
        assert!(
            all.exp().sum_dim(1, false).unwrap().sub(1.0).unwrap().abs().max().unwrap().item().unwrap()
                < 1e-6
        );
        let (output, _) = criterion.forward(&x, &y).unwrap();
        let chosen = all.gather(1, &y.unsqueeze(1).unwrap()).unwrap().squeeze_dim(1).unwrap();
        assert!(output.sub(&chosen).unwrap().abs().max().unwrap().item().unwrap() < 1e-6);
        assert!(criterion.predict(&x).unwrap().equal(&all.argmax(1, false).unwrap()));
        let one = x.select(0, 3).unwrap();
        let (output, loss) = criterion.forward(&one, &tensor(11)).unwrap();
        assert!(output.dim() == 0 && (output.item().unwrap() + loss.item().unwrap()).abs() < 1e-6);
        assert_eq!(criterion.log_prob(&one).unwrap().shape(), [12]);
    }

    #[test]
    fn refusals_say_what_was_found() {
        let of =
            |cutoffs: &[usize]| AdaptiveLogSoftmaxWithLoss::new(4, 10, cutoffs).err().unwrap().to_string();
        assert!(of(&[5, 3]).contains("found [5, 3]") && of(&[0, 4]).contains("found [0, 4]"));
        assert!(of(&[10]).contains("at most 9") && of(&[]).contains("found []"));
        let criterion = AdaptiveLogSoftmaxWithLoss::new(4, 10, [4]).unwrap();
        let x = rand([2, 4]).unwrap();
        assert!(
            criterion
                .forward(&x, &tensor([1, 10]))
                .unwrap_err()
                .to_string()
                .contains("found 10 at index [1]")
        );
        assert!(criterion.forward(&x, &tensor([1])).is_err());
    }
}
