//! What a step does with each row of gates, once the products are done, and back.

use super::Cell;
use crate::map::fused;
use crate::real::{AsLane, Float};
use pulp::{Simd, WithSimd};

/// The rows of a step, forward. `gates` become their activations.
pub(super) struct Forward<'a, T> {
    pub(super) cell: Cell,
    pub(super) hidden: usize,
    pub(super) gates: &'a mut [T],
    /// GRU: what the state contributes to the gates.
    pub(super) recurrent: &'a [T],
    /// LSTM: the cells after the step. GRU: what the state contributes to the new value.
    pub(super) kept: &'a mut [T],
    /// LSTM: the cells, before and after.
    pub(super) cells: &'a mut [T],
    /// The state, before and after.
    pub(super) state: &'a mut [T],
}

impl<T: Float> WithSimd for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if fused::<S>() { self.run::<T::Fused>() } else { self.run::<T::Plain>() }
    }
}

impl<T: Float> Forward<'_, T> {
    #[inline(always)]
    fn run<R: AsLane<T>>(self) {
        let Forward { cell, hidden: n, gates, recurrent, kept, cells, state } = self;
        match cell {
            Cell::Tanh => forward_rnn::<T, R>(gates, state, true),
            Cell::Relu => forward_rnn::<T, R>(gates, state, false),
            Cell::Lstm => {
                let rows = gates.chunks_exact_mut(4 * n).zip(kept.chunks_exact_mut(n));
                let states = cells.chunks_exact_mut(n).zip(state.chunks_exact_mut(n));
                for ((gates, kept), (cells, state)) in rows.zip(states) {
                    let (i, rest) = gates.split_at_mut(n);
                    let (f, rest) = rest.split_at_mut(n);
                    let (g, o) = rest.split_at_mut(n);
                    forward_lstm::<T, R>(i, f, g, o, cells, kept, state);
                }
            }
            Cell::Gru => {
                let rows = gates.chunks_exact_mut(3 * n).zip(recurrent.chunks_exact(3 * n));
                for ((gates, recurrent), (kept, state)) in
                    rows.zip(kept.chunks_exact_mut(n).zip(state.chunks_exact_mut(n)))
                {
                    let (r, rest) = gates.split_at_mut(n);
                    let (z, new) = rest.split_at_mut(n);
                    forward_gru::<T, R>(r, z, new, recurrent, kept, state);
                }
            }
        }
    }
}

#[inline(always)]
fn forward_rnn<T: Float, R: AsLane<T>>(gates: &mut [T], state: &mut [T], tanh: bool) {
    if tanh {
        for (a, h) in gates.iter_mut().zip(state) {
            *a = R::wrap(*a).tanh().unwrap();
            *h = *a;
        }
    } else {
        for (a, h) in gates.iter_mut().zip(state) {
            *a = R::wrap(*a).max_scalar(0.0).unwrap();
            *h = *a;
        }
    }
}

#[inline(always)]
fn forward_lstm<T: Float, R: AsLane<T>>(
    i: &mut [T],
    f: &mut [T],
    g: &mut [T],
    o: &mut [T],
    c: &mut [T],
    kept: &mut [T],
    h: &mut [T],
) {
    let n = i.len();
    assert!(f.len() == n && g.len() == n && o.len() == n && c.len() == n && kept.len() == n && h.len() == n);
    for j in 0..n {
        let (input, forget) = (R::wrap(i[j]).sigmoid(), R::wrap(f[j]).sigmoid());
        let new = R::wrap(g[j]).tanh();
        let cell = forget * R::wrap(c[j]) + input * new;
        i[j] = input.unwrap();
        f[j] = forget.unwrap();
        g[j] = new.unwrap();
        c[j] = cell.unwrap();
        kept[j] = cell.unwrap();
    }
    for j in 0..n {
        let output = R::wrap(o[j]).sigmoid();
        o[j] = output.unwrap();
        h[j] = (output * R::wrap(c[j]).tanh()).unwrap();
    }
}

#[inline(always)]
fn forward_gru<T: Float, R: AsLane<T>>(
    r: &mut [T],
    z: &mut [T],
    new: &mut [T],
    recurrent: &[T],
    kept: &mut [T],
    h: &mut [T],
) {
    let n = r.len();
    assert!(z.len() == n && new.len() == n && kept.len() == n && h.len() == n && recurrent.len() == 3 * n);
    for j in 0..n {
        let reset = (R::wrap(r[j]) + R::wrap(recurrent[j])).sigmoid();
        let update = (R::wrap(z[j]) + R::wrap(recurrent[n + j])).sigmoid();
        let part = R::wrap(recurrent[2 * n + j]);
        let value = (R::wrap(new[j]) + reset * part).tanh();
        r[j] = reset.unwrap();
        z[j] = update.unwrap();
        new[j] = value.unwrap();
        kept[j] = part.unwrap();
        h[j] = (value + update * (R::wrap(h[j]) - value)).unwrap();
    }
}

/// The rows of a step, backward.
pub(super) struct Backward<'a, T> {
    pub(super) cell: Cell,
    pub(super) hidden: usize,
    /// The activations.
    pub(super) gates: &'a [T],
    pub(super) kept: &'a [T],
    /// LSTM: the cells before the step. GRU: the state before the step.
    pub(super) before: &'a [T],
    /// `∂h'`; GRU: on return the part of `∂h` that does not go through the gates.
    pub(super) grad: &'a mut [T],
    /// LSTM: `∂c'`, on return `∂c`.
    pub(super) grad_cells: &'a mut [T],
    /// The gradient of what the input contributed to the gates.
    pub(super) grad_gates: &'a mut [T],
    /// GRU: of what the state contributed.
    pub(super) grad_recurrent: &'a mut [T],
}

