//! A convolution of any sizes, forward and backward: `W10conv` and then batch, channels, height, width, channels of the
//! result, window, stride, padding and groups, such as `W10conv64x64x8x8x64x3x1x1x1`.

use crate::data::standard;
use crate::losses::both_ways;
use crate::operations::sizes;
use crate::options::Options;
use tensor::{Conv, Result, Tensor};

/// Whether there is such a workload; it has been run then.
pub(crate) fn run(options: &Options, name: &str) -> Result<bool> {
    let Some([n, c, h, w, o, k, stride, padding, groups]) = name.strip_prefix("W10conv").and_then(sizes)
    else {
        return Ok(false);
    };
    let leaf = |seed, shape: [usize; 4]| {
        Ok::<_, tensor::Error>(
            Tensor::from_vec(standard(seed, shape.iter().product()), shape)?.requires_grad(),
        )
    };
    let (x, weight) = (leaf(1, [n, c, h, w])?, leaf(2, [o, c / groups.max(1), k, k])?);
    let conv = Conv::new().stride(stride as i64).padding(padding as i64).groups(groups);
    both_ways(options, &[&x, &weight], || Ok(x.conv2d(&weight, None, &conv)?.sum()))?;
    Ok(true)
}
