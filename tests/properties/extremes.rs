//! Numbers that no shape has, given to everything that asks for a size, a stride, an offset, a dimension or a count: an
//! answer or an `Error`, at once, never a panic.
//!
//! `EXTREMES_SHOW=1` prints each call before it is made.

use baekmi::prelude::*;
use baekmi::tensor::{self, Conv, Indexing, Interpolate, Interpolation, Pad, Pool, Upsampling, Window};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What is drawn from, half of the time; else a number of 0 to 4.
const EXTREME: [i64; 14] = [
    i64::MIN,
    i64::MIN + 1,
    -(1 << 62),
    -(1 << 31) - 1,
    -2,
    -1,
    0,
    (1 << 31) - 1,
    1 << 31,
    1 << 33,
    1 << 40,
    1 << 62,
    i64::MAX - 1,
    i64::MAX,
];

/// A stream of arguments (splitmix64), which remembers what it gave.
struct Draw {
    state: u64,
    given: Vec<i64>,
}

impl Draw {
    fn u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn int(&mut self) -> i64 {
        let drawn = self.u64();
        let number = match drawn % 2 {
            0 => (drawn >> 8) as i64 % 5,
            _ => EXTREME[(drawn >> 8) as usize % EXTREME.len()],
        };
        self.given.push(number);
        number
    }

    /// A small number in most cases, so that what follows it is looked at.
    fn mild(&mut self) -> i64 {
        if self.u64().is_multiple_of(4) { self.int() } else { self.small(4) as i64 }
    }

    fn small(&mut self, below: u64) -> usize {
        let number = (self.u64() % below) as i64;
        self.given.push(number);
        number as usize
    }

    fn size(&mut self) -> usize {
        self.int() as usize
    }

    fn dim(&mut self) -> isize {
        self.mild() as isize
    }

    fn offset(&mut self) -> isize {
        self.int() as isize
    }

    fn flag(&mut self) -> bool {
        self.small(2) == 1
    }

    fn ints(&mut self) -> Vec<i64> {
        let n = self.small(5);
        (0..n).map(|_| self.mild()).collect()
    }

    fn exactly(&mut self, n: usize) -> Vec<i64> {
        (0..n).map(|_| self.mild()).collect()
    }

    /// Of up to four dimensions, some of them empty.
    fn tensor(&mut self, dtype: DType) -> Tensor {
        let rank = self.small(5);
        self.of_rank(rank, dtype)
    }

    fn of_rank(&mut self, rank: usize, dtype: DType) -> Tensor {
        let shape: Vec<usize> = (0..rank).map(|_| self.small(4)).collect();
        let numel = shape.iter().product::<usize>();
        let x = Tensor::from_vec((0..numel).map(|i| i as f64 - 3.0).collect(), shape).unwrap().to(dtype);
        if self.flag() && rank > 1 { x.transpose(0, 1).unwrap() } else { x }
    }

    fn window(&mut self) -> Window {
        let [kernel, dilation, padding, stride] = [(); 4].map(|()| self.pairs());
        Window::new(kernel).dilation(dilation).padding(padding).stride(stride)
    }

    fn pairs(&mut self) -> Vec<i64> {
        let n = self.small(2) + 1;
        self.exactly(n)
    }

    fn conv(&mut self) -> Conv {
        let [stride, dilation, padding, output] = [(); 4].map(|()| self.mild());
        let conv = Conv::new().stride(stride.max(1)).dilation(dilation).groups(1 + self.small(2));
        if self.flag() { conv.padding_same() } else { conv.padding(padding).output_padding(output) }
    }

    fn pool(&mut self) -> Pool {
        let [kernel, stride, dilation, padding] = [(); 4].map(|()| self.mild());
        Pool::new(kernel)
            .stride(stride)
            .padding(padding)
            .dilation(if self.flag() { 1 } else { dilation })
            .ceil_mode(self.flag())
            .divisor_override(self.mild())
    }
}

type Call = fn(&mut Draw, &Tensor) -> tensor::Result<Vec<Tensor>>;

fn one(y: tensor::Result<Tensor>) -> tensor::Result<Vec<Tensor>> {
    y.map(|y| vec![y])
}

fn two((y, z): (Tensor, Tensor)) -> Vec<Tensor> {
    vec![y, z]
}

