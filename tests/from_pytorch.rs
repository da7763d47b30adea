//! The page "From PyTorch": the Rust cells of its tables are the lines of this file, which is compiled and run. A line that
//! is changed here and not there, or the other way round, is found by the comparison, in both languages.

// A reader understands `&[x.clone()]` at sight.
#![allow(clippy::cloned_ref_to_slice_refs)]

use baekmi::prelude::*;
use baekmi::tensor::{
    PrintOptions, RoundingMode, einsum, gradcheck, hann_window, printoptions, set_printoptions,
};

/// The cells of the page, in order.
type Page = Vec<String>;

/// Runs a cell of the page, and notes its text.
macro_rules! cell {
    ($page:expr, $cell:expr) => {
        $page.push(bare(stringify!($cell)));
        let _ = $cell;
    };
}

/// Without white space, which is the formatter's.
fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn creation(page: &mut Page) -> Result<()> {
    let x = ones([2, 3])?;
    let values = vec![0.5_f32; 6];
    cell!(page, tensor([[1.0, 2.0], [3.0, 4.0]]));
    cell!(page, Tensor::from_vec(values, [2, 3])?);
    cell!(page, zeros([2, 3])?);
    cell!(page, ones([2, 3])?);
    cell!(page, full([2, 3], 7.0)?);
    cell!(page, Tensor::zeros([2, 3], DType::F64)?);
    cell!(page, x.zeros_like());
    cell!(page, x.ones_like());
    cell!(page, x.full_like(7.0));
    cell!(page, arange(0, 6, 1)?);
    cell!(page, arange(0.0, 1.0, 0.25)?);
    cell!(page, linspace(0.0, 1.0, 5)?);
    cell!(page, hann_window(400, true)?);
    cell!(page, eye(3)?);
    Ok(())
}

fn facts(page: &mut Page) -> Result<()> {
    let x = ones([2, 3])?;
    let loss = x.sum();
    cell!(page, x.shape());
    cell!(page, x.size(0)?);
    cell!(page, x.dim());
    cell!(page, x.numel());
    cell!(page, x.dtype());
    cell!(page, x.to(DType::F64));
    cell!(page, x.to(DType::I64));
    cell!(page, loss.item()?);
    cell!(page, x.to_vec::<f32>()?);
    cell!(page, x.clone());
    cell!(page, x.contiguous());
    Ok(())
}

fn shapes(page: &mut Page) -> Result<()> {
    let (image, theta) = (ones([1, 1, 2, 3])?, tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]));
    let grid = zeros([1, 4, 4, 2])?;
    let (x, y) = (ones([2, 3])?, zeros([2, 3])?);
    let (v, w) = (arange(0.0, 3.0, 1.0)?, arange(0.0, 2.0, 1.0)?);
    cell!(page, x.reshape([3, -1])?);
    cell!(page, x.view(6)?);
    cell!(page, x.flatten(1, -1)?);
    cell!(page, x.unsqueeze(0)?);
    cell!(page, x.squeeze());
    cell!(page, x.unsqueeze(0)?.squeeze_dim(0)?);
    cell!(page, x.t()?);
    cell!(page, x.transpose(0, 1)?);
    cell!(page, x.permute([1, 0])?);
    cell!(page, x.expand([4, 2, 3])?);
    cell!(page, x.repeat([2, 1])?);
    cell!(page, x.repeat_interleave(2, 0)?);
    cell!(page, cat(&[&x, &y], 0)?);
    cell!(page, stack(&[&x, &y], 0)?);
    cell!(page, x.split(2, 1)?);
    cell!(page, x.chunk(3, 1)?);
    cell!(page, x.unbind(0)?);
    cell!(page, x.flip(0)?);
    cell!(page, x.roll(1, 0)?);
    cell!(page, x.unfold(1, 2, 1)?);
    cell!(page, x.pad([1, 1], Pad::Constant(0.0))?);
    cell!(page, theta.affine_grid([1, 1, 4, 4], false)?);
    cell!(page, image.grid_sample(&grid, &GridSample::new())?);
    cell!(page, meshgrid(&[&v, &w], Indexing::Ij)?);
    cell!(page, x.tril(0)?);
    cell!(page, v.diag(0)?);
    Ok(())
}

