//! Batch, group and instance normalisation: each channel of `(N, C, …)` to mean 0 and variance 1.
//!
//! `y = (x − μ)/√(σ² + ε)·w + b`, where μ and σ² are those of a set of planes `(n, c)`: of a channel over the batch, of a
//! group of channels of one sample, or of a single plane; w and b belong to channels. Sources: S. Ioffe, C. Szegedy,
//! arXiv:1502.03167; Y. Wu, K. He, arXiv:1803.08494; D. Ulyanov, A. Vedaldi, V. Lempitsky, arXiv:1607.08022.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, 10.0], [3.0, 30.0]]);
//! let y = x.batch_norm(None, None, None, 0.0)?;
//! assert_eq!(y.output.to_string(), "tensor([[-1., -1.],\n        [ 1.,  1.]])");
//! assert_eq!(y.mean.to_string(), "tensor([ 2., 20.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::error::{Error, Result};
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;
use kernel::{Float, channel_norm as kernels, layer_norm};
use smallvec::SmallVec;
use std::cell::OnceCell;

/// A normalised tensor, and by what it was normalised.
#[derive(Clone, Debug)]
pub struct Normalized {
    /// `(N, C, …)`
    pub output: Tensor,
    /// μ: `(C)` of a batch, `(N, groups)` of groups. Not a part of the graph.
    pub mean: Tensor,
    /// σ², with n in the denominator, as μ.
    pub var: Tensor,
}

