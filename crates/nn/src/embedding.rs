//! Tables of vectors, looked up by number.

use crate::module::{Layer, Module, printed};
use crate::summary::seen;
use tensor::random::{Draft, with_default};
use tensor::{DType, Error, Parameter, Result, Tensor, tensor, zeros};

/// A vector of its own for each number: `(…)` of int64 → `(…, embedding_dim)`.
///
/// The weight `(num_embeddings, embedding_dim)` begins with the standard normal distribution.
///
/// ```
/// use nn::{Embedding, Layer};
/// use tensor::tensor;
/// let layer = Embedding::new(10, 4);
/// assert_eq!(layer.to_string(), "Embedding(10, 4)");
/// assert_eq!(layer.forward(&tensor([[1, 2, 9]]))?.shape(), [1, 3, 4]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.Embedding")]
pub struct Embedding {
    /// `(num_embeddings, embedding_dim)`
    pub weight: Parameter,
    sizes: [usize; 2],
    padding_idx: Option<i64>,
    max_norm: Option<f64>,
    norm_type: f64,
    scale_grad_by_freq: bool,
    draft: Option<Draft>,
}

#[track_caller]
fn draw(sizes: [usize; 2], padding_idx: Option<i64>) -> Parameter {
    let drawn = with_default(|generator| generator.randn(sizes, DType::F32));
    let mut table = drawn.unwrap_or_else(|_| tensor([0.0; 0]));
    if let Some(padding) = padding_idx {
        // A padding_idx that is no row is an error at first use.
        table = table.index_fill(0, &tensor([padding]), 0.0).unwrap_or(table);
    }
    Parameter::new(&table)
}

impl Embedding {
    /// A table of this size.
    #[track_caller]
    pub fn new(num_embeddings: usize, embedding_dim: usize) -> Self {
        let sizes = [num_embeddings, embedding_dim];
        let (weight, draft) = Draft::new(|| draw(sizes, None));
        Embedding {
            weight,
            sizes,
            padding_idx: None,
            max_norm: None,
            norm_type: 2.0,
            scale_grad_by_freq: false,
            draft: Some(draft),
        }
    }

    /// The table `(num_embeddings, embedding_dim)` itself; frozen, unless `freeze` is false.
    ///
    /// # Errors
    /// If it is no matrix.
    #[track_caller]
    pub fn from_pretrained(table: &Tensor, freeze: bool) -> Result<Self> {
        let &[rows, width] = table.shape() else {
            return Err(Error::shape(
                "Embedding",
                format!("expected a matrix of embeddings, found shape {:?}", table.shape()),
            ));
        };
        let weight = Parameter::new(&table.detach());
        weight.set_requires_grad(!freeze);
        Ok(Embedding { weight, sizes: [rows, width], draft: None, ..Embedding::new(0, 0) })
    }

    /// The number whose vector begins with zeros and gets no gradient; a negative one counts from the back.
    #[track_caller]
    #[must_use]
    pub fn padding_idx(mut self, padding_idx: i64) -> Self {
        let counted = if padding_idx < 0 { padding_idx + self.sizes[0] as i64 } else { padding_idx };
        self.padding_idx = Some(counted);
        if let Some(draft) = self.draft {
            let (weight, draft) = draft.again(|| draw(self.sizes, self.padding_idx));
            (self.weight, self.draft) = (weight, Some(draft));
        }
        self
    }

    /// Vectors that are looked up and longer than this are shortened to it, in the table.
    #[must_use]
    pub fn max_norm(mut self, max_norm: f64) -> Self {
        self.max_norm = Some(max_norm);
        self
    }

    /// The norm that `max_norm` measures: 2, unless said otherwise.
    #[must_use]
    pub fn norm_type(mut self, norm_type: f64) -> Self {
        self.norm_type = norm_type;
        self
    }

    /// Whether gradients are divided by how often a number is in the batch.
    #[must_use]
    pub fn scale_grad_by_freq(mut self, scale: bool) -> Self {
        self.scale_grad_by_freq = scale;
        self
    }
}

