//! Activations, layers that drop, computed weights, and what holds layers.

use crate::{all_reached, covered, reaches_all, send_back};
use nn::*;
use tensor::{Parameter, Result, Tensor, rand};

pub fn activations() {
    let linear = || Linear::new(3, 8);
    macro_rules! each {
        ($($layer:expr),* $(,)?) => {
            $(reaches_all(linear(), $layer, [5, 3]);)*
        };
    }
    each!(
        ReLU,
        ReLU6,
        Sigmoid,
        Tanh,
        LogSigmoid,
        SiLU,
        Mish,
        SELU,
        Hardswish,
        Hardsigmoid,
        Softsign,
        Tanhshrink,
        Identity,
        LeakyReLU::new(),
        ELU::new().alpha(0.7),
        CELU::new().alpha(0.7),
        GELU::new(),
        GELU::new().approximate(Approximate::Tanh),
        GLU::new(),
        Softplus::new().beta(2.0),
        Hardtanh::new(),
        Hardshrink::new().lambd(0.01),
        Softshrink::new().lambd(0.01),
        Threshold::new().threshold(0.1).value(-1.0),
        PReLU::new(),
        PReLU::new().num_parameters(8),
        Softmax::new(1),
        LogSoftmax::new(1),
        Softmin::new(1),
        Unflatten::new(1, [2, 4]),
        Linear::new(8, 2).bias(false),
        sequential![Linear::new(8, 2), Tanh],
    );
    reaches_all(Conv2d::new(1, 2, 3), Flatten::new(), [2, 1, 4, 4]);
}

pub fn layers_that_drop() {
    let line = || Conv1d::new(2, 32, 3).padding(1);
    reaches_all(line(), Dropout::new().p(0.1), [2, 2, 6]);
    reaches_all(line(), Dropout1d::new().p(0.01), [2, 2, 6]);
    reaches_all(line(), Dropout2d::new().p(0.01), [2, 2, 6]);
    reaches_all(Conv3d::new(1, 2, 3), Dropout3d::new().p(0.01), [1, 1, 4, 4, 4]);
    reaches_all(line(), AlphaDropout::new().p(0.1), [2, 2, 6]);
    reaches_all(line(), FeatureAlphaDropout::new().p(0.01), [2, 2, 6]);
    reaches_all(line(), RReLU::new(), [2, 2, 6]);
    reaches_all(Conv2d::new(2, 4, 3), Softmax2d, [2, 2, 6, 6]);
}

pub fn layers_whose_weight_is_computed() {
    reaches_all(Linear::new(3, 4), spectral_norm(Linear::new(4, 5)).unwrap(), [2, 3]);
    reaches_all(Conv2d::new(2, 4, 3), spectral_norm(ConvTranspose2d::new(4, 3, 2)).unwrap(), [2, 2, 5, 5]);
    reaches_all(Conv2d::new(2, 4, 3), weight_norm(Conv2d::new(4, 3, 2), Some(0)).unwrap(), [2, 2, 5, 5]);
    reaches_all(Linear::new(3, 4), weight_norm(Linear::new(4, 5), None).unwrap(), [2, 3]);
}

/// `x·a + b`, its parameters in a list or by name.
struct Line<P>(P, fn(&P) -> [Parameter; 2]);

impl<P: Module> Module for Line<P> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("parameters", &self.0);
    }
}

impl<P: Module> Layer for Line<P> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [a, b] = (self.1)(&self.0);
        x.mul(&a.tensor())?.add(&b.tensor())
    }
}

pub fn containers() {
    let parameter = || Parameter::new(&rand([4]).unwrap());
    let mut list = ParameterList::new();
    (0..2).for_each(|_| list.push(parameter()));
    reaches_all(Linear::new(3, 4), Line(list, |list| [list[0].clone(), list[1].clone()]), [2, 3]);
    let mut dict = ParameterDict::new();
    for name in ["a", "b"] {
        dict.insert(name, parameter());
    }
    reaches_all(Linear::new(3, 4), Line(dict, |dict| [dict["a"].clone(), dict["b"].clone()]), [2, 3]);

    let mut heads: ModuleDict = covered(ModuleDict::new());
    heads.insert("small", Box::new(Linear::new(3, 2)));
    heads.insert("large", Box::new(sequential![Linear::new(3, 5), Tanh]));
    let x = rand([2, 3]).unwrap();
    heads.values().for_each(|head| send_back(&head.forward(&x).unwrap()));
    all_reached(&heads);
    assert_eq!(heads.named_parameters().len(), 4);
}
