//! Rust functions whose derivatives are held against central differences.

#[no_mangle]
pub extern "C" fn logistic(x: f64, rate: f64, steps: i32) -> f64 {
    (0..steps).fold(x, |x, _| rate * x * (1.0 - x))
}

/// # Safety
/// `x` points to `n` numbers.
#[no_mangle]
pub unsafe extern "C" fn variance(x: *const f64, n: usize) -> f64 {
    let x = std::slice::from_raw_parts(x, n);
    let mean = x.iter().sum::<f64>() / n as f64;
    x.iter().map(|each| (each - mean).powi(2)).sum::<f64>() / n as f64
}

/// # Safety
/// `x` points to `n` numbers.
#[no_mangle]
pub unsafe extern "C" fn boxed(x: *const f64, n: usize) -> f64 {
    let squares: Vec<f64> = std::slice::from_raw_parts(x, n).iter().map(|each| each * each).collect();
    squares.windows(2).map(|pair| pair[0] * pair[1]).sum()
}
