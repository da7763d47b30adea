//! Every error names the line of the user's code that asked, not a line of ours.

use tensor::{
    DType, Error, Indexing, Pad, Reduce, Tensor, Window, arange, block_diag, broadcast_shapes,
    broadcast_tensors, cartesian_prod, cat, column_stack, dstack, eye, hstack, meshgrid, ones, stack, tensor,
    tril_indices, vstack, zeros,
};

/// Calls that fail, each with its text.
macro_rules! errors {
    ($($call:expr;)*) => { vec![$((stringify!($call), $call.err())),*] };
}

fn check(errors: Vec<(&str, Option<Error>)>) {
    let mut wrong = Vec::new();
    for (call, error) in errors {
        match error {
            None => wrong.push(format!("{call} does not fail")),
            Some(error) if error.location().file() != file!() => wrong.push(format!("{call}: {error}")),
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "not at the caller's line:\n{}", wrong.join("\n"));
}

fn x() -> Tensor {
    ones([2, 3]).unwrap()
}

#[test]
fn creation() {
    check(errors! {
        zeros([-1]);
        zeros([i64::MAX, 2]);
        ones([1i64 << 45]);
        tensor::full([-1], 1);
        x().new_zeros(-1);
        arange(0, 1, 0);
        arange(0, i64::MAX, 1);
        tensor::linspace(0.0, 1.0, 1 << 50);
        tensor::logspace(0.0, 1.0, 1 << 50);
        tensor::hann_window(1 << 50, true);
        tensor::kaiser_window(3, true, f64::NAN);
        Tensor::blackman_window(3, true, DType::I64);
        x().det();
        x().slogdet();
        x().solve(&x());
        ones([2, 2]).unwrap().solve(&ones(2).unwrap());
        x().grid_sample(&x(), &tensor::GridSample::new());
        x().affine_grid([1, 1, 2, 2], false);
        eye(1 << 40);
        eye(1 << 25);
        Tensor::from_vec(vec![1.0f32], [2, 2]);
        tril_indices(1 << 31, 1 << 31, 0);
        x().vander(2, false);
        tensor([2.0]).vander(1 << 50, false);
    });
}

#[test]
fn views() {
    let t = x().t().unwrap();
    check(errors! {
        x().reshape([4]);
        x().reshape([-1, -1]);
        x().reshape([-2, 3]);
        t.view(6);
        x().view_as(&zeros(5).unwrap());
        x().reshape_as(&zeros(5).unwrap());
        x().flatten(1, 0);
        x().flatten(0, 2);
        x().unflatten(1, [2, -1]);
        x().unsqueeze(4);
        x().squeeze_dim(2);
        x().squeeze_dim([0, 0]);
        x().transpose(0, 2);
        zeros([1, 1, 1]).unwrap().t();
        zeros(1).unwrap().mt();
        x().permute([0, 0]);
        x().permute(0);
        x().movedim([0, 1], 0);
        x().expand([2, 2, 2]);
        x().expand_as(&zeros(3).unwrap());
        x().expand([1i64 << 40, 1 << 40, 2, 3]);
        x().narrow(1, 2, 2);
        x().slice(1, 0, 1, 0);
        x().select(1, 3);
        x().as_strided([9], [1], 0);
        x().diagonal(0, 1, 1);
        x().unfold(1, 4, 1);
        x().size(2);
        broadcast_shapes(&[&[2], &[3]]);
        broadcast_tensors(&[&x(), &zeros(2).unwrap()]);
        meshgrid(&[&x()], Indexing::Ij);
        x().sum_to_size([3, 3]);
    });
}

#[test]
fn joins_and_splits() {
    let y = zeros([2, 4, 1]).unwrap();
    check(errors! {
        cat(&[], 0);
        cat(&[&x(), &y], 0);
        cat(&[&x()], 2);
        stack(&[], 0);
        stack(&[&x(), &y], 0);
        stack(&[&x()], 4);
        hstack(&[&x(), &y]);
        vstack(&[&x(), &y]);
        dstack(&[&x(), &y]);
        column_stack(&[&x(), &y]);
        block_diag(&[&y]);
        cartesian_prod(&[&x()]);
        x().combinations(2, false);
        x().split(0, 0);
        x().split([1, 1], 1);
        x().split(1, 2);
        x().chunk(0, 0);
        x().tensor_split(0, 0);
        x().hsplit(2);
        x().vsplit(3);
        x().dsplit(1);
        tensor(1).unbind(0);
        x().repeat(2);
        x().repeat([-1, 1]);
        x().repeat([1i64 << 50, 1]);
        x().repeat_interleave(1i64 << 50, 0);
        x().repeat_interleave([1, 2], 1);
        x().repeat_interleave(-1, 0);
        x().repeat_interleave(&x(), 0);
        x().roll([1, 2], 0);
        x().roll(1, 2);
        x().flip(2);
        x().rot90(1, 0);
        zeros(2).unwrap().fliplr();
        tensor(1).flipud();
        x().pad(1, Pad::Constant(0.0));
        x().pad([-2, -2], Pad::Constant(0.0));
        x().pad([3, 0], Pad::Reflect);
        x().pad([1i64 << 50, 0], Pad::Replicate);
        x().pad([1i64 << 50, 0], Pad::Constant(0.0));
        x().unfold2d(Window::new(1));
        y.unfold2d(Window::new(5));
        x().fold([1, 1], Window::new(4));
        x().diag_embed(0, 0, 0);
        y.diag(0);
        zeros(2).unwrap().tril(0);
        zeros(2).unwrap().triu(0);
        x().pixel_shuffle(2);
        y.pixel_unshuffle(3);
        x().channel_shuffle(2);
    });
}

#[test]
fn reading_and_writing_by_index() {
    let far = tensor([[9]]);
    let wrong = tensor([0.5]);
    let source = tensor([[1, 2, 3]]);
    let zero = tensor([0]);
    check(errors! {
        x().i(2);
        x().i((0, 0, 0));
        x().i([0.5]);
        x().i([2, 0]);
        x().i((&far, 0));
        x().i(([0, 1], [0, 1, 2]));
        x().i([true, false, true]);
        x().set_i(0, &zeros(4).unwrap());
        x().set_i(2, 0.0);
        x().index_put(0, &source, false);
        x().gather(1, &far);
        x().gather(1, &wrong);
        x().gather(2, &far);
        x().take(&far);
        x().put(&far, &wrong, false);
        x().put(&zero, &source, false);
        x().take_along_dim(&zero, 0);
        x().take_along_dim(&far, 1);
        x().scatter(1, &far, 1.0);
        x().scatter(1, &tensor([[0]]), &source);
        x().scatter(1, &tensor([[0, 0]]), &zeros([1, 1]).unwrap());
        x().scatter_add(1, &tensor([[0]]), &source);
        x().scatter_reduce(1, &far, &x(), Reduce::Mean, true);
        x().index_reduce(1, &zero, &x(), Reduce::Mean, true);
        x().index_select(0, &zero.mul(-1).unwrap().sub(1).unwrap());
        x().index_select(0, &far);
        x().index_select(2, &zero);
        x().index_add(0, &zero, &x());
        x().index_add(0, &zero, &source);
        x().index_copy(0, &zero, &x());
        x().index_fill(0, &tensor([5]), 1.0);
        x().index_fill(0, &zero, &x());
        x().masked_select(&x());
        x().masked_select(&tensor([true, false]));
        x().masked_scatter(&x().gt(0.0).unwrap(), &zeros(5).unwrap());
        x().select_scatter(&x(), 0, 0);
        x().slice_scatter(&x(), 0, 0, 1, 1);
        x().diagonal_scatter(&x(), 0, 0, 1);
        far.unravel_index([2, 2]);
        far.one_hot(3);
        zero.to(DType::F32).one_hot(3);
        far.embedding(&x(), None);
        zero.embedding(&x(), 5);
        zero.embedding(&wrong, None);
    });
}
