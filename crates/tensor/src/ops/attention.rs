//! Scaled dot-product attention: `softmax(Q·Kᵀ·scale + mask)·V`.

use super::matmul::starts;
use super::recurrent::through;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, enable_grad, is_grad_enabled};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Layout, broadcast};
use crate::random::{Generator, generator, set_generator, with_default};
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use kernel::attention as kernels;
use kernel::gemm::Matrix;

/// What attention may look at, and how strongly.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attention<'a> {
    /// Bools, `false` where nothing may be seen; or numbers that are added to the scores. Broadcast to `(…, l, s)`.
    pub mask: Option<&'a Tensor>,
    /// Whether query `i` sees keys 0 to `i` only.
    pub causal: bool,
    /// What scores are multiplied by; without it 1/√e.
    pub scale: Option<f64>,
    /// The probability that a weight is set to zero; the others are divided by `1 − dropout_p`. Drawn from the default
    /// generator in PyTorch's order, with each call: 0 outside of training.
    pub dropout_p: f64,
    /// Whether keys and values `(…, h, s, ·)` may have fewer heads than the queries `(…, k·h, l, e)`: each then serves `k`
    /// heads side by side, as in grouped-query attention.
    pub enable_gqa: bool,
}

impl Tensor {
    /// For each query of this `(…, l, e)` the mean of `value` `(…, s, v)`, weighted by how well `key` `(…, s, e)`
    /// agrees with it: `(…, l, v)`. A query that sees nothing gets zeros.
    ///
    /// All scores `(…, l, s)` never exist at once, but for one bit each with dropout. Their gradients of second order and
    /// the gradient of a mask do need them.
    ///
    /// # Errors
    /// If sizes or types do not fit, there is a mask and `causal` besides, or `dropout_p` is no probability; with `enable_gqa`
    /// also if the heads of the queries are no multiple of those of keys and values.
    ///
    /// ```
    /// use tensor::{Attention, manual_seed, ones, rand};
    /// manual_seed(0);
    /// let (q, k, v) = (rand([2, 3, 4])?, rand([2, 5, 4])?, ones([2, 5, 1])?);
    /// let half = Attention { dropout_p: 0.5, ..Attention::default() };
    /// assert_eq!(q.scaled_dot_product_attention(&k, &v, half)?.shape(), [2, 3, 1]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.functional.scaled_dot_product_attention")]
    #[track_caller]
    pub fn scaled_dot_product_attention(
        &self,
        key: &Tensor,
        value: &Tensor,
        attention: Attention<'_>,
    ) -> Result<Tensor> {
        const OP: &str = "scaled_dot_product_attention";
        let Attention { mask, causal, dropout_p, .. } = attention;
        if !(0.0..=1.0).contains(&dropout_p) {
            return Err(Error::value(OP, format!("dropout_p is between 0 and 1, found {dropout_p}")));
        }
        if mask.is_some() && causal {
            return Err(Error::value(OP, "a mask and `causal` exclude each other; put both into the mask"));
        }
        if self.dim() < 2 || key.dim() < 2 || value.dim() < 2 {
            return Err(Error::shape(
                OP,
                format!(
                    "expected (…, l, e), (…, s, e) and (…, s, v), found shapes {:?}, {:?} and {:?}",
                    self.shape(),
                    key.shape(),
                    value.shape()
                ),
            ));
        }
        if attention.enable_gqa {
            let (key, value) = (key.for_heads_of(self)?, value.for_heads_of(self)?);
            let attention = Attention { enable_gqa: false, ..attention };
            return self.scaled_dot_product_attention(&key, &value, attention);
        }
        match Heads::of(self, key, value, &attention)? {
            Some(heads) => heads.attend(),
            None => composed(self, key, value, attention, |shape, dtype| {
                let dropped = Dropped::draw(shape, dropout_p)?;
                dropped.map(|dropped| dropped.factors(shape, dtype)).transpose()
            }),
        }
    }

