//! Logistic regression in two weights, fitted by the gradient that Enzyme makes.

use std::ffi::c_void;

extern "C" {
    fn __enzyme_autodiff(f: *const c_void, ...);
    static enzyme_dup: i32;
    static enzyme_const: i32;
}

/// A point, and whether it is of the class.
pub type Sample = (f64, bool);

extern "C" fn loss(weights: &[f64; 2], samples: *const Sample, count: usize) -> f64 {
    let samples = unsafe { std::slice::from_raw_parts(samples, count) };
    let costs = samples.iter().map(|&(x, is_member)| {
        let score = weights[0] * x + weights[1];
        (1.0 + (if is_member { -score } else { score }).exp()).ln()
    });
    costs.sum::<f64>() / count as f64
}

/// The gradient of the mean cost of the samples.
pub fn gradient(weights: &[f64; 2], samples: &[Sample]) -> [f64; 2] {
    let mut shadow = [0.0; 2];
    unsafe {
        __enzyme_autodiff(
            loss as *const c_void,
            enzyme_dup, weights as *const _, &mut shadow as *mut _,
            enzyme_const, samples.as_ptr(),
            enzyme_const, samples.len(),
        );
    }
    shadow
}

/// The weights after so many steps down the gradient.
pub fn fit(samples: &[Sample], steps: usize) -> [f64; 2] {
    let mut weights = [0.0; 2];
    for _ in 0..steps {
        let slope = gradient(&weights, samples);
        weights = [weights[0] - 0.5 * slope[0], weights[1] - 0.5 * slope[1]];
    }
    weights
}