/// Shortens the rows of a table that are looked up.
#[track_caller]
fn renormalize(weight: &Parameter, input: &Tensor, max_norm: f64, p: f64) -> Result<()> {
    tensor::no_grad(|| {
        let table = weight.tensor();
        let mut rows = input.to_vec::<i64>()?;
        rows.sort_unstable();
        rows.dedup();
        let rows = Tensor::from_vec(rows.clone(), [rows.len()])?;
        let used = table.index_select(0, &rows)?;
        let norms = used.abs().pow(p)?.sum_dim(1, true)?.pow(1.0 / p)?;
        let shorter = used.mul(&norms.add(1e-7)?.reciprocal().mul(max_norm)?)?;
        let renewed = shorter.where_(&norms.gt(max_norm)?, &used)?;
        weight.set(&table.index_copy(0, &rows, &renewed)?)
    })
}

/// The table as it is, with gradients divided by how often each row was looked up.
#[track_caller]
fn by_frequency(table: &Tensor, input: &Tensor) -> Result<Tensor> {
    let rows = table.shape()[0];
    let mut counts = vec![0i64; rows];
    for row in input.to_vec::<i64>()? {
        if let Some(count) = usize::try_from(row).ok().and_then(|row| counts.get_mut(row)) {
            *count += 1;
        }
    }
    let counts = Tensor::from_vec(counts.into_iter().map(|n| n.max(1)).collect(), [rows, 1])?;
    table.divide_grad(&counts)
}

impl Module for Embedding {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
    }
    fn extra_repr(&self) -> String {
        let mut text = format!("{}, {}", self.sizes[0], self.sizes[1]);
        if let Some(padding) = self.padding_idx {
            text.push_str(&format!(", padding_idx={padding}"));
        }
        if let Some(max_norm) = self.max_norm {
            text.push_str(&format!(", max_norm={max_norm:?}"));
        }
        if self.norm_type != 2.0 {
            text.push_str(&format!(", norm_type={:?}", self.norm_type));
        }
        if self.scale_grad_by_freq {
            text.push_str(", scale_grad_by_freq=True");
        }
        text
    }
}

impl Layer for Embedding {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        if let Some(max_norm) = self.max_norm {
            renormalize(&self.weight, input, max_norm, self.norm_type)?;
        }
        seen(self, self.by(&self.weight.tensor(), input))
    }
}

impl Embedding {
    /// The output with this table.
    #[track_caller]
    pub(crate) fn by(&self, table: &Tensor, input: &Tensor) -> Result<Tensor> {
        if self.scale_grad_by_freq {
            return input.embedding(&by_frequency(table, input)?, self.padding_idx);
        }
        input.embedding(table, self.padding_idx)
    }
}

/// How an [`EmbeddingBag`] makes one vector of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BagMode {
    /// Their sum.
    Sum,
    /// Their mean.
    #[default]
    Mean,
    /// The largest of each component.
    Max,
}

/// The sum, the mean or the maximum of the vectors of a bag of numbers. An empty bag gets zeros.
///
/// ```
/// use nn::{BagMode, EmbeddingBag, Layer};
/// use tensor::tensor;
/// let layer = EmbeddingBag::new(10, 4).mode(BagMode::Sum);
/// assert_eq!(layer.forward(&tensor([[1, 2], [3, 3]]))?.shape(), [2, 4]);
/// assert_eq!(layer.forward_bags(&tensor([1, 2, 9]), &tensor([0, 2]), None)?.shape(), [2, 4]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.EmbeddingBag")]
pub struct EmbeddingBag {
    table: Embedding,
    mode: BagMode,
    include_last_offset: bool,
}

impl EmbeddingBag {
    /// A table of this size, and the mean.
    #[track_caller]
    pub fn new(num_embeddings: usize, embedding_dim: usize) -> Self {
        let table = Embedding::new(num_embeddings, embedding_dim);
        EmbeddingBag { table, mode: BagMode::Mean, include_last_offset: false }
    }

    /// What becomes of the vectors of a bag.
    #[must_use]
    pub fn mode(mut self, mode: BagMode) -> Self {
        self.mode = mode;
        self
    }