    /// Each head of these keys or values for as many heads of the queries as it has to serve.
    #[track_caller]
    fn for_heads_of(&self, query: &Tensor) -> Result<Tensor> {
        let heads = |x: &Tensor| x.dim().checked_sub(3).map(|d| x.shape()[d]);
        match (heads(query), heads(self)) {
            (Some(all), Some(own)) if all == own => Ok(self.clone()),
            (Some(all), Some(own)) if own > 0 && all % own == 0 => self.repeat_interleave((all / own) as i64, -3),
            _ => Err(Error::shape(
                "scaled_dot_product_attention",
                format!(
                    "heads of queries must be a multiple of those of keys and values, found shapes {:?} and {:?}",
                    query.shape(),
                    self.shape()
                ),
            )),
        }
    }
}

/// The weights that dropout kept.
struct Dropped {
    /// A bit for each weight, as [`kernels::Dropped`] has them.
    kept: Vec<u64>,
    factor: f64,
}

impl Dropped {
    /// Draws for each weight of this shape, in order, as PyTorch does: nothing if none or all are to be lost.
    #[track_caller]
    fn draw(shape: &[usize], p: f64) -> Result<Option<Dropped>> {
        if p == 0.0 {
            return Ok(None);
        }
        let count = Layout::contiguous("scaled_dot_product_attention", shape)?.numel();
        let keep = 1.0 - p;
        let mut kept = vec![0; count.div_ceil(64)];
        if keep > 0.0 {
            with_default(|generator| {
                (0..count)
                    .for_each(|i| kept[i / 64] |= u64::from(generator.uniform_f64() < keep) << (i % 64));
            });
        }
        Ok(Some(Dropped { kept, factor: if keep > 0.0 { 1.0 / keep } else { 0.0 } }))
    }

    /// For the kernel.
    fn bits(&self) -> kernels::Dropped<'_> {
        kernels::Dropped { kept: &self.kept, factor: self.factor }
    }

    /// What each weight is multiplied by.
    #[track_caller]
    fn factors(&self, shape: &[usize], dtype: DType) -> Result<Tensor> {
        let bit = |i: usize| self.kept[i / 64] >> (i % 64) & 1 == 1;
        let kept = (0..shape.iter().product()).map(bit).collect::<Vec<bool>>();
        Tensor::from_vec(kept, shape)?.to(dtype).mul(self.factor)
    }
}

/// Attention in tensor operations. `dropped` gets the shape and type of the weights, and says what they are multiplied
/// by.
#[track_caller]
fn composed(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    attention: Attention<'_>,
    dropped: impl FnOnce(&[usize], DType) -> Result<Option<Tensor>>,
) -> Result<Tensor> {
    let Attention { mask, causal, scale, .. } = attention;
    let (rows, columns) = (query.size(-2)?, key.size(-2)?);
    let scale = scale.unwrap_or_else(|| 1.0 / (query.shape()[query.dim() - 1] as f64).sqrt());
    // Before the product, half on either side: its terms stay small.
    let scores = (query * scale.abs().sqrt()).matmul(&(key * scale.abs().sqrt()).mt()?)?;
    let scores = if scale < 0.0 { -scores } else { scores };
    let causes = |i: usize| move |j: usize| j <= i;
    let triangle = Tensor::from_vec(
        (0..rows).flat_map(|i| (0..columns).map(causes(i))).collect::<Vec<bool>>(),
        [rows, columns],
    )?;
    let mask = if causal { Some(&triangle) } else { mask };
    let scores = match mask {
        None => scores,
        Some(mask) if mask.dtype() == DType::Bool => {
            scores.masked_fill(&mask.logical_not(), f64::NEG_INFINITY)?
        }
        Some(mask) => scores.add(mask)?,
    };
    if columns == 0 {
        return scores.matmul(value);
    }
    // Where all scores are −∞, softmax has no value, and the weights are 0.
    let blind = scores.detach().amax(-1, true)?.eq(f64::NEG_INFINITY)?;
    let weights = scores.masked_fill(&blind, 0.0)?.softmax(-1)?.masked_fill(&blind, 0.0)?;
    let weights = match dropped(weights.shape(), weights.dtype())? {
        Some(factors) => weights.mul(&factors)?,
        None => weights,
    };
    weights.matmul(value)
}

/// Operands that the kernel takes: expanded to the same heads.
struct Heads {
    /// Query, key, value and, if there is one, the mask that is added.
    inputs: Vec<Tensor>,
    batch: Vec<usize>,
    shape: kernels::Shape,
    dropout_p: f64,
}

