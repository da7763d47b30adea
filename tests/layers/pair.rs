//! Modules that take two tensors: what is behind them reaches both.

use crate::{all_reached, covered, send_back};
use nn::*;
use tensor::{Tensor, rand, tensor};

pub fn modules_of_two_inputs() {
    let (a, b, x) = (Linear::new(3, 4), Linear::new(3, 4), rand([2, 3]).unwrap());
    let sides = || [a.forward(&x).unwrap(), b.forward(&x).unwrap()];
    let both = |call: &dyn Fn(&Tensor, &Tensor) -> Tensor| {
        a.zero_grad();
        b.zero_grad();
        let [left, right] = sides();
        send_back(&call(&left, &right));
        all_reached(&a);
        all_reached(&b);
    };
    let layer = covered(CosineSimilarity::new());
    both(&|x, y| layer.forward(x, y).unwrap());
    let layer = covered(PairwiseDistance::new());
    both(&|x, y| layer.forward(x, y).unwrap());
    let layer = covered(Bilinear::new(4, 4, 2));
    both(&|x, y| layer.forward(x, y).unwrap());
    all_reached(&layer);

    // Back from the largest of each window to their places.
    macro_rules! unpool {
        ($front:expr, $pool:ident, $unpool:ident, $shape:expr) => {
            let front = $front;
            let y = front.forward(&rand($shape).unwrap()).unwrap();
            let (largest, places) = $pool::new(2).forward_with_indices(&y).unwrap();
            send_back(&covered($unpool::new(2)).forward(&largest, &places, None).unwrap());
            all_reached(&front);
        };
    }
    unpool!(Conv1d::new(1, 2, 3), MaxPool1d, MaxUnpool1d, [2, 1, 6]);
    unpool!(Conv2d::new(1, 2, 3), MaxPool2d, MaxUnpool2d, [2, 1, 6, 6]);
    unpool!(Conv3d::new(1, 2, 3), MaxPool3d, MaxUnpool3d, [1, 1, 4, 4, 4]);

    let front = Linear::new(3, 16);
    let criterion = covered(AdaptiveLogSoftmaxWithLoss::new(16, 6, [2, 4]).unwrap().head_bias(true));
    let x = front.forward(&rand([6, 3]).unwrap()).unwrap();
    let (_, loss) = criterion.forward(&x, &tensor([0, 1, 2, 3, 4, 5])).unwrap();
    loss.backward().unwrap();
    all_reached(&front);
    all_reached(&criterion);
}