/// One call for each function that is told numbers; `x` has any shape.
const CALLS: &[(&str, Call)] = &[
    ("zeros", |d, _| one(tensor::zeros(d.ints()))),
    ("full", |d, _| one(tensor::full(d.ints(), d.int()))),
    ("arange", |d, _| one(tensor::arange(d.int(), d.int(), d.int()))),
    ("arange of fractions", |d, _| one(tensor::arange(d.int() as f64, d.int() as f64, d.int() as f64))),
    ("affine_grid", |d, _| {
        let map = zeros([1, 2, 3])?;
        one(map.affine_grid([1, d.int(), d.int(), d.int()], d.flag()))
    }),
    ("grid_sample", |d, _| {
        let places = Tensor::from_vec((0..4).map(|_| d.int() as f64).collect(), [1, 1, 2, 2])?;
        let padding = [GridPadding::Zeros, GridPadding::Border, GridPadding::Reflection][d.small(3)];
        let mode = [Upsampling::Bilinear, Upsampling::Nearest, Upsampling::Bicubic][d.small(3)];
        let how = tensor::GridSample::new().padding_mode(padding).mode(mode).align_corners(d.flag());
        one(Tensor::ones([1, 1, 2, 3], DType::F64)?.grid_sample(&places, &how))
    }),
    ("hann_window", |d, _| one(tensor::hann_window(d.size(), d.int() % 2 == 0))),
    ("kaiser_window", |d, _| one(tensor::kaiser_window(d.size(), d.int() % 2 == 0, d.int() as f64))),
    ("linspace", |d, _| one(tensor::linspace(d.int() as f64, d.int() as f64, d.size()))),
    ("logspace", |d, _| one(tensor::logspace(d.int() as f64, d.int() as f64, d.size()))),
    ("eye", |d, _| one(Tensor::eye(d.size(), d.size(), DType::F32))),
    ("vander", |d, _| one(d.of_rank(1, DType::F32).vander(d.size(), true))),
    ("rand", |d, _| one(tensor::rand(d.ints()))),
    ("randn", |d, _| one(tensor::randn(d.ints()))),
    ("randint", |d, _| one(tensor::randint(d.int(), d.int(), d.ints()))),
    ("randperm", |d, _| one(tensor::randperm(d.size()))),
    ("multinomial", |d, x| one(x.abs().multinomial(d.size(), d.flag()))),
    ("tril_indices", |d, _| one(tensor::tril_indices(d.size(), d.size(), d.int()))),
    ("triu_indices", |d, _| one(tensor::triu_indices(d.size(), d.size(), d.int()))),
    ("reshape", |d, x| one(x.reshape(d.ints()))),
    ("view", |d, x| one(x.view(d.ints()))),
    ("flatten", |d, x| one(x.flatten(d.offset(), d.offset()))),
    ("unflatten", |d, x| one(x.unflatten(d.dim(), d.ints()))),
    ("unsqueeze", |d, x| one(x.unsqueeze(d.offset()))),
    ("squeeze_dim", |d, x| one(x.squeeze_dim(d.ints()))),
    ("expand", |d, x| one(x.expand(d.ints()))),
    ("sum_to_size", |d, x| one(x.sum_to_size(d.ints()))),
    ("transpose", |d, x| one(x.transpose(d.offset(), d.dim()))),
    ("permute", |d, x| one(x.permute(d.ints()))),
    ("movedim", |d, x| one(x.movedim(d.ints(), d.ints()))),
    ("narrow", |d, x| one(x.narrow(d.dim(), d.size(), d.size()))),
    ("slice", |d, x| one(x.slice(d.dim(), d.offset(), d.offset(), d.size()))),
    ("select", |d, x| one(x.select(d.dim(), d.offset()))),
    ("as_strided", |d, x| one(x.contiguous().as_strided(d.ints(), d.ints(), d.size()))),
    ("select_scatter", |d, x| one(x.select_scatter(x, d.dim(), d.offset()))),
    ("slice_scatter", |d, x| one(x.slice_scatter(x, d.dim(), d.offset(), d.offset(), d.size()))),
    ("i", |d, x| {
        one(x.i((d.int(), Index::Slice { start: Some(d.int()), end: Some(d.int()), step: d.int() })))
    }),
    ("set_i", |d, x| {
        one(x.set_i((Index::Slice { start: Some(d.int()), end: Some(d.int()), step: d.int() }, d.int()), 1.0))
    }),
    ("split", |d, x| x.split(d.size(), d.dim())),
    ("split into sizes", |d, x| x.split(d.ints(), d.dim())),
    ("chunk", |d, x| x.chunk(d.size(), d.dim())),
    ("tensor_split", |d, x| x.tensor_split(d.size(), d.dim())),
    ("tensor_split at", |d, x| x.tensor_split(d.ints(), d.dim())),
    ("unbind", |d, x| x.unbind(d.offset())),
    ("repeat", |d, x| one(x.repeat(d.ints()))),
    ("tile", |d, x| one(x.tile(d.ints()))),
    ("repeat_interleave", |d, x| one(x.repeat_interleave(d.ints(), d.dim()))),
    ("roll", |d, x| one(x.roll(d.ints(), d.ints()))),
    ("flip", |d, x| one(x.flip(d.ints()))),
    ("rot90", |d, x| one(x.rot90(d.int(), d.exactly(2)))),
    ("tril", |d, x| one(x.tril(d.int()))),
    ("triu", |d, x| one(x.triu(d.int()))),
    ("diag", |d, x| one(x.diag(d.offset()))),
    ("diagflat", |d, x| one(x.diagflat(d.offset()))),
    ("diagonal", |d, x| one(x.diagonal(d.offset(), d.dim(), d.dim()))),
    ("diag_embed", |d, x| one(x.diag_embed(d.offset(), d.dim(), d.dim()))),
    ("diagonal_scatter", |d, x| one(x.diagonal_scatter(x, d.offset(), d.dim(), d.dim()))),
    ("pad", |d, x| one(x.pad(d.ints(), Pad::Constant(1.0)))),
    ("pad by reflection", |d, _| {
        one({
            let x = d.of_rank(3, DType::F32);
            x.pad(d.exactly(2), Pad::Reflect)
        })
    }),
    ("pad by the edge", |d, _| {
        one({
            let x = d.of_rank(3, DType::F32);
            x.pad(d.exactly(4), Pad::Replicate)
        })
    }),
    ("pad by the other end", |d, _| {
        one({
            let x = d.of_rank(3, DType::F32);
            x.pad(d.exactly(2), Pad::Circular)
        })
    }),
    ("unfold", |d, x| one(x.unfold(d.dim(), d.mild() as usize, d.size()))),
    ("unfold2d", |d, _| {
        one({
            let x = d.of_rank(4, DType::F32);
            x.unfold2d(d.window())
        })
    }),
    ("fold", |d, _| {
        one({
            let x = d.of_rank(3, DType::F32);
            x.fold(d.exactly(2), d.window())
        })
    }),
    ("pixel_shuffle", |d, _| {
        one({
            let x = d.of_rank(4, DType::F32);
            x.pixel_shuffle(d.size())
        })
    }),
    ("pixel_unshuffle", |d, _| {
        one({
            let x = d.of_rank(4, DType::F32);
            x.pixel_unshuffle(d.size())
        })
    }),
    ("channel_shuffle", |d, _| {
        one({
            let x = d.of_rank(4, DType::F32);
            x.channel_shuffle(d.size())
        })
    }),
    ("combinations", |d, _| {
        one({
            let x = d.of_rank(1, DType::F32);
            x.combinations(d.size(), d.flag())
        })
    }),
    ("sum_dim", |d, x| one(x.sum_dim(d.ints(), d.flag()))),
    ("prod_dim", |d, x| one(x.prod_dim(d.ints(), d.flag()))),
    ("var_dim", |d, x| one(x.var_dim(d.ints(), d.int() as f64, d.flag()))),
    ("amax", |d, x| one(x.amax(d.ints(), d.flag()))),
    ("argmax", |d, x| one(x.argmax(d.offset(), d.flag()))),
    ("any_dim", |d, x| one(x.any_dim(d.ints(), d.flag()))),
    ("count_nonzero", |d, x| one(x.count_nonzero(d.ints()))),
    ("logsumexp", |d, x| one(x.logsumexp(d.ints(), d.flag()))),
    ("vector_norm", |d, x| one(x.vector_norm(d.int() as f64, d.ints(), d.flag()))),
    ("renorm", |d, x| one(x.renorm(d.int() as f64, d.dim(), d.int() as f64))),
    ("softmax", |d, x| one(x.softmax(d.offset()))),
    ("cumsum", |d, x| one(x.cumsum(d.offset()))),
    ("cummax", |d, x| x.cummax(d.offset()).map(two)),
    ("diff", |d, x| one(x.diff(d.size(), d.dim()))),
    ("trapezoid", |d, x| one(x.trapezoid(1.0, d.offset()))),
    ("sort", |d, x| x.sort(d.offset(), d.flag()).map(two)),
    ("topk", |d, x| x.topk(d.size(), d.dim(), d.flag()).map(two)),
    ("kthvalue", |d, x| x.kthvalue(d.size(), d.dim(), d.flag()).map(two)),
    ("median_dim", |d, x| x.median_dim(d.offset(), d.flag()).map(two)),
    ("mode", |d, x| x.mode(d.offset(), d.flag()).map(two)),
    ("quantile", |d, x| one(x.quantile(&tensor::tensor(0.3), d.offset(), d.flag(), Interpolation::Linear))),
    ("unique", |d, x| x.unique(d.offset()).map(|found| vec![found.values])),
    ("histc", |d, x| one(x.histc(d.size(), d.int() as f64, d.int() as f64))),
    ("bincount", |d, _| one(tensor::tensor(d.ints()).bincount(None, d.size()))),
    ("one_hot", |d, _| one(tensor::tensor(d.ints()).one_hot(d.size()))),
    ("unravel_index", |d, _| tensor::tensor(d.ints()).unravel_index(d.ints())),
    ("embedding", |d, x| one(tensor::tensor(d.ints()).embedding(x, d.int()))),
    ("gather", |d, x| one(x.gather(d.dim(), &tensor::tensor(d.ints())))),
    ("take", |d, x| one(x.take(&tensor::tensor(d.ints())))),
    ("index_select", |d, x| one(x.index_select(d.dim(), &tensor::tensor(d.ints())))),
    ("index_add", |d, x| one(x.index_add(d.dim(), &tensor::tensor(d.ints()), x))),
    ("scatter_add", |d, x| one(x.scatter_add(d.dim(), &tensor::tensor(d.ints()), x))),
    ("matrix_power", |d, x| one(x.matrix_power(d.int()))),
    ("tensordot", |d, x| one(x.tensordot(x, d.size()))),
    ("tensordot of dimensions", |d, x| one(x.tensordot(x, (d.ints(), d.ints())))),
    ("kron of large views", |d, x| one(x.expand(d.ints()).and_then(|y| y.kron(&y)))),
    ("outer of large views", |d, _| one(tensor::tensor(1.0).expand(d.size()).and_then(|y| y.outer(&y)))),
    ("matmul of large views", |d, _| {
        let (n, k, m) = (d.int(), d.small(3) as i64, d.int());
        one(tensor::zeros([1, 1])?
            .expand([n, k])
            .and_then(|x| x.matmul(&tensor::zeros([1, 1])?.expand([k, m])?)))
    }),
    ("cat of large views", |d, x| one(x.expand(d.ints()).and_then(|y| tensor::cat(&[&y, &y, &y], d.dim())))),
    ("stack", |d, x| one(tensor::stack(&[x, x], d.offset()))),
    ("meshgrid of large views", |d, _| {
        let x = tensor::tensor(1.0).expand(d.size())?;
        tensor::meshgrid(&[&x, &x, &x], Indexing::Ij)
    }),
    ("cdist of large views", |d, _| {
        let x = tensor::zeros([1, 1])?.expand([d.int(), d.small(3) as i64])?;
        one(x.cdist(&x, 2.0))
    }),
    ("cross", |d, x| one(x.cross(x, d.offset()))),
    ("cosine_similarity", |d, x| one(x.cosine_similarity(x, d.offset(), 1e-8))),
    ("glu", |d, x| one(x.glu(d.offset()))),
    ("polygamma", |d, x| one(x.polygamma(d.int()))),
    ("mvlgamma", |d, x| one(x.mvlgamma(d.int()))),
    ("round_decimals", |d, x| one(Ok(x.round_decimals(d.int() as i32)))),
    ("local_response_norm", |d, _| {
        one({
            let x = d.of_rank(3, DType::F32);
            x.local_response_norm(d.size(), 1.0, 0.5, 1.0)
        })
    }),
    ("group_norm", |d, _| {
        one({
            let x = d.of_rank(3, DType::F32);
            x.group_norm(d.size(), None, None, 1e-5)
        })
    }),
    ("layer_norm", |d, x| one(x.layer_norm(d.ints(), None, None, 1e-5))),
    ("conv1d", |d, _| {
        one({
            let (x, w) = (d.of_rank(3, DType::F32), d.of_rank(3, DType::F32));
            x.conv1d(&w, None, &d.conv())
        })
    }),
    ("conv2d", |d, _| one(ones([1, 2, 3, 3])?.conv2d(&ones([2, 2, 2, 2])?, None, &d.conv()))),
    ("conv3d", |d, _| one(ones([1, 2, 3, 3, 2])?.conv3d(&ones([2, 2, 2, 2, 2])?, None, &d.conv()))),
    ("conv_transpose2d", |d, _| {
        one(ones([1, 2, 3, 3])?.conv_transpose2d(&ones([2, 2, 2, 2])?, None, &d.conv()))
    }),
    ("conv_transpose3d", |d, _| {
        one(ones([1, 2, 3, 3, 2])?.conv_transpose3d(&ones([2, 2, 2, 2, 2])?, None, &d.conv()))
    }),
    ("max_pool1d", |d, _| {
        let x = d.of_rank(3, DType::F32);
        x.max_pool1d(&d.pool()).map(two)
    }),
    ("max_pool2d", |d, _| ones([1, 2, 3, 3])?.max_pool2d(&d.pool()).map(two)),
    ("max_pool3d", |d, _| ones([1, 2, 3, 3, 2])?.max_pool3d(&d.pool()).map(two)),
    ("avg_pool2d", |d, _| one(ones([1, 2, 3, 3])?.avg_pool2d(&d.pool()))),
    ("lp_pool2d", |d, _| {
        one(ones([1, 2, 3, 3])?.lp_pool2d(d.int() as f64, d.pairs(), Some(&d.pairs()), d.flag()))
    }),
    ("adaptive_max_pool2d", |d, _| ones([1, 2, 3, 3])?.adaptive_max_pool2d(d.pairs()).map(two)),
    ("adaptive_avg_pool2d", |d, _| one(ones([1, 2, 3, 3])?.adaptive_avg_pool2d(d.pairs()))),
    ("max_unpool2d", |d, _| {
        one({
            let x = ones([1, 1, 2, 2])?;
            x.max_unpool2d(&x.to(DType::I64), d.exactly(2))
        })
    }),
    ("interpolate", |d, _| {
        let modes = [Upsampling::Nearest, Upsampling::Bilinear, Upsampling::Bicubic, Upsampling::Area];
        one(ones([1, 2, 3, 3])?.interpolate(&Interpolate::size(d.pairs()).mode(modes[d.small(4)])))
    }),
    ("interpolate by factors", |d, _| {
        one(ones([1, 2, 3, 3])?
            .interpolate(&Interpolate::scale_factor([d.int() as f64, d.int() as f64 / 3.0])))
    }),
];