impl Heads {
    /// `None` for what the kernel does not take: nothing to see, types that differ, shapes that do not fit.
    #[track_caller]
    fn of(query: &Tensor, key: &Tensor, value: &Tensor, attention: &Attention<'_>) -> Result<Option<Heads>> {
        let dtype = query.dtype();
        let split = |t: &Tensor| {
            let (batch, matrix) = t.shape().split_at(t.dim() - 2);
            (batch.to_vec(), matrix[0], matrix[1])
        };
        let ((a, rows, width), (b, columns, key_width), (c, value_rows, values)) =
            (split(query), split(key), split(value));
        let batch = broadcast(&a, &b).and_then(|ab| broadcast(&ab, &c));
        let same = [query, key, value].iter().all(|t| t.dtype() == dtype) && dtype.is_float();
        let fits = same && width == key_width && columns == value_rows && rows * columns * width * values > 0;
        let (Some(batch), true) = (batch, fits) else { return Ok(None) };
        let whole = |matrix: [usize; 2]| -> Vec<usize> { batch.iter().copied().chain(matrix).collect() };
        let mut inputs = vec![
            query.expand(whole([rows, width]))?,
            key.expand(whole([columns, width]))?,
            value.expand(whole([columns, values]))?,
        ];
        if let Some(mask) = attention.mask {
            let wanted = whole([rows, columns]);
            let added = if mask.dtype() == DType::Bool {
                Tensor::full(mask.shape(), 0.0, dtype)?.masked_fill(&mask.logical_not(), f64::NEG_INFINITY)?
            } else {
                mask.clone()
            };
            if added.dtype() != dtype
                || broadcast(mask.shape(), &wanted).is_none_or(|s| s.as_slice() != wanted)
            {
                return Ok(None);
            }
            inputs.push(added.expand(wanted)?);
        }
        let scale = attention.scale.unwrap_or_else(|| 1.0 / (width as f64).sqrt());
        let shape = kernels::Shape { rows, columns, width, values, causal: attention.causal, scale };
        Ok(Some(Heads { inputs, batch: batch.to_vec(), shape, dropout_p: attention.dropout_p }))
    }

    #[track_caller]
    fn attend(self) -> Result<Tensor> {
        let Heads { inputs, batch, shape, dropout_p } = self;
        let count: usize = batch.iter().product();
        let dropped = Dropped::draw(&[count, shape.rows, shape.columns], dropout_p)?;
        let result: Vec<usize> = batch.iter().copied().chain([shape.rows, shape.values]).collect();
        let (out, logs) = with_float!(inputs[0].dtype(), T => {
            let heads = heads::<T>(&inputs, &batch);
            let mut out = Buffer::<T>::unwritten(count * shape.rows * shape.values);
            let mut logs = Buffer::<T>::unwritten(count * shape.rows);
            kernels::attention(shape, &heads, dropped.as_ref().map(Dropped::bits), &mut out, &mut logs);
            let flat = dense(&[logs.len()]);
            (Tensor::new(out, dense(&result)), Tensor::new(logs, flat))
        });
        Ok(out.record(FusedAttention { shape, batch, logs, dropped }, &inputs.iter().collect::<Vec<_>>()))
    }
}

/// The operands of each head.
fn heads<'a, T: Element>(inputs: &'a [Tensor], batch: &[usize]) -> Vec<kernels::Head<'a, T>> {
    let mut places: Vec<_> = inputs
        .iter()
        .map(|t| {
            let like = t.matrix::<T>(false);
            let all = t.raw::<T>();
            starts(t, batch).into_iter().map(move |first| Matrix { data: &all[first..], ..like })
        })
        .collect();
    let count: usize = batch.iter().product();
    let mut heads = Vec::with_capacity(count);
    for _ in 0..count {
        let mut next = places.iter_mut().filter_map(Iterator::next);
        if let (Some(query), Some(key), Some(value)) = (next.next(), next.next(), next.next()) {
            heads.push(kernels::Head { query, key, value, mask: next.next() });
        }
    }
    heads
}