    /// A number that is left out of its bag.
    #[track_caller]
    #[must_use]
    pub fn padding_idx(mut self, padding_idx: i64) -> Self {
        self.table = self.table.padding_idx(padding_idx);
        self
    }

    /// As [`Embedding::max_norm`].
    #[must_use]
    pub fn max_norm(mut self, max_norm: f64) -> Self {
        self.table = self.table.max_norm(max_norm);
        self
    }

    /// As [`Embedding::norm_type`].
    #[must_use]
    pub fn norm_type(mut self, norm_type: f64) -> Self {
        self.table = self.table.norm_type(norm_type);
        self
    }

    /// As [`Embedding::scale_grad_by_freq`].
    #[must_use]
    pub fn scale_grad_by_freq(mut self, scale: bool) -> Self {
        self.table = self.table.scale_grad_by_freq(scale);
        self
    }

    /// Whether the last offset is the end of the last bag.
    #[must_use]
    pub fn include_last_offset(mut self, include: bool) -> Self {
        self.include_last_offset = include;
        self
    }

    /// The table, `(num_embeddings, embedding_dim)`.
    pub fn weight(&self) -> &Parameter {
        &self.table.weight
    }

    /// Bags that begin at `offsets` in the numbers `input`, whose vectors are first multiplied by `per_sample_weights`
    /// (with [`BagMode::Sum`] only).
    ///
    /// # Errors
    /// If the offsets do not begin with 0, fall or leave the input; if weights do not fit.
    #[track_caller]
    pub fn forward_bags(
        &self,
        input: &Tensor,
        offsets: &Tensor,
        per_sample_weights: Option<&Tensor>,
    ) -> Result<Tensor> {
        let mut starts = offsets.to_vec::<i64>()?;
        let end = input.numel() as i64;
        let fits = starts.first().is_none_or(|&first| first == 0)
            && starts.is_sorted()
            && starts.last().is_none_or(|&last| last <= end);
        if input.dim() != 1 || offsets.dim() != 1 || !fits {
            return Err(Error::value(
                "EmbeddingBag",
                format!(
                    "expected a vector of numbers and offsets that begin with 0, do not fall and do not pass the end, \
                     found shape {:?} and offsets {starts:?}",
                    input.shape()
                ),
            ));
        }
        let end = if self.include_last_offset { starts.pop().unwrap_or(0) } else { end };
        seen(self, self.bags(input, &starts, end, per_sample_weights))
    }

    /// The bags between `starts` and `end`.
    #[track_caller]
    fn bags(&self, input: &Tensor, starts: &[i64], end: i64, weights: Option<&Tensor>) -> Result<Tensor> {
        const OP: &str = "EmbeddingBag";
        if weights.is_some_and(|w| self.mode != BagMode::Sum || w.shape() != input.shape()) {
            return Err(Error::value(OP, "per_sample_weights are for the mode sum, one for each number"));
        }
        let mut vectors = self.table.forward(input)?;
        let (width, dtype) = (self.table.sizes[1], vectors.dtype());
        if let Some(weights) = weights {
            vectors = vectors.mul(&weights.unsqueeze(1)?)?;
        }
        // Which numbers count, and in which bag each of them is.
        let numbers = input.to_vec::<i64>()?;
        let (mut kept, mut bag_of, mut counts) = (vec![], vec![], vec![0; starts.len()]);
        for (bag, &start) in starts.iter().enumerate() {
            let end = starts.get(bag + 1).copied().unwrap_or(end);
            for i in start..end {
                if Some(numbers[i as usize]) != self.table.padding_idx {
                    kept.push(i);
                    bag_of.push(bag as i64);
                    counts[bag] += 1;
                }
            }
        }
        if kept.len() < numbers.len() {
            vectors = vectors.index_select(0, &whole(kept)?)?;
        }
        let empty = zeros([starts.len(), width])?.to(dtype);
        if self.mode == BagMode::Max {
            return largest(&vectors, &bag_of, &empty);
        }
        let sums = empty.index_add(0, &whole(bag_of)?, &vectors)?;
        if self.mode == BagMode::Sum {
            return Ok(sums);
        }
        let counts = counts.into_iter().map(|n: i64| n.max(1)).collect();
        sums.div(&whole(counts)?.unsqueeze(1)?.to(dtype))
    }
}

