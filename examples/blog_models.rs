//! The models of the blog's table, each with the criterion that goes with it: MLP, CNN, LSTM, Transformer, and the losses
//! of detectors and of models that draw.
//!
//! | the blog, its models | MLP, CNN, LSTM, Transformer | all of the blog | random numbers | prints shapes | 1 s |

use baekmi::prelude::*;

// An LSTM reads a sequence; its last state decides.
#[derive(Module)]
struct Reader {
    lstm: LSTM,
    head: Linear,
}

impl Layer for Reader {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_output, (h, _c)) = self.lstm.forward(x)?;
        self.head.forward(&h.i(-1)?)
    }
}

// A Transformer looks at all words at once; their mean decides.
#[derive(Module)]
struct TextClassifier {
    embedding: Embedding,
    encoder: TransformerEncoder,
    head: Linear,
}

impl Layer for TextClassifier {
    fn forward(&self, words: &Tensor) -> Result<Tensor> {
        let x = self.encoder.forward(&self.embedding.forward(words)?)?;
        self.head.forward(&x.mean_dim(1, false)?)
    }
}

fn main() -> Result<()> {
    // Binary classification, MLP: one logit.
    let model = sequential![Linear::new(10, 16), ReLU, Linear::new(16, 1)];
    let criterion = BCEWithLogitsLoss::new();
    let (x, y) = (randn([32, 10])?, rand([32, 1])?.round());
    let logits = model.forward(&x)?;
    criterion.forward(&logits, &y)?.backward()?;
    println!("{:?}", logits.shape());

    // Several classes, here of pictures, CNN: a logit for each class.
    let model = sequential![
        Conv2d::new(1, 16, 3).padding(1),
        ReLU,
        MaxPool2d::new(2),
        Flatten::new(),
        Linear::new(16 * 4 * 4, 10),
    ];
    let criterion = CrossEntropyLoss::new();
    let (x, y) = (randn([32, 1, 8, 8])?, randint(0, 10, [32])?);
    let logits = model.forward(&x)?;
    criterion.forward(&logits, &y)?.backward()?;
    println!("{:?}", logits.shape());

    // Several labels at once, LSTM: a logit for each label.
    let model = Reader { lstm: LSTM::new(8, 32).batch_first(true), head: Linear::new(32, 5) };
    let criterion = BCEWithLogitsLoss::new();
    let (x, y) = (randn([32, 20, 8])?, rand([32, 5])?.round());
    let logits = model.forward(&x)?;
    criterion.forward(&logits, &y)?.backward()?;
    println!("{model}");
    println!("{:?}", logits.shape());

    // Texts, Transformer: a logit for each class.
    let layer = TransformerEncoderLayer::new(32, 4).dim_feedforward(64).batch_first(true);
    let model = TextClassifier {
        embedding: Embedding::new(1000, 32),
        encoder: TransformerEncoder::new(layer, 2)?,
        head: Linear::new(32, 4),
    };
    let criterion = CrossEntropyLoss::new();
    let (words, y) = (randint(0, 1000, [16, 12])?, randint(0, 4, [16])?);
    let logits = model.forward(&words)?;
    criterion.forward(&logits, &y)?.backward()?;
    println!("{:?}", logits.shape());

    // Regression, MLP: one number, without an activation behind it.
    let model = sequential![Linear::new(10, 16), ReLU, Linear::new(16, 1)];
    let (x, y) = (randn([32, 10])?, randn([32, 1])?);
    let prediction = model.forward(&x)?;
    MSELoss::new().forward(&prediction, &y)?;
    HuberLoss::new().forward(&prediction, &y)?.backward()?;
    println!("{:?}", prediction.shape());

    // Object detection: a focal loss for the classes, the overlap for the boxes (x1, y1, x2, y2).
    let (scores, classes) = (tensor([[2.0, -1.0]]), tensor([[1.0, 0.0]]));
    let (boxes, truth) = (tensor([[0.0, 0.0, 2.0, 2.0]]), tensor([[1.0, 1.0, 3.0, 3.0]]));
    let of_classes = SigmoidFocalLoss::new().forward(&scores, &classes)?;
    let of_boxes = GIoULoss::new().forward(&boxes, &truth)?;
    println!("{of_classes} {of_boxes} {}", &of_classes + &of_boxes);

    // GAN: the discriminator says 1 to what is real and 0 to what is drawn.
    let criterion = BCEWithLogitsLoss::new();
    let (real, fake) = (tensor([2.0]), tensor([-2.0]));
    let of_real = criterion.forward(&real, &real.ones_like())?;
    let of_fake = criterion.forward(&fake, &fake.zeros_like())?;
    println!("{}", of_real + of_fake);

    // VAE: the picture again, and how far its code is from a normal distribution.
    let criterion = BCEWithLogitsLoss::new().reduction(Reduction::Sum);
    let (pixels, picture) = (tensor([[0.0, 0.0]]), tensor([[1.0, 0.0]]));
    let (mean, log_var) = (tensor([[0.0, 1.0]]), tensor([[0.0, 0.0]]));
    let divergence = (mean.square() + log_var.exp() - &log_var - 1.0).sum() * 0.5;
    println!("{}", criterion.forward(&pixels, &picture)? + divergence);

    // Diffusion: the noise that was added, guessed.
    let criterion = MSELoss::new();
    let (guess, noise) = (tensor([0.1, -0.4]), tensor([0.0, -0.5]));
    println!("{}", criterion.forward(&guess, &noise)?);
    Ok(())
}