/// With D what dropout multiplies by: `∂V = (P∘D)ᵀ·∂O`, `∂P = D∘(∂O·Vᵀ)`, `∂S = P∘(∂P − Σ P∘∂P)·scale`, `∂Q = ∂S·K`,
/// `∂K = ∂Sᵀ·Q`.
struct FusedAttention {
    shape: kernels::Shape,
    batch: Vec<usize>,
    /// `ln Σ eˢ` of each row.
    logs: Tensor,
    dropped: Option<Dropped>,
}

impl Op for FusedAttention {
    fn name(&self) -> &'static str {
        "ScaledDotProductFlashAttentionForCpu"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let kernels::Shape { causal, scale, rows, columns, width, values } = self.shape;
        let count = ctx.inputs.len();
        let inputs = (0..count).map(|i| ctx.input(i)).collect::<Result<Vec<_>>>()?;
        if is_grad_enabled() || count > 3 && ctx.wants(3) {
            // The gradient of a mask is as large as all scores: no reason not to hold them.
            let differentiable = is_grad_enabled();
            return enable_grad(|| {
                let inputs: Vec<Tensor> = if differentiable {
                    inputs
                } else {
                    inputs.into_iter().map(Tensor::requires_grad).collect()
                };
                let grads = through(ctx, &inputs, grad, |x| {
                    let rule =
                        Attention { mask: x.get(3), causal, scale: Some(scale), ..Attention::default() };
                    composed(&x[0], &x[1], &x[2], rule, |shape, dtype| {
                        self.dropped.as_ref().map(|dropped| dropped.factors(shape, dtype)).transpose()
                    })
                })?;
                let apart = |g: Option<Tensor>| if differentiable { g } else { g.map(|g| g.detach()) };
                Ok(grads.into_iter().map(apart).collect())
            });
        }
        let heads_count: usize = self.batch.iter().product();
        let mut found = with_float!(grad.dtype(), T => {
            let heads = heads::<T>(&inputs, &self.batch);
            let mut grads = [rows * width, columns * width, columns * values]
                .map(|size| Buffer::<T>::zeros(heads_count * size));
            let (logs, of_grad) = (self.logs.values::<T>(), grad.values::<T>());
            let dropped = self.dropped.as_ref().map(Dropped::bits);
            let passed = kernels::Passed { dropped, logs: &logs, grad: &of_grad };
            let [q, k, v] = &mut grads;
            kernels::backward(self.shape, &heads, passed, [&mut *q, &mut *k, &mut *v]);
            let mut inputs = inputs.iter();
            grads.map(|g| inputs.next().map(|like| Tensor::new(g, dense(like.shape()))))
        });
        ctx.grads(|i| found[i].take().ok_or_else(|| Error::graph("attention", "a gradient is missing")))
    }
}