fn whole(numbers: Vec<i64>) -> Result<Tensor> {
    let count = numbers.len();
    Tensor::from_vec(numbers, [count])
}

/// The largest of each component in each bag, the first of equals; zeros where a bag is empty.
#[track_caller]
fn largest(vectors: &Tensor, bag_of: &[i64], empty: &Tensor) -> Result<Tensor> {
    let &[bags, width] = empty.shape() else { return Ok(empty.clone()) };
    let values = vectors.detach().to(tensor::DType::F64);
    let values = values.elements::<f64>()?;
    let mut places: Vec<Option<usize>> = vec![None; bags * width];
    for (row, &bag) in bag_of.iter().enumerate() {
        for column in 0..width {
            let place = &mut places[bag as usize * width + column];
            let at = |row: usize| values[row * width + column];
            if place.is_none_or(|best| at(row) > at(best) || at(row).is_nan() && !at(best).is_nan()) {
                *place = Some(row);
            }
        }
    }
    if places.iter().all(Option::is_none) {
        return Ok(empty.clone());
    }
    let rows: Vec<i64> = places.iter().map(|place| place.unwrap_or(0) as i64).collect();
    let nothing: Vec<bool> = places.iter().map(Option::is_none).collect();
    let found = vectors.gather(0, &Tensor::from_vec(rows, [bags, width])?)?;
    found.masked_fill(&Tensor::from_vec(nothing, [bags, width])?, 0.0)
}

impl Layer for EmbeddingBag {
    /// A bag in each row of `(bags, numbers)`.
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let &[bags, size] = input.shape() else {
            return Err(Error::shape(
                "EmbeddingBag",
                format!("expected (bags, numbers), found {:?}; use forward_bags for offsets", input.shape()),
            ));
        };
        let starts: Vec<i64> = (0..bags).map(|bag| (bag * size) as i64).collect();
        seen(self, self.bags(&input.ravel(), &starts, (bags * size) as i64, None))
    }
}

impl Module for EmbeddingBag {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.table.visit(visit);
    }
    fn extra_repr(&self) -> String {
        let mode = match self.mode {
            BagMode::Sum => "sum",
            BagMode::Mean => "mean",
            BagMode::Max => "max",
        };
        format!("{}, mode='{mode}'", self.table.extra_repr())
    }
}

printed!(Embedding EmbeddingBag);

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::manual_seed;

    #[test]
    fn gradients_by_frequency_and_short_vectors() {
        manual_seed(0);
        let numbers = tensor([1, 1, 2]);
        let layer = Embedding::new(3, 2).scale_grad_by_freq(true);
        layer.forward(&numbers).unwrap().sum().backward().unwrap();
        let grad = layer.weight.grad().unwrap().to_vec::<f32>().unwrap();
        assert_eq!(grad, [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        let layer =
            Embedding::from_pretrained(&tensor([[3.0, 4.0], [0.3, 0.4]]), true).unwrap().max_norm(1.0);
        let y = layer.forward(&tensor([0, 1])).unwrap();
        assert!(y.allclose(&tensor([[0.6, 0.8], [0.3, 0.4]]), 1e-5, 1e-6).unwrap());
        assert!(layer.weight.tensor().allclose(&y, 0.0, 0.0).unwrap());
    }

    #[test]
    fn bags_leave_the_padding_out() {
        let layer = EmbeddingBag::new(3, 2).padding_idx(0).include_last_offset(true);
        let y = layer.forward_bags(&tensor([0, 1, 0]), &tensor([0, 2, 3]), None).unwrap();
        let row = layer.weight().tensor().select(0, 1).unwrap();
        assert!(y.select(0, 0).unwrap().equal(&row));
        assert_eq!(y.select(0, 1).unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0]);
        assert!(layer.forward_bags(&tensor([0, 1]), &tensor([1]), None).is_err());
    }
}