impl Tensor {
    /// Each channel of `(N, C, …)` to mean 0 and variance 1 over the batch, or by a given `(mean, variance)` of shape
    /// `(C)`, then times `weight` plus `bias`, both `(C)`. A vector has no channels: an error, also for an empty one, which
    /// PyTorch lets through.
    ///
    /// # Errors
    /// If shapes or types do not fit.
    #[doc(alias = "torch.nn.functional.batch_norm")]
    #[track_caller]
    pub fn batch_norm(
        &self,
        given: Option<(&Tensor, &Tensor)>,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Normalized> {
        let (n, c, s) = self.planes("batch_norm", &[weight, bias, given.map(|g| g.0), given.map(|g| g.1)])?;
        if given.is_none() && n * s == 1 {
            return Err(few("batch_norm", self));
        }
        if given.is_none() && eps < 0.0 {
            return Err(Error::value("batch_norm", format!("training needs an eps of at least 0, found {eps}")));
        }
        let sets = Sets { n, c, s, groups: c, over_batch: true };
        self.normalized("NativeBatchNorm", sets, given, [weight, bias], eps)
    }

    /// The channels of each sample of `(N, C, …)` in `num_groups` groups, each to mean 0 and variance 1, then times
    /// `weight` plus `bias`, both `(C)`.
    ///
    /// # Errors
    /// If the groups do not divide the channels, or shapes or types do not fit.
    #[doc(alias = "torch.nn.functional.group_norm")]
    #[track_caller]
    pub fn group_norm(
        &self,
        num_groups: usize,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Tensor> {
        let (n, c, s) = self.planes("group_norm", &[weight, bias])?;
        if num_groups == 0 || c % num_groups != 0 {
            let message = format!("{c} channels cannot be divided into {num_groups} groups");
            return Err(Error::shape("group_norm", message));
        }
        if c == 0 || s == 0 || self.numel() == num_groups {
            return Err(few("group_norm", self));
        }
        let sets = Sets { n, c, s, groups: num_groups, over_batch: false };
        Ok(self.normalized("NativeGroupNorm", sets, None, [weight, bias], eps)?.output)
    }

    /// Each channel of each sample of `(N, C, d₁, …)` to mean 0 and variance 1, then times `weight` plus `bias`, both `(C)`.
    ///
    /// # Errors
    /// If a channel has a single element, or shapes or types do not fit.
    #[doc(alias = "torch.nn.functional.instance_norm")]
    #[track_caller]
    pub fn instance_norm(
        &self,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Normalized> {
        let (n, c, s) = self.planes("instance_norm", &[weight, bias])?;
        if s == 1 {
            return Err(few("instance_norm", self));
        }
        let sets = Sets { n, c, s, groups: c, over_batch: false };
        self.normalized("NativeInstanceNorm", sets, None, [weight, bias], eps)
    }

    /// N, C and the size of a plane; what comes with them must be of shape `(C)` and of the same type.
    #[track_caller]
    fn planes(&self, op: &'static str, parts: &[Option<&Tensor>]) -> Result<(usize, usize, usize)> {
        if !self.dtype().is_float() {
            return Err(Error::not_float(op, self.dtype()));
        }
        let [n, c, rest @ ..] = self.shape() else {
            return Err(Error::shape(op, format!("expected (N, C, …), found shape {:?}", self.shape())));
        };
        for part in parts.iter().flatten() {
            if part.shape() != [*c] {
                return Err(Error::shape(
                    op,
                    format!("{c} channels need a weight, a bias, … of shape [{c}], found {:?}", part.shape()),
                ));
            }
            if part.dtype() != self.dtype() {
                return Err(Error::dtype(op, format!("the input is {}, a weight {}", self.dtype(), part.dtype())));
            }
        }
        Ok((*n, *c, rest.iter().product()))
    }

    #[track_caller]
    fn normalized(
        &self,
        name: &'static str,
        sets: Sets,
        given: Option<(&Tensor, &Tensor)>,
        [weight, bias]: [Option<&Tensor>; 2],
        eps: f64,
    ) -> Result<Normalized> {
        // A plane of one element is a column of `(N, C)`: all of a channel is one set of N elements.
        let columns = sets.over_batch && sets.s == 1;
        let sets = if columns { Sets { n: 1, s: sets.n, ..sets } } else { sets };
        let mut op = ChannelNorm { name, sets, columns, eps, given: given.is_some(), moments: vec![], weight: weight.is_some() };
        with_float!(self.dtype(), T => {
            let values = self.values::<T>();
            let found = match given {
                Some((mean, var)) => {
                    mean.values::<T>().iter().zip(&*var.values::<T>()).map(|(m, v)| [m.to_f64(), v.to_f64()]).collect()
                }
                None => sets.moments(columns, &values),
            };
            let kept: &[usize] = if sets.over_batch { &[sets.c] } else { &[sets.n, sets.groups] };
            let of_sets = |i: usize| Tensor::from_vec(found.iter().map(|m| m[i] as T).collect(), kept);
            let (mean, var) = (of_sets(0)?, of_sets(1)?);
            op.moments = found.iter().map(|&[mean, var]| [mean, (var + eps).sqrt().recip()]).collect();

            let [weights, biases] = [weight, bias].map(|t| t.map(Tensor::values::<T>));
            let of_planes: Vec<[f64; 3]> = sets
                .each_plane()
                .map(|(c, set)| {
                    let [mean, scale] = op.moments[set];
                    let a = weights.as_ref().map_or(1.0, |w| w[c].to_f64());
                    [mean, scale * a, biases.as_ref().map_or(0.0, |b| b[c].to_f64())]
                })
                .collect();
            let mut y = Buffer::<T>::unwritten(values.len());
            if columns {
                kernels::columns::stretch(&values, &of_planes, &mut y);
            } else {
                kernels::stretch(&values, &of_planes, &mut y);
            }
            let inputs: SmallVec<[&Tensor; 3]> = [Some(self), weight, bias].into_iter().flatten().collect();
            let output = Tensor::new(y, self.dense_layout()).record(op, &inputs);
            Ok(Normalized { output, mean, var })
        })
    }
}

#[track_caller]
fn few(op: &'static str, x: &Tensor) -> Error {
    Error::shape(op, format!("training needs more than one value per channel, found shape {:?}", x.shape()))
}

/// Which planes of `(N, C, s)` share a mean and a variance: those of a channel, or those of a group in one sample.
#[derive(Clone, Copy)]
struct Sets {
    n: usize,
    c: usize,
    s: usize,
    groups: usize,
    over_batch: bool,
}

impl Sets {
    /// Channel and set of each plane.
    fn each_plane(self) -> impl Iterator<Item = (usize, usize)> {
        let in_group = (self.c / self.groups.max(1)).max(1);
        (0..self.n).flat_map(move |n| {
            let first = if self.over_batch { 0 } else { n * self.groups };
            (0..self.c).map(move |c| (c, first + c / in_group))
        })
    }

    /// How many numbers share a mean.
    fn numbers(self) -> f64 {
        let samples = if self.over_batch { self.n } else { 1 };
        (samples * self.c * self.s) as f64 / self.groups as f64
    }

    /// μ and σ² of each set. The parts of a set that stand together come first, then, over the batch, all of them:
    /// `σ² = mean(σᵢ² + (μᵢ − μ)²)`.
    fn moments<T: Float>(self, columns: bool, x: &[T]) -> Vec<[f64; 2]> {
        let mut parts = vec![[0.0; 2]; self.n * self.groups];
        if columns {
            kernels::columns::variances(x, &mut parts);
            return parts;
        }
        layer_norm::variances(x, &mut parts);
        if !self.over_batch || self.n == 1 {
            return parts;
        }
        let share = 1.0 / self.n as f64;
        let mut all = vec![[0.0; 2]; self.groups];
        let samples = || parts.chunks_exact(self.groups.max(1));
        samples().for_each(|part| all.iter_mut().zip(part).for_each(|(all, part)| all[0] += part[0] * share));
        samples().for_each(|part| {
            for (all, &[mean, var]) in all.iter_mut().zip(part) {
                all[1] += (var + (mean - all[0]) * (mean - all[0])) * share;
            }
        });
        all
    }

    /// `(N, C, …)` as `(N, groups, channels of a group, s)`, and the dimensions along which a set extends.
    fn apart(self, columns: bool) -> ([usize; 4], &'static [i64]) {
        let dims: &[i64] = if self.over_batch { &[0, 2, 3] } else { &[2, 3] };
        let [n, s] = if columns { [self.s, 1] } else { [self.n, self.s] };
        ([n, self.groups, self.c / self.groups.max(1), s], dims)
    }
}

/// `∂x = ρ·(g − mean(g) − x̂·mean(g·x̂))` with `g = ∂y·w`, or `ρ·g` where mean and variance were given;
/// `∂w = Σ ∂y·x̂`, `∂b = Σ ∂y`.
struct ChannelNorm {
    name: &'static str,
    sets: Sets,
    /// Whether this is `(N, C)`, and its sets are columns.
    columns: bool,
    eps: f64,
    given: bool,
    /// μ and ρ of each set.
    moments: Vec<[f64; 2]>,
    /// Whether input 1 is the weight, and not the bias.
    weight: bool,
}

impl ChannelNorm {
    fn differentiable(&self, ctx: &Ctx<'_>, grad: &Tensor, i: usize) -> Result<Tensor> {
        let input = ctx.input(0)?;
        let (shape, dims) = self.sets.apart(self.columns);
        let apart = |t: &Tensor| t.reshape(shape);
        let of_channels = |t: &Tensor| t.reshape([1, shape[1], shape[2], 1]);
        let grad = apart(grad)?;
        if i > 1 || i == 1 && !self.weight {
            return grad.sum_dim([0, 3], false)?.reshape(self.sets.c);
        }
        let x = apart(&input)?;
        let mean = |t: &Tensor| t.mean_dim(dims, true);
        let (centered, scale) = if self.given {
            let [m, r] = [0, 1].map(|k| self.moments.iter().map(|m| m[k]).collect::<Vec<f64>>());
            let of_channels = |values: Vec<f64>| Ok(of_channels(&Tensor::from_vec(values, self.sets.c)?)?.to(x.dtype()));
            (x.sub(&of_channels(m)?)?, of_channels(r)?)
        } else {
            let centered = x.sub(&mean(&x)?)?;
            let scale = mean(&centered.square())?.add(self.eps)?.rsqrt();
            (centered, scale)
        };
        let unit = centered.mul(&scale)?;
        if i == 1 {
            return grad.mul(&unit)?.sum_dim([0, 3], false)?.reshape(self.sets.c);
        }
        let g = if self.weight { grad.mul(&of_channels(&ctx.input(1)?)?)? } else { grad };
        let slope = if self.given {
            g.mul(&scale)?
        } else {
            let along = mean(&g.mul(&unit)?)?;
            g.sub(&mean(&g)?)?.sub(&unit.mul(&along)?)?.mul(&scale)?
        };
        slope.reshape(input.shape())
    }

    fn fused(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let (input, sets) = (ctx.input(0)?, self.sets);
        let weight = if self.weight && ctx.wants(0) { Some(ctx.input(1)?) } else { None };
        with_float!(grad.dtype(), T => {
            let (values, grads) = (input.values::<T>(), grad.values::<T>());
            // Σ g and Σ g·(x − μ) of each plane, unless nobody asks.
            let sums = OnceCell::new();
            let sums = || {
                sums.get_or_init(|| {
                    let centers: Vec<f64> = sets.each_plane().map(|(_, set)| self.moments[set][0]).collect();
                    let mut sums = vec![[0.0; 2]; centers.len()];
                    if self.columns {
                        kernels::columns::sums(&values, &grads, &centers, &mut sums);
                    } else {
                        kernels::sums(&values, &grads, &centers, &mut sums);
                    }
                    sums
                })
            };
            ctx.grads(|i| {
                if i > 0 {
                    let mut totals = vec![0.0; sets.c];
                    for ((c, set), &[sum, along]) in sets.each_plane().zip(sums()) {
                        totals[c] += if i == 1 && self.weight { along * self.moments[set][1] } else { sum };
                    }
                    return Tensor::from_vec(totals.into_iter().map(|t| t as T).collect(), sets.c);
                }
                let weights = weight.as_ref().map(Tensor::values::<T>);
                let weight = |c: usize| weights.as_ref().map_or(1.0, |w| w[c].to_f64());
                // mean(g) and mean(g·x̂) of each set.
                let mut means = vec![[0.0; 2]; self.moments.len()];
                if !self.given {
                    let n = sets.numbers();
                    for ((c, set), &[sum, along]) in sets.each_plane().zip(sums()) {
                        means[set][0] += sum * weight(c) / n;
                        means[set][1] += along * weight(c) * self.moments[set][1] / n;
                    }
                }
                let of_planes: Vec<[f64; 4]> = sets
                    .each_plane()
                    .map(|(c, set)| {
                        let ([mean, scale], [g, along]) = (self.moments[set], means[set]);
                        [mean, scale * weight(c), -scale * scale * along, -scale * g]
                    })
                    .collect();
                let mut out = Buffer::<T>::unwritten(values.len());
                if self.columns {
                    kernels::columns::input_gradient(&values, &grads, &of_planes, &mut out);
                } else {
                    kernels::input_gradient(&values, &grads, &of_planes, &mut out);
                }
                Ok(Tensor::new(out, input.dense_layout()))
            })
        })
    }
}

impl Op for ChannelNorm {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        if is_grad_enabled() { ctx.grads(|i| self.differentiable(ctx, grad, i)) } else { self.fused(ctx, grad) }
    }
}

/// The cases by which the normalisations are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || float64([[[0.4, -1.3], [2.0, 0.1]], [[0.7, -0.9], [0.3, 1.2]]]);
    let c = |a: f64| float64([a, -0.7]);
    let given = move || (c(0.2), float64([0.5, 1.5]));
    vec![
        case("batch_norm", |x| Ok(x[0].batch_norm(None, Some(&x[1]), Some(&x[2]), 1e-5)?.output), vec![x(), c(0.5), c(0.1)]),
        case("batch_norm of large planes",
            |x| Ok(x[0].repeat([1, 1, 9])?.batch_norm(None, Some(&x[1]), None, 0.1)?.output),
            vec![x(), c(0.5)],
        ),
        case(
            "batch_norm by given numbers",
            move |x| {
                let (mean, var) = given();
                Ok(x[0].batch_norm(Some((&mean, &var)), Some(&x[1]), Some(&x[2]), 1e-5)?.output)
            },
            vec![x(), c(0.5), c(0.1)],
        ),
        case(
            "batch_norm of columns",
            |x| Ok(x[0].batch_norm(None, Some(&x[1]), Some(&x[2]), 0.1)?.output),
            vec![float64([[0.4, -1.3], [2.0, 0.1], [0.7, -0.9]]), c(0.5), c(0.1)],
        ),
        case(
            "group_norm",
            |x| x[0].reshape([2, 4, 1])?.group_norm(2, Some(&x[1]), Some(&x[2]), 1e-5),
            vec![x(), float64([0.5, -0.2, 1.1, 0.3]), float64([0.1, 0.2, 0.3, 0.4])],
        ),
        case("instance_norm", |x| Ok(x[0].instance_norm(None, Some(&x[1]), 0.1)?.output), vec![x(), c(0.5)]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{ones, randn, zeros};

    #[test]
    fn misfits_are_named_and_nothing_stays_nothing() {
        let x = ones([2, 3, 4]).unwrap();
        let two = ones([2]).unwrap();
        for error in [
            x.group_norm(2, None, None, 1e-5).unwrap_err(),
            x.group_norm(0, None, None, 1e-5).unwrap_err(),
            x.group_norm(3, Some(&two), None, 1e-5).unwrap_err(),
            x.batch_norm(Some((&two, &two)), None, None, 1e-5).unwrap_err(),
            ones([1, 3]).unwrap().batch_norm(None, None, None, 1e-5).unwrap_err(),
            ones([4, 3, 1]).unwrap().instance_norm(None, None, 1e-5).unwrap_err(),
            ones([4]).unwrap().batch_norm(None, None, None, 1e-5).unwrap_err(),
        ] {
            assert!(error.to_string().contains('3') || error.to_string().contains('4'), "{error}");
        }
        assert_eq!(zeros([0, 4, 2]).unwrap().group_norm(2, None, None, 1e-5).unwrap().shape(), [0, 4, 2]);
    }

    #[test]
    fn columns_are_planes_of_one_element() {
        let x = randn([40, 70]).unwrap();
        let columns = x.batch_norm(None, None, None, 1e-5).unwrap();
        let planes = x.t().unwrap().reshape([1, 70, 40]).unwrap().batch_norm(None, None, None, 1e-5).unwrap();
        let turned = planes.output.squeeze_dim(0).unwrap().t().unwrap();
        assert!(columns.output.allclose(&turned, 1e-5, 1e-6).unwrap());
        assert!(columns.var.allclose(&planes.var, 1e-5, 1e-6).unwrap());
    }
}