fn indexing(page: &mut Page) -> Result<()> {
    let (x, y) = (tensor([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]]), zeros([2, 3])?);
    let mask = x.gt(0.0)?;
    let (index, rows, classes) = (tensor([[0], [2]]), tensor([1, 0]), tensor([0, 2, 1]));
    cell!(page, x.i(0)?);
    cell!(page, x.i((0, -1))?);
    cell!(page, x.i((.., 1..))?);
    cell!(page, x.i((.., ..-1))?);
    cell!(page, x.i((.., (..).by(2)))?);
    cell!(page, x.i((Ellipsis, NewAxis))?);
    cell!(page, x.i([1, 0])?);
    cell!(page, x.i(x.gt(0.0)?)?);
    cell!(page, x.set_i((.., 0), 1.0)?);
    cell!(page, x.index_select(0, &rows)?);
    cell!(page, x.gather(1, &index)?);
    cell!(page, x.scatter(1, &index, 9.0)?);
    cell!(page, x.index_add(0, &rows, &y)?);
    cell!(page, x.masked_select(&mask)?);
    cell!(page, x.masked_fill(&mask, 0.0)?);
    cell!(page, x.where_(&mask, &y)?);
    cell!(page, x.nonzero());
    cell!(page, classes.one_hot(3)?);
    cell!(page, x.sort(1, true)?);
    cell!(page, x.argsort(1, false)?);
    cell!(page, x.topk(2, -1, true)?);
    cell!(page, classes.unique(None)?.values);
    Ok(())
}

fn arithmetic(page: &mut Page) -> Result<()> {
    let (x, y) = (tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), ones([2, 3])?);
    let (mask, other) = (x.gt(2.0)?, x.lt(5.0)?);
    cell!(page, &x + &y);
    cell!(page, 1.0 - &x * 2.0);
    cell!(page, &x / &y);
    cell!(page, -&x);
    cell!(page, x.pow(2.0)?);
    cell!(page, &x % &y);
    cell!(page, x.div_mode(&y, RoundingMode::Floor)?);
    cell!(page, x.exp());
    cell!(page, x.log());
    cell!(page, x.sqrt());
    cell!(page, x.abs());
    cell!(page, x.sin());
    cell!(page, x.round());
    cell!(page, x.clamp(0.0, None)?);
    cell!(page, x.maximum(&y)?);
    cell!(page, x.sigmoid());
    cell!(page, x.tanh());
    cell!(page, x.relu());
    cell!(page, x.leaky_relu(0.1));
    cell!(page, x.gelu());
    cell!(page, x.softmax(1)?);
    cell!(page, x.log_softmax(1)?);
    cell!(page, x.gt(0.0)?);
    cell!(page, mask.logical_and(&other)?);
    cell!(page, x.isnan());
    cell!(page, x.equal(&y));
    cell!(page, x.allclose(&y, 1e-5, 1e-8)?);
    Ok(())
}

fn reductions(page: &mut Page) -> Result<()> {
    let x = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    cell!(page, x.sum());
    cell!(page, x.sum_dim(1, false)?);
    cell!(page, x.sum_dim([0, 1], true)?);
    cell!(page, x.mean());
    cell!(page, x.mean_dim(0, false)?);
    cell!(page, x.std());
    cell!(page, x.var_dim(0, 0.0, false)?);
    cell!(page, x.prod());
    cell!(page, x.max()?);
    cell!(page, x.max_dim(1, false)?);
    cell!(page, x.amax(1, false)?);
    cell!(page, x.argmax(1, false)?);
    cell!(page, x.median()?);
    cell!(page, x.norm());
    cell!(page, x.vector_norm(2.0, 1, false)?);
    cell!(page, x.normalize(2.0, 1, 1e-12)?);
    cell!(page, x.logsumexp(1, false)?);
    cell!(page, x.cumsum(1)?);
    cell!(page, x.any());
    Ok(())
}

