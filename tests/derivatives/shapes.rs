//! Rust functions with slices, tuples, arrays and structs, as Rust passes them.

#[no_mangle]
pub fn norm_of_slice(x: &[f64]) -> f64 {
    x.iter().map(|each| each * each).sum::<f64>().sqrt()
}

#[no_mangle]
pub fn cumulative(x: &[f64], y: &mut [f64]) {
    let mut sum = 0.0;
    for (from, to) in x.iter().zip(y.iter_mut()) {
        sum += from * from;
        *to = sum;
    }
}

#[no_mangle]
pub fn dot(x: &[f64], y: &[f64], scale: f64) -> f64 {
    scale * x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>()
}

#[no_mangle]
pub fn narrow_mean(x: &[f32]) -> f32 {
    x.iter().sum::<f32>() / x.len() as f32
}

#[no_mangle]
pub fn swapped(pair: (f64, f64)) -> (f64, f64) {
    (pair.1 * pair.1, pair.0 * pair.1)
}

#[repr(C)]
pub struct Point {
    x: f64,
    y: f64,
    z: f64,
}

#[no_mangle]
pub extern "C" fn of_point(p: Point) -> f64 {
    p.x * p.y + p.z * p.z
}

#[no_mangle]
pub extern "C" fn moved(p: Point, by: f64) -> Point {
    Point { x: p.x * by, y: p.y + by, z: p.z * p.z * by }
}

extern "C" {
    fn norm_or_panic(x: *const f64, n: usize, dx: *mut f64, length: usize, dret: f64) -> f64;
}

/// # Safety
/// `name` has `name_length` bytes of UTF-8.
#[no_mangle]
pub unsafe extern "C" fn short_shadow(name: *const u8, name_length: usize, length: usize, needed: usize) {
    let name = std::str::from_utf8_unchecked(std::slice::from_raw_parts(name, name_length));
    println!("handled: {name} has {length} of {needed}");
    std::process::exit(3)
}

#[no_mangle]
pub extern "C" fn call_with_short_shadow(length: usize) -> f64 {
    let x = [3.0, 4.0, 12.0];
    let mut dx = vec![7.0; length];
    let value = unsafe { norm_or_panic(x.as_ptr(), x.len(), dx.as_mut_ptr(), dx.len(), 13.0) };
    value + dx.iter().sum::<f64>()
}