#[test]
fn extreme_numbers_are_answered_at_once() {
    // What is larger than this is refused, so that nothing here depends on the machine. The other tests need less.
    let before = tensor::memory_limit();
    tensor::set_memory_limit(1 << 20);
    let show = std::env::var_os("EXTREMES_SHOW");
    let mut found = Vec::new();
    for (seed, (name, call)) in CALLS.iter().enumerate() {
        if show.as_ref().is_some_and(|only| only != "1" && only != name) {
            continue;
        }
        for case in 0..256u64 {
            let mut draw = Draw { state: ((seed as u64) << 32) | case, given: vec![] };
            let dtype = [DType::F32, DType::F64, DType::I64][draw.small(3)];
            let x = draw.tensor(dtype);
            let x = if x.dtype().is_float() { x.requires_grad() } else { x };
            let shape = x.shape().to_vec();
            draw.given.clear();
            if show.is_some() {
                // The arguments are drawn from the same state.
                let mut same = Draw { state: draw.state, given: vec![] };
                println!("{name} {case}: {shape:?}, next {:?}", (same.int(), same.int(), same.int()));
            }
            let start = Instant::now();
            let answer = catch_unwind(AssertUnwindSafe(|| {
                call(&mut draw, &x).and_then(|outs| {
                    // The way back is asked as well.
                    let root = outs.iter().find(|y| y.needs_grad() && y.dtype().is_float());
                    root.map_or(Ok(()), |y| y.sum().backward())
                })
            }));
            let time = start.elapsed();
            let call = format!("{name} (case {case}) of shape {shape:?} with {:?}", draw.given);
            match answer {
                Err(_) => found.push(format!("{call} panics")),
                Ok(Err(error)) if error.to_string().contains("(at crates/") => {
                    found.push(format!("{call}: {error}"));
                }
                Ok(_) if time > Duration::from_secs(5) => found.push(format!("{call} takes {time:?}")),
                Ok(_) => {}
            }
        }
    }
    tensor::set_memory_limit(before);
    assert!(found.is_empty(), "{} of them:\n{}", found.len(), found.join("\n"));
}