fn products(page: &mut Page) -> Result<()> {
    let (x, y, w, b) = (ones([2, 3])?, ones([2, 3])?, ones([4, 3])?, ones([4])?);
    let (v, m, p) = (ones([3])?, eye(3)?, ones([5, 2, 3])?);
    cell!(page, x.matmul(&m)?);
    cell!(page, p.bmm(&p.mt()?)?);
    cell!(page, v.dot(&v)?);
    cell!(page, v.outer(&v)?);
    cell!(page, einsum("ij,kj->ik", &[&x, &w])?);
    cell!(page, x.tensordot(&w, ([1], [1]))?);
    cell!(page, x.linear(&w, Some(&b))?);
    cell!(page, x.cdist(&w, 2.0)?);
    cell!(page, x.cosine_similarity(&y, 1, 1e-8)?);
    cell!(page, m.inverse()?);
    cell!(page, m.det()?);
    cell!(page, m.solve(&v)?);
    Ok(())
}

fn autograd(page: &mut Page) -> Result<()> {
    let x = tensor([[1.0, -1.0]]).requires_grad();
    let model = sequential![Linear::new(2, 2), Tanh];
    let y = model.forward(&x)?;
    let loss = y.sum();
    cell!(page, tensor([1.0]).requires_grad());
    cell!(page, x.needs_grad());
    cell!(page, grad(&loss, &[&x])?);
    cell!(page, y.register_hook(|g| Ok(Some(g * 2.0)))?);
    cell!(page, y.retain_grad()?);
    cell!(page, loss.backward_options().retain_graph().run()?);
    cell!(page, loss.backward()?);
    cell!(page, x.grad());
    cell!(page, loss.detach());
    cell!(page, no_grad(|| model.forward(&x))?);
    cell!(page, detect_anomaly(|| model.forward(&x))?);
    cell!(page, jacobian(|x| Ok(x[0].square()), &[x.clone()])?);
    cell!(page, hessian(|x| Ok(x[0].exp().sum()), &[x.clone()])?);
    cell!(page, checkpoint(|x| Ok(x[0].exp().sin()), &[x.clone()])?);
    cell!(page, gradcheck(|x| Ok(x[0].tanh()), &[x.to(DType::F64)])?);
    Ok(())
}

fn layers(page: &mut Page) -> Result<()> {
    let (x, sequence) = (ones([4, 10])?, ones([4, 7, 10])?);
    let model = sequential![Linear::new(10, 8), ReLU, Dropout::new(), Linear::new(8, 3)];
    let lstm = LSTM::new(10, 16).batch_first(true);
    let layer = Linear::new(10, 5);
    cell!(page, Linear::new(10, 5).bias(false));
    cell!(page, Conv2d::new(1, 8, 3).padding(1));
    cell!(page, MaxPool2d::new(2));
    cell!(page, BatchNorm2d::new(8));
    cell!(page, LayerNorm::new([10]));
    cell!(page, Dropout::new().p(0.2));
    cell!(page, Embedding::new(1000, 32).padding_idx(0));
    cell!(page, LSTM::new(10, 16).num_layers(2));
    cell!(page, MultiheadAttention::new(16, 4).batch_first(true));
    cell!(page, TransformerEncoderLayer::new(16, 4));
    cell!(page, ReLU);
    cell!(page, LeakyReLU::new().negative_slope(0.2));
    cell!(page, Softmax::new(1));
    cell!(page, Flatten::new());
    cell!(page, sequential![Linear::new(10, 4), ReLU]);
    cell!(page, Parameter::new(&zeros([3])?));
    cell!(page, model.forward(&x)?);
    cell!(page, lstm.forward(&sequence)?);
    cell!(page, model.parameters());
    cell!(page, model.named_parameters());
    cell!(page, model.num_parameters());
    cell!(page, model.train());
    cell!(page, model.eval());
    cell!(page, model.set_requires_grad(false));
    cell!(page, model.to(DType::F64)?);
    cell!(page, init::xavier_uniform_(&layer.weight, 1.0)?);
    cell!(page, init::zeros_(&layer.weight)?);
    cell!(page, summary(&layer, [4, 10])?);
    Ok(())
}