impl<T: Float> WithSimd for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if fused::<S>() { self.run::<T::Fused>() } else { self.run::<T::Plain>() }
    }
}

impl<T: Float> Backward<'_, T> {
    #[inline(always)]
    fn run<R: AsLane<T>>(self) {
        let Backward { cell, hidden: n, gates, kept, before, grad, grad_cells, grad_gates, grad_recurrent } =
            self;
        let one = R::wrap(T::from_f64(1.0));
        match cell {
            Cell::Tanh => {
                for ((out, &h), &g) in grad_gates.iter_mut().zip(gates).zip(&*grad) {
                    *out = (R::wrap(g) * (one - R::wrap(h) * R::wrap(h))).unwrap();
                }
            }
            Cell::Relu => {
                for ((out, &h), &g) in grad_gates.iter_mut().zip(gates).zip(&*grad) {
                    *out = if h > T::default() { g } else { T::default() };
                }
            }
            Cell::Lstm => {
                let rows = grad_gates.chunks_exact_mut(4 * n).zip(gates.chunks_exact(4 * n));
                let states = kept.chunks_exact(n).zip(before.chunks_exact(n));
                let grads = grad.chunks_exact(n).zip(grad_cells.chunks_exact_mut(n));
                for (((out, gates), (cells, before)), (grad, grad_cells)) in rows.zip(states).zip(grads) {
                    let (i, rest) = out.split_at_mut(n);
                    let (f, rest) = rest.split_at_mut(n);
                    let (g, o) = rest.split_at_mut(n);
                    backward_lstm::<T, R>([i, f, g, o], gates, cells, before, grad, grad_cells);
                }
            }
            Cell::Gru => {
                let rows = grad_gates.chunks_exact_mut(3 * n).zip(grad_recurrent.chunks_exact_mut(3 * n));
                let states = kept.chunks_exact(n).zip(before.chunks_exact(n));
                let all = rows.zip(gates.chunks_exact(3 * n)).zip(states).zip(grad.chunks_exact_mut(n));
                for ((((out, recurrent), gates), (part, before)), grad) in all {
                    backward_gru::<T, R>(out, recurrent, gates, part, before, grad);
                }
            }
        }
    }
}

#[inline(always)]
fn backward_lstm<T: Float, R: AsLane<T>>(
    [di, df, dg, d_o]: [&mut [T]; 4],
    gates: &[T],
    cells: &[T],
    before: &[T],
    grad: &[T],
    grad_cells: &mut [T],
) {
    let n = grad.len();
    assert!(di.len() == n && df.len() == n && dg.len() == n && d_o.len() == n && gates.len() == 4 * n);
    assert!(cells.len() == n && before.len() == n && grad_cells.len() == n);
    let (i, rest) = gates.split_at(n);
    let (f, rest) = rest.split_at(n);
    let (g, o) = rest.split_at(n);
    let one = R::wrap(T::from_f64(1.0));
    // Two loops: each with few enough arrays for the compiler to tell them apart.
    for j in 0..n {
        let (output, bent, dh) = (R::wrap(o[j]), R::wrap(cells[j]).tanh(), R::wrap(grad[j]));
        d_o[j] = (dh * bent * output * (one - output)).unwrap();
        grad_cells[j] = (R::wrap(grad_cells[j]) + dh * output * (one - bent * bent)).unwrap();
    }
    for j in 0..n {
        let (input, forget, new) = (R::wrap(i[j]), R::wrap(f[j]), R::wrap(g[j]));
        let dc = R::wrap(grad_cells[j]);
        di[j] = (dc * new * input * (one - input)).unwrap();
        df[j] = (dc * R::wrap(before[j]) * forget * (one - forget)).unwrap();
        dg[j] = (dc * input * (one - new * new)).unwrap();
        grad_cells[j] = (dc * forget).unwrap();
    }
}

#[inline(always)]
fn backward_gru<T: Float, R: AsLane<T>>(
    out: &mut [T],
    recurrent: &mut [T],
    gates: &[T],
    part: &[T],
    before: &[T],
    grad: &mut [T],
) {
    let n = grad.len();
    assert!(out.len() == 3 * n && recurrent.len() == 3 * n && gates.len() == 3 * n);
    assert!(part.len() == n && before.len() == n);
    let one = R::wrap(T::from_f64(1.0));
    for j in 0..n {
        let (reset, update, new) = (R::wrap(gates[j]), R::wrap(gates[n + j]), R::wrap(gates[2 * n + j]));
        let dh = R::wrap(grad[j]);
        let d_new = dh * (one - update) * (one - new * new);
        let d_update = (dh * (R::wrap(before[j]) - new) * update * (one - update)).unwrap();
        let d_reset = (d_new * R::wrap(part[j]) * reset * (one - reset)).unwrap();
        (out[j], out[n + j], out[2 * n + j]) = (d_reset, d_update, d_new.unwrap());
        (recurrent[j], recurrent[n + j]) = (d_reset, d_update);
        recurrent[2 * n + j] = (d_new * reset).unwrap();
        grad[j] = (dh * update).unwrap();
    }
}
