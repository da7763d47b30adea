//! Derivatives of functions against differences, against each other, and differentiated again.

use super::*;
use crate::autograd::{grad, gradcheck};
use crate::dtype::DType;
use crate::literal::tensor;

fn double(values: &[f64], shape: &[usize]) -> Tensor {
    Tensor::from_vec(values.to_vec(), shape).unwrap()
}

/// Two inputs, one of them a matrix, and a vector as the result.
fn f(x: &[Tensor]) -> Result<Tensor> {
    x[0].matmul(&x[1])?.sin().mul(&x[1].narrow(0, 0, 2)?.exp())
}

fn inputs() -> [Tensor; 2] {
    [double(&[0.3, -0.2, 0.5, 1.1, 0.4, -0.7], &[2, 3]), double(&[0.7, 0.1, -0.4], &[3])]
}

fn close(a: &Tensor, b: &Tensor) {
    assert_eq!(a.shape(), b.shape());
    let (a, b) = (a.to_vec::<f64>().unwrap(), b.to_vec::<f64>().unwrap());
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-8), "{a:?} and {b:?}");
}

/// By central differences.
fn numeric_jacobian(x: &[Tensor], i: usize) -> Tensor {
    let h = 1e-6;
    let mut columns = Vec::new();
    for k in 0..x[i].numel() {
        let at = |by: f64| {
            let mut all = x.to_vec();
            let unit = unit_like(&x[i], k).unwrap();
            all[i] = x[i].add(&(unit * by)).unwrap();
            f(&all).unwrap()
        };
        columns.push((at(h) - at(-h)) / (2.0 * h));
    }
    let rows = stack(&columns.iter().collect::<Vec<_>>(), 1).unwrap();
    let shape: Vec<usize> = [2].iter().chain(x[i].shape()).copied().collect();
    rows.reshape(shape).unwrap()
}

#[test]
fn jacobians_are_those_of_differences() {
    let x = inputs();
    let found = jacobian(f, &x).unwrap();
    for (i, j) in found.iter().enumerate() {
        close(j, &numeric_jacobian(&x, i));
        assert!(!j.needs_grad());
    }
}

#[test]
fn products_are_those_with_the_jacobian() {
    let x = inputs();
    let j = jacobian(f, &x).unwrap();
    let flat = |j: &Tensor| j.reshape([2, -1]).unwrap();

    let v = double(&[0.6, -1.3], &[2]);
    let (y, back) = vjp(f, &x, Some(&v)).unwrap();
    close(&y, &f(&x).unwrap());
    for (i, found) in back.iter().enumerate() {
        close(found, &v.matmul(&flat(&j[i])).unwrap().reshape(x[i].shape()).unwrap());
    }

    let v = [double(&[1.0, 0.5, -0.5, 0.2, 0.9, -1.0], &[2, 3]), double(&[0.3, -0.8, 0.1], &[3])];
    let (_, along) = jvp(f, &x, &v).unwrap();
    let part = |i: usize| flat(&j[i]).matmul(&v[i].reshape([-1]).unwrap()).unwrap();
    close(&along, &(part(0) + part(1)));
}

#[test]
fn the_hessian_is_symmetric_and_fits_its_products() {
    let x = inputs();
    let g = |x: &[Tensor]| Ok(f(x)?.square().sum());
    let h = hessian(g, &x).unwrap();
    assert_eq!(h[0][1].shape(), [2, 3, 3]);
    let flat = |i: usize, j: usize| h[i][j].reshape([x[i].numel(), x[j].numel()]).unwrap();
    close(&flat(0, 1), &flat(1, 0).t().unwrap());
    close(&flat(0, 0), &flat(0, 0).t().unwrap());
    // Column by column it is the jacobian of the gradient.
    let slope = |x: &[Tensor]| grad(&g(x)?, &[&x[0], &x[1]]).map(|g| g[1].clone());
    for (a, b) in jacobian(slope, &x).unwrap().iter().zip(&h[1]) {
        close(a, b);
    }
    let v = [double(&[1.0, 0.5, -0.5, 0.2, 0.9, -1.0], &[2, 3]), double(&[0.3, -0.8, 0.1], &[3])];
    let (_, product) = hvp(g, &x, &v).unwrap();
    for (i, found) in product.iter().enumerate() {
        let part = |j: usize| flat(i, j).matmul(&v[j].reshape([-1]).unwrap()).unwrap();
        close(&found.reshape([-1]).unwrap(), &(part(0) + part(1)));
    }
}