/// The cases by which attention is checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let q = || float64([[0.4, -1.3], [2.0, 0.1]]);
    let kv = || float64([[0.4, -1.3], [2.0, 0.1], [0.7, -0.9]]);
    let all = || vec![q(), kv(), kv().sin()];
    let wave = |shape: [usize; 3], phase: f64| {
        let n = shape.iter().product::<usize>();
        let values: Vec<f64> = (0..n).map(|i| (i as f64 * 1.3 + phase).sin()).collect();
        Tensor::from_vec(values, shape).unwrap_or_else(|_| float64(0.0))
    };
    vec![
        case(
            "attention of several heads, keys shared",
            |x| x[0].transpose(1, 2)?.scaled_dot_product_attention(&x[1], &x[2], Attention::default()),
            vec![wave([2, 3, 4], 0.1), wave([1, 5, 3], 0.2), wave([2, 5, 2], 0.3)],
        ),
        case("attention", |x| x[0].scaled_dot_product_attention(&x[1], &x[2], Attention::default()), all()),
        case(
            "attention, causal",
            |x| {
                let causal = Attention { causal: true, scale: Some(0.3), ..Attention::default() };
                x[0].scaled_dot_product_attention(&x[1], &x[2], causal)
            },
            all(),
        ),
        case(
            "attention in groups",
            |x| {
                let groups = Attention { enable_gqa: true, ..Attention::default() };
                x[0].scaled_dot_product_attention(&x[1], &x[2], groups)
            },
            vec![wave([4, 2, 3], 0.1), wave([2, 3, 3], 0.2), wave([1, 3, 2], 0.3)],
        ),
        case(
            "attention with dropout",
            |x| {
                // The same weights each time.
                let before = generator();
                set_generator(Generator::new(3));
                let dropped = Attention { dropout_p: 0.4, ..Attention::default() };
                let y = x[0].scaled_dot_product_attention(&x[1], &x[2], dropped);
                set_generator(before);
                y
            },
            all(),
        ),
        case(
            "attention with a mask",
            |x| {
                let masked = Attention { mask: Some(&x[3]), ..Attention::default() };
                x[0].scaled_dot_product_attention(&x[1], &x[2], masked)
            },
            vec![q(), kv(), kv().sin(), float64([0.3, -0.2, 0.5])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Attention;
    use crate::random::with_default;
    use crate::{manual_seed, ones, tensor, zeros};

    #[test]
    fn heads_share_keys_only_in_groups() {
        let heads = |n: i64| ones([n, 2, 3]).unwrap();
        let groups = Attention { enable_gqa: true, ..Attention::default() };
        let y = heads(6).scaled_dot_product_attention(&heads(2), &heads(3), groups).unwrap();
        assert_eq!(y.shape(), [6, 2, 3]);
        for (queries, keys) in [(heads(6), heads(4)), (heads(6), heads(0)), (ones([2, 3]).unwrap(), heads(1))] {
            let error = queries.scaled_dot_product_attention(&keys, &keys, groups).unwrap_err().to_string();
            assert!(error.contains("multiple"), "{error}");
        }
        assert!(heads(6).scaled_dot_product_attention(&heads(2), &heads(2), Attention::default()).is_err());
    }

    #[test]
    fn a_query_that_sees_nothing_gets_zeros_and_no_gradient() {
        let (q, k) = (ones([2, 3]).unwrap().requires_grad(), ones([2, 3]).unwrap());
        let mask = tensor([[true, true], [false, false]]);
        let masked = Attention { mask: Some(&mask), ..Attention::default() };
        let y = q.scaled_dot_product_attention(&k, &k, masked).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        y.sum().backward().unwrap();
        assert_eq!(q.grad().unwrap().to_vec::<f32>().unwrap(), [0.0; 6]);
    }

    /// One key has all the weight but some 10⁻¹⁴: the gradient is as small as that, and not the rounding of large numbers.
    #[test]
    fn a_query_that_sees_nearly_one_key_has_an_exact_gradient() {
        let along = |dtype| {
            let all = |x: [[f64; 3]; 2]| tensor(x).to(dtype);
            let q = all([[5.3, -2.1, 4.2], [0.3, 4.7, -3.1]]).requires_grad();
            let k = all([[2.7, -3.3, 1.9], [-0.4, 0.7, 0.2]]);
            let v = all([[1.7, 29.3, -11.9], [3.1, 17.7, 5.3]]);
            let y = q.scaled_dot_product_attention(
                &k,
                &v,
                Attention { scale: Some(1.0), ..Attention::default() },
            );
            y.unwrap().square().sum().backward().unwrap();
            q.grad().unwrap().to(crate::DType::F64).to_vec::<f64>().unwrap()
        };
        for (single, double) in along(crate::DType::F32).iter().zip(along(crate::DType::F64)) {
            assert!((single - double).abs() <= 1e-3 * double.abs(), "{single:e}, exactly {double:e}");
        }
    }

    /// More rows than the kernel looks at together, causal or not: the same as in tensor operations.
    #[test]
    fn blocks_of_rows_are_the_whole() {
        for causal in [false, true] {
            let all = |phase: f64| {
                let values: Vec<f64> = (0..2 * 150 * 5).map(|i| (f64::from(i) * 0.7 + phase).sin()).collect();
                crate::Tensor::from_vec(values, [2, 150, 5]).unwrap().requires_grad()
            };
            let [here, there] = [(); 2].map(|()| [all(0.1), all(0.2), all(0.3)]);
            let rule = Attention { causal, ..Attention::default() };
            let y = here[0].scaled_dot_product_attention(&here[1], &here[2], rule).unwrap();
            let z = super::composed(&there[0], &there[1], &there[2], rule, |_, _| Ok(None)).unwrap();
            assert!(y.allclose(&z, 1e-12, 1e-13).unwrap());
            for y in [&y, &z] {
                y.backward_with(&z.detach().cos()).unwrap();
            }
            for (a, b) in here.iter().zip(&there) {
                assert!(a.grad().unwrap().allclose(&b.grad().unwrap(), 1e-10, 1e-12).unwrap(), "{causal}");
            }
        }
    }

    /// The same weights are lost as by dropout of the weights themselves, from the same stream of numbers, and the
    /// gradients are those of tensor operations.
    #[test]
    fn dropout_is_that_of_all_weights_at_once() {
        let (heads, rows, columns) = (3, 70, 33);
        let all = |steps: usize, phase: f64| {
            let values = (0..heads * steps * 4).map(|i| (i as f64 * 0.7 + phase).sin()).collect();
            crate::Tensor::from_vec::<f64>(values, [heads, steps, 4]).unwrap().requires_grad()
        };
        let [here, there] = [(); 2].map(|()| [all(rows, 0.1), all(columns, 0.2), all(columns, 0.3)]);
        for (causal, p) in [(false, 0.3), (true, 0.3), (true, 1.0)] {
            let rule = Attention { causal, dropout_p: p, ..Attention::default() };
            manual_seed(7);
            let y = here[0].scaled_dot_product_attention(&here[1], &here[2], rule).unwrap();
            let after = crate::rand([1]).unwrap();
            manual_seed(7);
            let z = super::composed(&there[0], &there[1], &there[2], rule, |shape, dtype| {
                let mask = with_default(|g| g.bernoulli_scalar(shape, 1.0 - p, dtype));
                Ok(Some(if p < 1.0 { mask?.div(1.0 - p)? } else { crate::zeros(shape)?.to(dtype) }))
            });
            let z = z.unwrap();
            assert!(p == 1.0 || after.equal(&crate::rand([1]).unwrap()));
            assert!(
                y.allclose(&z, 1e-12, 1e-13).unwrap() && (y.abs().sum().item().unwrap() == 0.0) == (p == 1.0)
            );
            for (y, x) in [(&y, &here), (&z, &there)] {
                x.iter().for_each(crate::Tensor::zero_grad);
                y.backward_with(&z.detach().cos()).unwrap();
            }
            for (a, b) in here.iter().zip(&there) {
                assert!(
                    a.grad().unwrap().allclose(&b.grad().unwrap(), 1e-10, 1e-12).unwrap(),
                    "{causal} {p}"
                );
            }
        }
        let wrong = Attention { dropout_p: 1.5, ..Attention::default() };
        assert!(here[0].scaled_dot_product_attention(&here[1], &here[2], wrong).is_err());
    }

    /// Expected: `torch.manual_seed(5)`, then `F.scaled_dot_product_attention(q, k, v, dropout_p=0.3)` and `torch.rand(1)`.
    #[test]
    fn dropout_loses_what_pytorch_loses() {
        let wave = |shape: [usize; 4], phase: f64| {
            let n = shape.iter().product::<usize>();
            let values = (0..n).map(|i| (i as f64 * 0.7 + phase).sin() as f32).collect();
            crate::Tensor::from_vec(values, shape).unwrap()
        };
        let (q, k, v) = (wave([2, 3, 4, 5], 0.0), wave([2, 3, 6, 5], 1.0), wave([2, 3, 6, 2], 2.0));
        manual_seed(5);
        let rule = Attention { dropout_p: 0.3, ..Attention::default() };
        let y = q.scaled_dot_product_attention(&k, &v, rule).unwrap();
        let expected = [0.136028, 0.144873, 0.488333, 0.477910, -0.093471, -0.142249, -0.050644, -0.237165];
        for (found, expected) in y.to_vec::<f32>().unwrap().into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert!((y.sum().item().unwrap() + 0.224387).abs() < 1e-5);
        assert!((crate::rand([1]).unwrap().item().unwrap() - 0.314340).abs() < 1e-6);
    }

    #[test]
    fn nothing_to_see_and_too_many_rules() {
        let (q, none) = (ones([2, 3]).unwrap(), zeros([0, 3]).unwrap());
        let y = q.scaled_dot_product_attention(&none, &none, Attention::default()).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [0.0; 6]);
        let both = Attention { mask: Some(&q), causal: true, ..Attention::default() };
        assert!(q.scaled_dot_product_attention(&q, &q, both).is_err());
    }
}
