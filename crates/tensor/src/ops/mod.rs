//! The operations, one file per family: forward and backward of an operation side by side, and its cases at the end
//! of the file.
//!
//! Whoever adds an operation writes it into one of these files (see `docs/adding-an-op.md`); its list of cases feeds
//! the gradient checks of first and second order, and a test fails when an operation exists that no case produced.

use crate::autograd::check::Case;

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])* pub mod $name;)*

        /// The cases of every file here, by which the operations are checked.
        #[doc(hidden)]
        pub fn cases() -> Vec<Case> {
            let mut cases = Vec::new();
            $(cases.extend($name::cases());)*
            cases
        }
    };
}

mod lanes;
mod order;
mod reduce;

families! {
    unary
    rounding
    activation
    special
    broadcast
    binary
    arithmetic
    power
    extremes
    division
    bitwise
    special_pairs
    operators
    ternary
    compare
    convert
    sum
    prod
    extreme
    spread
    truth
    scan
    integral
    sort
    median
    unique
    search
    norm
    distance
    shape
    permute
    expand
    strided
    matmul
    products
    einsum
    linalg
    solve
    grid
    svd
    attention
    layer_norm
    channel_norm
    recurrent
    softmax
    places
    gather
    scatter
    scatter_reduce
    rows
    masked
    indexing
    join
    split
    repeat
    flip
    pad
    window
    conv
    taps
    interpolate
    pool
    lp_pool
    triangle
    diagonal
    shuffle
    classes
}