#[test]
fn results_can_be_differentiated_where_the_inputs_can() {
    let [a, b] = inputs();
    let norm = |x: &[Tensor]| {
        let j = jacobian(f, x)?;
        j[0].square().sum().add(&j[1].square().sum())
    };
    gradcheck(norm, &[a.clone(), b.clone()]).unwrap();
    gradcheck(|x| Ok(jvp(f, x, &[a.clone(), b.clone()])?.1.sum()), &[a.clone(), b.clone()]).unwrap();
    let g = |x: &[Tensor]| Ok(f(x)?.square().sum());
    gradcheck(|x| Ok(hvp(g, x, &[a.clone(), b.clone()])?.1[0].sum()), &[a.clone(), b.clone()]).unwrap();
    gradcheck(|x| Ok(hessian(g, x)?[1][1].square().sum()), &[a.clone(), b.clone()]).unwrap();
}

#[test]
fn what_does_not_depend_is_zero() {
    let [a, b] = inputs();
    let first = |x: &[Tensor]| Ok(x[0].square().sum());
    let constant = |_: &[Tensor]| Ok(Tensor::scalar(3.0, DType::F64));
    let both = [a.clone(), b.clone()];
    close(&jacobian(first, &both).unwrap()[1], &double(&[0.0; 3], &[3]));
    close(&jacobian(constant, &both).unwrap()[0], &double(&[0.0; 6], &[2, 3]));
    close(&hessian(first, &both).unwrap()[1][0], &Tensor::full([3, 2, 3], 0.0, DType::F64).unwrap());
    assert_eq!(hessian(constant, &both).unwrap()[0][0].shape(), [2, 3, 2, 3]);
    close(&hvp(constant, &both, &both).unwrap().1[1], &double(&[0.0; 3], &[3]));
    // Linear: no second derivative at all.
    close(&hvp(|x| Ok(x[1].sum()), &both, &both).unwrap().1[1], &double(&[0.0; 3], &[3]));
    close(&jvp(constant, &both, &both).unwrap().1, &Tensor::scalar(0.0, DType::F64));
}

#[test]
fn mistakes_are_errors() {
    let x = [tensor([1.0, 2.0])];
    let identity = |x: &[Tensor]| Ok(x[0].clone());
    assert!(hessian(identity, &x).unwrap_err().to_string().contains("must return a scalar"));
    assert!(jacobian(identity, &[tensor([1, 2])]).is_err());
    assert!(vjp(identity, &x, None).is_err());
    assert!(vjp(identity, &x, Some(&tensor([1.0]))).is_err());
    assert!(jvp(identity, &x, &[tensor([1.0])]).is_err());
    assert!(jvp(identity, &x, &[]).unwrap_err().to_string().contains("0 vectors for 1 tensors"));
}

#[test]
fn one_tensor_given_twice_is_two_variables() {
    for x in [tensor([3.0]), tensor([3.0]).requires_grad()] {
        let j = jacobian(|x| x[0].square().mul(&x[1]), &[x.clone(), x]).unwrap();
        assert_eq!((j[0].item().unwrap(), j[1].item().unwrap()), (18.0, 9.0));
    }
}

#[test]
fn nothing_is_collected_in_the_inputs() {
    let x = tensor([1.0, 2.0]).requires_grad();
    let j = jacobian(|x| Ok(x[0].square()), std::slice::from_ref(&x)).unwrap();
    assert!(x.grad().is_none());
    j[0].sum().backward().unwrap();
    assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [2.0, 2.0]);
}
