//! Layers with PyTorch's names, options, initial weights and printed form.
//!
//! ```
//! use nn::{Layer, Linear, Module, Sigmoid, sequential};
//! use tensor::{manual_seed, rand};
//!
//! manual_seed(42);
//! let model = sequential![Linear::new(10, 1), Sigmoid];
//! let probability = model.forward(&rand([32, 10])?)?;
//! assert_eq!(probability.shape(), [32, 1]);
//! assert_eq!(model.state_dict().names().collect::<Vec<_>>(), ["0.weight", "0.bias"]);
//! # Ok::<(), tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

mod activation;
mod adaptive_log_softmax;
mod attention;
mod bilinear;
mod channel_norm;
mod container;
mod conv;
mod dropout;
mod embedding;
mod encoder_decoder;
pub mod init;
mod layer_norm;
mod linear;
mod local_response_norm;
mod lp_pool;
mod module;
mod packed;
mod pad;
mod parametrize;
mod pool;
mod python;
mod recurrent;
mod rnn;
mod rnn_cell;
mod rrelu;
#[cfg(feature = "safetensors")]
mod safetensors;
mod sequential;
mod shape;
mod shuffle;
mod similarity;
mod softmax;
mod state;
mod summary;
mod transformer;
mod upsample;
mod window;

pub use activation::{
    Approximate, CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid,
    Mish, PReLU, ReLU, ReLU6, SELU, SiLU, Sigmoid, Softplus, Softshrink, Softsign, Tanh, Tanhshrink,
    Threshold,
};
pub use adaptive_log_softmax::AdaptiveLogSoftmaxWithLoss;
pub use attention::{Attend, MultiheadAttention};
pub use bilinear::Bilinear;
pub use channel_norm::{
    BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d,
};
pub use container::{ModuleDict, ParameterDict, ParameterList};
pub use conv::{Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, PaddingMode};
pub use dropout::{AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout};
pub use embedding::{BagMode, Embedding, EmbeddingBag};
pub use encoder_decoder::Transformer;
pub use layer_norm::{LayerNorm, RMSNorm};
pub use linear::Linear;
pub use local_response_norm::LocalResponseNorm;
pub use lp_pool::{LPPool1d, LPPool2d, LPPool3d, MaxUnpool1d, MaxUnpool2d, MaxUnpool3d};
pub use module::{Buffer, Layer, Module, Part, TrainMode};
pub use packed::{PackedSequence, pack_padded_sequence, pad_packed_sequence};
pub use pad::{
    CircularPad1d, CircularPad2d, CircularPad3d, ConstantPad1d, ConstantPad2d, ConstantPad3d,
    ReflectionPad1d, ReflectionPad2d, ReflectionPad3d, ReplicationPad1d, ReplicationPad2d, ReplicationPad3d,
    ZeroPad1d, ZeroPad2d, ZeroPad3d,
};
pub use parametrize::{
    Parametrization, Parametrized, SpectralNorm, WeightNorm, WithWeight, spectral_norm, weight_norm,
};
pub use pool::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d,
    AdaptiveMaxPool3d, AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d,
};
pub use rnn::{GRU, LSTM, RNN};
pub use rnn_cell::{GRUCell, LSTMCell, Nonlinear, RNNCell};
pub use rrelu::RReLU;
#[cfg(feature = "safetensors")]
pub use safetensors::{from_safetensors, load_safetensors, save_safetensors, to_safetensors};
pub use sequential::Sequential;
pub use shape::{Flatten, Identity, Unflatten};
pub use shuffle::{ChannelShuffle, PixelShuffle, PixelUnshuffle};
pub use similarity::{CosineSimilarity, PairwiseDistance};
pub use softmax::{LogSoftmax, Softmax, Softmax2d, Softmin};
pub use summary::{Row, Summary, summary};
pub use transformer::{
    Activation, Masks, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderLayer,
};
pub use upsample::{Upsample, UpsamplingBilinear2d, UpsamplingNearest2d};
pub use window::{Fold, Unfold};