fn losses(page: &mut Page) -> Result<()> {
    let (logits, classes, w) = (ones([4, 3])?, tensor([0, 1, 2, 0]), tensor([1.0, 2.0, 3.0]));
    let (prediction, target) = (zeros([4, 3])?, ones([4, 3])?);
    let criterion = MSELoss::new();
    cell!(page, criterion.forward(&prediction, &target)?);
    cell!(page, MSELoss::new().reduction(Reduction::Sum));
    cell!(page, L1Loss::new());
    cell!(page, HuberLoss::new().delta(0.5));
    cell!(page, SmoothL1Loss::new().beta(0.5));
    cell!(page, BCELoss::new());
    cell!(page, BCEWithLogitsLoss::new().pos_weight(&w));
    cell!(page, CrossEntropyLoss::new().weight(&w).label_smoothing(0.1));
    cell!(page, NLLLoss::new().ignore_index(0));
    cell!(page, KLDivLoss::new().reduction(BatchMean));
    cell!(page, TripletMarginLoss::new().margin(0.5));
    cell!(page, CosineEmbeddingLoss::new());
    cell!(page, functional::cross_entropy(&logits, &classes)?);
    Ok(())
}

fn training(page: &mut Page) -> Result<()> {
    let (model, head) = (sequential![Linear::new(3, 3)], Linear::new(3, 1));
    let loss = head.forward(&model.forward(&ones([2, 3])?)?)?.sum();
    loss.backward()?;
    let mut optimizer = SGD::new(model.parameters(), 0.1);
    let mut scheduler = ExponentialLR::new(&optimizer, 0.9);
    let mut plateau = ReduceLROnPlateau::new(&optimizer);
    let val_loss = 0.5;
    cell!(page, SGD::new(model.parameters(), 0.1).momentum(0.9));
    cell!(page, Adam::new(model.parameters(), 0.001));
    cell!(page, AdamW::new(model.parameters(), 0.001).weight_decay(0.05));
    cell!(page, SGD::new(model.parameters(), 0.1).param_group(head.parameters(), |group| group.lr = 0.01));
    cell!(page, clip_grad_norm_(model.parameters(), 1.0)?);
    cell!(page, clip_grad_value_(model.parameters(), 0.5)?);
    cell!(page, optimizer.step()?);
    cell!(page, optimizer.zero_grad());
    cell!(page, optimizer.param_groups()[0].set_lr(0.01));
    cell!(page, StepLR::new(&optimizer, 10).gamma(0.5));
    cell!(page, MultiStepLR::new(&optimizer, [30, 60]));
    cell!(page, CosineAnnealingLR::new(&optimizer, 50));
    cell!(page, OneCycleLR::new(&optimizer, 0.1, 100));
    cell!(page, LambdaLR::new(&optimizer, |epoch| 0.95_f64.powi(epoch as i32)));
    cell!(page, ReduceLROnPlateau::new(&optimizer).patience(3));
    cell!(page, scheduler.step());
    cell!(page, plateau.step(val_loss));
    cell!(page, scheduler.last_lr());
    Ok(())
}

fn data(page: &mut Page) -> Result<()> {
    let (x, y, weights) = (rand([8, 3])?, tensor([0, 1, 0, 1, 0, 1, 0, 1]), [1.0; 8]);
    let dataset = TensorDataset::new((x.clone(), y.clone()))?;
    let loader = DataLoader::new(&dataset).batch_size(4)?;
    let train = |_x: &Tensor, _y: &Tensor| Ok::<(), Error>(());
    cell!(page, TensorDataset::new((x.clone(), y.clone()))?);
    cell!(page, DataLoader::new(&dataset).batch_size(4)?.shuffle(true));
    cell!(page, DataLoader::new(dataset.clone()).num_workers(2).drop_last(true));
    cell!(
        page,
        for (x, y) in &loader {
            train(&x, &y)?;
        }
    );
    cell!(page, loader.len());
    cell!(page, dataset.get(0)?);
    cell!(page, random_split(&dataset, [0.75, 0.25])?);
    cell!(page, Subset::new(&dataset, vec![0, 2])?);
    cell!(page, WeightedRandomSampler::new(&weights, 8, true)?);
    cell!(page, load_iris()?);
    cell!(page, train_test_split((x.clone(), y.clone()), 0.25)?);
    cell!(page, StandardScaler::fit(&x)?);
    Ok(())
}

fn saving(page: &mut Page) -> Result<()> {
    let (model, x) = (Linear::new(3, 2), ones([2, 3])?);
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    model.forward(&x)?.sum().backward()?;
    optimizer.step()?;
    let state = optimizer.state_dict();
    cell!(page, model.state_dict());
    cell!(page, save_safetensors(&model.state_dict(), "model.safetensors")?);
    cell!(page, model.load_state_dict(&load_safetensors("model.safetensors")?)?);
    cell!(page, model.load_state_dict_partially(&model.state_dict())?);
    cell!(page, optimizer.state_dict());
    cell!(page, optimizer.load_state_dict(&state)?);
    cell!(page, save_npy("x.npy", &x)?);
    cell!(page, load_npy("x.npy")?);
    Ok(())
}

fn random(page: &mut Page) -> Result<()> {
    let (x, p) = (ones([2, 3])?, tensor([0.2, 0.3, 0.5]));
    cell!(page, manual_seed(0));
    cell!(page, rand([2, 3])?);
    cell!(page, randn([2, 3])?);
    cell!(page, randint(0, 10, [5])?);
    cell!(page, randperm(5)?);
    cell!(page, normal(0.0, 2.0, [3])?);
    cell!(page, x.randn_like()?);
    cell!(page, p.bernoulli()?);
    cell!(page, p.multinomial(2, false)?);
    cell!(page, Dropout::new().p(0.5).forward(&x)?);
    Ok(())
}

fn printing(page: &mut Page) -> Result<()> {
    let (x, model) = (ones([2, 3])?, Linear::new(3, 1));
    let loss = x.mean();
    cell!(page, println!("{x}"));
    cell!(page, println!("loss {:.4}", loss.item()?));
    cell!(page, println!("{:?}", x.shape()));
    cell!(page, println!("{model}"));
    cell!(page, set_printoptions(PrintOptions { precision: 2, ..printoptions() }));
    Ok(())
}

/// The rows of all tables of a page that compare Python with Rust: the text of both cells.
fn rows(page: &str) -> Vec<[String; 2]> {
    let mut found = Vec::new();
    let mut within = false;
    for line in page.lines() {
        within = line.starts_with("| Python | Rust |") || within && line.starts_with('|');
        if within && line.starts_with("| `") {
            let line = line.replace("\\|", "\0");
            let mut cells = line.split('|').skip(1).map(|cell| {
                let code = cell.trim().strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
                code.unwrap_or_default().replace('\0', "|")
            });
            found.push([cells.next().unwrap_or_default(), cells.next().unwrap_or_default()]);
        }
    }
    found
}

#[test]
fn each_rust_cell_of_the_page_is_a_line_that_runs() -> Result<()> {
    // Files are written by some cells.
    std::env::set_current_dir(env!("CARGO_TARGET_TMPDIR")).expect("a folder for files");
    let mut run = Page::new();
    for section in [
        creation, facts, shapes, indexing, arithmetic, reductions, products, autograd, layers, losses,
        training, data, saving, random, printing,
    ] {
        section(&mut run)?;
    }
    let english = rows(include_str!("../docs/guide/from-pytorch.md"));
    let shown: Page = english.iter().map(|[_, rust]| bare(rust)).collect();
    if let Some((page, line)) = shown.iter().zip(&run).find(|(page, line)| page != line) {
        panic!("the page has\n{page}\nwhere this file has\n{line}");
    }
    assert_eq!(shown.len(), run.len(), "rows of the page, lines of this file");
    assert!(english.iter().all(|[python, _]| !python.is_empty()));
    assert_eq!(english, rows(include_str!("../docs/ko/guide/from-pytorch.md")));
    Ok(())
}
